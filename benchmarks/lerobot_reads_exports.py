"""Claim: lerobot's own reader opens an export of kept runs and finds the same actions, frames and instructions.

    python benchmarks/lerobot_reads_exports.py --lerobot OTHER_ENVIRONMENT/bin/python [RUN_FOLDER ...]

lerobot (0.6 needs Python 3.12 and an older PyAV than wamviz) lives in an environment of its own, whose interpreter is
named. Without one that has it, the script says so, and checks only what a stranger's reader of tables finds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

RUN = Path(__file__).resolve().parent.parent / "assets" / "examples" / "lever"
Found = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", default=[str(RUN)], help="folders of runs; the shipped one by default")
    default = os.environ.get("WAMVIZ_LEROBOT", sys.executable)
    parser.add_argument("--lerobot", default=default, help="Python of an environment with lerobot, or WAMVIZ_LEROBOT")
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)  # what this script is called with over there
    args = parser.parse_args()
    if args.read:
        print(json.dumps(read_with_lerobot(*args.read)))
        return 0

    from _report import lerobot_version, report

    from wamviz.core.environment import prepare

    prepare()
    from wamviz.runs.store import read_run
    from wamviz.runs.store.episodes import export_lerobot

    version = lerobot_version(args.lerobot)
    worst: Found = {"actions": 0.0, "frames": 0.0, "words": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        written = export_lerobot((read_run(run) for run in args.runs), Path(folder) / "export")
        for one in written:
            expected = Path(folder) / "expected.npz"
            np.savez(expected, **ours(one.folder))
            if version:
                command = [args.lerobot, __file__, "--read", str(one.folder), str(expected)]
                out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
                found = json.loads(out.splitlines()[-1])
            else:
                found = read_with_pandas(one.folder, expected)
            worst = {name: max(worst[name], found[name]) for name in worst}
    count = sum(sum(one.episodes.values()) for one in written)
    missing = "pandas alone; NOT TESTED with lerobot, which is not installed there: give --lerobot PYTHON"
    reader = f"lerobot {version}" if version else missing
    print(f"{len(written)} datasets, {count} episodes, read by {reader}")
    return report(
        "lerobot_reads_exports",
        f"{'lerobot' if version else 'pandas (lerobot NOT TESTED)'} finds what we find in an export of kept runs",
        {
            "largest difference of an action": (worst["actions"], 1e-9),
            "mean difference of a frame": (worst["frames"], 3.0),  # colours are scaled up by another rule there
            "instructions that differ": (worst["words"], 0.5),
        },
        reader=reader,
        tested_with_lerobot=version is not None,
    )


def ours(root: Path) -> dict[str, Any]:
    """What our reader finds, row by row: episode, action (NaN where none belongs to the rollout), frame, words."""
    from wamviz.datasets import open_dataset

    dataset = open_dataset(root)
    rows: dict[str, list[Any]] = {"episode": [], "words": [], "action": [], "frame": []}
    for index in dataset.indices:
        episode = dataset.episode(index)
        frames = episode.frames() if episode.cameras else None
        every = int(episode.facts.get("frame_every", 1))  # rows that show one frame
        for k in range((episode.frame_count - 1) * every + 1):
            rows["episode"].append(index)
            rows["words"].append(episode.instruction)
            if episode.actions is not None:
                known = k < len(episode.actions)
                rows["action"].append(episode.actions[k] if known else np.full(episode.actions.shape[1], np.nan))
            if frames is not None:
                rows["frame"].append(frames[k // every])
    return {name: np.array(values) for name, values in rows.items() if values}


def read_with_lerobot(root: str, expected: str) -> Found:
    """How far lerobot's answers are from ours; runs in lerobot's environment and imports nothing of wamviz."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    wanted = np.load(expected)
    dataset: Any = LeRobotDataset("local/export", root=root, video_backend="pyav")
    assert len(dataset) == len(wanted["episode"]), "lerobot finds another number of rows"
    found = {"actions": 0.0, "frames": 0.0, "words": 0.0}
    for row in range(len(dataset)):
        item = dataset[row]
        assert int(item["episode_index"]) == wanted["episode"][row]
        found["words"] += item["task"] != str(wanted["words"][row])
        if "action" in wanted:
            known = np.isfinite(wanted["action"][row]).all()
            assert bool(item["wamviz.acted"]) == known
            if known:
                apart = np.abs(item["action"].numpy() - wanted["action"][row]).max()
                found["actions"] = max(found["actions"], float(apart))
        if "frame" in wanted:
            (name,) = (key for key in item if key.startswith("observation.images."))
            shown = item[name].numpy().transpose(1, 2, 0) * 255  # (H, W, 3)
            found["frames"] = max(found["frames"], float(np.abs(shown - wanted["frame"][row]).mean()))
    return found


def read_with_pandas(root: Path, expected: Path) -> Found:
    """The same of actions and instructions, as pandas finds them."""
    import pandas as pd

    wanted = np.load(expected)
    rows = pd.read_parquet(root / "data")
    tasks = pd.read_parquet(root / "meta/tasks.parquet")
    words = sum(tasks.iloc[int(i)].name != str(w) for i, w in zip(rows["task_index"], wanted["words"], strict=True))
    apart = 0.0
    if "action" in wanted:
        apart = float(np.nanmax(np.abs(np.stack(rows["action"].to_list()) - wanted["action"])))
    return {"actions": apart, "frames": 0.0, "words": float(words)}


if __name__ == "__main__":
    sys.exit(main())
