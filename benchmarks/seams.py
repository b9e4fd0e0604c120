"""Claim: where one imagined chunk ends and the next begins, a long rollout changes no more than 1.5 times as much as
from frame to frame inside its chunks (the median scene), and the hand goes on from where it was.

Each scene is imagined for three chunks. *Change* is the mean absolute difference of neighbouring frames; *step* is how
far the hand is told to go. For the lever-then-pick task it is also counted how often the imagined actions reach both
parts: executed open loop, all 48 of them, from the exact state.

    python benchmarks/seams.py [--seeds 1060000:1060030]
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator

import numpy as np
from _report import report

from wamviz.cli.progress import TerminalProgress
from wamviz.core.rollout import ImagineRequest, Rollout
from wamviz.models.mini.entry import capabilities, checkpoint
from wamviz.models.mini.wam import MiniWAM
from wamviz.models.protocol import collect
from wamviz.runs.conditioning import parse_seeds
from wamviz.runs.execution import Acted, act_out
from wamviz.worlds.tabletop import TabletopEnv, task_for_seed

CHUNKS = 3


def rollouts(model: MiniWAM, seeds: range, kind: str | None = None) -> Iterator[tuple[Rollout, Rollout]]:
    """Each scene imagined for several chunks, and what physics makes of its actions."""
    env = TabletopEnv(size=128, cameras=("exterior",))
    for seed in seeds:
        env.reset(seed)
        context = env.observation(task_for_seed(env, kind).instruction)
        request = ImagineRequest(context, seed=0, horizon=CHUNKS * model.capabilities.horizon)
        imagined = collect(model, request).rollouts[0]
        *_, executed = act_out(context.world_state, imagined.actions, context.instruction, size=128)
        assert not isinstance(executed, Acted)
        yield imagined, executed
    env.close()


def across(values: np.ndarray, size: int) -> float:
    """The mean at the seams over the mean elsewhere; ``values[i]`` lies between moments i and i + 1."""
    seams = [i for i in range(len(values)) if i and i % size == 0]
    inside = [i for i in range(len(values)) if i not in seams]
    return float(values[seams].mean() / max(values[inside].mean(), 1e-9))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1060000:1060030", help="A:B, B not included")
    options = parser.parse_args()
    seeds, model = parse_seeds(options.seeds), MiniWAM(checkpoint(), capabilities())
    size = model.capabilities.horizon
    frames, steps, both = [], [], 0
    with TerminalProgress("seams", unit="scene") as progress:
        for done, (imagined, _) in enumerate(rollouts(model, seeds)):
            progress(done, 2 * len(seeds), "natural mix")
            assert imagined.frames is not None and imagined.actions is not None
            change = np.abs(np.diff(imagined.frames.astype(np.float32), axis=0)).mean((1, 2, 3))  # (T - 1,)
            frames.append(across(change, size))
            steps.append(across(np.linalg.norm(imagined.actions[:, :3], axis=1), size))
        for done, (_, executed) in enumerate(rollouts(model, seeds, "lever_then_pick")):
            progress(len(seeds) + done, 2 * len(seeds), "lever, then pick")
            both += bool(executed.success)
    return report(
        "seams",
        "a seam changes at most 1.5 times as much as neighbouring frames inside a chunk, at the median",
        {"change of frames": (statistics.median(frames), 1.5), "step of the hand": (statistics.median(steps), 1.5)},
        lever_then_pick_open_loop=f"{both} of {len(seeds)}",
    )


if __name__ == "__main__":
    sys.exit(main())
