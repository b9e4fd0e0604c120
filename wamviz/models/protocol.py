"""The one protocol that every model answers.

A model is anything with ``capabilities`` and ``imagine(request)``, a generator that yields ``Preview``s and
ends with one ``Imagined``. Stopping is closing the generator: sampling happens between yields, so
``generator.close()`` really stops it. The batch call ``collect`` only drains the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from wamviz.core.errors import NotFound, WamvizError, unknown_name
from wamviz.core.rollout import MODES, ActionSpace, Floats, Frames, Imagined, ImagineRequest, Observation, Preview

ImagineStream = Iterator[Preview | Imagined]
OPEN_ENDED = ("joint", "imagine_then_act", "video")  # modes that can go on until the task is done


@dataclass(frozen=True)
class Capabilities:
    """What a model can do, known without loading it.

    Attributes:
        model_id: the name used everywhere, e.g. ``"mini-wam"``.
        title: the name shown to people.
        description: one sentence.
        modes: subset of ``MODES``, in the order in which they are offered.
        action_space: of the actions it returns, or None for a video-only model.
        frame_size: (H, W) of its video, or None when it follows the context.
        video_fps: frames a second of its video.
        horizon: imagined frames a chunk, without the context; a rollout is one chunk where nothing else is asked.
        default_steps: denoising steps when the request names none; 0 when it does not denoise.
        max_steps, max_samples: upper limits of a request.
        cameras: views that it can use; the first is required.
        deterministic: same seed, same device, same rollout.
        uses_instruction: whether the instruction changes anything.
        worlds: worlds in which its actions can be executed, e.g. ``("tabletop",)``.
        control: a control (baseline), not a model that learned something.
        extras: adapter-specific facts for the table of models (paradigm, parameters, licence ...); ``"knows":
            "measured"`` of a model whose notes say which frames it does not know; ``"origin"`` says where its weights
            come from and ``"weights_digest"`` which weights that is said of.
        max_guidance: the strongest guidance of a request; 1 where the model has none.
        max_horizon: frames of the longest rollout, imagined chunk after chunk; None where a chunk is all.
        open_horizon: frames at most of a rollout whose length nobody asked for, of a model that goes on until the task
            is done (modes ``OPEN_ENDED``); None where that is one chunk.
        drivable: it can also be driven, action by action, see ``DrivableModel``.
    """

    model_id: str
    title: str
    description: str
    modes: tuple[str, ...]
    action_space: ActionSpace | None
    frame_size: tuple[int, int] | None
    video_fps: float
    horizon: int
    default_steps: int = 0
    max_steps: int = 100
    max_samples: int = 16
    cameras: tuple[str, ...] = ("exterior",)
    deterministic: bool = True
    uses_instruction: bool = True
    worlds: tuple[str, ...] = ()
    control: bool = False
    extras: dict[str, Any] = field(default_factory=dict)
    max_horizon: int | None = None
    max_guidance: float = 1.0
    open_horizon: int | None = None
    drivable: bool = False

    def __post_init__(self) -> None:
        for mode in self.modes:
            if mode not in MODES:
                raise unknown_name("mode", mode, MODES)
        if not self.modes:
            raise WamvizError(f"Model '{self.model_id}' declares no mode.")

    def check_mode(self, mode: str) -> None:
        """Raise ``NotFound`` unless ``mode`` is one of this model's."""
        if mode not in MODES:
            raise unknown_name("mode", mode, self.modes)
        if mode not in self.modes:
            raise NotFound(f"{self.title} has no mode '{mode}'.", f"Its modes are: {', '.join(self.modes)}.")

    @property
    def longest(self) -> int:
        """Frames of the longest rollout, without the context; never below one chunk."""
        return max(self.horizon, self.max_horizon or 0)

    def unasked(self, mode: str) -> int:
        """Frames at most of a rollout in ``mode`` whose length nobody asked for."""
        return self.open_horizon or self.horizon if mode in OPEN_ENDED else self.horizon


@runtime_checkable
class WorldActionModel(Protocol):
    """What an adapter implements; see ``baselines.py`` for the smallest ones."""

    capabilities: Capabilities

    def imagine(self, request: ImagineRequest) -> ImagineStream:
        """Yield a ``Preview`` per step and end with one ``Imagined``."""
        ...


@dataclass(frozen=True, eq=False)
class DreamStep:
    """An imagined world after an action.

    Attributes:
        frame: (H, W, 3) uint8, what its camera sees.
        dream: how it goes on from there.
        places: (3,) m in the robot's frame of the ``"hand"`` and of things by name, as far as the model says them.
    """

    frame: Frames
    dream: Dream
    places: Mapping[str, Floats] = field(default_factory=dict)


class Dream(Protocol):
    """A moment of an imagined world. It never changes, so any number of futures can go on from it."""

    def step(self, actions: Floats) -> tuple[DreamStep, ...]:
        """What actions (K, A), clipped to the action space, lead to: K steps. The same actions, the same bits."""
        ...


