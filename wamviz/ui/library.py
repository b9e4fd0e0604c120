"""The datasets that the page has opened: the shipped one, folders of this machine, datasets of the hub, uploads.

Contract: a dataset is named by its *place* (``assets/episodes``, a folder's path, ``hub:OWNER/NAME@COMMIT``,
``upload:ID``), which is also how links and runs name it (``PLACE#EPISODE@FRAME``). Folders are opened, and the hub is
asked, only where the page is served to this machine alone, and only for visitors who sit at it (``allow``); the hub
only when somebody typed a name or chose an episode (``hub``, ``bring``), never by a link. An upload is known to who has
its random id, and forgotten after a day or when others need the room. Addresses of pictures carry a random key instead
of the place. It knows no layout.
"""

from __future__ import annotations

import difflib
import logging
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from wamviz.core.errors import InvalidInput, NotFound, WamvizError
from wamviz.core.hub import PREFIX, Progress
from wamviz.datasets import ActionSpaceOverride, Catalogue, Dataset, LeRobotDataset, hub, open_dataset, shipped
from wamviz.datasets.files import entries
from wamviz.datasets.uploads import lay_out

log = logging.getLogger(__name__)
HUB = PREFIX
SHIPPED = "assets/episodes"  # how a shipped episode is named to people and in the files of a run
MOST_OPEN = 32
MOST_UPLOADS = 8
KEEP = 24 * 3600.0  # seconds
_PLACE = re.compile(r"(?P<place>.+)#(?P<episode>\d{1,9})(?:@(?P<frame>\d{1,9}))?", re.DOTALL)


