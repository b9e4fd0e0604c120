"""One question to a server and the replies to it: what every protocol shares.

Contract: a ``PolicyRequest`` is checked against the context before anything is sent; a ``PolicyResponse`` holds what
the server returned and nothing else, with the units of its numbers. A ``PolicyProtocol`` is a module that speaks to one
kind of server. Axis letters: T frames, H/W pixels, K actions, A numbers of an action.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np

from wamviz.core.errors import InvalidInput
from wamviz.core.orientation import reorient
from wamviz.core.rollout import ActionSpace, Camera, Floats, Frames, ImagineRequest
from wamviz.models.connections import Connection
from wamviz.models.remote.codec import LIMITS, CodecLimits, malformed
from wamviz.models.remote.context import Wanted, choose_cameras, numbers, pictures, places, short
from wamviz.models.remote.kinds import ORIENTATION, ServerKind, kind_of, robot_of
from wamviz.models.remote.network import Server
from wamviz.models.remote.robots import Robot, RobotView, StatePart

MAX_FRAMES = 2000  # of a returned video: two minutes at 15 frames a second
MAX_ACTIONS = 10_000


@dataclass(frozen=True)
class PolicyResponse:
    """One sample as the server gave it.

    Attributes:
        actions: (K, A) float32 in ``space``; None when video alone came back.
        space: what its numbers mean; None without actions.
        frames: (T, H, W, 3) uint8, the context first; None when no video came back.
        camera: which of the context's cameras ``frames`` shows.
        meta: JSON-ready facts that came with it, such as a value.
        notes: sentences for the user.
        server_s: seconds that the server says it took, or None.
        video_fps: frames a second where the video says it itself; 0 where the last frame ends the last action.
        middle: which share of the camera's picture, about its middle, the frames show; 1 is all of it.
    """

    actions: Floats | None
    space: ActionSpace | None
    frames: Frames | None = None
    camera: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    server_s: float | None = None
    video_fps: float = 0.0
    middle: float = 1.0

    def __post_init__(self) -> None:
        if self.actions is None or self.space is None:
            if self.frames is None or not self.video_fps > 0:
                raise malformed("it has neither actions nor a video")
        elif self.actions.ndim != 2 or self.actions.shape[1] != self.space.dim:
            raise malformed(f"its actions have shape {self.actions.shape}")

    @property
    def fps(self) -> float:
        """Frames a second: the video's own, else so that the last frame shows the end of the last action."""
        if self.video_fps or self.actions is None or self.space is None:
            return self.video_fps
        if self.frames is None or len(self.frames) < 2:
            return self.space.rate
        return self.space.rate * (len(self.frames) - 1) / len(self.actions)

    def seen_by(self, camera: Camera | None) -> Camera | None:
        """The calibration of ``frames``, from that of the whole picture; None where there is none, or no frames."""
        if camera is None or self.frames is None:
            return None
        inside = camera.intrinsics.copy()
        inside[:2, 2] -= np.array([camera.width, camera.height]) * (1 - self.middle) / 2
        inside[:2] /= self.middle  # what is left is scaled to the whole picture's size
        return replace(camera, intrinsics=inside).resized(self.frames.shape[2], self.frames.shape[1])


Report = Callable[[str | PolicyResponse], None]


