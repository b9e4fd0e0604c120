"""The grounding gap: the same task in words that training used, in others, and in words that mean nothing.

Only the sentence changes; scene, seed and what is recorded stay. An error that rises with words of the same meaning is
knowledge that the model has not tied to motion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from wamviz.lessons.experiment import Choice, Experiment, Figure, Finding, Progress, Whole, mean_of, smaller
from wamviz.lessons.experiments.known_ending import action_error
from wamviz.lessons.lab import HORIZON, Lab

NONSENSE = "blorp zindle the quaxing farn"
TOLD = ("usual", "heldout", "synonyms", "nonsense")


def work(values: Mapping[str, Any], lab: Lab) -> Iterator[Progress | Finding]:
    """Tell each scene's task in every wording."""
    from wamviz.worlds.tabletop.wordings import reword

    scenes, errors, shown = values["scenes"], {name: list[float]() for name in (*TOLD, "hold")}, None
    yield Progress(0, scenes)
    for done, context in enumerate(lab.contexts(scenes), 1):
        rng = np.random.default_rng([values["seed"], done])
        for name in TOLD:
            words = NONSENSE if name == "nonsense" else reword(context.instruction, name, rng)
            run = lab.imagine(context.reworded(words), values["mode"], seed=done, **_length(values["mode"]))
            errors[name].append(action_error(run))
            if name == "synonyms" and shown is None:
                shown = lab.imagine(context.reworded(words), "joint", seed=done, horizon=HORIZON)
        errors["hold"].append(action_error(run, "hold_mae"))
        yield Progress(done, scenes)
    bars = Figure("error", "%", tuple(mean_of(name, found) for name, found in errors.items()))
    yield Finding((bars,), smaller(errors["usual"], errors["synonyms"]), nearer_to(errors), shown, scenes)


def nearer_to(errors: Mapping[str, list[float]]) -> str:
    """Whether other words of the same meaning do as the usual ones (``usual``) or as none (``nonsense``)."""
    from_usual = [abs(a - b) for a, b in zip(errors["synonyms"], errors["usual"], strict=True)]
    from_nonsense = [abs(a - b) for a, b in zip(errors["synonyms"], errors["nonsense"], strict=True)]
    return {"holds": "usual", "broken": "nonsense", "open": ""}[smaller(from_usual, from_nonsense)]


def _length(mode: str) -> dict[str, int]:
    return {} if mode == "act_only" else {"horizon": HORIZON}


EXPERIMENT = Experiment(
    "wordings",
    (Whole("scenes", 2, 30, 10), Choice("mode", ("act_only", "joint"), "act_only"), Whole("seed", 0, 99, 0)),
    ("error", *TOLD, "hold"),
    ("usual", "nonsense"),
    work,
)
