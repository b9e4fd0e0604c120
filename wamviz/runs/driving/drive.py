"""A drive: a person gives the actions, a model imagines what they lead to, and physics does the same beside it.

Contract: a ``Drive`` never changes; ``step``, ``rewind`` and ``branch`` return another one, so that a moment can be
gone back to and gone on from in several ways. The same actions from the same moment give the same bits, on both sides.
Whether the task is done is physics' judgement. It knows models by their protocol, and no page.

Axis letters: K actions, A action dims, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from wamviz.core.errors import InvalidInput
from wamviz.core.media import fit_square
from wamviz.core.rollout import ActionSpace, Camera, Floats, Frames, check_floats
from wamviz.models.protocol import Capabilities, Dream, DrivableModel, WorldActionModel
from wamviz.runs.driving.turns import check_drivable
from wamviz.runs.driving.world import DriveWorld, Real
from wamviz.runs.execution import why_not
from wamviz.runs.sources import Context

if TYPE_CHECKING:
    from wamviz.worlds.tabletop import Task

STEP_MOST = 4  # actions of one step
LONGEST = 300  # actions of a drive, a minute at 5 Hz


@dataclass(frozen=True)
class Drift:
    """How far the dream is from physics.

    Attributes:
        hand: cm between the hands; thing: cm between the two places of ``which``, the thing that is farthest off.
        picture: mean difference of the pictures, in percent of the full range.
        hand_px, thing_px: the same two distances as the camera sees them, in pixels of the imagined picture; None where
            it is not calibrated.
    """

    hand: float | None
    thing: float | None
    which: str
    picture: float
    hand_px: float | None = None
    thing_px: float | None = None


@dataclass(frozen=True, eq=False)
class Moment:
    """What there is after an action.

    Attributes:
        frame: (H, W, 3) uint8, imagined; dream: how that goes on.
        action: (A,) which led here; None at the start.
        real, drift: physics beside it, where there is one.
    """

    frame: Frames
    dream: Dream
    action: Floats | None = None
    real: Real | None = None
    drift: Drift | None = None


@dataclass(frozen=True, eq=False)
class Drive:
    """A drive so far.

    Attributes:
        context: where it started.
        capabilities, weights_digest, seed: of the model, and what it imagines with.
        task: what is to be done, in words; may be empty.
        moments: the start, and one after every action.
        steps: actions of each step.
        why_not_real: why there is no physics beside it, in a sentence; "" where there is.
        why_no_task: why success cannot be told, likewise.
        dropped: steps that could not be kept up with.
    """

    context: Context
    capabilities: Capabilities
    weights_digest: str
    seed: int
    task: str
    moments: tuple[Moment, ...]
    why_not_real: str
    why_no_task: str
    steps: tuple[int, ...] = ()
    dropped: int = 0
    world: DriveWorld | None = field(default=None, repr=False)
    goal: Task | None = field(default=None, repr=False)

    @property
    def actions(self) -> Floats:
        """(K, A), all that was done."""
        taken = [moment.action for moment in self.moments if moment.action is not None]
        return np.stack(taken) if taken else np.zeros((0, self.space.dim), np.float32)

    @property
    def space(self) -> ActionSpace:
        """What the actions mean."""
        assert self.capabilities.action_space is not None
        return self.capabilities.action_space

    def step(self, actions: Sequence[Sequence[float]] | Floats) -> Drive:
        """Do 1 to ``STEP_MOST`` actions (K, A), clipped to the action space.

        Raises:
            InvalidInput: they are too many or misshapen, or the drive is at its longest.
        """
        given = check_floats(actions, "The actions", self.space.dim)
        if not 1 <= len(given) <= STEP_MOST:
            raise InvalidInput(f"A step has 1 to {STEP_MOST} actions, not {len(given)}.")
        if len(self.moments) + len(given) > LONGEST + 1:
            raise InvalidInput(f"A drive has at most {LONGEST} actions.", "Keep it, rewind, or start anew.")
        legal, last = self.space.clip(given), self.moments[-1]
        coming, seen = None, self.context.observation
        camera = seen.main_camera
        if self.world is not None and last.real is not None:
            scene = seen.world_state
            assert scene is not None
            coming = self.world.begin(scene.seed, last.real, legal, camera, self.goal)
        dreamed = last.dream.step(legal)
        happened = [None] * len(legal) if coming is None else coming.result()
        moments = []
        for action, imagined, beside in zip(legal, dreamed, happened, strict=True):
            real, drift = None, None
            if beside is not None:
                real = beside[0]
                drift = measure_drift(imagined.frame, imagined.places, *beside, seen.cameras.get(camera))
            moments.append(Moment(imagined.frame, imagined.dream, action, real, drift))
        return replace(self, moments=(*self.moments, *moments), steps=(*self.steps, len(legal)))

    def branch(self, moment: int) -> Drive:
        """The drive as it was after ``moment`` actions, to go on from in another way.

        Raises:
            InvalidInput: there is no such moment.
        """
        if not 0 <= moment < len(self.moments):
            raise InvalidInput(f"The drive has no moment {moment}.", f"Its moments are 0 .. {len(self.moments) - 1}.")
        kept, left = [], moment
        for count in self.steps:
            kept.append(min(count, left))
            left -= kept[-1]
        return replace(self, moments=self.moments[: moment + 1], steps=tuple(count for count in kept if count))

    def rewind(self, count: int) -> Drive:
        """The drive without its last ``count`` actions."""
        return self.branch(len(self.moments) - 1 - count)


def measure_drift(
    frame: Frames, places: Mapping[str, Floats], real: Real, picture: Frames, camera: Camera | None = None
) -> Drift:
    """How far an imagined frame (H, W, 3) and its places are from the real ones."""
    apart = {
        name: 100 * float(np.linalg.norm(place - real.places[name]))
        for name, place in places.items()
        if name in real.places
    }
    hand = apart.pop("hand", None)
    which = max(apart, key=lambda name: apart[name], default="")
    shown = picture if picture.shape == frame.shape else fit_square(picture[None], frame.shape[0])[0]
    off = float(np.abs(shown.astype(np.int16) - frame).mean()) / 2.55

    def pixels(name: str) -> float | None:
        """Between the two places of a thing, in the picture."""
        if camera is None or name not in places or name not in real.places:
            return None
        both = np.concatenate([np.stack([places[name], real.places[name]]), np.ones((2, 1))], axis=1)
        seen = both @ camera.square_projection().T  # (2, 3)
        if (seen[:, 2] <= 0).any():
            return None
        (u, v), (x, y) = frame.shape[0] * seen[:, :2] / seen[:, 2:]
        return float(np.hypot(u - x, v - y))

    return Drift(hand, apart.get(which), which, off, pixels("hand"), pixels(which))


def open_drive(model: WorldActionModel, context: Context, world: DriveWorld | None = None, seed: int = 0) -> Drive:
    """A drive that starts at ``context``; its task is the context's instruction.

    Args:
        world: where physics does the same; None for the dream alone.

    Raises:
        WamvizError: the model cannot be driven, or the world cannot be drawn.
    """
    caps, seen = model.capabilities, context.observation
    check_drivable(caps)
    assert isinstance(model, DrivableModel) and caps.action_space is not None
    why = why_not(seen.world_state, np.zeros((1, caps.action_space.dim), np.float32), caps.action_space) or ""
    if world is None and not why:
        why = "Physics was left out."
    first = model.open_drive(seen, seed)
    real = drift = goal = None
    no_task = ""
    if world is not None and not why:
        assert seen.world_state is not None
        real, picture, goal, no_task = world.look(seen.world_state, seen.main_camera, context.instruction)
        drift = measure_drift(first.frame, first.places, real, picture, seen.cameras.get(seen.main_camera))
    return Drive(
        context, caps, str(getattr(model, "weights_digest", "")), seed, context.instruction,
        (Moment(first.frame, first.dream, None, real, drift),), why, no_task, world=None if why else world, goal=goal,
    )  # fmt: skip
