"""How actions can enter a video model: as they are, as a picture, as a few latent numbers; and what each loses.

*Latent*: chunks of recorded actions are described by their principal components, learned on other episodes. *Picture*:
each number becomes a patch, noise is added as a denoiser would leave it, and the patch is averaged. Both are toys of
the idea, and real arithmetic on recorded actions; the model then draws what the compressed actions lead to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.rollout import Floats
from wamviz.datasets import shipped
from wamviz.lessons.experiment import Choice, Curve, Experiment, Figure, Finding, Progress, Whole, mean_of
from wamviz.lessons.lab import HORIZON, Lab
from wamviz.lessons.paths import gap, walked
from wamviz.runs.accumulator import bootstrap
from wamviz.runs.sources import Context

NUMBERS = (1, 2, 4, 8, 16, 32)  # latent numbers a chunk of 16 x 7 = 112
SIDES = (1, 2, 4, 8, 16)  # pixels of a patch's side
NOISES = {"low": 0.1, "middle": 0.3, "high": 1.0}  # standard deviation, in half ranges
CLOSE = 1.0  # cm
Array = NDArray[np.float64]


def work(values: Mapping[str, Any], lab: Lab) -> Iterator[Progress | Finding]:
    """Compress unseen chunks and see how far the hand's path moves."""
    scenes, rng = values["scenes"], np.random.default_rng(values["seed"])
    yield Progress(0, scenes + 1)
    contexts = list(lab.contexts(scenes, actions=HORIZON))
    chunks = [chunk_of(context) for context in contexts]
    middle, parts = learn_latents({context.observation.source for context in contexts})
    scale = _scale(contexts[0])
    errors: dict[str, list[list[float]]] = {name: [[] for _ in NUMBERS] for name in ("latent", "foreign")}
    patches: list[list[float]] = [[] for _ in SIDES]
    for done, chunk in enumerate(chunks, 1):
        lab.check()
        other = chunks[done % len(chunks)]
        for k, count in enumerate(NUMBERS):
            errors["latent"][k].append(gap(walked(through_latents(chunk, middle, parts[:count], scale)), walked(chunk)))
            wrong = through_latents(other, middle, parts[:count], scale)
            errors["foreign"][k].append(gap(walked(wrong), walked(chunk)))
        for k, side in enumerate(SIDES):
            seen = through_patches(chunk / scale, side, NOISES[values["noise"]], rng) * scale
            patches[k].append(gap(walked(seen), walked(chunk)))
        yield Progress(done, scenes + 1)
    small = through_latents(chunks[0], middle, parts[: values["numbers"]], scale).astype(np.float32)
    shown = lab.imagine(contexts[0], "forward_dynamics", actions=small)
    ends = [bootstrap(found) or [np.inf, np.inf] for found in errors["latent"]]
    chosen = [gap(walked(through_latents(c, middle, parts[: values["numbers"]], scale)), walked(c)) for c in chunks]
    interval = bootstrap(chosen) or [0.0, np.inf]
    verdict = "open" if scenes < 5 else "holds" if interval[1] < CLOSE else "broken" if interval[0] > CLOSE else "open"
    enough = next((count for count, end in zip(NUMBERS, ends, strict=True) if end[1] < CLOSE), 0)
    yield Finding(
        (
            Figure("latents", "cm", curves=tuple(_curve(n, NUMBERS, found) for n, found in errors.items()),
                   x_name="numbers", log_x=True),
            Figure("patches", "cm", curves=(_curve("patch", SIDES, patches),), x_name="side", log_x=True),
            Figure("chosen", "cm", (mean_of("latent", chosen),
                                    mean_of("still", [gap(0 * walked(c), walked(c)) for c in chunks]))),
        ),
        verdict,
        "" if scenes < 5 else "few" if 0 < enough <= 4 else "some" if 0 < enough <= 16 else "many",
        shown,
        scenes,
    )  # fmt: skip


def chunk_of(context: Context) -> Array:
    """The recorded actions (16, 7) after a context."""
    assert context.reference is not None and context.reference.actions is not None
    return context.reference.actions[:HORIZON].astype(np.float64)


def learn_latents(left_out: set[str]) -> tuple[Array, Array]:
    """The mean (112,) and the principal components (C, 112) of chunks of the episodes that are not ``left_out``."""
    rows, dataset = [], shipped()
    for index in dataset.available:
        if f"assets/episodes#{index}@0" in left_out and len(left_out) < len(dataset.available):
            continue
        numbers = dataset.episode(index).rollout()
        assert numbers.actions is not None and numbers.action_space is not None
        scaled = (numbers.actions / numbers.action_space.scale).astype(np.float64)
        rows += [scaled[k : k + HORIZON].ravel() for k in range(len(scaled) - HORIZON + 1)]
    table = np.array(rows)
    return table.mean(axis=0), np.linalg.svd(table - table.mean(axis=0), full_matrices=False)[2]


def through_latents(chunk: Array, middle: Array, parts: Array, scale: Floats) -> Array:
    """A chunk (16, 7) described by as many numbers as there are ``parts``, and decoded again."""
    flat = (chunk / scale).ravel() - middle
    return (middle + (flat @ parts.T) @ parts).reshape(chunk.shape) * scale


def through_patches(chunk: Array, side: int, noise: float, rng: np.random.Generator) -> Array:
    """A chunk (K, A) in half ranges as patches of ``side`` x ``side`` noisy pixels, averaged."""
    pixels = np.repeat(chunk[..., None], side * side, axis=-1)
    return (pixels + rng.normal(0, noise, pixels.shape)).mean(axis=-1)


def _scale(context: Context) -> Floats:
    assert context.reference is not None and context.reference.action_space is not None
    return context.reference.action_space.scale


def _curve(name: str, places: tuple[int, ...], rows: list[list[float]]) -> Curve:
    ends = [bootstrap(row) or [row[0], row[0]] for row in rows]
    means = tuple(float(np.mean(row)) for row in rows)
    return Curve(name, tuple(map(float, places)), means, tuple(a for a, _ in ends), tuple(b for _, b in ends))


EXPERIMENT = Experiment(
    "action_forms",
    (Whole("scenes", 2, 15, 10), Whole("numbers", 1, 32, 8), Choice("noise", tuple(NOISES), "middle"),
     Whole("seed", 0, 99, 0)),
    ("latents", "latent", "foreign", "patches", "patch", "side", "chosen", "still"),
    ("few", "some", "many"),
    work,
)  # fmt: skip
