"""A context as a server wants it: which camera is which view, at which size, and where in the state its numbers lie.

Contract: nothing is made up. A view or a state that the context lacks is a ``WamvizError`` that says what is wanted,
what is there and how to tell wamviz which is which. Nothing here opens a connection. Axis letters: H/W pixels, D
numbers of the state.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.core.media import resize
from wamviz.core.rollout import Floats, Frames, Observation
from wamviz.models.remote.robots import RobotView, StatePart

# Of the tabletop's state (see ``Rollout``): gripper 0 open .. 1 closed, seven joints of the same Franka. Its hand's
# rotation vector is no Euler angles, which is what other servers mean by a pose, so that it is not offered as one.
_TABLETOP = {"gripper": slice(6, 7), "joints": slice(7, 14)}
_TABLETOP_DIM = 14


@dataclass(frozen=True)
class Wanted:
    """What a server wants from a context, and what the user said about where it is.

    Attributes:
        who: the model's title, for messages.
        views, state: what is wanted.
        cameras: view (its key, or the last part of it) to the context's camera, where the user named it.
        places: state part (likewise) to (first, last + 1) in the context's state, where the user named it.
    """

    who: str
    views: tuple[RobotView, ...]
    state: tuple[StatePart, ...]
    cameras: Mapping[str, str]
    places: Mapping[str, tuple[int, int]]


def short(key: str) -> str:
    """The last part of a name on the wire: ``observation/image`` is ``image``."""
    return key.rpartition("/")[2]


def choose_cameras(wanted: Wanted, observation: Observation) -> dict[str, str]:
    """The context's camera for each view, by key.

    A camera that the user named wins, then one of the same name, then the next one of the view's role.

    Raises:
        WamvizError: a view has no camera; or a named camera is not there.
    """
    chosen: dict[str, str] = {}
    taken: set[str] = set()  # a camera that the user named may be sent a second time; no other is
    for view in wanted.views:
        named = wanted.cameras.get(short(view.key), wanted.cameras.get(view.key))
        if named is not None and named not in observation.frames:
            raise unknown_name(f"camera for view '{short(view.key)}'", named, observation.frames)
        same = [name for name in observation.frames if _bare(name) == _bare(view.like or short(view.key))]
        if named is not None or same:
            chosen[view.key] = named if named is not None else same[0]
            if named is None:
                taken.add(same[0])
    for view in wanted.views:
        if view.key not in chosen:
            free = [name for name in observation.frames if name not in taken and _fits(name, view.role)]
            if free:
                chosen[view.key] = free[0]
                taken.add(free[0])
    missing = [view for view in wanted.views if view.key not in chosen and not view.optional]
    if missing:
        lacking = " and ".join(f"'{short(view.key)}' ({view.role})" for view in missing)
        raise InvalidInput(
            f"{wanted.who} needs the view{'s' if len(missing) > 1 else ''} {lacking}; this context has the cameras "
            f"{', '.join(observation.frames)}.",
            f"Choose a context with such a camera, or say which one to send with connect --view "
            f"{short(missing[0].key)}=CAMERA.",
        )
    return {view.key: chosen[view.key] for view in wanted.views if view.key in chosen}


def _bare(name: str) -> str:
    return re.sub(r"(observation|images?|cam(era)?)[_./]+|[_./]+images?\b", "", name.lower()).replace("image_", "")


def _fits(name: str, role: str) -> bool:
    """Whether a camera of this name may be a view of this role; a camera without a telling name is an exterior one."""
    low = name.lower()
    held = any(word in low for word in ("wrist", "hand", "gripper"))
    side, _, place = role.rpartition(" ")
    return held == (place == "wrist") and side in low


def pictures(wanted: Wanted, observation: Observation, cameras: Mapping[str, str]) -> dict[str, Frames]:
    """The frames to send, (H, W, 3) uint8 by key, at each view's size."""
    seen = [view for view in wanted.views if view.key in cameras]
    return {view.key: fit_frame(observation.frames[cameras[view.key]], view) for view in seen}


def fit_frame(frame: Frames, view: RobotView) -> Frames:
    """One frame (H, W, 3) as a view is sent."""
    if view.size is None or view.fit == "as it is":
        return np.ascontiguousarray(frame)
    height, width = view.size
    if view.fit == "stretch":
        return np.ascontiguousarray(resize(frame, height, width))
    shrink = max(frame.shape[1] / width, frame.shape[0] / height)
    inner = (max(1, int(frame.shape[0] / shrink)), max(1, int(frame.shape[1] / shrink)))
    padded = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    padded[top : top + inner[0], left : left + inner[1]] = resize(frame, *inner)
    return padded


def numbers(wanted: Wanted, observation: Observation) -> dict[str, Floats]:
    """The parts of the state to send, (count,) float32 by key; raises what ``places`` raises."""
    return {
        key: observation.state[place].astype(np.float32)
        for key, place in places(wanted, observation).items()
        if observation.state is not None
    }


def places(wanted: Wanted, observation: Observation) -> dict[str, slice]:
    """Where in the context's state each part lies, by key.

    Raises:
        WamvizError: no state is known, or where its parts lie is not.
    """
    if not wanted.state:
        return {}
    listed = " and ".join(f"'{short(part.key)}' ({_count(part.count)})" for part in wanted.state)
    if observation.state is None:
        raise InvalidInput(
            f"{wanted.who} needs the robot's state: {listed}. This context has none.",
            "Choose an episode of a dataset that records it, or a tabletop scene.",
        )
    dim = len(observation.state)
    known = _known_places(wanted.state, observation)
    example = " ".join(f"--state {short(part.key)}=FIRST:END" for part in wanted.state)
    found = {}
    for part in wanted.state:
        span = wanted.places.get(short(part.key), wanted.places.get(part.key))
        place = known.get(part.key) if span is None else slice(*span)
        if place is None:
            raise InvalidInput(
                f"{wanted.who} needs {listed}; where they lie in this context's state of {_count(dim)} is not known.",
                f"If they are there, say where, counted from 0: connect {example}.",
            )
        count = len(range(*place.indices(dim)))
        if count != part.count:
            raise InvalidInput(
                f"'{short(part.key)}' is {_count(part.count)}; {place.start}:{place.stop} of this context's state of "
                f"{_count(dim)} is {_count(count)}.",
                f"Correct it with connect {example}.",
            )
        found[part.key] = place
    return found


def _count(number: int) -> str:
    return f"{number} number{'' if number == 1 else 's'}"


def _known_places(parts: Sequence[StatePart], observation: Observation) -> dict[str, slice]:
    """Where the parts lie as far as it is known without being told."""
    assert observation.state is not None
    dim, world = len(observation.state), observation.world_state
    if world is not None and world.world == "tabletop":
        known = _TABLETOP if dim == _TABLETOP_DIM else {}
        return {part.key: known[part.means] for part in parts if part.means in known}
    if sum(part.count for part in parts) != dim:
        return {}
    found, at = {}, 0
    for part in parts:  # exactly the numbers that are wanted, in the usual order
        found[part.key] = slice(at, at + part.count)
        at += part.count
    return found
