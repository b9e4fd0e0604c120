"""The nouns of wamviz: what is handed to a model, and what comes back.

Contract: plain frozen dataclasses over numpy arrays, checked when built. Nothing here knows a model, a
world, a file or a page. Axis letters: T frames, K actions, H/W pixels, A action dims, D state dims,
N samples, S numbers in a world snapshot.

Alignment, everywhere: frame 0 is the context; frame t is shown at ``t / fps`` seconds; 0-based action k
ends at ``(k + 1) / action_rate``; state k (if known) is taken at ``k / action_rate``. Rows are matched by
time, never by index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from wamviz.core.camera import Camera as Camera
from wamviz.core.camera import Tool as Tool
from wamviz.core.errors import InvalidInput, WamvizError, unknown_name

Origin = Literal["imagined", "executed", "recorded"]
Mode = Literal["joint", "imagine_then_act", "act_only", "forward_dynamics", "inverse_dynamics", "video"]
ActionKind = Literal["ee_delta", "ee_pose", "joint_position", "joint_velocity", "unnamed"]

CAUTIONS = "cautions"  # in the meta of an imagined rollout: sentences that belong beside its picture
ORIGINS: tuple[str, ...] = get_args(Origin)
MODES: tuple[str, ...] = get_args(Mode)
ACTION_KINDS: tuple[str, ...] = get_args(ActionKind)

Frames = NDArray[np.uint8]
Floats = NDArray[np.float32]


def check_frames(frames: Any, what: str = "frames", ndim: int = 4) -> Frames:
    """Return ``frames`` as a uint8 RGB array of ``ndim`` axes, or raise ``WamvizError`` saying what it is."""
    array = np.asarray(frames)
    if array.dtype != np.uint8 or array.ndim != ndim or array.shape[-1] != 3 or 0 in array.shape:
        form = "(T, H, W, 3)" if ndim == 4 else "(H, W, 3)"
        raise InvalidInput(f"{what} must be a uint8 array of shape {form}, not {array.dtype} {array.shape}.")
    return array


def check_floats(values: Any, what: str, columns: int | None = None) -> Floats:
    """Return ``values`` as a finite float32 array of shape (rows, columns), or raise ``WamvizError``."""
    with np.errstate(over="ignore"):  # 1e300 becomes infinite, which is refused below
        array = np.asarray(values, np.float32)
    if array.ndim != 2 or (columns is not None and array.shape[1] != columns):
        want = f"(rows, {columns})" if columns is not None else "(rows, columns)"
        raise InvalidInput(f"{what} must have shape {want}, not {array.shape}.")
    if not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))[0]
        raise InvalidInput(f"{what} holds a value that is not finite at row {bad[0]}, column {bad[1]}.")
    return array


@dataclass(frozen=True)
class ActionSpace:
    """What the numbers of an action mean.

    Attributes:
        names: one name a dimension, e.g. ``("dx", "dy", "dz", "drx", "dry", "drz", "gripper")``.
        units: one unit a dimension, e.g. ``"m"``, ``"rad"``, ``"1"``.
        kind: how the pose part is to be read; ``unnamed`` when it is not known.
        rate: actions a second, in Hz, above 0.
        gripper_index: which dimension is the gripper, or None.
        gripper_closed: the gripper's value when closed (1 here; other robots use 0).
        low, high: limits a dimension, in its unit, or None when unknown.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    kind: str
    rate: float
    gripper_index: int | None = None
    gripper_closed: float = 1.0
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("names", "units", "low", "high"):  # JSON brings lists; equality wants tuples
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, tuple(value))
        if self.kind not in ACTION_KINDS:
            raise unknown_name("action kind", self.kind, ACTION_KINDS)
        if not self.names or len(self.units) != len(self.names):
            raise InvalidInput(
                f"An action space needs one unit a name: {len(self.names)} names, {len(self.units)} units."
            )
        if not self.rate > 0:
            raise InvalidInput(f"The action rate must be above 0 Hz, not {self.rate}.")
        if self.gripper_index is not None and not 0 <= self.gripper_index < self.dim:
            raise InvalidInput(f"gripper_index {self.gripper_index} lies outside 0..{self.dim - 1}.")
        if (self.low is None) != (self.high is None):
            raise InvalidInput("Give both action limits, low and high, or neither.")
        if self.low is not None and self.high is not None:
            if len(self.low) != self.dim or len(self.high) != self.dim:
                raise InvalidInput(f"Action limits need {self.dim} numbers each.")
            if any(not a < b for a, b in zip(self.low, self.high, strict=True)):
                raise InvalidInput("Every low action limit must lie below its high limit.")

    @property
    def dim(self) -> int:
        """The number of dimensions A."""
        return len(self.names)

    def clip(self, actions: Floats) -> Floats:
        """Actions (..., A) within the limits, float32, as a controller does; as they are where no limits are known."""
        if self.low is None or self.high is None:
            return np.asarray(actions, np.float32)
        return np.clip(actions, np.asarray(self.low), np.asarray(self.high)).astype(np.float32)

    @property
    def scale(self) -> Floats:
        """Half the range of each dimension, (A,); 1 where no limits are known. Errors are divided by it
        so that metres, radians and a gripper's 0..1 can be averaged."""
        if self.low is None or self.high is None:
            return np.ones(self.dim, np.float32)
        return ((np.asarray(self.high) - np.asarray(self.low)) / 2).astype(np.float32)

    @property
    def gripper_open(self) -> float:
        """The gripper's value when open: the limit that is not closed (LIBERO's -1), else 0 or 1."""
        if self.gripper_index is None or self.low is None or self.high is None:
            return 1.0 - self.gripper_closed
        ends = self.low[self.gripper_index], self.high[self.gripper_index]
        return max(ends, key=lambda end: abs(end - self.gripper_closed))

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; ``ActionSpace(**d)`` brings it back."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class WorldState:
    """The exact state of a simulated world, so that imagined actions can be executed from it.

    Attributes:
        world: the world's name, e.g. ``"tabletop"``.
        seed: the seed of its scene.
        snapshot: (S,) float64, what the world's ``restore`` takes; None means the state after ``reset(seed)``.
    """

    world: str
    seed: int
    snapshot: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Observation:
    """The context: one frame per camera, proprioceptive state if known, an instruction.

    Attributes:
        frames: camera name to (H, W, 3) uint8; the first is the main view.
        instruction: what the robot is told; may be empty.
        state: (D,) float32 or None.
        world_state: where the context lies in a world that can execute actions, or None.
        cameras: calibration by camera name, where known.
        source: the SOURCE string it came from (see the command line), or a short description.
        previous_action: (A,) float32, the action before the context, which the robot may still be following; None
            where there was none or it is not known.
        orientation: which way round the frames of a camera are, of ``core.orientation.ORIENTATIONS``, where the
            dataset says so: that matters where policies learned its pictures the other way round.
    """

    frames: Mapping[str, Frames]
    instruction: str = ""
    state: Floats | None = None
    world_state: WorldState | None = None
    cameras: Mapping[str, Camera] = field(default_factory=dict)
    source: str = ""
    previous_action: Floats | None = None
    orientation: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.frames:
            raise InvalidInput("An observation needs at least one camera frame.")
        for name, frame in self.frames.items():
            check_frames(frame, f"The frame of camera '{name}'", ndim=3)
        if self.state is not None:
            object.__setattr__(self, "state", check_floats(np.asarray(self.state)[None], "The state")[0])
        if self.previous_action is not None:
            previous = check_floats(np.asarray(self.previous_action)[None], "The previous action")[0]
            object.__setattr__(self, "previous_action", previous)

    @property
    def main_camera(self) -> str:
        """The name of the main view."""
        return next(iter(self.frames))

    @property
    def frame(self) -> Frames:
        """The main view's frame, (H, W, 3) uint8."""
        return self.frames[self.main_camera]


