"""Every model that can be asked for, found through one hook.

A model package declares an entry point in the group ``wamviz.models`` that names a function returning a list
of ``ModelEntry``; the built-in models are declared in the same way and are loaded no differently. A source
checkout that was never installed has no entry points, so the built-in hooks are also named here.
"""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from importlib.metadata import entry_points

from wamviz.errors import WamvizError, unknown_name
from wamviz.models.protocol import ModelEntry, WorldActionModel

GROUP = "wamviz.models"
BUILT_IN = (
    "wamviz.models.mini.entry:register_models",
    "wamviz.models.baselines:register_models",
    "wamviz.models.connecting:register_models",
)


def _hooks() -> list[str]:
    declared = [point.value for point in entry_points(group=GROUP)]
    return [*BUILT_IN, *(value for value in declared if value not in BUILT_IN)]


@cache
def entries() -> dict[str, ModelEntry]:
    """All registered models by id, built-in ones first. A broken plug-in is warned about and left out."""
    found: dict[str, ModelEntry] = {}
    for hook in _hooks():
        module, _, function = hook.partition(":")
        try:
            registered = getattr(importlib.import_module(module), function)()
        except Exception as error:  # somebody else's package must not take the app down
            if hook in BUILT_IN:
                raise
            warnings.warn(f"Model plug-in {hook} could not be loaded: {error}", stacklevel=2)
            continue
        for entry in registered:
            model_id = entry.capabilities.model_id
            if model_id in found:
                raise WamvizError(f"Two models are registered as '{model_id}'.", f"The second comes from {hook}.")
            found[model_id] = entry
    return found


def entry(model_id: str) -> ModelEntry:
    """The entry of one model, or ``WamvizError`` with the nearest name."""
    if model_id not in entries():
        raise unknown_name("model", model_id, entries())
    return entries()[model_id]


@cache
def _loaded(model_id: str, device: str) -> WorldActionModel:
    found = entry(model_id)
    missing = found.missing()
    if missing:
        raise WamvizError(f"{found.capabilities.title} cannot run here: {missing}")
    return found.load(device)


def load(model_id: str, device: str = "auto") -> WorldActionModel:
    """Load a model once per device and keep it; later calls return the same object."""
    return _loaded(model_id, device)
