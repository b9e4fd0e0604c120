"""Plausible is not executable: whole imagined tasks beside what physics makes of their own actions.

Pictures are judged where something moves: as sharp as real, the arm where physics has it, the moved objects in place.
Deeds are judged by the world. The composed task is one that training never showed: the usual one, then the lever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from wamviz.lessons.experiment import Choice, Experiment, Figure, Finding, Measure, Progress, Whole, mean_of, smaller
from wamviz.lessons.lab import Lab
from wamviz.metrics.acted import compare_executed
from wamviz.metrics.summary import summarise
from wamviz.runs.store import Run

KINDS = ("pick", "place", "push", "stack")
SECOND = "press the toaster lever"
LOOKS = ("sharp", "arm", "objects")


def work(values: Mapping[str, Any], lab: Lab) -> Iterator[Progress | Finding]:
    """Imagine each scene's task to its end and execute it."""
    scenes, steps, shown = values["scenes"], int(values["steps"]), None
    shares: dict[str, list[float]] = {name: [] for name in (*LOOKS, "works")}
    pairs: list[tuple[float, float]] = []
    yield Progress(0, scenes)
    for done, context in enumerate(lab.contexts(scenes, KINDS), 1):
        composed = values["task"] == "composed"
        asked = context.reworded(f"{context.instruction}, then {SECOND}") if composed else context
        run = lab.imagine(asked, "joint", seed=done, steps=steps)
        executed = lab.execute(replace(run, instruction=SECOND) if composed else run)
        run = replace(run, executed=executed)
        found = compare_executed(run.imagined[0], executed)
        works = 100.0 * bool(executed.success)
        shares["works"].append(works)
        if found is not None:
            picture = found.picture
            for name, value in (
                ("sharp", picture.sharpness),
                ("arm", picture.arm_iou),
                ("objects", picture.objects_moved),
            ):
                if value is not None:
                    shares[name].append(100.0 * value)
            if picture.sharpness is not None:
                pairs.append((works, 100.0 * min(1.0, picture.sharpness)))
        if shown is None or (shown.executed is not None and shown.executed.success and not executed.success):
            shown = with_metrics(run)
        yield Progress(done, scenes)
    bars: tuple[Measure, ...] = tuple(mean_of(name, found) for name, found in shares.items() if found)
    yield Finding(
        (Figure("shares", "%", bars),),
        smaller([a for a, _ in pairs], [b for _, b in pairs]) if pairs else "open",
        worst(shares),
        shown,
        scenes,
    )


def with_metrics(run: Run) -> Run:
    """The run with the numbers of its execution."""
    return replace(run, metrics=summarise(run))


def worst(shares: Mapping[str, list[float]]) -> str:
    """What is least as it should be, "" where the two worst cannot be told apart."""
    known = [name for name in ("sharp", "arm", "works") if len(shares[name]) == len(shares["works"])]
    first, second = sorted(known, key=lambda name: sum(shares[name]))[:2] if len(known) > 1 else ("", "")
    return first if first and smaller(shares[first], shares[second]) == "holds" else ""


EXPERIMENT = Experiment(
    "executable",
    (Whole("scenes", 2, 20, 6), Choice("task", ("usual", "composed"), "usual"),
     Choice("steps", ("1", "2", "8"), "8")),
    ("shares", *LOOKS, "works"),
    ("sharp", "arm", "works"),
    work,
)  # fmt: skip
