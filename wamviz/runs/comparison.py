"""The same context and the same words to several models or modes, one after the other.

Contract: every candidate gets the same observation, seed and seconds, as far as it can imagine that long; one that
fails is an outcome with its reason and never spoils the rest. Stopping is closing the generator. It knows no page, no
argument parser and no file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from wamviz.core.errors import InvalidInput, WamvizError
from wamviz.core.rollout import Preview
from wamviz.models import registry
from wamviz.models.protocol import Capabilities
from wamviz.runs.imagine import imagine_run
from wamviz.runs.sources import Context
from wamviz.runs.store import Run

log = logging.getLogger(__name__)
MOST = 4  # as many as can be told apart on a stage and in a plot
LONGEST_S = 120.0
OURS = "Something went wrong on our side; the log says more."


@dataclass(frozen=True)
class Candidate:
    """One model in one mode.

    Attributes:
        model: a registered model's id.
        mode: one of its modes.
    """

    model: str
    mode: str

    def __post_init__(self) -> None:
        self.capabilities.check_mode(self.mode)

    @property
    def name(self) -> str:
        """What ``read`` takes, e.g. ``"mini-wam:joint"``."""
        return f"{self.model}:{self.mode}"

    @property
    def title(self) -> str:
        """For people.

        >>> Candidate("hold-still", "act_only").title
        'hold-still, act only'
        """
        return f"{self.model}, {self.mode.replace('_', ' ')}"

    @cached_property
    def capabilities(self) -> Capabilities:
        """Of its model, as they were when it was named: it may be forgotten before its turn."""
        return registry.entry(self.model).capabilities


class KeptCandidate(Candidate):
    """One whose run is kept; its model may be forgotten since."""

    def __post_init__(self) -> None:
        pass


@dataclass(frozen=True)
class Outcome:
    """What became of a candidate: its run, or in words why there is none."""

    candidate: Candidate
    run: Run | None = None
    error: str = ""

    def __post_init__(self) -> None:
        if (self.run is None) == (not self.error):
            raise InvalidInput("An outcome is a run or a reason.")

    @property
    def latency_s(self) -> float | None:
        """Seconds from the request to the rollouts, loading left out; None without a run."""
        return None if self.run is None else self.run.timings.get("total")

    @property
    def real_time_factor(self) -> float | None:
        """Seconds imagined a second of imagining: above 1 the model is quicker than what it imagines."""
        if self.run is None or not self.latency_s:
            return None
        return self.run.imagined[0].duration / self.latency_s

    def to_json(self) -> dict[str, Any]:
        """JSON-ready: model, mode, and run id, latency (s), real-time factor and metrics, or the error."""
        facts: dict[str, Any] = {"model": self.candidate.model, "mode": self.candidate.mode}
        if self.run is None:
            return {**facts, "error": self.error}
        rounded = {"latency_s": self.latency_s, "real_time_factor": self.real_time_factor}
        times = {name: None if value is None else round(value, 4) for name, value in rounded.items()}
        return {**facts, "run": self.run.id, **times, "metrics": self.run.metrics}


def read(names: Iterable[str]) -> tuple[Candidate, ...]:
    """Contenders from ``MODEL`` (in its first mode) or ``MODEL:MODE``.

    Raises:
        WamvizError: fewer than two, more than ``MOST``, the same one twice, or a name that is not known.
    """
    found: list[Candidate] = []
    for name in names:
        model, _, mode = name.strip().partition(":")
        found.append(Candidate(model, mode or registry.entry(model).capabilities.modes[0]))
    if len(set(found)) < len(found):
        twice = next(one for one in found if found.count(one) > 1)
        raise InvalidInput(f"{twice.name} is named twice.", "Name another model or another mode.")
    if not 2 <= len(found) <= MOST:
        raise InvalidInput(
            f"Two to {MOST} contenders can be compared, not {len(found)}.", "For example: mini-wam mini-wam:act_only"
        )
    return tuple(found)


def check_seconds(seconds: float | None) -> None:
    """Raise ``WamvizError`` unless ``seconds`` is None or a time that somebody could imagine."""
    if seconds is not None and not 0 < seconds <= LONGEST_S:
        raise InvalidInput(f"The seconds must lie above 0 and up to {LONGEST_S:g}, not {seconds:g}.")


def compare_models(
    candidates: Sequence[Candidate],
    context: Context,
    *,
    seed: int = 0,
    samples: int = 1,
    seconds: float | None = None,
    device: str = "auto",
    imagine: Any = imagine_run,
) -> Iterator[tuple[int, Preview | Outcome]]:
    """Yield (index, ``Preview``) while a candidate imagines and (index, ``Outcome``) when it is done, in their order.

    Modes that must be given something get what was recorded after the context (``conditioning``).

    Args:
        context, seed, samples, device: see ``imagine.imagine_run``.
        seconds: how long each imagines, as far as it can; one chunk of its own when None.
        imagine: what runs one candidate, in the place of ``imagine_run``.
    """
    check_seconds(seconds)
    for index, candidate in enumerate(candidates):
        caps = candidate.capabilities
        try:
            horizon = None if seconds is None else min(caps.longest, max(1, round(seconds * caps.video_fps)))
            if candidate.mode == "act_only" and horizon is not None:
                horizon = min(horizon, caps.horizon)
            stream = imagine(
                candidate.model, context, mode=candidate.mode, seed=seed,
                samples=min(samples, caps.max_samples), horizon=horizon, device=device, truth=True,
            )  # fmt: skip
            with closing(stream):
                for event in stream:
                    yield index, Outcome(candidate, event) if isinstance(event, Run) else event
        except WamvizError as error:
            yield index, Outcome(candidate, error=str(error))
        except Exception:  # the others still have their turn
            log.exception("%s failed", candidate.name)
            yield index, Outcome(candidate, error=OURS)
