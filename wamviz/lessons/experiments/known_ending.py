"""Hypothesis 1: is an action easier to infer when its outcome is known? By the model's errors, and by how many
demonstrations a small regression needs.

The model is asked for the same stretch three ways: from the sentence alone (``act_only``), through a future of its own
(``imagine_then_act``), and with the recorded future in hand (``inverse_dynamics``). A control hands it a future that
explains nothing: the context repeated, the recording backwards, or another scene's. The regression (``small_policy``)
learns from few demonstrations with and without the picture that comes after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import Frames
from wamviz.lessons.experiment import Choice, Experiment, Figure, Finding, Progress, Whole, mean_of, smaller
from wamviz.lessons.lab import HORIZON, Lab
from wamviz.lessons.small_policy import OUTCOMES, learning_curves
from wamviz.runs.sources import Context
from wamviz.runs.store import Run

CONTROLS = ("foreign", "reversed", "frozen")
ASKED = ("act_only", "imagined", "recorded")


def work(values: Mapping[str, Any], lab: Lab) -> Iterator[Progress | Finding]:
    """Ask the model scene by scene, then let the regression learn."""
    scenes, which = values["scenes"], values["control"]
    errors: dict[str, list[float]] = {name: [] for name in (*ASKED, "control_video", "hold")}
    shown, before = None, _video(next(iter(reversed(list(lab.contexts(2))))))  # the first scene's foreign one
    total = scenes + 1
    yield Progress(0, total)
    for done, context in enumerate(lab.contexts(scenes), 1):
        video = _video(context)
        wrong = misleading(which, video, before)
        runs = {
            "act_only": lab.imagine(context, "act_only", seed=done),
            "imagined": lab.imagine(context, "imagine_then_act", seed=done, horizon=HORIZON),
            "recorded": lab.imagine(context, "inverse_dynamics", seed=done, video=video),
            "control_video": lab.imagine(context, "inverse_dynamics", seed=done, video=wrong),
        }
        for name, run in runs.items():
            errors[name].append(action_error(run))
        errors["hold"].append(action_error(runs["act_only"], "hold_mae"))
        shown, before = shown or runs["imagined"], video
        yield Progress(done, total)
    curves = learning_curves(lab, values["outcome"], values["seed"])
    verdict = smaller(errors["recorded"], errors["act_only"])
    if smaller(errors["recorded"], errors["control_video"]) != "holds":  # any video would have done
        verdict = "open" if verdict == "holds" else verdict
    yield Finding(
        (
            Figure("error", "%", tuple(mean_of(name, found) for name, found in errors.items())),
            Figure("learning", "%", curves=curves, x_name="demonstrations", log_x=True),
        ),
        verdict,
        best(errors),
        shown,
        scenes,
    )


def best(errors: Mapping[str, list[float]]) -> str:
    """Which way of asking errs least, "" where the two best cannot be told apart."""
    first, second = sorted(ASKED, key=lambda name: float(np.mean(errors[name])))[:2]
    return first if smaller(errors[first], errors[second]) == "holds" else ""


def misleading(which: str, video: Frames, foreign: Frames) -> Frames:
    """A video (T, H, W, 3) from the same context that does not show what happened."""
    if which == "frozen":
        return np.repeat(video[:1], len(video), axis=0)
    other = video[:0:-1] if which == "reversed" else foreign[1 : len(video)]
    return np.concatenate([video[:1], other])


def action_error(run: Run, key: str = "mae") -> float:
    """Mean action error in % of each dimension's half range, against what was recorded."""
    found = (run.metrics.get("actions") or {}).get(key)
    if found is None:
        raise InvalidInput(f"The actions of run {run.id} have nothing recorded beside them.")
    return 100 * float(found)


def _video(context: Context) -> Frames:
    assert context.reference is not None and context.reference.frames is not None  # shipped episodes have both
    return context.reference.frames[: HORIZON + 1]


EXPERIMENT = Experiment(
    "known_ending",
    (
        Whole("scenes", 2, 30, 6),
        Choice("control", CONTROLS, "foreign"),
        Choice("outcome", OUTCOMES, "numbers"),
        Whole("seed", 0, 99, 0),
    ),
    ("error", *ASKED, "control_video", "hold", "learning", "demonstrations", "from_now", "from_outcome"),
    ASKED,
    work,
)
