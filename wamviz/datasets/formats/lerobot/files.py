"""Where the files of a LeRobot dataset really are, for datasets whose metadata name them wrongly or not at all.

A path template may count episodes where files lie in one chunk, the list of episodes may lack the columns that say the
file. The folder is then listed once and files are known by the numbers in their names.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wamviz.datasets.containers.videos import SUFFIXES
from wamviz.datasets.formats.lerobot.layout import camera_name

MOST_LISTED = 400_000  # files of a dataset
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class FilePart:
    """An episode's part of a file.

    Attributes:
        path: the file, here or not.
        place: which of ``members`` the episode is.
        members: (m,) numbers of the episodes that share the file, in the order in which they lie in it.
        lengths: (m,) their rows.
        begins: (m,) seconds at which the list of episodes lets each begin; NaN where it does not say.
    """

    path: Path
    place: int
    members: NDArray[np.int64]
    lengths: NDArray[np.int64]
    begins: NDArray[np.float64]

    @property
    def alone(self) -> bool:
        """Whether the file is this episode's only."""
        return len(self.members) == 1

    @property
    def before(self) -> int:
        """Rows of the episodes that lie before this one."""
        return int(self.lengths[: self.place].sum())


class FileTree:
    """The parquet files and videos that a dataset's folder holds, by the numbers in their names."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @cached_property
    def _files(self) -> list[tuple[str, ...]]:
        """The parts of every file's name inside the folder; ``meta`` and hidden folders are not looked into."""
        found: list[tuple[str, ...]] = []
        for folder, inner, names in os.walk(self._root):
            inner[:] = [name for name in inner if not name.startswith(".") and name != "meta"]
            parts = Path(folder).relative_to(self._root).parts
            here = Path(folder)  # a link to nowhere is no file
            found += [(*parts, name) for name in names
                      if name.endswith((".parquet", *SUFFIXES)) and (here / name).is_file()]  # fmt: skip
            if len(found) > MOST_LISTED:
                break
        return sorted(found)

    def of(self, key: str | None) -> list[Path]:
        """The parquet files (None), or the videos of a view, by their numbers."""
        return [self._root.joinpath(*parts) for _, parts in sorted(self._numbered(key))]

    def by_episode(self, key: str | None) -> dict[int, Path]:
        """Episode number -> file, for files of one episode; numbers that several files carry are left out."""
        numbered = [(numbers[-1], parts) for numbers, parts in self._numbered(key) if numbers]
        seen = Counter(number for number, _ in numbered)
        return {number: self._root.joinpath(*parts) for number, parts in numbered if seen[number] == 1}

    def by_spot(self, key: str | None) -> dict[tuple[int, ...], Path]:
        """(chunk, file) -> file, for files that episodes share."""
        numbered = [((0, *numbers)[-2:], parts) for numbers, parts in self._numbered(key) if numbers]
        seen = Counter(spot for spot, _ in numbered)
        return {spot: self._root.joinpath(*parts) for spot, parts in numbered if seen[spot] == 1}

    def _numbered(self, key: str | None) -> list[tuple[tuple[int, ...], tuple[str, ...]]]:
        """(the numbers in a file's name, its parts); what the view is called does not count."""
        names = () if key is None else (key, camera_name(key))
        out = []
        for parts in self._files:
            if (key is None) != parts[-1].endswith(".parquet"):
                continue
            rest = parts
            if key is not None:
                own = [place for place, part in enumerate(parts[:-1]) if part in names]
                if not own:
                    continue
                rest = tuple(part for place, part in enumerate(parts) if place not in own)
            text = "/".join((*rest[:-1], rest[-1].rpartition(".")[0]))
            out.append((tuple(int(number[:12]) for number in _NUMBER.findall(text)), parts))
        return out
