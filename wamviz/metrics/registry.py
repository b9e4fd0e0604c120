"""Every metric, each described in the module that computes it: its meaning, its source, its control, how it is written.

A module of this package that has a tuple ``METRICS`` is found by itself, and so is one of another distribution that
the entry-point group ``wamviz.metrics`` names (``name = "package.module"``); nothing is listed by hand. Modules whose
name begins with ``_`` hold networks and are not looked at. The page's table and plots, the command line's lines,
``summarise`` and ``evaluate`` read this registry. ``docs/extending.md`` adds a metric by example.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Literal, NamedTuple

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import Floats, Rollout

GROUP = "wamviz.metrics"
# The order in which parts are shown; parts of other metrics follow.
PARTS = ("picture", "video", "actions", "trajectory", "gripper", "motion", "execution")
TAKES = ("imagined", "recorded", "executed")


class Pair(NamedTuple):
    """What a metric is computed from.

    Attributes:
        imagined: one sample of a run.
        other: what it is compared with: the recorded rollout (also the tabletop's expert), or the executed one; None
            where there is none, which only a metric that takes the imagined one alone ever sees.
        start: the robot's state (D,) at the context, or None where it is not known.
    """

    imagined: Rollout
    other: Rollout | None
    start: Floats | None = None


class Value(NamedTuple):
    """A metric's value and its baseline's; None where one of the two does not exist."""

    value: float | None
    baseline: float | None = None


@dataclass(frozen=True)
class Baseline:
    """The control that stands beside a metric: what a trivial answer gets.

    Attributes:
        key: where its value stands, in the same part.
        name: what it is, in a few words; note: in a sentence; source: who suggests it.
    """

    key: str
    name: str
    note: str
    source: str


STILL = "Mathieu et al. 2016, arXiv 1511.05440"
NAIVE = "Hyndman and Koehler 2006, Int. J. of Forecasting 22(4), on errors beside the naive forecast's"


def copy_last_frame(key: str, note: str) -> Baseline:
    """The control of videos: a copy of the context, in which nothing moves."""
    return Baseline(key, "copy last frame", note, STILL)


def hold_still(key: str, note: str) -> Baseline:
    """The control of actions: a robot that stays where it is."""
    return Baseline(key, "hold still", note, NAIVE)


def recorded(key: str, note: str) -> Baseline:
    """What the recorded rollout gets, where nothing else is a yardstick."""
    return Baseline(key, "recorded", note, "wamviz.metrics.registry")


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        part, key: where its value stands in a run's metrics, e.g. ``video`` and ``psnr``.
        title: its name for people; "" for one that the table does not show.
        note: one sentence that says what it means; source: the paper or the module that defines it, no full stop.
        takes: ``imagined`` (alone; the recorded rollout comes along where there is one), ``recorded`` or ``executed``.
        judges: ``video`` or ``actions``: actions that were given to the model are not judged.
        measure: computes it from a ``Pair``, None where it does not apply; None for one that its part computes together
            with others (``metrics.summary``).
        baseline: what is shown beside it, or None.
        unit, factor, digits: how it is written; ``factor`` turns the stored value into ``unit``.
        higher: whether more is better; target: the value that is best, where that is neither more nor less.
        further: whether the table shows it only to those who ask for more.
        brief: a word or two for places that show few metrics (command line, comparison, history); "" for none.
        lane: the title of its plot over time, for one whose part holds ``{key}_by_frame``; "" for none.
        rank: metrics of one part are shown in the order of their ranks.
    """

    part: str
    key: str
    title: str
    note: str
    source: str
    takes: Literal["imagined", "recorded", "executed"] = "recorded"
    judges: Literal["video", "actions"] = "video"
    measure: Callable[[Pair], Value | None] | None = None
    baseline: Baseline | None = None
    unit: str = ""
    factor: float = 1.0
    digits: int = 2
    higher: bool = False
    target: float | None = None
    further: bool = False
    brief: str = ""
    lane: str = ""
    rank: int = 0

    def __post_init__(self) -> None:
        if self.takes not in TAKES:
            raise InvalidInput(f"Metric '{self.key}' takes '{self.takes}'.", f"Allowed: {', '.join(TAKES)}.")
        if not self.note.endswith(".") or "\n" in self.note or not self.source:
            raise InvalidInput(f"Metric '{self.key}' needs a note of one sentence and a source.")

    def write(self, value: float) -> str:
        """A stored ``value`` in the metric's own unit."""
        space = "" if self.unit in ("", "%") else " "
        return f"{value * self.factor:.{self.digits}f}{space}{self.unit}"

    def read(self, found: Mapping[str, Any]) -> Value | None:
        """Its value and its baseline's in a run's metrics; None where they have no value."""
        part = found.get(self.part)
        numbers = part if isinstance(part, Mapping) else {}
        value, reference = (numbers.get(key) for key in (self.key, self.baseline.key if self.baseline else ""))
        if not isinstance(value, int | float):
            return None
        return Value(value, reference if isinstance(reference, int | float) else None)

    def line(self, found: Mapping[str, Any]) -> str:
        """``brief``, or its lane's name, its value and its baseline's in one line; "" where there is no value."""
        both = self.read(found)
        if both is None or both.value is None:
            return ""
        known = self.baseline is not None and both.baseline is not None
        reference = f" ({self.baseline.name} {self.write(both.baseline)})" if known else ""  # type: ignore[union-attr,arg-type]
        return f"{self.brief or self.lane.partition(',')[0]} {self.write(both.value)}{reference}"

    def better(self, values: Mapping[int, float]) -> int:
        """Which of ``values``, by sample, is the best."""
        if self.target is not None:
            return min(values, key=lambda sample: abs(values[sample] - self.target))  # type: ignore[operator]
        return (max if self.higher else min)(values, key=lambda sample: values[sample])


@cache
def all_metrics() -> tuple[Metric, ...]:
    """Every metric, in the order in which they are shown.

    Raises:
        InvalidInput: two of them stand at the same place.
    """
    found = [metric for module in _modules() for metric in module.METRICS]
    places = [(metric.part, metric.key) for metric in found]
    for place in places:
        if places.count(place) > 1:
            raise InvalidInput(f"Two metrics are called '{place[1]}' in part '{place[0]}'.")
    order = (*PARTS, *dict.fromkeys(metric.part for metric in found))
    return tuple(sorted(found, key=lambda metric: (order.index(metric.part), metric.rank)))


def applicable_metrics(*, executed: bool = False, given: bool = False) -> tuple[Metric, ...]:
    """The metrics that are computed one by one.

    Args:
        executed: those that take the executed rollout, else those that take the imagined and the recorded one.
        given: whether the actions were given to the model: those that judge actions are left out then.
    """
    return tuple(
        metric
        for metric in all_metrics()
        if metric.measure is not None
        and (metric.takes == "executed") == executed
        and not (given and metric.judges == "actions")
    )


def joint_metrics(part: str) -> tuple[Metric, ...]:
    """The metrics of a part that are computed together, each with its baseline: attributes of the part's own result."""
    return tuple(
        metric for metric in all_metrics() if metric.part == part and metric.measure is None and metric.baseline
    )


def joint_keys(part: str) -> tuple[str, ...]:
    """Where the values of ``joint_metrics`` and of their baselines stand.

    >>> joint_keys("video")[:4]
    ('psnr', 'copy_last_psnr', 'ssim', 'copy_last_ssim')
    """
    return tuple(key for metric in joint_metrics(part) if metric.baseline for key in (metric.key, metric.baseline.key))


def _modules() -> Iterator[Any]:
    """This package's modules with metrics, by name, then those that other distributions name."""
    package = importlib.import_module(__name__.rpartition(".")[0])
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0] != "_")
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    modules += [entry.load() for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)]
    return (module for module in modules if hasattr(module, "METRICS"))


def metric_notes() -> dict[str, str]:
    """What every number means, baselines included, by its key."""
    baselines = {metric.baseline.key: metric.baseline.note for metric in all_metrics() if metric.baseline}
    return {**baselines, **{metric.key: metric.note for metric in all_metrics()}}


def metric_sources() -> dict[str, str]:
    """Who defined every number, baselines included, by its key."""
    baselines = {metric.baseline.key: metric.baseline.source for metric in all_metrics() if metric.baseline}
    return {**baselines, **{metric.key: metric.source for metric in all_metrics()}}


def brief_lines(found: Mapping[str, Any]) -> list[str]:
    """The few numbers of a run's metrics that fit on a line each, with their baselines.

    >>> brief_lines({"video": {"psnr": 21.5, "copy_last_psnr": 19.0}})
    ['PSNR 21.50 dB (copy last frame 19.00 dB)']
    """
    return [line for metric in all_metrics() if metric.brief and (line := metric.line(found))]
