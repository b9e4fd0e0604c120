"""Uncertainty and drift: a dream that goes on from its own frames, beside one that looks again after each chunk.

The actions are the recorded ones, so that only the picture can drift. The second figure asks whether the model knows
that it does not know: the spread of several samples, beside how far their mean is from what was recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.rollout import Frames
from wamviz.datasets import shipped
from wamviz.lessons.experiment import Curve, Experiment, Figure, Finding, Progress, Whole, smaller
from wamviz.lessons.lab import HORIZON, Lab
from wamviz.lessons.paths import CM, path_of
from wamviz.metrics.trajectory import measured_path
from wamviz.runs.accumulator import bootstrap
from wamviz.runs.sources import Context

EPISODES = 30  # that are looked through for such as last two chunks
LENGTH = 2 * HORIZON  # frames
LOOKED = tuple(range(2, LENGTH + 1, 3))  # frames at which the picture is judged
ROWS = ("dreamed", "looked_again", "copied")


def work(values: Mapping[str, Any], lab: Lab) -> Iterator[Progress | Finding]:
    """Draw the recorded actions of every scene in one go and in two."""
    scenes, samples, shown = values["scenes"], values["samples"], None
    errors: dict[str, list[NDArray[np.float64]]] = {name: [] for name in ROWS}
    spread: dict[str, list[NDArray[np.float64]]] = {"spread": [], "off": []}
    yield Progress(0, scenes)
    for done, context in enumerate(long_contexts(lab, scenes), 1):
        recorded = context.reference
        assert recorded is not None and recorded.frames is not None and recorded.actions is not None
        truth, actions = recorded.frames[: LENGTH + 1], recorded.actions[:LENGTH]
        dreamed = lab.imagine(context, "forward_dynamics", seed=done, actions=actions, horizon=LENGTH)
        again = lab.imagine(second_look(context), "forward_dynamics", seed=done, actions=actions[HORIZON:])
        ours, looked = dreamed.imagined[0].frames, again.imagined[0].frames
        assert ours is not None and looked is not None
        errors["dreamed"].append(brightness_error(ours, truth))
        errors["looked_again"].append(brightness_error(np.concatenate([ours[: HORIZON + 1], looked[1:]]), truth))
        errors["copied"].append(brightness_error(np.repeat(truth[:1], len(truth), axis=0), truth))
        fan = lab.imagine(context, "act_only", seed=done, samples=samples)
        for name, found in zip(("spread", "off"), fan_of(fan, samples, recorded), strict=True):
            spread[name].append(found)
        shown = shown or dreamed
        yield Progress(done, scenes)
    late = [k for k, frame in enumerate(LOOKED) if frame > HORIZON]
    verdict = smaller(*([float(row[late].mean()) for row in errors[name]] for name in ("looked_again", "dreamed")))
    times = [frame / 5.0 for frame in LOOKED]
    steps = [k / 5.0 for k in range(1, HORIZON + 1)]
    yield Finding(
        (
            Figure("picture_error", "", curves=tuple(_curve(name, times, errors[name]) for name in ROWS),
                   x_name="seconds"),
            Figure("hand", "cm", curves=tuple(_curve(name, steps, found) for name, found in spread.items()),
                   x_name="seconds"),
        ),
        verdict,
        {"holds": "looking", "broken": "dreaming", "open": ""}[verdict],
        shown,
        scenes,
    )  # fmt: skip


def long_contexts(lab: Lab, count: int) -> Iterator[Context]:
    """Scenes whose recording lasts two chunks."""
    found = 0
    for context in lab.contexts(EPISODES):
        recorded = context.reference
        if found < count and recorded is not None and recorded.actions is not None and len(recorded.actions) >= LENGTH:
            found += 1
            yield context


def second_look(context: Context) -> Context:
    """The context of the same episode one chunk later, as it was recorded."""
    index = int(context.observation.source.partition("#")[2].partition("@")[0])
    episode = shipped().episode(index)
    seen = replace(episode.observation(HORIZON), source=f"assets/episodes#{index}@{HORIZON}")
    return Context(seen, episode.rollout(start=HORIZON), f"Episode {index}, frame {HORIZON}")


def brightness_error(frames: Frames, truth: Frames) -> NDArray[np.float64]:
    """Mean absolute difference of 255 at the frames ``LOOKED``, over the pixels that move in ``truth``."""
    found = []
    for k in LOOKED:
        moves = (np.abs(truth[k].astype(np.int16) - truth[0]) > 15).any(-1)
        off = np.abs(frames[min(k, len(frames) - 1)].astype(np.float64) - truth[k])
        found.append(float(off[moves].mean()) if moves.any() else 0.0)
    return np.array(found)


def fan_of(run: Any, samples: int, recorded: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By step (16,), in cm: how far samples lie from their mean, and how far that mean lies from what was recorded."""
    paths = np.stack([path_of(run, k)[1 : HORIZON + 1] for k in range(samples)])  # (N, 16, 3)
    real = measured_path(recorded)
    assert real is not None
    mean = paths.mean(axis=0)
    apart = np.linalg.norm(paths - mean, axis=2).mean(axis=0) * (samples / max(1, samples - 1)) ** 0.5
    return CM * apart, CM * np.linalg.norm(mean - real[1 : HORIZON + 1], axis=1)


def _curve(name: str, places: list[float], rows: list[NDArray[np.float64]]) -> Curve:
    table = np.stack(rows)  # (scenes, places)
    ends = [bootstrap(column.tolist()) or [float(column[0])] * 2 for column in table.T]
    means = tuple(float(value) for value in table.mean(axis=0))
    return Curve(name, tuple(places), means, tuple(low for low, _ in ends), tuple(high for _, high in ends))


EXPERIMENT = Experiment(
    "drift",
    (Whole("scenes", 2, 12, 5), Whole("samples", 2, 12, 6)),
    ("picture_error", *ROWS, "seconds", "hand", "spread", "off"),
    ("looking", "dreaming"),
    work,
)
