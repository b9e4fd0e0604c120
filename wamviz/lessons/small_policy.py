"""How many demonstrations a small regression needs, with and without the picture of what comes next.

Ridge regression from a small grey picture and the robot's state to the next action, on the shipped episodes: once from
what is known now, once with the outcome one step later as well. The outcome comes as the robot's own numbers (which a
perfect reader of the video would hand over) or as a picture (which the regression has to read itself). Both are tested
on the same episodes, which neither learned from. It is no world-action model; it only asks how hard the two maps are.

Axis letters: B steps, P pixels, F features, A = 7 action dims.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from wamviz.datasets import shipped
from wamviz.lessons.experiment import Curve
from wamviz.lessons.lab import Lab
from wamviz.runs.accumulator import bootstrap

STRIDE = 16  # every so many pixels of a picture are looked at: 16 x 16
PARTS = 8  # numbers that a picture is described by: its principal components
DEMONSTRATIONS = (1, 2, 4, 8, 16)
OUTCOMES = ("numbers", "picture")
EPISODES, TESTED = 30, 10  # episodes kept for testing
REPEATS = 3  # draws of the demonstrations
RIDGE = 30.0

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Demonstration:
    """One episode: pictures (B, P) and states (B, D) now and a step later, actions (B, A) in half ranges."""

    now: Array
    later: Array
    states: Array
    states_later: Array
    actions: Array


def learning_curves(lab: Lab, outcome: str, seed: int = 0) -> tuple[Curve, ...]:
    """Mean action error in % of the half range over the number of demonstrations: ``from_now``, ``from_outcome``.

    Intervals are over the tested episodes.

    Args:
        outcome: how it is told, of ``OUTCOMES``.
        seed: of the choice of episodes.
    """
    episodes = demonstrations()
    order = np.random.default_rng(seed).permutation(len(episodes))
    tested = [episodes[i] for i in order[:TESTED]]
    errors: dict[str, list[Array]] = {"from_now": [], "from_outcome": []}  # a row a number of demonstrations
    for count in DEMONSTRATIONS:
        lab.check()
        rows: dict[str, list[Array]] = {name: [] for name in errors}
        for repeat in range(REPEATS):
            chosen = np.random.default_rng([seed, count, repeat]).choice(order[TESTED:], count, replace=False)
            learned = [episodes[i] for i in chosen]
            for name in errors:
                rows[name].append(errors_of(learned, tested, outcome if name == "from_outcome" else ""))
        for name, found in rows.items():
            errors[name].append(np.mean(found, axis=0))  # (tested,)
    return tuple(_curve(name, found) for name, found in errors.items())


@cache
def demonstrations() -> tuple[Demonstration, ...]:
    """Every shipped episode as numbers."""
    found = []
    dataset = shipped()
    for index in dataset.available[:EPISODES]:
        recorded = dataset.episode(index).rollout()
        assert recorded.frames is not None and recorded.actions is not None
        assert recorded.states is not None and recorded.action_space is not None
        grey = recorded.frames[:, ::STRIDE, ::STRIDE].mean(axis=3)  # (T, h, w)
        small = grey.reshape(len(grey), -1) / 255.0
        count = len(recorded.actions)
        actions = np.asarray(recorded.actions / recorded.action_space.scale, np.float64)
        states = recorded.states.astype(float)
        found.append(Demonstration(small[:count], small[1 : count + 1], states[:count], states[1 : count + 1], actions))
    return tuple(found)


def errors_of(learned: list[Demonstration], tested: list[Demonstration], outcome: str = "") -> Array:
    """Mean absolute action error (tested,) in % of a regression that learned from some episodes."""
    pictures = np.concatenate([one.now for one in learned])
    middle = pictures.mean(axis=0)
    parts = np.linalg.svd(pictures - middle, full_matrices=False)[2][:PARTS]  # (<= PARTS, P)
    changes = np.concatenate([one.later - one.now for one in learned])
    moves = np.linalg.svd(changes, full_matrices=False)[2][:PARTS]

    def see(one: Demonstration) -> Array:
        """What the regression is given of each step, (B, F)."""
        seen = [(one.now - middle) @ parts.T, one.states]
        told = {"numbers": [one.states_later - one.states], "picture": [(one.later - one.now) @ moves.T]}
        return np.concatenate([*seen, *told.get(outcome, [])], axis=1)

    inputs, targets = np.concatenate([see(one) for one in learned]), np.concatenate([one.actions for one in learned])
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    usual = targets.mean(axis=0)
    scaled = (inputs - mean) / spread
    weights = np.linalg.solve(scaled.T @ scaled + RIDGE * np.eye(scaled.shape[1]), scaled.T @ (targets - usual))
    errors = [np.abs((see(one) - mean) / spread @ weights + usual - one.actions).mean() for one in tested]
    return 100 * np.array(errors)


def _curve(name: str, rows: list[Array]) -> Curve:
    ends = [bootstrap(row.tolist()) or [float(row.mean())] * 2 for row in rows]
    return Curve(
        name, tuple(map(float, DEMONSTRATIONS)), tuple(float(row.mean()) for row in rows),
        tuple(low for low, _ in ends), tuple(high for _, high in ends),
    )  # fmt: skip
