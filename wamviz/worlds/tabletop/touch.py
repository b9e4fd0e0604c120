"""What the hand touched first.

``TouchWatch.look(data)`` names the thing in contact with the hand at this moment. Looking at contacts is
cheap, so the environment does it several times an action.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from wamviz.worlds.tabletop.objects import MOVABLE

THINGS = (*MOVABLE, "lever", "toaster")
_HAND = ("hand", "finger_left", "finger_right")


class TouchWatch:
    """Knows which geoms are the hand's and which belong to a thing.

    Args:
        model: the scene.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        bodies = [str(model.body(int(body)).name) for body in model.geom_bodyid]
        self._thing: list[str | None] = [body if body in THINGS else None for body in bodies]
        self._hand: NDArray[np.bool_] = np.array([body in _HAND for body in bodies])

    def look(self, data: mujoco.MjData) -> str | None:
        """The thing that the hand is in contact with, or None."""
        if not data.ncon:
            return None
        pairs = data.contact.geom[: data.ncon]  # (C, 2)
        hand = self._hand[pairs]
        for i in np.flatnonzero(hand.any(axis=1)):
            thing = self._thing[int(pairs[i, 1] if hand[i, 0] else pairs[i, 0])]
            if thing is not None:
                return thing
        return None
