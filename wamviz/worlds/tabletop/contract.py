"""What goes into the tabletop and what comes out: action space, state, cameras, checks, random streams.

Names, units and ranges that every other module relies on. A state has D = 14 numbers, an action A = 7.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.action_spaces import TABLETOP_ACTIONS
from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import Floats, Frames

CAMERAS = ("exterior", "wrist")
ACTION_SPACE = TABLETOP_ACTIONS
STATE_NAMES = ("x", "y", "z", "rx", "ry", "rz", "gripper", *(f"joint{i}" for i in range(1, 8)))

# Random streams of a seed: what is drawn for one never shifts another. Each style of episode has its own,
# from STREAM_STYLE on.
STREAM_LAYOUT, STREAM_LOOK, STREAM_TASK, STREAM_STYLE = range(4)


@dataclass(frozen=True)
class TabletopObservation:
    """What the robot sees and feels after an action.

    Attributes:
        frames: camera name to (H, W, 3) uint8; empty when the environment does not render.
        state: (14,) float32: TCP xyz (m), rotation vector relative to straight down (rad), gripper opening
            (0 open .. 1 closed), seven joint angles (rad).
    """

    frames: Mapping[str, Frames] = field(default_factory=dict)
    state: Floats = field(default_factory=lambda: np.zeros(len(STATE_NAMES), np.float32))

    def __post_init__(self) -> None:
        if self.state.shape != (len(STATE_NAMES),):
            raise InvalidInput(f"A tabletop state has {len(STATE_NAMES)} numbers, not shape {self.state.shape}.")


def check_seed(seed: Any) -> int:
    """Return ``seed`` as an int in 0 .. 2**63 - 1, or raise ``InvalidInput``."""
    try:
        number = operator.index(seed)
    except TypeError:
        raise InvalidInput(f"A seed must be a whole number, not {seed!r}.") from None
    if isinstance(seed, bool) or not 0 <= number < 2**63:
        raise InvalidInput(f"A seed must lie in 0 .. 2**63 - 1, not {seed!r}.")
    return number


def check_action(action: Any) -> NDArray[np.float64]:
    """Return ``action`` as (7,) float64, finite, or raise ``InvalidInput``."""
    try:
        array = np.asarray(action, np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"An action must hold {ACTION_SPACE.dim} numbers, not {action!r}.") from None
    if array.shape != (ACTION_SPACE.dim,):
        raise InvalidInput(f"An action must have shape ({ACTION_SPACE.dim},), not {array.shape}.")
    if not np.isfinite(array).all():
        bad = ACTION_SPACE.names[int(np.argmin(np.isfinite(array)))]
        raise InvalidInput(f"The action's {bad} is not a finite number.")
    return array


def stream(seed: int, which: int) -> np.random.Generator:
    """The random generator of one purpose (``STREAM_*``) under a seed."""
    return np.random.default_rng([seed, which])
