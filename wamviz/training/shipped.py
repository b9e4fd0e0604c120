"""Make ``assets/episodes``: the dataset of expert episodes that comes with wamviz.

Contract: which seeds are taken is a rule, not a choice. Seeds are tried in order from 2,000,000; a seed has one kind of
task, drawn by the world; of each kind the first ``WANTED[kind]`` episodes that succeed are taken, and those that failed
on the way are named in the manifest. Run it with ``make episodes``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from wamviz.core.errors import WamvizError
from wamviz.datasets import SHIPPED
from wamviz.datasets.files import read_json
from wamviz.datasets.formats.lerobot.layout import MANIFEST
from wamviz.datasets.writer.lerobot import move_into_place
from wamviz.training.command import run_command
from wamviz.training.generate import EpisodeRecipe, generate, is_incomplete
from wamviz.worlds.tabletop import TabletopEnv, record_episode, task_for_seed

SEEDS = range(2_000_000, 2_100_000)
WANTED = {"lever": 5, "pick": 5, "place": 5, "stack": 4, "push": 5, "lever_then_pick": 6}
RULE = (
    "Seeds from 2,000,000 in order; of each kind of task the first successful expert episodes, as many as 'wanted' "
    "says. Nothing was left out for its looks."
)
RECIPE = EpisodeRecipe(styles={"expert": 1.0}, crf=25)  # 25 instead of 23 saves a sixth and is hard to see
LICENSE = "CC-BY-4.0"
MAX_BYTES = 12_000_000


def select(wanted: Mapping[str, int], seeds: Sequence[int] = SEEDS) -> tuple[list[int], list[dict[str, Any]]]:
    """The seeds that the rule takes, in order, and the failures that it passed over, with seed and kind.

    Physics alone decides; nothing is drawn.
    """
    env = TabletopEnv(render=False)
    missing, taken, failed = dict(wanted), [], []
    with tqdm(total=sum(wanted.values()), desc="choosing", unit="episode") as bar:
        for seed in seeds:
            env.reset(seed)
            kind = task_for_seed(env).kind
            if missing.get(kind, 0):
                if record_episode(env, seed).success:
                    taken.append(seed)
                    missing[kind] -= 1
                    bar.update()
                else:
                    failed.append({"seed": seed, "kind": kind})
            if not any(missing.values()):
                return taken, failed
    raise WamvizError(f"{len(seeds)} seeds are not enough for {dict(wanted)}.", f"Still missing: {missing}.")


def ship(out: Path, wanted: Mapping[str, int] = WANTED, workers: int = 2) -> None:
    """Write the dataset, with licence and description, in the place of the one that is there."""
    seeds, failed = select(wanted)
    draft = out.absolute().with_name(f".{out.name}.new")
    if not is_incomplete(draft):
        shutil.rmtree(draft, ignore_errors=True)
    facts = {
        "title": "Tabletop expert episodes",
        "license": LICENSE,
        "selection": RULE,
        "wanted": dict(wanted),
        "passed_over": failed,
        "made_by": "python -m wamviz.training.shipped",
    }
    with tqdm(total=len(seeds), desc="recording", unit="episode") as bar:

        def progress(done: int, total: int, note: str) -> None:
            bar.update(done - bar.n)
            bar.set_postfix_str(note)

        generate(seeds, draft, recipe=RECIPE, workers=workers, progress=progress, manifest=facts)
    failures = [episode["seed"] for episode in read_json(draft / MANIFEST)["episodes"] if not episode["success"]]
    if failures:
        raise WamvizError(
            f"Seeds {failures} failed when they were recorded.", "Did the expert change meanwhile? Again."
        )
    (draft / "LICENSE").write_text(LICENSE_TEXT, encoding="utf-8")
    (draft / "README.md").write_text(readme(len(seeds), wanted), encoding="utf-8")
    size = sum(path.stat().st_size for path in draft.rglob("*") if path.is_file())
    if size > MAX_BYTES:
        raise WamvizError(
            f"The dataset has {size / 1e6:.1f} MB; {MAX_BYTES / 1e6:.0f} MB are allowed.", "Raise the crf."
        )
    move_into_place(draft, out)
    print(f"{len(seeds)} episodes, {size / 1e6:.1f} MB: {out}", file=sys.stderr)


def readme(count: int, wanted: Mapping[str, int]) -> str:
    """The description that lies beside the dataset."""
    kinds = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in wanted.items())
    return README.format(count=count, kinds=kinds, license=LICENSE)


README = """\
---
license: cc-by-4.0
task_categories: [robotics]
tags: [LeRobot, tabletop, simulation]
---

# Tabletop expert episodes

{count} episodes of a scripted expert in wamviz's tabletop world (a simulated Franka Panda, MuJoCo): {kinds}.

- LeRobot v3.0, 5 Hz, two views (`exterior`, `wrist`), H.264. Open it with `wamviz.datasets.shipped()` or with lerobot.
- `action`: 7 numbers, the change of the hand's pose (m, rad) and the gripper (0 open, 1 closed).
- `observation.state`: 14 numbers, the hand's position, turn and opening, and seven joints.
- `world.snapshot`: the simulator's exact state at every frame, from which any actions can be executed. Valid for the
  MuJoCo version that `meta/wamviz.json` names.
- `camera.wrist.world_from_camera`: the wrist camera's pose at every frame; other calibration is in `meta/wamviz.json`.
- The last row of an episode holds the frame after its last action; the action in that row holds still.

Which seeds are here is a rule, not a choice: see `selection` and `passed_over` in `meta/wamviz.json`. Make it again
with `make episodes`; with the versions named there, actions and states come out the same bit for bit.

Licence: {license} (see LICENSE).
"""

LICENSE_TEXT = """\
Tabletop expert episodes, (c) the wamviz authors.

This dataset is licensed under the Creative Commons Attribution 4.0 International License (CC BY 4.0).
You may share and adapt it for any purpose, provided that you give appropriate credit, link to the licence and say
whether changes were made. The full text: https://creativecommons.org/licenses/by/4.0/legalcode

The pictures show a robot arm whose meshes derive from franka_ros (Apache-2.0); see assets/panda/NOTICE.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m wamviz.training.shipped [--out DIR] [--workers N]``."""
    parser = argparse.ArgumentParser(prog="python -m wamviz.training.shipped", description="Make the shipped episodes.")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="folder of the dataset; assets/episodes by default")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    args = parser.parse_args(argv)
    return run_command(lambda: ship(args.out, workers=args.workers))


if __name__ == "__main__":
    sys.exit(main())
