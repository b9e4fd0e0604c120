"""The models that are in a device's memory: one a device unless told otherwise, the least recently used one leaves.

Contract: a model that somebody uses (``borrow``) is never taken away from under them; one that nobody uses leaves when
another needs the place, and is loaded again when it is asked for. Models that take no memory here (controls, servers)
are kept without counting. ``WAMVIZ_KEEP_MODELS`` says how many a device holds.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wamviz.core.errors import WamvizError
from wamviz.models.protocol import ModelEntry, WorldActionModel

VARIABLE = "WAMVIZ_KEEP_MODELS"
Key = tuple[str, str]  # model id, device


def limit() -> int:
    """How many models one device holds at a time, 1 unless ``WAMVIZ_KEEP_MODELS`` says otherwise.

    Raises:
        WamvizError: the variable holds no number from 1 to 64.
    """
    told = os.environ.get(VARIABLE, "").strip() or "1"
    if not told.isdecimal() or not 1 <= int(told) <= 64:
        raise WamvizError(f"{VARIABLE} must be a whole number from 1 to 64, not '{told[:20]}'.")
    return int(told)


@dataclass
class _Kept:
    entry: ModelEntry
    model: WorldActionModel
    users: int = 0


class Residents:
    """Loaded models, the one that was asked for last comes last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._lock = threading.RLock()
        self._turns: dict[str, threading.Lock] = {}  # one loads at a time, by device, or by model where it needs none

    def get(self, entry: ModelEntry, device: str) -> WorldActionModel:
        """The model on a device (``"cpu"``, ``"cuda"``, ... or ``"auto"``), loaded when it is not there.

        Raises:
            WamvizError: it cannot run here, or cannot be loaded.
        """
        return self._find(entry, device, 0).model

    @contextmanager
    def borrow(self, entry: ModelEntry, device: str) -> Iterator[WorldActionModel]:
        """The same for as long as it is used: until then it stays in memory."""
        kept = self._find(entry, device, 1)
        try:
            yield kept.model
        finally:
            with self._lock:
                kept.users -= 1
                if not kept.users and all(other is not kept for other in self._kept.values()):
                    _let_go(kept)  # it was changed or forgotten meanwhile

    def loaded(self) -> tuple[Key, ...]:
        """Which models are in memory now, the least recently used one first."""
        with self._lock:
            return tuple(key for key, kept in self._kept.items() if kept.entry.resident)

    def clear(self) -> None:
        """Let all go that nobody uses."""
        with self._lock:
            for key in [key for key, kept in self._kept.items() if not kept.users]:
                _let_go(self._kept.pop(key))

    def retain(self, known: Collection[ModelEntry]) -> None:
        """Let all go that are none of these; one that somebody uses leaves as soon as nobody does."""
        with self._lock:
            for key in [key for key, kept in self._kept.items() if all(kept.entry is not one for one in known)]:
                self._drop(key)

    def _find(self, entry: ModelEntry, device: str, users: int) -> _Kept:
        missing = entry.missing()
        if missing:
            raise WamvizError(f"{entry.capabilities.title} cannot run here: {missing}")
        key = (entry.capabilities.model_id, place(entry, device))
        kept = self._there(key, entry, users)
        if kept is not None:
            return kept
        with self._turn(key[1] if entry.resident else key[0]):
            kept = self._there(key, entry, users)  # whoever came first has loaded it
            if kept is not None:
                return kept
            if entry.resident:
                with self._lock:
                    self._make_room(key[1])
            model = entry.load(key[1])  # takes minutes, and nobody waits who wants another device, or none
            with self._lock:
                kept = self._kept[key] = _Kept(entry, model, users)
            return kept

    def _there(self, key: Key, entry: ModelEntry, users: int) -> _Kept | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            if kept.entry is not entry:  # its connection was changed meanwhile
                self._drop(key)
                return None
            kept.users += users
            self._kept.move_to_end(key)
            return kept

    def _turn(self, place: str) -> threading.Lock:
        with self._lock:
            return self._turns.setdefault(place, threading.Lock())

    def _drop(self, key: Key) -> None:
        kept = self._kept.pop(key)
        if not kept.users:
            _let_go(kept)

    def _make_room(self, device: str) -> None:
        """Let the least recently used models go until one more fits."""
        here = [key for key, kept in self._kept.items() if key[1] == device and kept.entry.resident]
        idle = [key for key in here if not self._kept[key].users]
        for key in idle[: max(0, len(here) - limit() + 1)]:
            _let_go(self._kept.pop(key))


def place(entry: ModelEntry, device: str) -> str:
    """Where an entry runs: a device of this machine, or "elsewhere" for what takes no memory here."""
    if not entry.resident:
        return "elsewhere"
    from wamviz.core.devices import pick  # asks torch, which a control or a server does not need

    chosen = pick(device)
    return "cuda:0" if chosen == "cuda" else chosen  # the same card by two names is one place


def _let_go(kept: _Kept) -> None:
    unload = getattr(kept.model, "unload", None)
    if unload is not None:
        unload()
    resident = kept.entry.resident
    del kept.model
    torch = sys.modules.get("torch")
    if resident and torch is not None:
        gc.collect()  # pipelines hold themselves in circles
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