@dataclass(frozen=True)
class PolicyRequest:
    """What is asked of one server.

    Attributes:
        title: the model's, for messages.
        connection: as the user named it.
        server: where it is, with its token.
        robot: whose views, state and actions are meant.
        imagine_request: as the model protocol hands it over; None when only looking whether a server is there.
        action_space_told: whether the server said itself what its actions mean.
    """

    title: str
    connection: Connection
    server: Server
    robot: Robot
    imagine_request: ImagineRequest | None = None
    action_space_told: bool = False

    @property
    def imagine(self) -> ImagineRequest:
        """The request, which is there whenever somebody imagines."""
        assert self.imagine_request is not None
        return self.imagine_request

    def sample(self, index: int) -> PolicyRequest:
        """The question for one of the samples alone, with the seed that is its own."""
        imagine = self.imagine
        return replace(self, imagine_request=replace(imagine, samples=1, seed=imagine.seed + index))

    @property
    def prompt(self) -> str:
        """The instruction."""
        return self.imagine.observation.instruction

    @property
    def wanted(self) -> Wanted:
        """What the server wants of the context, with the user's own words on where it is."""
        robot, told = self.robot, self.connection
        return Wanted(self.title, robot.views, robot.state, told.views, told.places())

    @cached_property
    def cameras(self) -> dict[str, str]:
        """The context's camera for each view, by key."""
        return choose_cameras(self.wanted, self.imagine.observation)

    @cached_property
    def pictures(self) -> dict[str, Frames]:
        """The frames to send, (H, W, 3) uint8 by key, the way round that the policy learned them."""
        sent = pictures(self.wanted, self.imagine.observation, self.cameras)
        return {key: self.turned(frame, self.cameras[key]) for key, frame in sent.items()}

    def orientation(self, camera: str) -> tuple[str, str]:
        """Which way round a camera's pictures are and are wanted; twice the same where nothing is known of it."""
        known = self.imagine.observation.orientation.get(camera, "")
        if (
            not known and ORIENTATION in self.connection.settings
        ):  # what is shown is upright, unless a dataset says else
            known = "upright"
        wanted = self.robot.orientation
        return (known, wanted) if known and wanted else ("upright", "upright")

    def turned(self, frames: Frames, camera: str, *, back: bool = False) -> Frames:
        """(..., H, W, 3) of a camera the way round that is wanted; or ``back`` the way round that they were."""
        now, wanted = self.orientation(camera)
        return reorient(frames, wanted, now) if back else reorient(frames, now, wanted)

    def as_shown(self, reply: PolicyResponse) -> PolicyResponse:
        """The reply with its frames the way round of the context, so that they lie over a recording."""
        camera = reply.camera or self.imagine.observation.main_camera
        return reply if reply.frames is None else replace(reply, frames=self.turned(reply.frames, camera, back=True))

    @property
    def orientation_notes(self) -> tuple[str, ...]:
        """What was done about which way round the pictures are, or what could not be known, as notes."""
        wanted, known = self.robot.orientation, self.imagine.observation.orientation
        turned = [camera for camera in self.cameras.values() if len(set(self.orientation(camera))) > 1]
        if turned:
            return (
                f"Sent {wanted}, as its policies learned them: {', '.join(dict.fromkeys(turned))}; shown as they were.",
            )
        if wanted and not known and ORIENTATION not in self.connection.settings:
            return (
                f"Its policies learned their pictures {wanted}. This context does not say which way round its own are; "
                f"they were sent as they are. If they are shown upright: connect --set {ORIENTATION}={wanted}.",
            )
        if known and not wanted:
            return (
                "Policies learned the pictures of this context's dataset mirrored or upright; they were sent as they "
                f"are shown. Say which with connect --set {ORIENTATION}=mirrored.",
            )
        return ()

    @cached_property
    def numbers(self) -> dict[str, Floats]:
        """The parts of the state to send, (count,) float32 by key."""
        return numbers(self.wanted, self.imagine.observation)

    @property
    def sent(self) -> str:
        """Which camera and which numbers were sent as what, in words: they are matched by name and count alone."""
        parts = [f"{short(key)}: camera {camera}" for key, camera in self.cameras.items()]
        found = places(self.wanted, self.imagine.observation)
        parts += [f"{short(key)}: {place.start}:{place.stop} of the state" for key, place in found.items()]
        return f"What the server was sent: {'; '.join(parts)}."

    def with_robot(
        self, views: tuple[RobotView, ...], state: tuple[StatePart, ...], space: ActionSpace
    ) -> PolicyRequest:
        """The same request to a server that said itself what it wants and returns."""
        return replace(self, robot=replace(self.robot, views=views, state=state, actions=space))

    @property
    def seen(self) -> tuple[RobotView, ...]:
        """The robot's views that the context has; all but optional ones."""
        return tuple(view for view in self.robot.views if view.key in self.cameras)

    @property
    def shown(self) -> RobotView:
        """The view whose video is shown: that of the context's main camera, else the robot's first exterior one."""
        views = self.seen
        main = [view for view in views if self.cameras[view.key] == self.imagine.observation.main_camera]
        return next(iter(main or [view for view in views if view.role == "exterior"] or views))


class PolicyProtocol(Protocol):
    """What the module of a kind of server offers."""

    def check(self, request: PolicyRequest) -> None:
        """Raise ``WamvizError`` before anything is sent when the context lacks what the server needs."""

    def ask(self, request: PolicyRequest, report: Report) -> Awaitable[None]:
        """Ask for one sample, of a kind that draws them ``together`` for all; report each, and words in between."""

    def probe(self, request: PolicyRequest) -> Awaitable[str]:
        """Say in a sentence what answers there, without asking for actions."""


