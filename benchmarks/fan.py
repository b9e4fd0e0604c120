"""Claim: how far mini-WAM's samples lie apart says how far off they may be.

Sixteen futures are sampled from each chunk of unseen expert episodes, at the temperature at which ``joint`` samples
them. *Spread* is how far the hands' ends lie from their mean; *error* how far the expert's end lies from it. A fan that
means something spreads where it errs (rank correlation over the chunks at least 0.4), and its band from the 10th to the
90th percentile holds the expert's path 70 to 90 % of the time (each axis of the hand's displacement, each moment).

    python benchmarks/fan.py [--seeds 1061000:1061040] [--samples 16]
"""

from __future__ import annotations

import argparse
import json
import sys

import _report  # noqa: F401 - finds wamviz
import numpy as np
import torch

from wamviz.cli.progress import TerminalProgress
from wamviz.models.mini.entry import capabilities, checkpoint
from wamviz.models.mini.wam import HONEST, MiniWAM
from wamviz.runs.conditioning import parse_seeds
from wamviz.worlds.tabletop import TabletopEnv, record_episode

HORIZON = 16
CORRELATION, COVERAGE = 0.4, (0.7, 0.9)
STILL = 0.005  # m: along an axis that the expert does not use there is nothing to foresee


def ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each value, 0 for the smallest."""
    return np.argsort(np.argsort(values))


def sampled_paths(model: MiniWAM, frame, camera, state, previous, words: str, seed: int, samples: int) -> np.ndarray:
    """Where the actions of ``samples`` futures lead, (N, 16, 3) m: all that ``joint`` decides, before it draws."""
    pipeline = model.pipeline
    seen = pipeline.observe(frame, camera.square_projection(), state, previous)
    *_, last = pipeline.stream(
        seen.situation, seen.camera, words, mode="act_only", steps=16, generators=pipeline.noises(seed, samples),
        temperature=HONEST,
    )  # fmt: skip
    assert last.actions is not None
    return last.actions[..., :3].cumsum(1).numpy()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1061000:1061040", help="A:B, B not included")
    parser.add_argument("--samples", type=int, default=16)
    options = parser.parse_args()
    seeds = parse_seeds(options.seeds)
    torch.set_grad_enabled(False)
    model = MiniWAM(checkpoint(), capabilities(), "cpu")
    env = TabletopEnv(size=256, cameras=("exterior",))
    spread, error, inside = [], [], []
    with TerminalProgress("fan", unit="episode") as progress:
        for done, seed in enumerate(seeds):
            progress(done, len(seeds), "")
            episode = record_episode(env, seed)
            for start in range(0, len(episode.actions) - HORIZON + 1, HORIZON):
                true = episode.actions[start : start + HORIZON, :3].cumsum(0)  # (16, 3)
                paths = sampled_paths(
                    model, episode.frames["exterior"][start], episode.cameras["exterior"], episode.states[start],
                    episode.actions[start - 1] if start else None, episode.instruction, seed, options.samples,
                )  # fmt: skip
                ends = paths[:, -1]
                spread.append(np.linalg.norm(ends - ends.mean(0), axis=1).mean())
                error.append(np.linalg.norm(true[-1] - ends.mean(0)))
                low, high = np.quantile(paths, (0.1, 0.9), axis=0)
                used = np.abs(true).max(0) > STILL
                inside += list(((true >= low) & (true <= high))[:, used].mean(0))
    env.close()
    correlation = float(np.corrcoef(ranks(np.array(spread)), ranks(np.array(error)))[0, 1])
    coverage = float(np.mean(inside))
    print(f"rank correlation of spread and error {correlation:.2f} over {len(spread)} chunks (at least {CORRELATION})")
    print(f"coverage of the 80 % band {coverage:.0%} ({COVERAGE[0]:.0%} to {COVERAGE[1]:.0%})")
    print(f"medians: spread {100 * np.median(spread):.1f} cm, error {100 * np.median(error):.1f} cm")
    holds = correlation >= CORRELATION and COVERAGE[0] <= coverage <= COVERAGE[1]
    facts = {"rank_correlation": round(correlation, 3), "coverage": round(coverage, 3), "chunks": len(spread)}
    print(json.dumps({"benchmark": "fan", "claim": "samples spread where they err", "holds": holds, **facts}))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
