"""Every experiment, found in the folder ``experiments``: a module there has an ``EXPERIMENT``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from wamviz.core.errors import InvalidInput
from wamviz.lessons.experiment import Experiment


@cache
def all_experiments() -> dict[str, Experiment]:
    """All experiments by name."""
    import wamviz.lessons.experiments as folder

    found: dict[str, Experiment] = {}
    for module in pkgutil.iter_modules(folder.__path__):
        experiment: Experiment = importlib.import_module(f"{folder.__name__}.{module.name}").EXPERIMENT
        if experiment.name in found:
            raise InvalidInput(f"There are two experiments '{experiment.name}'.", "Name one of them otherwise.")
        found[experiment.name] = experiment
    return found
