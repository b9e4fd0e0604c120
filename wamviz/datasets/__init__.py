"""What was recorded: LeRobot datasets and the shipped episodes.

>>> from wamviz.datasets import shipped
>>> episode = shipped().episode(0)
>>> episode.rollout(stop=3).origin
'recorded'
"""

from __future__ import annotations

from pathlib import Path

from wamviz.datasets.base import Dataset, Episode
from wamviz.datasets.lerobot import LeRobotDataset, LeRobotEpisode
from wamviz.datasets.lerobot_writer import LeRobotWriter
from wamviz.datasets.staging import Plan
from wamviz.errors import WamvizError

__all__ = [
    "Dataset",
    "Episode",
    "LeRobotDataset",
    "LeRobotEpisode",
    "LeRobotWriter",
    "Plan",
    "is_dataset",
    "open_dataset",
    "shipped",
]

SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "episodes"


def is_dataset(path: str | Path) -> bool:
    """Whether ``path`` is a folder that ``open_dataset`` understands; nothing is read."""
    return (Path(path) / "meta" / "info.json").is_file()


def open_dataset(path: str | Path) -> Dataset:
    """Open a dataset folder, reading its metadata only.

    Raises:
        WamvizError: there is no such folder, it is no dataset, or its metadata cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        what = "is a file, not a dataset folder" if path.exists() else "does not exist"
        raise WamvizError(f"'{path.name or path}' {what}.", "Give the folder that holds meta/info.json.")
    if not is_dataset(path):
        raise WamvizError(
            f"'{path.name or path}' is not a dataset that can be read here: it has no meta/info.json.",
            "Give the folder of a LeRobot dataset, v2.0, v2.1 or v3.0.",
        )
    return LeRobotDataset(path)


def shipped() -> Dataset:
    """The episodes that come with wamviz: expert episodes of every kind of task of the tabletop world.

    Raises:
        WamvizError: they are not there (an installation without ``assets``).
    """
    if not is_dataset(SHIPPED):
        raise WamvizError(
            "The shipped episodes are missing.", "Make them with `make episodes`, or clone the repository."
        )
    return LeRobotDataset(SHIPPED, name="assets/episodes")  # not this machine's path: it goes into the files of runs
