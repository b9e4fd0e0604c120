"""Claim: on 50 frames another instruction changes the future that mini-WAM imagines, and the same one does not.

Each frame is imagined on for two tasks of its scene that begin at different things, and once more for the first of them
with other words and another seed. A pair counts where the two tasks' futures lie further apart than the two tellings of
one task; in the video (mean absolute difference of the pixels) and in where the hand would end.

    python benchmarks/follows_words.py [--seeds 1060000:1060050] [--mode joint]
"""

from __future__ import annotations

import argparse
import json
import sys

import _report  # noqa: F401 - finds wamviz
import numpy as np

from wamviz.cli.progress import TerminalProgress
from wamviz.core.rollout import ImagineRequest, Rollout
from wamviz.models.mini.entry import capabilities, checkpoint
from wamviz.models.mini.wam import MiniWAM
from wamviz.models.protocol import collect
from wamviz.runs.accumulator import wilson
from wamviz.runs.conditioning import parse_seeds
from wamviz.worlds.tabletop import TabletopEnv, first_target, task_for_seed, tasks

SHARE = 0.8  # of the pairs, in both measures


def apart(a: Rollout, b: Rollout) -> tuple[float, float]:
    """Two futures' mean absolute pixel difference, and metres between the ends of their hands."""
    video = 0.0
    if a.frames is not None and b.frames is not None:
        video = float(np.abs(a.frames.astype(np.int16) - b.frames.astype(np.int16)).mean())
    assert a.actions is not None and b.actions is not None
    return video, float(np.linalg.norm(a.actions[:, :3].sum(0) - b.actions[:, :3].sum(0)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1060000:1060050", help="A:B, B not included")
    parser.add_argument("--mode", default="joint", choices=("joint", "imagine_then_act", "act_only"))
    options = parser.parse_args()
    seeds = parse_seeds(options.seeds)
    model = MiniWAM(checkpoint(), capabilities(), "auto")
    env = TabletopEnv(size=256, cameras=("exterior",))
    found = []  # (video and hand of two tasks, video and hand of one task told twice) a pair
    with TerminalProgress("follows_words", unit="pair") as progress:
        for done, seed in enumerate(seeds):
            progress(done, len(seeds), "")
            env.reset(seed)
            rng = np.random.default_rng(seed)
            one = task_for_seed(env)
            other = one
            while first_target(other) == first_target(one):
                other = tasks.sample_task(env, rng)
            again = tasks.phrase(env, one, rng)

            def imagined(text: str, sampling_seed: int) -> Rollout:
                request = ImagineRequest(env.observation(text), options.mode, sampling_seed, horizon=16)
                return collect(model, request).rollouts[0]

            first = imagined(one.instruction, 0)
            found.append((*apart(first, imagined(other.instruction, 0)), *apart(first, imagined(again, 1))))
    env.close()
    pairs = np.array(found)  # (N, 4)
    wins = (pairs[:, :2] > pairs[:, 2:]).sum(0)
    report = {}
    for column, name in enumerate(("video", "hand")):
        if name == "video" and options.mode == "act_only":
            continue
        share, (low, high) = wins[column] / len(pairs), wilson(int(wins[column]), len(pairs))
        two, same = np.median(pairs[:, column]), np.median(pairs[:, column + 2])
        unit = "of 255" if name == "video" else "m"
        print(f"{name}: {share:.0%} [{low:.0%}, {high:.0%}] of {len(pairs)}, medians {two:.3f}, {same:.3f} {unit}")
        report[name] = {"share": round(float(share), 3), "ci95": [low, high], "two": float(two), "same": float(same)}
    holds = all(r["share"] >= SHARE for r in report.values())
    claim = f"two tasks lie further apart than two tellings of one in at least {SHARE:.0%} of pairs"
    print(json.dumps({"benchmark": "follows_words", "claim": claim, "holds": holds, "n": len(pairs), **report}))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