@runtime_checkable
class DrivableModel(WorldActionModel, Protocol):
    """A model that can be driven: handed a few actions at a time, it goes on from what it imagined last."""

    def open_drive(self, observation: Observation, seed: int = 0) -> DreamStep:
        """The context as the model takes it in; its ``dream`` goes on from there."""
        ...


@dataclass(frozen=True)
class ModelEntry:
    """A registered model: what it can do, whether it can run here, and how to load it.

    Attributes:
        capabilities: known without loading.
        load: builds the model on a device (``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"``).
        missing: returns None when it can run here, else one sentence saying what is missing and how to get it.
        resident: whether it takes a device's memory while it is loaded, and the device's time while it imagines; a
            server or a control does not. A model may have ``unload()``, called before it is dropped.
    """

    capabilities: Capabilities
    load: Callable[[str], WorldActionModel]
    missing: Callable[[], str | None] = lambda: None
    resident: bool = True


Register = Callable[[], list[ModelEntry]]  # what an entry point of the group ``wamviz.models`` names
CHANGING = "models_change"


def changing(register: Register) -> Register:
    """Mark a hook whose models come and go while the program runs.

    It is asked again (``registry.refresh``), and returns the same entry objects for what is as it was, so that loaded
    weights stay.
    """
    setattr(register, CHANGING, True)
    return register


def needs_words(capabilities: Capabilities, mode: str) -> bool:
    """Whether an instruction has to be given; given actions and given videos say themselves what happens."""
    return capabilities.uses_instruction and mode not in ("forward_dynamics", "inverse_dynamics")


def check_request(capabilities: Capabilities, request: ImagineRequest) -> None:
    """Raise ``WamvizError`` when this model cannot serve this request."""
    name = capabilities.title
    capabilities.check_mode(request.mode)
    if needs_words(capabilities, request.mode) and not request.observation.instruction.strip():
        hint = "Say what the robot should do, e.g. 'pick up the orange' (--instruction TEXT)."
        raise WamvizError("The instruction is empty.", hint)
    if len(request.observation.instruction) > 500:
        raise WamvizError("The instruction is longer than 500 characters.", "Shorten it to a sentence or two.")
    if request.samples > capabilities.max_samples:
        raise WamvizError(f"{name} draws at most {capabilities.max_samples} samples, not {request.samples}.")
    if request.steps is not None and request.steps > capabilities.max_steps:
        raise WamvizError(f"{name} takes at most {capabilities.max_steps} steps, not {request.steps}.")
    if request.guidance != 1 and capabilities.max_guidance <= 1:
        raise WamvizError(f"{name} has no guidance.", "Leave it at 1.")
    if request.guidance > capabilities.max_guidance:
        raise WamvizError(f"{name} takes guidance up to {capabilities.max_guidance:g}, not {request.guidance:g}.")
    if request.horizon is not None and request.horizon > capabilities.longest:
        raise WamvizError(f"{name} imagines at most {capabilities.longest} frames, not {request.horizon}.")
    if request.mode == "act_only" and frames_asked(capabilities, request) > capabilities.horizon:
        raise WamvizError(
            f"Mode act_only imagines no frame from which it could go on after {capabilities.horizon} actions.",
            f"Ask for a horizon of at most {capabilities.horizon}, or for another mode.",
        )
    space = capabilities.action_space
    if request.mode == "forward_dynamics" and request.actions is not None and space is not None:
        if request.actions.shape[1] != space.dim:
            raise WamvizError(
                f"{name} takes actions of {space.dim} numbers, not {request.actions.shape[1]}.",
                f"In order: {', '.join(f'{n} ({u})' for n, u in zip(space.names, space.units, strict=True))}.",
            )


def open_ended(capabilities: Capabilities, request: ImagineRequest) -> bool:
    """Whether the model itself decides how long this rollout becomes."""
    return capabilities.open_horizon is not None and request.horizon is None and request.mode in OPEN_ENDED


def frames_asked(capabilities: Capabilities, request: ImagineRequest) -> int:
    """How many frames this request is answered with, without the context.

    Without a horizon it is one chunk (at least, of a model that goes on until the task is done); with given actions or
    a given video it is as many as those last, at most the model's longest rollout. A horizon shortens what is given and
    never lengthens it.
    """
    given: int | None = None
    if request.mode == "forward_dynamics" and request.actions is not None:
        space = capabilities.action_space
        rate = capabilities.video_fps if space is None else space.rate
        given = max(1, round(len(request.actions) / rate * capabilities.video_fps))
    elif request.mode == "inverse_dynamics" and request.video is not None:
        given = max(1, len(request.video) - 1)
    if given is None:
        return request.horizon or capabilities.horizon
    return min(given, request.horizon or given, capabilities.longest)


def collect(model: WorldActionModel, request: ImagineRequest) -> Imagined:
    """Drain the stream of ``model.imagine(request)`` and return its end."""
    end = [event for event in model.imagine(request) if isinstance(event, Imagined)]
    if not end:
        raise WamvizError(f"Model '{model.capabilities.model_id}' stopped without a rollout.")
    return end[-1]