@dataclass(frozen=True)
class Opened:
    """One dataset that is open.

    Attributes:
        place: how links and runs name it.
        dataset: its episodes.
        folder: where an upload was laid out, else None.
        key: in the addresses of its pictures; another one at every opening.
        since: seconds of the clock.
    """

    place: str
    dataset: Dataset
    folder: Path | None = None
    key: str = field(default_factory=lambda: secrets.token_hex(8))
    since: float = field(default_factory=time.monotonic)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The list of its episodes."""
        return Catalogue(self.dataset)


class Library:
    """Every dataset that visitors have opened.

    Args:
        dataset: the one to begin with; the shipped episodes when None.
        local: whether paths that a visitor types are opened: only where every visitor is at this machine.
    """

    def __init__(self, dataset: Dataset | None = None, *, local: bool = False) -> None:
        self.local, self.problem = local, ""
        self._lock = threading.Lock()
        self._opened: OrderedDict[str, Opened] = OrderedDict()  # the one that was asked for last comes last
        self._uploads = Path(tempfile.mkdtemp(prefix="wamviz-uploads-"))
        weakref.finalize(self, shutil.rmtree, self._uploads, True)
        try:
            self._keep(Opened(SHIPPED, dataset or shipped()))
        except WamvizError as error:
            self.problem = str(error)

    def at(self, place: str) -> Opened:
        """The dataset of that place; a folder is opened if it is not. ``WamvizError`` when there is none."""
        with self._lock:
            found = self._opened.get(place)
            if found is not None:
                self._opened.move_to_end(place)
                return found
        if place == SHIPPED:
            raise InvalidInput("No episodes are shipped here.", self.problem)
        if place.startswith("upload:"):
            raise InvalidInput(
                "This upload is not kept any more.", "Uploads are forgotten after a day; upload it again."
            )
        if place.startswith(HUB):
            raise InvalidInput(
                f"'{place}' is not open any more.", "Type its name again on the Datasets page to open it."
            )
        return self.folder(place)

    def allow(self, place: str, here: bool) -> None:
        """Refuse a folder of this machine to visitors who do not sit at it; whatever else there is, all may see."""
        if place.startswith(HUB) and not (self.local and here):
            raise InvalidInput(
                "This page is served to others, so it downloads nothing to its machine.",
                "Open it on your own: python -m wamviz app. Or upload a zip.",
            )
        if place != SHIPPED and not place.startswith("upload:") and not (self.local and here):
            raise InvalidInput(
                "This page is served to others, so it opens no folders of its machine.", "Upload a zip instead."
            )

    def by_key(self, key: str) -> Opened:
        """The dataset whose pictures have addresses with ``key``."""
        with self._lock:
            for opened in self._opened.values():
                if secrets.compare_digest(opened.key, key):
                    return opened
        raise NotFound("This dataset is not open any more.", "Open it again.")

    def folder(self, text: str | None, layout: ActionSpaceOverride | None = None) -> Opened:
        """Open (or read anew) a folder, or an HDF5 file, of this machine, as a visitor typed its path.

        Raises:
            WamvizError: no such path (what is near it is said), no dataset, or a page that is served to others.
        """
        path = typed_path(text)
        self.allow(str(path), here=True)
        try:
            exists = path.exists()
        except OSError as error:
            raise InvalidInput(f"'{path}' cannot be looked at ({error.strerror or error}).") from error
        if not exists:
            raise no_path(path)
        return self._keep(Opened(str(path), open_dataset(path, layout)))

    def hub(self, text: str, index: int | None = None, progress: Progress | None = None) -> Opened:
        """Open a dataset of the hub, with the files of one episode (its first when None); ``allow`` it first.

        Args:
            text: ``hub:OWNER/NAME[@REVISION]``.
            progress: called while files come in; what it raises ends the download.
        """
        self.allow(HUB, here=True)
        dataset = hub.open_hub(text, progress=progress)
        if dataset.indices and (index is not None or not dataset.available):
            dataset = hub.open_hub(dataset.name, dataset.indices[0] if index is None else index, progress)
        return self._keep(Opened(dataset.name, dataset))

    def lacks(self, place: str, index: int) -> bool:
        """Whether an episode of the hub is listed and its files were not fetched yet."""
        dataset = self.at(place).dataset if place.startswith(HUB) else None
        return dataset is not None and index in dataset.indices and index not in dataset.available

    def bring(self, place: str, index: int, progress: Progress | None = None) -> Opened:
        """Fetch the files of one more episode of an open dataset of the hub."""
        opened = self.at(place)
        dataset = hub.open_hub(place, index, progress, opened.dataset.override)
        return self._keep(replace(opened, dataset=dataset))

    def upload(
        self, files: Sequence[str | Path], *, rate: float | None = None, instruction: str = "",
        columns: Mapping[str, Sequence[str]] | None = None, kind: str = "",
    ) -> Opened:  # fmt: skip
        """Open what a visitor uploaded, see ``datasets.uploads.lay_out``."""
        self._forget_old()
        place = f"upload:{secrets.token_hex(8)}"
        named = [Path(path) for path in files]
        folder = self._uploads / place.removeprefix("upload:") / _title(named)
        try:
            lay_out(named, folder, rate=rate, instruction=instruction, columns=columns, kind=kind)
            dataset = open_dataset(folder, name=place)
            if not dataset.available:
                raise InvalidInput(f"'{dataset.title}' holds no episode whose files are here.")
            if len(dataset) == 1:
                dataset.episode(dataset.available[0])  # a pair that does not fit is told now, while its form is shown
            return self._keep(Opened(place, dataset, folder.parent))
        except WamvizError:
            shutil.rmtree(folder.parent, ignore_errors=True)
            raise

    def correct(self, place: str, changes: Mapping[str, Any]) -> Opened:
        """Open a dataset again with a person's word on what its numbers mean.

        Args:
            changes: fields of ``ActionSpaceOverride``; those that are not named stay as they were.

        Raises:
            WamvizError: the shipped episodes, which all visitors share, or words that do not fit the numbers.
        """
        opened = self.at(place)
        if place == SHIPPED:
            raise InvalidInput("The shipped episodes say themselves what their numbers mean.")
        layout = replace(opened.dataset.override, **changes)
        dataset: Dataset
        if isinstance(opened.dataset, LeRobotDataset) and place.startswith(HUB):
            dataset = hub.reopen(opened.dataset, layout)
        else:
            source = Path(place) if opened.folder is None else next(opened.folder.iterdir())
            dataset = open_dataset(source, layout, place)
        if dataset.available:
            dataset.episode(dataset.available[0])  # a correction that does not fit is told now
        return self._keep(Opened(place, dataset, opened.folder, since=opened.since))

    def _keep(self, opened: Opened) -> Opened:
        """Remember it, and forget what was not asked for the longest; the shipped episodes stay."""
        with self._lock:
            self._opened[opened.place] = opened
            self._opened.move_to_end(opened.place)
            extra = [one for one in self._opened.values() if one.place != SHIPPED and one is not opened]
            uploads = [one for one in extra if one.folder is not None]
            drop = {one.place: one for one in uploads[: max(0, len(uploads) - MOST_UPLOADS + 1)]}
            drop |= {one.place: one for one in extra[: max(0, len(extra) - MOST_OPEN + 1)]}
            self._drop(drop.values())
        return opened

    def _forget_old(self) -> None:
        with self._lock:
            now = time.monotonic()
            self._drop([one for one in self._opened.values() if one.folder is not None and now - one.since > KEEP])

    def _drop(self, gone: Iterable[Opened]) -> None:
        for one in gone:
            self._opened.pop(one.place, None)
            if one.folder is not None:
                shutil.rmtree(one.folder, ignore_errors=True)


def is_here(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a browser on this machine: asked for by this machine's own name, by no proxy.

    A site elsewhere whose name was made to mean this machine, or a proxy that serves the page to others, is told apart
    by the name that the browser asked for.

    >>> is_here({"host": "127.0.0.1:7860"}), is_here({"host": "robots.example"})
    (True, False)
    """
    if re.fullmatch(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", headers.get("host", "")) is None:
        return False
    return not any(mark in headers for mark in ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"))


def place_of(text: str) -> tuple[str, int, int]:
    """(place, episode, frame) that ``PLACE#EPISODE[@FRAME]`` names, as links and runs write it.

    >>> place_of("assets/episodes#3@12")
    ('assets/episodes', 3, 12)
    """
    match = _PLACE.fullmatch(text)
    if match is None or len(text) > 4096 or "\0" in text:
        raise InvalidInput(f"'{text[:80]}' names no frame of an episode.", "A link has the form DATASET#EPISODE@FRAME.")
    return match["place"], int(match["episode"]), int(match["frame"] or 0)


def typed_path(text: str | None) -> Path:
    """The absolute path that a person typed or pasted: quotes around it and ``~`` are understood."""
    text_path = (text or "").strip().strip("\"'").strip()
    if not text_path or "\0" in text_path or len(text_path) > 4096:
        raise InvalidInput("Which folder?", "Write the path of a dataset's folder, e.g. ~/data/my_robot.")
    if text_path.startswith("file://"):
        text_path = text_path.removeprefix("file://")
    try:
        return Path(os.path.abspath(Path(text_path).expanduser()))
    except RuntimeError as error:  # ~nobody
        raise InvalidInput(f"'{text_path}' names a user that this machine does not have.") from error


def no_path(path: Path) -> WamvizError:
    """The error for a path that does not exist: how far it does, and what is there instead."""
    parent = path.parent
    while not parent.is_dir() and parent != parent.parent:
        parent = parent.parent
    child = path.relative_to(parent).parts[0]
    try:
        names = [entry.name + ("/" if entry.is_dir() else "") for entry in entries(parent)]
    except WamvizError:
        names = []
    near = difflib.get_close_matches(child, [name.rstrip("/") for name in names], n=1, cutoff=0.6)
    guess = f"Did you mean '{parent / near[0]}'? " if near else ""
    held = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return WamvizError(f"There is no '{path}'.", f"{guess}'{parent}' holds: {held or 'nothing that can be seen'}.")


def _title(files: Sequence[Path]) -> str:
    """What an upload's folder is called, and with it the dataset: the first file's name in plain letters."""
    stem = files[0].stem if files else "upload"
    return re.sub(r"[^\w. -]+", "-", stem)[:60].strip(" .-") or "upload"