def protocol_of(kind: ServerKind) -> PolicyProtocol:
    """The module that speaks to servers of this kind."""
    module: Any = import_module(f"wamviz.models.remote.{kind.module}")
    return cast(PolicyProtocol, module)


def policy_request(
    connection: Connection, imagine_request: ImagineRequest | None = None, limits: CodecLimits = LIMITS
) -> PolicyRequest:
    """What a connection asks, with its token out of the environment."""
    server, robot = server_of(connection, limits), robot_of(connection)
    return PolicyRequest(connection.name, connection, server, robot, imagine_request)


def server_of(connection: Connection, limits: CodecLimits = LIMITS) -> Server:
    """Where a connection leads, with its token out of the environment."""
    kind = kind_of(connection.kind)
    token = connection.token()
    if token.startswith("Basic "):  # a name and a password, which a server or a proxy before it may want
        headers = {"Authorization": token, "Proxy-Authorization": token}
    else:
        headers = {kind.token_header: f"{kind.token} {token}".strip()} if token else {}
    return Server(
        connection.url,
        headers=headers,
        reply_s=connection.timeout,
        ca_file=connection.ca_file or None,
        limits=limits,
    )


def actions_from(value: Any, space: ActionSpace, who: str) -> Floats:
    """The actions (K, A) of a reply, or ``WamvizError`` when they are none or of another robot.

    Args:
        value: an array or lists of numbers; one leading axis of length 1 is taken off.
    """
    try:
        with np.errstate(over="ignore"):
            actions = np.asarray(value, np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise malformed("its actions are no table of numbers") from error
    if actions.ndim == 3 and len(actions) == 1:
        actions = actions[0]
    if actions.ndim != 2 or not len(actions):
        raise malformed(f"its actions have shape {actions.shape}")
    if len(actions) > MAX_ACTIONS:
        raise malformed(f"it has {len(actions)} actions; {MAX_ACTIONS} are the most that are taken")
    if not np.isfinite(actions).all():
        row, column = np.argwhere(~np.isfinite(actions))[0]
        raise malformed(f"its actions hold a value that is not finite at row {row}, column {column}")
    if actions.shape[1] != space.dim:
        raise InvalidInput(
            f"The server returned actions of {actions.shape[1]} numbers; {who} takes {space.dim}: "
            f"{', '.join(space.names)}.",
            "Another --robot may fit: see connect --kinds.",
        )
    return actions.copy()  # out of the message's memory


def video_from(value: Any) -> Frames:
    """The video (T, H, W, 3) uint8 of a reply, or ``WamvizError``.

    Args:
        value: an array, or a list of its frames; also with an axis of 1 before it, with the colours first, or with
            numbers from 0 to 1, as networks and their libraries leave it.
    """
    if isinstance(value, list) and value and all(isinstance(one, np.ndarray) for one in value):
        if len({(one.shape, one.dtype) for one in value}) > 1:
            raise malformed("the frames of its video differ in size")
        value = np.stack(value)
    if isinstance(value, np.ndarray):
        value = value[0] if value.ndim == 5 and len(value) == 1 else value
        if value.ndim == 4 and value.shape[1] == 3 and value.shape[-1] != 3:
            value = np.moveaxis(value, 1, -1)
        if value.dtype.kind == "f" and value.ndim == 4 and value.shape[-1] == 3:
            if not value.size or not 0 <= float(value.min()) <= float(value.max()) <= 1.001:
                raise malformed("its video holds values outside 0 .. 1")
            value = np.round(np.minimum(value, 1) * 255).astype(np.uint8)
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.ndim != 4 or value.shape[-1] != 3:
        what = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
        raise malformed(f"its video is no uint8 (T, H, W, 3) but {what}")
    if not 1 < len(value) <= MAX_FRAMES or 0 in value.shape:
        raise malformed(f"its video has {len(value)} frames of {value.shape[1]} x {value.shape[2]}")
    return value


def seconds(reply: Mapping[str, Any]) -> float | None:
    """What a reply of openpi's servers says that inference took, in seconds."""
    timing = reply.get("server_timing")
    spent = timing.get("infer_ms") if isinstance(timing, Mapping) else None
    known = isinstance(spent, int | float | np.number) and bool(0 <= spent < 1e9)
    return float(spent) / 1000 if known and spent is not None else None
