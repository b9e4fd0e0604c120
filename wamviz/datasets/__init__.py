"""What was recorded: one reader a format (``formats``), one protocol for all of them, and the shipped episodes.

>>> from wamviz.datasets import shipped
>>> episode = shipped().episode(0)
>>> episode.rollout(stop=3).origin
'recorded'
"""

from __future__ import annotations

from pathlib import Path

from wamviz.core.errors import InvalidInput, NotFound, Unavailable
from wamviz.datasets.catalogue import Catalogue, EpisodeSummary
from wamviz.datasets.format import DatasetFormat
from wamviz.datasets.formats import FORMATS, find_dataset, format_of
from wamviz.datasets.formats.lerobot import LeRobotDataset, LeRobotEpisode
from wamviz.datasets.formats.unreadable import name_unreadable
from wamviz.datasets.override import ActionSpaceOverride, read_override
from wamviz.datasets.protocol import Dataset, Episode, Outline
from wamviz.datasets.writer.lerobot import LeRobotWriter
from wamviz.datasets.writer.staging import DatasetSchema

__all__ = [
    "ActionSpaceOverride",
    "Catalogue",
    "Dataset",
    "DatasetFormat",
    "DatasetSchema",
    "Episode",
    "EpisodeSummary",
    "FORMATS",
    "LeRobotDataset",
    "LeRobotEpisode",
    "LeRobotWriter",
    "Outline",
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
        NotFound: there is nothing, or nothing that is known.
        InvalidInput: several datasets, or one of a kind that cannot be read here.
        Damaged: metadata that cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise NotFound(f"'{path.name or path}' does not exist.", "Give the folder of a dataset.")
    if path.is_file() and not is_dataset(path):
        other = InvalidInput(f"'{path.name}' is a file, not a dataset folder.", "Give the folder that it lies in.")
        raise name_unreadable(path) or other
    root, kind = find_dataset(path)
    correction = override if override is not None else read_override(root if root.is_dir() else root.parent)
    return kind.open(root, str(path) if name is None else name, correction)


def shipped() -> Dataset:
    """The episodes that come with wamviz: expert episodes of every kind of task of the tabletop world.

    Raises:
        Unavailable: they are not there (an installation without ``assets``).
    """
    if not (SHIPPED / "meta/info.json").is_file():
        raise Unavailable(
            "The shipped episodes are missing.", "Make them with `make episodes`, or clone the repository."
        )
    return LeRobotDataset(SHIPPED, name="assets/episodes")  # not this machine's path: it goes into the files of runs
