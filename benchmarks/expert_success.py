"""Claim: the scripted expert solves at least 97 % of the tabletop's tasks on seeds it was not tuned on one by one.

Runs the expert on the natural task mix of a range of validation seeds, physics only, and prints a table by kind and
one line of JSON. Exits with status 1 when the claim does not hold.

    python benchmarks/expert_success.py                          # seeds 1000000:1000400, as claimed
    python benchmarks/expert_success.py --seeds 1000400:1000500 --style perturbed
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from a checkout, installed or not

CLAIM = 0.97


class Outcome(NamedTuple):
    """What became of one seed."""

    seed: int
    kind: str
    success: bool
    steps: int
    right_object: bool  # touched first what the task is about


def run(seed: int, style: str) -> Outcome:
    """Record one episode without frames and judge it."""
    from wamviz.worlds.tabletop import TabletopEnv, first_target, record_episode

    env = TabletopEnv(render=False)
    episode = record_episode(env, seed, style=style)
    assert episode.task is not None
    right = env.first_touched() == first_target(episode.task)
    return Outcome(seed, episode.task.kind, bool(episode.success), len(episode.actions), right)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000000:1000400", help="A:B, B not included")
    parser.add_argument("--style", default="expert", choices=["expert", "perturbed"])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    first, last = (int(part) for part in options.seeds.split(":"))
    started = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        outcomes = pool.map(partial(run, style=options.style), range(first, last), chunksize=8)
    seconds = time.perf_counter() - started

    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.kind].append(outcome)
    print(f"{'kind':<16} {'n':>4} {'success':>8} {'right object':>13} {'steps':>6}")
    for kind, group in [*sorted(groups.items()), ("all", outcomes)]:
        share, right = (sum(getattr(o, name) for o in group) / len(group) for name in ("success", "right_object"))
        steps = sum(o.steps for o in group) / len(group)
        print(f"{kind:<16} {len(group):>4} {share:>8.1%} {right:>13.1%} {steps:>6.1f}")
    rate = sum(o.success for o in outcomes) / len(outcomes)
    report = {
        "benchmark": "expert_success",
        "seeds": options.seeds,
        "style": options.style,
        "n": len(outcomes),
        "success_rate": round(rate, 4),
        "by_kind": {
            kind: round(sum(o.success for o in group) / len(group), 4) for kind, group in sorted(groups.items())
        },
        "right_object_rate": round(sum(o.right_object for o in outcomes) / len(outcomes), 4),
        "failed_seeds": [o.seed for o in outcomes if not o.success],
        "episodes_per_minute": round(60 * len(outcomes) / seconds, 1),
        "claim": CLAIM,
        "holds": rate >= CLAIM,
    }
    print(json.dumps(report))
    return 0 if rate >= CLAIM else 1


if __name__ == "__main__":
    sys.exit(main())
