"""Loaded models: one a device unless ``WAMVIZ_KEEP_MODELS`` says more, the least recently used one is unloaded.

Contract: a model in use (``borrow``) is never unloaded; an idle one is when another needs its memory, and is loaded
again on demand. Models that take no memory here (controls, servers) are kept without counting.
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


def read_limit() -> int:
    """How many models one device holds at a time, 1 unless ``WAMVIZ_KEEP_MODELS`` says otherwise.

    Raises:
        WamvizError: the variable holds no number from 1 to 64.
    """
    text = os.environ.get(VARIABLE, "").strip() or "1"
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise WamvizError(f"{VARIABLE} must be a whole number from 1 to 64, not '{text[:20]}'.")
    return int(text)


@dataclass
class _CachedModel:
    entry: ModelEntry
    model: WorldActionModel
    users: int = 0


class ModelCache:
    """Loaded models by id and device, the most recently used one last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, _CachedModel] = OrderedDict()
        self._lock = threading.RLock()
        self._loading: dict[str, threading.Lock] = {}  # one loads at a time, by device, or by model where it needs none

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
                    _unload(kept)  # it was changed or forgotten meanwhile

    def loaded(self) -> tuple[Key, ...]:
        """Which models are in memory now, the least recently used one first."""
        with self._lock:
            return tuple(key for key, kept in self._kept.items() if kept.entry.resident)

    def clear(self) -> None:
        """Unload all that are idle."""
        with self._lock:
            for key in [key for key, kept in self._kept.items() if not kept.users]:
                _unload(self._kept.pop(key))

    def retain(self, known: Collection[ModelEntry]) -> None:
        """Unload all that are none of these; one in use is unloaded with its last user."""
        with self._lock:
            for key in [key for key, kept in self._kept.items() if all(kept.entry is not one for one in known)]:
                self._evict(key)

    def _find(self, entry: ModelEntry, device: str, users: int) -> _CachedModel:
        missing = entry.missing()
        if missing:
            raise WamvizError(f"{entry.capabilities.title} cannot run here: {missing}")
        key = (entry.capabilities.model_id, resolve_device(entry, device))
        kept = self._look_up(key, entry, users)
        if kept is not None:
            return kept
        with self._loading_lock(key[1] if entry.resident else key[0]):
            kept = self._look_up(key, entry, users)  # another thread has loaded it meanwhile
            if kept is not None:
                return kept
            if entry.resident:
                with self._lock:
                    self._evict_idle(key[1])
            model = entry.load(key[1])  # takes minutes: no lock is held for which others would wait
            with self._lock:
                kept = self._kept[key] = _CachedModel(entry, model, users)
            return kept

    def _look_up(self, key: Key, entry: ModelEntry, users: int) -> _CachedModel | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            if kept.entry is not entry:  # its connection was changed meanwhile
                self._evict(key)
                return None
            kept.users += users
            self._kept.move_to_end(key)
            return kept

    def _loading_lock(self, resolve_device: str) -> threading.Lock:
        with self._lock:
            return self._loading.setdefault(resolve_device, threading.Lock())

    def _evict(self, key: Key) -> None:
        kept = self._kept.pop(key)
        if not kept.users:
            _unload(kept)

    def _evict_idle(self, device: str) -> None:
        """Unload the least recently used idle models until one more fits."""
        here = [key for key, kept in self._kept.items() if key[1] == device and kept.entry.resident]
        idle = [key for key in here if not self._kept[key].users]
        for key in idle[: max(0, len(here) - read_limit() + 1)]:
            _unload(self._kept.pop(key))


def resolve_device(entry: ModelEntry, device: str) -> str:
    """The device that an entry runs on: one of this machine, or "elsewhere" for what takes no memory here."""
    if not entry.resident:
        return "elsewhere"
    from wamviz.core.devices import pick  # asks torch, which a control or a server does not need

    chosen = pick(device)
    return "cuda:0" if chosen == "cuda" else chosen  # the same card by two names is one place


def _unload(kept: _CachedModel) -> None:
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