@dataclass(frozen=True)
class Rollout:
    """A sequence of frames with (or without) actions and states: imagined, executed or recorded alike.

    Attributes:
        origin: ``imagined`` (out of a model's sampling loop), ``executed`` (out of physics) or ``recorded``
            (read from a file).
        frames: (T, H, W, 3) uint8 or None when there is no video (``act_only``); frame 0 is the context.
        fps: frames a second, above 0.
        actions: (K, A) float32 in ``action_space``'s units, or None.
        action_space: required with actions.
        states: (M, D) float32 at ``action_space.rate`` starting with the context, or None. In the tabletop
            D = 14: end-effector xyz (m), rotation vector (rad), gripper 0..1, seven joints (rad).
        instruction, camera: what it answers and which view it shows.
        camera_model: calibration of that view at ``frames``' size, where known.
        success: whether the task succeeded, where a world can tell.
        seed: the sampling seed of an imagined rollout.
        meta: JSON-ready extras (model id, mode, timings, source ...).
    """

    origin: str
    frames: Frames | None
    fps: float
    actions: Floats | None = None
    action_space: ActionSpace | None = None
    states: Floats | None = None
    instruction: str = ""
    camera: str = ""
    camera_model: Camera | None = None
    success: bool | None = None
    seed: int | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.origin not in ORIGINS:
            raise unknown_name("origin", self.origin, ORIGINS)
        if not self.fps > 0:
            raise InvalidInput(f"A rollout's frame rate must be above 0, not {self.fps}.")
        if self.frames is None and self.actions is None:
            raise InvalidInput("A rollout needs frames or actions.")
        if self.frames is not None:
            check_frames(self.frames)
        if self.actions is not None:
            if self.action_space is None:
                raise InvalidInput("A rollout with actions must say their action space.")
            object.__setattr__(self, "actions", check_floats(self.actions, "Actions", self.action_space.dim))
        if self.states is not None:
            object.__setattr__(self, "states", check_floats(self.states, "States"))
        if self.success is not None:
            if not isinstance(self.success, bool | np.bool_):
                raise WamvizError(f"A rollout's success is true, false or None, not {self.success!r}.")
            object.__setattr__(self, "success", bool(self.success))

    @property
    def duration(self) -> float:
        """Seconds from the context to the last frame or the end of the last action, whichever is later."""
        video = (len(self.frames) - 1) / self.fps if self.frames is not None else 0.0
        acting = float(self.action_times[-1]) if self.actions is not None and len(self.actions) else 0.0
        return max(video, acting)

    @property
    def frame_times(self) -> NDArray[np.float64]:
        """(T,) seconds; frame 0, the context, is at 0."""
        return np.arange(0 if self.frames is None else len(self.frames)) / self.fps

    @property
    def action_times(self) -> NDArray[np.float64]:
        """(K,) seconds at which each action has ended: (k + 1) / rate."""
        if self.actions is None or self.action_space is None:
            return np.zeros(0)
        return (np.arange(len(self.actions)) + 1) / self.action_space.rate


