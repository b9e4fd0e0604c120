"""Every model that can be asked for, found through one hook.

A model package declares an entry point in the group ``wamviz.models`` that names a function returning a list of
``ModelEntry``; the built-in models are declared in the same way and are loaded no differently: who comes first keeps a
name, and a hook whose models come and go says so with ``changing``. A source checkout that was never installed has no
entry points, so the built-in hooks are also named here.
"""

from __future__ import annotations

import importlib
import threading
import warnings
from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from typing import Any

from wamviz.core.errors import unknown_name
from wamviz.models.cache import ModelCache
from wamviz.models.protocol import CHANGING, ModelEntry, Register, WorldActionModel

GROUP = "wamviz.models"
BUILT_IN = (
    "wamviz.models.mini.entry:register_models",
    "wamviz.models.baselines:register_models",
    "wamviz.models.backends:register_models",
)
MODEL_CACHE = ModelCache()
_lock = threading.RLock()
_known: dict[str, tuple[str, ModelEntry]] | None = None  # hook and entry by id; replaced whole, never changed


def _hooks() -> list[str]:
    declared = [point.value for point in entry_points(group=GROUP)]
    return [*BUILT_IN, *(value for value in declared if value not in BUILT_IN)]


def _function(hook: str) -> Register:
    module, _, function = hook.partition(":")
    found: Register = getattr(importlib.import_module(module), function)
    return found


def _registered(hook: str) -> list[ModelEntry]:
    """What one hook returns. A broken plug-in is warned about and left out."""
    try:
        return list(_function(hook)())
    except Exception as error:  # somebody else's package must not take the app down
        if hook in BUILT_IN:
            raise
        warnings.warn(f"Model plug-in {hook} could not be loaded: {error}", stacklevel=2)
        return []


def _added(known: dict[str, tuple[str, ModelEntry]], hook: str) -> dict[str, tuple[str, ModelEntry]]:
    found = dict(known)
    for entry in _registered(hook):
        model_id = entry.capabilities.model_id
        if model_id in found:  # a name in the user's file, or in somebody's package, must not take the app down
            warnings.warn(f"'{model_id}' of {hook} is left out: there is a model of that name.", stacklevel=2)
            continue
        found[model_id] = (hook, entry)
    return found


def _changes(hook: str) -> bool:
    try:
        return bool(getattr(_function(hook), CHANGING, False))
    except Exception:  # it was warned about when it was asked
        return False


def entries() -> dict[str, ModelEntry]:
    """All registered models by id, built-in ones first."""
    global _known
    with _lock:
        if _known is None:
            found: dict[str, tuple[str, ModelEntry]] = {}
            for hook in _hooks():
                found = _added(found, hook)
            _known = found
        return {model_id: entry for model_id, (_, entry) in _known.items()}


def register(entry: ModelEntry) -> None:
    """Add one model to this process, or replace the one of its id."""
    global _known
    entries()
    with _lock:
        _known = {**(_known or {}), entry.capabilities.model_id: ("", entry)}


def refresh() -> None:
    """Ask the hooks whose models come and go: what was connected since can be used at once. Nothing else changes."""
    global _known
    entries()
    with _lock:
        hooks = [hook for hook in _hooks() if _changes(hook)]
        found = {model_id: pair for model_id, pair in (_known or {}).items() if pair[0] not in hooks}
        for hook in hooks:
            found = _added(found, hook)
        _known = found
        MODEL_CACHE.retain([entry for _, entry in _known.values()])  # of what was forgotten no weights stay


def reset() -> None:
    """Forget everything, so that the hooks are asked again."""
    global _known
    with _lock:
        _known = None
    MODEL_CACHE.clear()


def entry(model_id: str) -> ModelEntry:
    """The entry of one model, or ``WamvizError`` with the nearest name."""
    known = entries()
    if model_id not in known:
        raise unknown_name("model", model_id, known)
    return known[model_id]


def load(model_id: str, device: str = "auto") -> WorldActionModel:
    """Load a model and keep it; later calls return the same object until another model needs its place."""
    return MODEL_CACHE.get(entry(model_id), device)


def borrow(model_id: str, device: str = "auto") -> AbstractContextManager[WorldActionModel]:
    """The same for as long as the ``with`` lasts: nothing takes the model out of memory meanwhile."""
    return MODEL_CACHE.borrow(entry(model_id), device)


def model_facts(entry: ModelEntry) -> dict[str, Any]:
    """What is known of a model without loading it, JSON-ready."""
    caps = entry.capabilities
    missing = entry.missing()
    return {
        "id": caps.model_id,
        "title": caps.title,
        "description": caps.description,
        "modes": list(caps.modes),
        "runnable": missing is None,
        "missing": missing,
        "action_space": caps.action_space.to_json() if caps.action_space else None,
        "frame_size": list(caps.frame_size) if caps.frame_size else None,
        "video_fps": caps.video_fps,
        "horizon": caps.horizon,
        "max_horizon": caps.longest,
        "open_horizon": caps.open_horizon,
        "default_steps": caps.default_steps,
        "max_steps": caps.max_steps,
        "max_samples": caps.max_samples,
        "max_guidance": caps.max_guidance,
        "cameras": list(caps.cameras),
        "uses_instruction": caps.uses_instruction,
        "worlds": list(caps.worlds),
        "control": caps.control,
        **({"extras": caps.extras} if caps.extras else {}),
    }
