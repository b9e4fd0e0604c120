"""Claim: what mini-WAM imagines whole, and executed without looking again, does the task in 45 % of unseen scenes.

Each scene's own task is imagined from its first frame up to where the model itself comes to rest (``joint``, open end),
and physics runs those actions.

    python benchmarks/open_loop.py [--seeds 1062000:1062040]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict

import _report  # noqa: F401 - finds wamviz
import numpy as np

from wamviz.cli.progress import TerminalProgress
from wamviz.core.rollout import ImagineRequest
from wamviz.models.mini.entry import capabilities, checkpoint
from wamviz.models.mini.wam import MiniWAM
from wamviz.models.protocol import collect
from wamviz.runs.accumulator import wilson
from wamviz.runs.conditioning import parse_seeds
from wamviz.worlds.tabletop import TabletopEnv, success, task_for_seed

SHARE = 0.45


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1062000:1062040", help="A:B, B not included")
    options = parser.parse_args()
    seeds = parse_seeds(options.seeds)
    model = MiniWAM(checkpoint(), capabilities(), "auto")
    env = TabletopEnv(size=256, cameras=("exterior",))
    done: dict[str, list[bool]] = defaultdict(list)
    with TerminalProgress("open_loop", unit="scene") as progress:
        for number, seed in enumerate(seeds):
            progress(number, len(seeds), "")
            env.reset(seed)
            task = task_for_seed(env)
            rollout = collect(model, ImagineRequest(env.observation(task.instruction), "joint", seed)).rollouts[0]
            assert rollout.actions is not None
            reached = False
            for action in np.clip(rollout.actions, env.action_space.low, env.action_space.high):
                env.step(action)
                reached = reached or success(env, task)
            done[task.kind].append(reached)
    env.close()
    every = [one for kind in done.values() for one in kind]
    share, (low, high) = float(np.mean(every)), wilson(sum(every), len(every))
    print(f"open loop: {share:.0%} [{low:.0%}, {high:.0%}] of {len(every)} scenes (at least {SHARE:.0%})")
    by_kind = {kind: f"{sum(ok)}/{len(ok)}" for kind, ok in sorted(done.items())}
    print(", ".join(f"{kind} {count}" for kind, count in by_kind.items()))
    facts = {"share": round(share, 3), "ci95": [low, high], "n": len(every), "by_kind": by_kind}
    claim = f"imagined whole and executed blindly, at least {SHARE:.0%} of tasks are done"
    print(json.dumps({"benchmark": "open_loop", "claim": claim, "holds": share >= SHARE, **facts}))
    return 0 if share >= SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
