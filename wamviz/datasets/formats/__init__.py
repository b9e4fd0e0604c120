"""Which format a folder has: one list of what can be read, asked in order, and plain words when nothing fits.

Contract: ``find`` looks at names only, at most three folders deep, and returns the one dataset that is there. Two are
told apart by name; none is answered with what was found instead. Opening is left to the format's own reader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wamviz.core.errors import WamvizError
from wamviz.datasets.action_semantics import SIDECAR, ActionSpaceOverride
from wamviz.datasets.files import MAX_DEPTH, contained, entries, read_json
from wamviz.datasets.formats import ctrlworld, hdf5, plain, rlds
from wamviz.datasets.formats.lerobot.dataset import LeRobotDataset
from wamviz.datasets.protocol import Dataset

MOST_FOLDERS = 200  # that are looked into


@dataclass(frozen=True)
class Format:
    """A kind of dataset.

    Attributes:
        title: what people call it.
        needs: what a folder of this kind holds.
        fits: whether a folder (or file) is of this kind, by names alone.
        open: reads its metadata: (folder, name in SOURCE strings, a person's correction) -> dataset.
    """

    title: str
    needs: str
    fits: Callable[[Path], bool]
    open: Callable[[Path, str, ActionSpaceOverride], Dataset]

    def __post_init__(self) -> None:
        if not self.title or not self.needs:
            raise WamvizError("A format needs a title and what it needs.")


def _is_lerobot(path: Path) -> bool:
    return (path / "meta/info.json").is_file()


def _is_pair(path: Path) -> bool:
    sidecar = path / SIDECAR
    return sidecar.is_file() and "episodes" in read_json(contained(path, sidecar), limit=50_000_000)


def _is_hdf5(path: Path) -> bool:
    if path.is_file():
        try:
            with path.open("rb") as file:
                return file.read(len(hdf5.MAGIC)) == hdf5.MAGIC
        except OSError as error:
            raise WamvizError(f"'{path.name}' cannot be read ({error.strerror or error}).") from error
    return path.is_dir() and any(entry.suffix in hdf5.SUFFIXES for entry in entries(path))


def _is_rlds(path: Path) -> bool:
    return path.is_dir() and bool(rlds.shard_files(path))


FORMATS = (
    Format("LeRobot v2.0, v2.1, v3.0", "meta/info.json", _is_lerobot, LeRobotDataset),
    Format("video and action files", f"{SIDECAR} with 'episodes'", _is_pair, plain.PairedFolder),
    Format("RLDS", "NAME-SPLIT.tfrecord-00000-of-00001 or NAME.tfrecord", _is_rlds, rlds.RldsDataset),
    Format("Ctrl-World", "annotation/SPLIT/ID.json", ctrlworld.looks_like, ctrlworld.CtrlWorldDataset),
    Format("HDF5", "*.hdf5 of robomimic, LIBERO or ALOHA", _is_hdf5, hdf5.Hdf5Dataset),
    Format("videos", "*.mp4", lambda p: bool(p.is_dir() and plain.video_files(p)), plain.VideoFolder),
)  # fmt: skip


def format_of(path: Path) -> Format | None:
    """The format of a folder or file itself, or None."""
    return next((candidate for candidate in FORMATS if candidate.fits(path)), None)


def find(path: Path) -> tuple[Path, Format]:
    """The dataset at ``path``, or the only one in the folders below it.

    Raises:
        WamvizError: there is none, or there are several.
    """
    kind = format_of(path)
    if kind is not None:
        return path, kind
    found: list[tuple[Path, Format]] = []
    level, looked = [path], 0
    for _ in range(MAX_DEPTH):
        below = []
        for folder in level:
            for child in entries(folder):
                if not child.is_dir() or child.is_symlink() or looked >= MOST_FOLDERS:
                    continue
                looked += 1
                kind = format_of(child)
                if kind is not None:
                    found.append((child, kind))
                else:
                    below.append(child)
        level = below
    if len(found) == 1:
        return found[0]
    name = path.name or str(path)
    if found:
        listed = ", ".join(f"{folder.relative_to(path)} ({kind.title})" for folder, kind in found[:8])
        raise WamvizError(f"'{name}' holds {len(found)} datasets: {listed}.", "Name one of them.")
    raise _nothing(path, name)


def _nothing(path: Path, name: str) -> WamvizError:
    """What was found instead of a dataset, and what each format would need."""
    kinds = Counter("folders" if p.is_dir() else p.suffix or "files without a suffix" for p in entries(path))
    held = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(6)) or "nothing"
    needs = "; ".join(f"{kind.title}: {kind.needs}" for kind in FORMATS)
    missing = "it has no meta/info.json and nothing else that is known"
    if any((path / part).exists() for part in ("videos", "data")) and not (path / "meta").exists():
        missing = "it has the data of a LeRobot dataset, but its meta folder is missing"
    elif (path / "annotation").is_dir():
        missing = "its annotation folder holds no JSON files"
    elif (path / "dataset_info.json").is_file():
        missing = "it has dataset_info.json, but no .tfrecord files"
    return WamvizError(
        f"'{name}' is not a dataset that can be read here: {missing}. It holds: {held}.", f"Readable are {needs}."
    )
