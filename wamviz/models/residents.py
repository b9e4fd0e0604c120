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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wamviz.errors import WamvizError
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

    def get(self, entry: ModelEntry, device: str) -> WorldActionModel:
        """The model on a device (``"cpu"``, ``"cuda"``, ... or ``"auto"``), loaded when it is not there.

        Raises:
            WamvizError: it cannot run here, or cannot be loaded.
        """
        return self._find(entry, device).model

    @contextmanager
    def borrow(self, entry: ModelEntry, device: str) -> Iterator[WorldActionModel]:
        """The same for as long as it is used: until then it stays in memory."""
        with self._lock:
            kept = self._find(entry, device)
            kept.users += 1
        try:
            yield kept.model
        finally:
            with self._lock:
                kept.users -= 1

    def loaded(self) -> tuple[Key, ...]:
        """Which models are in memory now, the least recently used one first."""
        with self._lock:
            return tuple(key for key, kept in self._kept.items() if kept.entry.resident)

    def clear(self) -> None:
        """Let all go that nobody uses."""
        with self._lock:
            for key in [key for key, kept in self._kept.items() if not kept.users]:
                _let_go(self._kept.pop(key))

    def _find(self, entry: ModelEntry, device: str) -> _Kept:
        missing = entry.missing()
        if missing:
            raise WamvizError(f"{entry.capabilities.title} cannot run here: {missing}")
        key = (entry.capabilities.model_id, place(entry, device))
        with self._lock:  # two visitors who want the same model wait for one loading
            kept = self._kept.get(key)
            if kept is not None and kept.entry is not entry:  # its connection was changed meanwhile
                del self._kept[key]
                if not kept.users:
                    _let_go(kept)
                kept = None
            if kept is None:
                if entry.resident:
                    self._make_room(key[1])
                kept = self._kept[key] = _Kept(entry, entry.load(key[1]))
            self._kept.move_to_end(key)
            return kept

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
    from wamviz.devices import pick  # asks torch, which a control or a server does not need

    return pick(device)


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
