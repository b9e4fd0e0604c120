"""Three paradigms on the same weights: what each errs and what it takes; and whether the video is more than decoration.

A control reads the actions off a video that was imagined for *another* sentence: if they stay what they were, up to
what another seed changes, nobody looked at the video.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wamviz.lessons.experiment import Experiment, Figure, Finding, Progress, Whole, mean_of, smaller
from wamviz.lessons.experiments.known_ending import action_error
from wamviz.lessons.lab import HORIZON, Lab
from wamviz.lessons.paths import path_gap

ASKED = ("act_only", "joint", "imagine_then_act")
OTHER = "press the toaster lever", "push the orange to the left"  # the second where the first is what was asked


def work(values: Mapping[str, Any], lab: Lab) -> Iterator[Progress | Finding]:
    """Ask every scene in every paradigm; the first call of each warms up and is not timed."""
    scenes, shown = values["scenes"], None
    errors, seconds = ({name: list[float]() for name in ASKED} for _ in range(2))
    change: dict[str, list[float]] = {"other_seed": [], "other_video": []}
    yield Progress(0, scenes + 1)
    for mode in ASKED:
        lab.imagine(next(iter(lab.contexts(1))), mode, horizon=HORIZON)
    yield Progress(1, scenes + 1)
    for done, context in enumerate(lab.contexts(scenes), 1):
        runs = {mode: lab.imagine(context, mode, seed=done, horizon=HORIZON) for mode in ASKED}
        for mode, run in runs.items():
            errors[mode].append(action_error(run))
            seconds[mode].append(float(run.timings["total"]))
        own = runs["imagine_then_act"]
        words = OTHER["toaster" in context.instruction or "lever" in context.instruction]
        video = lab.imagine(context.reworded(words), "video", seed=done, horizon=HORIZON).imagined[0].frames
        read = lab.imagine(context, "inverse_dynamics", seed=done, video=video)
        again = lab.imagine(context, "imagine_then_act", seed=done + 1000, horizon=HORIZON)
        change["other_video"].append(path_gap(read, own))
        change["other_seed"].append(path_gap(again, own))
        shown = shown or runs["joint"]
        yield Progress(done + 1, scenes + 1)
    first, second = sorted(ASKED, key=lambda name: sum(errors[name]))[:2]
    yield Finding(
        (
            Figure("error", "%", tuple(mean_of(name, found) for name, found in errors.items())),
            Figure("seconds", "s", tuple(mean_of(name, found) for name, found in seconds.items())),
            Figure("change", "cm", tuple(mean_of(name, found) for name, found in change.items())),
        ),
        smaller(seconds["act_only"], seconds["joint"]),
        first if smaller(errors[first], errors[second]) == "holds" else "",
        shown,
        scenes,
    )


EXPERIMENT = Experiment(
    "paradigms",
    (Whole("scenes", 2, 30, 5),),
    ("error", "seconds", "change", *ASKED, "other_seed", "other_video"),
    ASKED,
    work,
    timed=True,
)
