"""What was recorded: LeRobot, RLDS, Ctrl-World, HDF5 and plain files, and the shipped episodes.

>>> from wamviz.datasets import shipped
>>> episode = shipped().episode(0)
>>> episode.rollout(stop=3).origin
'recorded'
"""

from __future__ import annotations

from pathlib import Path

from wamviz.core.errors import WamvizError
from wamviz.datasets.action_semantics import ActionSpaceOverride, read_override
from wamviz.datasets.catalogue import Catalogue, EpisodeSummary
from wamviz.datasets.formats import FORMATS, find, format_of
from wamviz.datasets.formats.lerobot.dataset import LeRobotDataset, LeRobotEpisode
from wamviz.datasets.protocol import Dataset, Episode, Outline
from wamviz.datasets.writer.lerobot import LeRobotWriter
from wamviz.datasets.writer.staging import DatasetSchema

__all__ = [
    "FORMATS",
    "Catalogue",
    "Dataset",
    "Episode",
    "ActionSpaceOverride",
    "LeRobotDataset",
    "LeRobotEpisode",
    "LeRobotWriter",
    "EpisodeSummary",
    "Outline",
    "DatasetSchema",
    "is_dataset",
    "open_dataset",
    "shipped",
]

SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "episodes"


def is_dataset(path: str | Path) -> bool:
    """Whether ``path`` is itself a dataset of a known format; only names are looked at."""
    return format_of(Path(path)) is not None


def open_dataset(path: str | Path, override: ActionSpaceOverride | None = None, name: str | None = None) -> Dataset:
    """Open a dataset, reading its metadata only.

    Args:
        path: its folder, a folder that holds just one, or an HDF5 file.
        override: a person's correction of what the numbers mean; else what ``wamviz.json`` in the folder says.
        name: how SOURCE strings call it; the path as it was given when None.

    Raises:
        WamvizError: there is nothing, or nothing known, or several datasets, or metadata that cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise WamvizError(f"'{path.name or path}' does not exist.", "Give the folder of a dataset.")
    if path.is_file() and not is_dataset(path):
        raise WamvizError(f"'{path.name}' is a file, not a dataset folder.", "Give the folder that it lies in.")
    root, kind = find(path)
    correction = override if override is not None else read_override(root if root.is_dir() else root.parent)
    return kind.open(root, str(path) if name is None else name, correction)


def shipped() -> Dataset:
    """The episodes that come with wamviz: expert episodes of every kind of task of the tabletop world.

    Raises:
        WamvizError: they are not there (an installation without ``assets``).
    """
    if not (SHIPPED / "meta/info.json").is_file():
        raise WamvizError(
            "The shipped episodes are missing.", "Make them with `make episodes`, or clone the repository."
        )
    return LeRobotDataset(SHIPPED, name="assets/episodes")  # not this machine's path: it goes into the files of runs
