"""What a dataset format says of itself, so that a folder can be told to be of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wamviz.core.errors import InvalidInput
from wamviz.datasets.override import ActionSpaceOverride
from wamviz.datasets.protocol import Dataset


@dataclass(frozen=True)
class DatasetFormat:
    """One kind of dataset.

    Attributes:
        title: what people call it.
        requires: what a folder of this kind holds, in words.
        recognizes: whether a folder (or file) is of this kind; only names and first bytes are looked at.
        open: reads its metadata: (folder, name in SOURCE strings, a person's correction) -> dataset.
        priority: who is asked first where several might recognize a folder; below 0 for formats that any file fits.
    """

    title: str
    requires: str
    recognizes: Callable[[Path], bool]
    open: Callable[[Path, str, ActionSpaceOverride], Dataset]
    priority: int = 0

    def __post_init__(self) -> None:
        if not self.title or not self.requires:
            raise InvalidInput("A format needs a title and what it requires.")
