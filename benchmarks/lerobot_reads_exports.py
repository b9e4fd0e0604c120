"""Claim: lerobot's own reader opens an export of kept runs and finds the same actions, frames and instructions.

Needs the package lerobot (0.4 or newer, with the layout v3.0), which is no dependency of wamviz. Without it the script
says so, checks what pandas finds, and reports that the claim was not tested.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _report import report

from wamviz.datasets import open_dataset
from wamviz.environment import prepare

RUN = Path(__file__).resolve().parent.parent / "assets" / "example-run"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", default=[str(RUN)], help="folders of runs; the shipped one by default")
    runs = parser.parse_args().runs
    prepare()
    from wamviz.store import read_run
    from wamviz.store.episodes import export_lerobot

    with tempfile.TemporaryDirectory() as folder:
        written = export_lerobot((read_run(run) for run in runs), Path(folder) / "export")
        worst = {"actions": 0.0, "frames": 0.0, "words": 0.0}
        count = 0
        tested = importlib.util.find_spec("lerobot") is not None
        for one in written:
            found = with_lerobot(one.folder) if tested else with_pandas(one.folder)
            worst = {name: max(worst[name], found[name]) for name in worst}
            count += sum(one.episodes.values())
    reader = (
        f"lerobot {version('lerobot')}" if tested else "pandas only: lerobot is not installed (pip install lerobot)"
    )
    print(f"{len(written)} datasets, {count} episodes, read by {reader}")
    return report(
        "lerobot_reads_exports",
        "lerobot's own reader finds the actions, frames and instructions of an export",
        {
            "largest difference of an action": (worst["actions"], 1e-9),
            "mean difference of a frame (levels)": (worst["frames"], 1.0),
            "instructions that differ": (worst["words"], 0.5),
        },
        reader=reader,
        tested_with_lerobot=tested,
    )


def with_lerobot(root: Path) -> dict[str, float]:
    """How far lerobot's answers are from ours, over every row of the dataset."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    theirs: Any = LeRobotDataset("local/export", root=root, video_backend="pyav")
    ours = open_dataset(root)
    actions = frames = words = 0.0
    row = 0
    for index in ours.indices:
        episode = ours.episode(index)
        pictures = {name: episode.frames(name) for name in episode.cameras}
        for k in range(episode.frame_count):
            item = theirs[row]
            row += 1
            assert int(item["episode_index"]) == index and int(item["frame_index"]) == k
            words += item["task"] != episode.instruction
            if episode.actions is not None and k < len(episode.actions):
                actions = max(actions, float(np.abs(item["action"].numpy() - episode.actions[k]).max()))
            for name, seen in pictures.items():
                shown = item[f"observation.images.{name}"].numpy().transpose(1, 2, 0) * 255
                frames = max(frames, float(np.abs(shown - seen[k]).mean()))
    assert row == len(theirs)
    return {"actions": actions, "frames": frames, "words": words}


def with_pandas(root: Path) -> dict[str, float]:
    """The same of actions and instructions, as a stranger's table reader finds them."""
    rows = pd.read_parquet(root / "data")
    tasks = pd.read_parquet(root / "meta/tasks.parquet")
    ours = open_dataset(root)
    actions = words = 0.0
    for index in ours.indices:
        episode, table = ours.episode(index), rows[rows["episode_index"] == index]
        words += tasks.iloc[int(table["task_index"].iloc[0])].name != episode.instruction
        if episode.actions is not None:
            theirs = np.stack(table["action"].to_list())[: len(episode.actions)]
            actions = max(actions, float(np.abs(theirs - episode.actions).max()))
    return {"actions": actions, "frames": 0.0, "words": words}


if __name__ == "__main__":
    sys.exit(main())
