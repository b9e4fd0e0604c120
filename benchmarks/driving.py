"""Claim: driving answers a key within 250 ms at the median on two CPU cores, physics beside it included, and the dream
does not run away from what the model says when it is given everything at once.

    python benchmarks/driving.py [--model mini-wam] [--steps 60] [--at-a-time 1]

The second half compares every frame of the drive with ``forward_dynamics`` of the same actions: how far they differ, as
a share of how far that video differs from its first frame.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from dataclasses import replace

import numpy as np
from _report import report

from wamviz.core import devices
from wamviz.core.rollout import ImagineRequest
from wamviz.models import registry
from wamviz.models.protocol import collect
from wamviz.runs.driving import DriveWorld, open_drive
from wamviz.runs.sources import resolve


def presses(count: int, seed: int = 0) -> np.ndarray:
    """Actions (count, 7) of somebody who holds a key for a second, then its opposite, then another.

    The hand stays above the things: against a toaster the dream would go on and physics would not.
    """
    rng = np.random.default_rng(seed)
    moves = 0.03 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    actions = np.zeros((count, 7), np.float32)
    for start in range(0, count, 10):
        move = moves[rng.integers(len(moves))]
        actions[start : start + 5, :3], actions[start + 5 : start + 10, :3] = move, -move
    return actions


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mini-wam")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--at-a-time", type=int, default=1, choices=(1, 2, 3, 4), help="actions a step")
    options = parser.parse_args()
    context = resolve("tabletop:1000000")
    model, world = registry.load(options.model), DriveWorld()
    start = time.perf_counter()
    drive = open_drive(model, context, world)
    opening = time.perf_counter() - start
    actions = presses(options.steps * options.at_a_time).reshape(options.steps, options.at_a_time, 7)
    drive.step(actions[0])  # the first one warms up
    seconds, busy = [], []
    for pressed in actions:
        start, cpu = time.perf_counter(), time.process_time()
        drive = drive.step(pressed)
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - cpu)
    world.close()

    given = replace(context.observation, instruction="")
    whole = min(len(drive.actions), model.capabilities.longest)
    request = ImagineRequest(given, "forward_dynamics", actions=drive.actions[:whole])
    at_once = collect(model, request).rollouts[0].frames
    assert at_once is not None
    driven = np.stack([moment.frame for moment in drive.moments[: whole + 1]])
    apart, moved = (np.abs(a[1:].astype(int) - b).mean() for a, b in ((driven, at_once[1:]), (at_once, at_once[0])))
    limit = 0.25 * options.at_a_time
    return report(
        "driving",
        "a key is answered within 250 ms at the median, and driving step by step stays close to giving all at once",
        {"key to frame, median (s)": (statistics.median(seconds), limit), "difference / motion": (apart / moved, 0.25)},
        p95_s=round(float(np.quantile(seconds, 0.95)), 4),
        processor_s=round(statistics.median(busy), 4),
        opening_s=round(opening, 3),
        load=[round(load, 1) for load in os.getloadavg()],
        model=options.model,
        device=devices.describe(),
        steps=options.steps,
        at_a_time=options.at_a_time,
    )


if __name__ == "__main__":
    sys.exit(main())