def cut(rollout: Rollout, seconds: float) -> Rollout:
    """The part of ``rollout`` up to ``seconds`` after its context, half a step of tolerance included."""
    frames = rollout.frames
    if frames is not None:
        frames = frames[: max(1, int(np.floor(seconds * rollout.fps + 0.5)) + 1)]
    actions, states = rollout.actions, rollout.states
    if rollout.action_space is not None:
        count = max(1, int(np.floor(seconds * rollout.action_space.rate + 0.5)))
        actions = None if actions is None else actions[:count]
        states = None if states is None else states[: count + 1]
    return replace(rollout, frames=frames, actions=actions, states=states)


@dataclass(frozen=True)
class ImagineRequest:
    """What is asked of a model.

    Attributes:
        observation: the context and the instruction.
        mode: one of ``MODES``; the model's capabilities say which it has.
        seed: sampling seed, 0 .. 2**31 - 1; sample i uses ``seed + i``.
        samples: how many rollouts (the fan), 1 .. 64.
        steps: denoising steps, or None for the model's default.
        actions: (K, A) float32, needed by ``forward_dynamics``.
        video: (T, H, W, 3) uint8 with the context first, needed by ``inverse_dynamics``.
        horizon: frames to imagine in all, without the context, at the model's frame rate; None is one chunk, or
            until the task is done of a model that can tell, or with given actions or a given video as long as they are.
        guidance: how much the words weigh, by classifier-free guidance (arXiv 2207.12598): 1 as trained, above 1
            more, 0 not at all; 0 .. 20.
    """

    observation: Observation
    mode: str = "joint"
    seed: int = 0
    samples: int = 1
    steps: int | None = None
    actions: Floats | None = None
    video: Frames | None = None
    horizon: int | None = None
    guidance: float = 1.0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise unknown_name("mode", self.mode, MODES)
        if not 0 <= self.seed < 2**31:
            raise InvalidInput(f"The seed must lie in 0 .. {2**31 - 1}, not {self.seed}.")
        if not 1 <= self.samples <= 64:
            raise InvalidInput(f"Samples must be 1 .. 64, not {self.samples}.")
        if self.steps is not None and not 1 <= self.steps <= 200:
            raise InvalidInput(f"Steps must be 1 .. 200, not {self.steps}.")
        if not 0 <= self.guidance <= 20:  # neither is NaN
            raise InvalidInput(f"Guidance must be 0 .. 20, not {self.guidance}.")
        if self.horizon is not None and self.horizon < 1:
            raise InvalidInput(f"The horizon must be at least 1 frame, not {self.horizon}.")
        if self.mode == "forward_dynamics" and self.actions is None:
            raise InvalidInput("Mode forward_dynamics needs actions to obey.", "Give them with --actions FILE.")
        if self.mode == "inverse_dynamics" and self.video is None:
            raise InvalidInput("Mode inverse_dynamics needs a video to explain.", "Give it with --video FILE.")
        if self.video is not None:
            check_frames(self.video, "The video")
        if self.actions is not None:
            object.__setattr__(self, "actions", check_floats(self.actions, "Actions"))


@dataclass(frozen=True)
class Preview:
    """One step of imagining, for the eyes and the progress bar.

    Attributes:
        step, steps: steps done and steps in all; ``step == 0`` means that the context is encoded.
        frames: (N, T, H, W, 3) uint8 as the model sees them now, or None.
        actions: (N, K, A) float32 as the model sees them now, or None.
        note: a few words on what is happening (``"video"``, ``"actions"`` ...).
    """

    step: int
    steps: int
    frames: Frames | None = None
    actions: Floats | None = None
    note: str = ""


@dataclass(frozen=True)
class Imagined:
    """The end of a stream: one rollout per sample, and what it took.

    Attributes:
        rollouts: N rollouts with origin ``imagined``.
        timings: seconds by part, e.g. ``{"total": 1.2, "encode": 0.1, "denoise": 0.9, "decode": 0.2}``.
        notes: plain sentences for the user (out-of-distribution frame, unknown words ...).
    """

    rollouts: tuple[Rollout, ...]
    timings: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.rollouts or any(r.origin != "imagined" for r in self.rollouts):
            raise WamvizError("A stream must end with at least one rollout of origin 'imagined'.")
