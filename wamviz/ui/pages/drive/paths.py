"""What the path board asks: where a path begins, what actions a drawn one means, what edited ones would do.

Contract: plain values in, plain JSON out; nothing is remembered but the newest contexts, read once. Metres, the robot's
base frame; the picture is the middle square of the context's frame, 0 .. 1 each way.
"""

from __future__ import annotations

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from wamviz.core.errors import InvalidInput
from wamviz.core.media import encode_jpeg, fit_square
from wamviz.core.rollout import ActionSpace, Floats, check_floats
from wamviz.models import registry
from wamviz.runs.actions_file import actions_csv, describe_columns, example_actions
from wamviz.runs.conditioning import read_actions
from wamviz.runs.driving import DriveWorld
from wamviz.runs.driving.path import away_from_path, check_corners, path_actions
from wamviz.runs.driving.world import QUALITY, Hand
from wamviz.runs.execution import why_not
from wamviz.runs.sources import Context
from wamviz.ui.pictures import as_text

SIDE = 512  # pixels of the board's picture at most
KEPT = 6  # contexts
ASTRAY = 0.015  # m by which the arm may miss the path before that is said


class PathBoard:
    """Answers the board's script.

    Args:
        world: where the arm is, and what it would do.
        find: the context of a source; the second argument says whether its visitor sits at this machine.
    """

    def __init__(self, world: Callable[[], DriveWorld], find: Callable[[str, bool], Context]) -> None:
        self._world, self._find = world, find
        self._contexts: OrderedDict[tuple[str, bool], Context] = OrderedDict()
        self._lock = threading.Lock()

    def context(self, source: Any, here: bool) -> Context:
        """The context of a source."""
        key = (str(source or "")[:300], here)
        with self._lock:
            found = self._contexts.get(key)
        if found is None:
            found = self._find(*key)
        with self._lock:
            self._contexts[key] = found
            self._contexts.move_to_end(key)
            while len(self._contexts) > KEPT:
                self._contexts.popitem(last=False)
        return found

    def lay(self, source: Any, model: Any, here: bool) -> dict[str, Any]:
        """The picture to draw on, its camera, and where the hand is.

        Raises:
            WamvizError: there is no such context, or none that can be drawn on.
        """
        context, space = self.context(source, here), space_of(model)
        hand = self._hand(context, np.zeros((0, space.dim), np.float32))
        seen = context.observation
        frame = seen.frame
        side = min(SIDE, *frame.shape[:2])
        camera = seen.cameras[seen.main_camera]
        return {
            "picture": as_text(encode_jpeg(fit_square(frame[None], side)[0], QUALITY)),
            "projection": camera.square_projection().tolist(),
            "start": hand.command.tolist(),
            "gripper": hand.gripper,
            "task": context.instruction,
            "names": list(space.names),
            "units": list(space.units),
            "low": list(space.low or ()),
            "high": list(space.high or ()),
            "columns": describe_columns(space),
            "example": actions_csv(example_actions(space), space),
            "longest": registry.entry(str(model)).capabilities.longest,
            "why_not_real": why_not(seen.world_state, np.zeros((1, space.dim), np.float32), space) or "",
        }

    def plan(self, source: Any, model: Any, corners: Any, speed: Any, here: bool) -> dict[str, Any]:
        """The actions of a drawn path."""
        if isinstance(speed, bool) or not isinstance(speed, int | float):
            raise InvalidInput("The speed must be a number, in metres an action.")
        context, space = self.context(source, here), space_of(model)
        start = self._hand(context, np.zeros((0, space.dim), np.float32))
        drawn = check_corners(corners)
        actions = path_actions(drawn, start.command, start.gripper, space, float(speed))
        told = self._told(context, actions, space)
        line = np.concatenate([start.command[None], drawn[:, :3]])
        missed = away_from_path(drawn[:, :3], np.concatenate([start.command[None], told["foreseen"]]))
        return {**told, "astray": [k for k in range(len(drawn)) if missed[k] > ASTRAY], "off": float(max(
            away_from_path(np.asarray(told["foreseen"]), line), default=0.0))}  # fmt: skip

    def trace(self, source: Any, model: Any, actions: Any, here: bool) -> dict[str, Any]:
        """What edited actions would do."""
        context, space = self.context(source, here), space_of(model)
        return self._told(context, space.clip(check_actions(actions, space)), space)

    def read(self, source: Any, model: Any, text: Any, here: bool) -> dict[str, Any]:
        """The actions of a CSV file."""
        space = space_of(model)
        if not isinstance(text, str):
            raise InvalidInput("The file must come as text.")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "actions.csv"
            file.write_text(text, encoding="utf-8")
            actions = read_actions(file, space)
        return self.trace(source, model, actions.tolist(), here)

    def _hand(self, context: Context, actions: Floats) -> Hand:
        """Where the hand is and would be; a sum of the steps where no simulator's state is known."""
        seen = context.observation
        if seen.cameras.get(seen.main_camera) is None:
            raise InvalidInput("The camera of this picture is not known, so nothing drawn on it has a place in space.",
                               "Choose a shipped episode or a tabletop scene.")  # fmt: skip
        if seen.world_state is not None and seen.world_state.world == "tabletop":
            return self._world().foresee(seen.world_state, actions)
        if seen.state is None or len(seen.state) < 7:
            raise InvalidInput("Where the hand is in this picture is not known, so that no path can begin there.",
                               "Choose a shipped episode or a tabletop scene.")  # fmt: skip
        start = np.asarray(seen.state[:3], np.float64)
        return Hand(start, float(seen.state[6] > 0.1), start + actions[:, :3].cumsum(0, dtype=np.float64))

    def _told(self, context: Context, actions: Floats, space: ActionSpace) -> dict[str, Any]:
        foreseen = self._hand(context, actions).foreseen
        return {
            "actions": [[float(f"{value:.6g}") for value in row] for row in actions.tolist()],
            "foreseen": foreseen.tolist(),
            "csv": actions_csv(actions, space),
        }


def space_of(model: Any) -> ActionSpace:
    """The actions that a model obeys, if they are the tabletop's; else ``InvalidInput``."""
    caps = registry.entry(str(model or "")).capabilities
    caps.check_mode("forward_dynamics")
    space = caps.action_space
    if space is None or space.kind != "ee_delta" or space.dim != 7 or space.units[0] != "m":
        raise InvalidInput(f"{caps.title} takes no steps of a hand in metres, so that a path means nothing to it.")
    return space


def check_actions(actions: Any, space: ActionSpace) -> Floats:
    """Actions (K, A) out of JSON, or ``InvalidInput``."""
    try:
        array = check_floats(actions, "The actions", space.dim)
    except (TypeError, ValueError):
        raise InvalidInput("The actions must be a list of lists of numbers.") from None
    if not len(array):
        raise InvalidInput("There are no actions yet.", "Draw a path, or add a corner.")
    return array
