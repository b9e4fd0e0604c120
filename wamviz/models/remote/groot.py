"""GR00T's policy server over ZeroMQ: it says which views, states and words it wants, and returns actions by name.

Contract: a request names an ``endpoint`` and carries the token; ``get_modality_config`` is asked first and decides what
is sent; ``{"error": words}`` is an error. The policies keep nothing between questions, so that one may be repeated. How
many numbers a state has, the server does not say: it is known for the released DROID and LIBERO checkpoints, and told
with ``connect --state`` elsewhere. Sources: Isaac-GR00T ``gr00t/policy/server_client.py``, ``gr00t_policy.py``,
``examples/DROID/main_gr00t.py``; N1.5's ``gr00t/eval/service.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.core.rollout import Floats
from wamviz.core.rotation import orientation
from wamviz.models.remote.asking import PolicyRequest, PolicyResponse, Report, actions_from
from wamviz.models.remote.codec import malformed
from wamviz.models.remote.network import refuse_error, server_error
from wamviz.models.remote.npy import pack_npy, unpack_npy
from wamviz.models.remote.robots import DROID_STATE, RobotView, StatePart, unnamed
from wamviz.models.remote.zmtp import Req, connected, library

LAYOUTS = ("nested", "flat", "n1.5")
POSE = StatePart("state/cartesian_position", 6, "pose")
_LIBERO = {"x": 1, "y": 1, "z": 1, "roll": 1, "pitch": 1, "yaw": 1, "gripper": 2}  # the gripper's two fingers
# Which of a robot's actions make up its action space, with their widths.
_ACTIONS = {
    "droid": {"joint_position": 7, "gripper_position": 1},
    "libero": {**_LIBERO, "gripper": 1},
}
# DROID's recorded rotation to the one of GR00T's training data: the hand's axes are named in another order.
_CORRECTION = np.array([[0, 0, -1], [-1, 0, 0], [0, 1, 0]], np.float64)
_MANY = 64  # views, states or steps of history


@dataclass(frozen=True)
class ModalityConfig:
    """What a server said that it wants and returns.

    Attributes:
        video, state, actions: names, in the server's order.
        frames, rows: steps of history of a view and of a state.
        words: the name of the instruction.
    """

    video: tuple[str, ...]
    state: tuple[str, ...]
    actions: tuple[str, ...]
    frames: int
    rows: int
    words: str


def check(request: PolicyRequest) -> None:
    """Refuse a layout that is none or a missing package; which views and states are wanted, only the server knows."""
    library()
    layout = request.connection.settings.get("layout", LAYOUTS[0])
    if layout not in LAYOUTS:
        raise unknown_name("layout of kind groot", layout, LAYOUTS)


async def probe(request: PolicyRequest) -> str:
    """Ask what the server wants."""
    async with connected(request.server) as req:
        config = modality_config(await _call(req, request, "get_modality_config"))
    return (
        f"A GR00T server answers at {request.server.url}. It wants the views {', '.join(config.video)} and the states "
        f"{', '.join(config.state) or 'none'}, and returns the actions {', '.join(config.actions)}."
    )


async def ask(request: PolicyRequest, report: Report) -> None:
    """Ask what the server wants, then for one sample."""
    async with connected(request.server) as req:
        config = modality_config(await _call(req, request, "get_modality_config"))
        adapted = adapt_request(request, config)
        data = request_data(adapted, config)
        report("waiting for the model")
        report(parse_response(await _call(req, adapted, "get_action", data), adapted, config))


async def _call(req: Req, request: PolicyRequest, endpoint: str, data: Mapping[str, Any] | None = None) -> Any:
    message: dict[str, Any] = {"endpoint": endpoint}
    if data is not None:
        message["data"] = data
    if token := request.connection.token():
        message["api_token"] = token
    answer = await req.ask(pack_npy(message))
    if answer == b"ERROR":
        raise server_error("ERROR")
    reply = unpack_npy(answer, request.server.limits)
    refuse_error(reply)
    return reply


def modality_config(config: Any) -> ModalityConfig:
    """The form that a server's modality configuration stands for, or ``WamvizError``."""
    if not isinstance(config, dict):
        raise malformed(f"its modality configuration is a {type(config).__name__}")

    def part(name: str, needed: bool = True) -> tuple[tuple[str, ...], int]:
        found = config.get(name)
        if found is None and not needed:
            return (), 1
        keys = found.get("modality_keys") if isinstance(found, dict) else None
        steps = found.get("delta_indices") if isinstance(found, dict) else None
        if not (
            isinstance(keys, list) and isinstance(steps, list) and 0 < len(keys) <= _MANY and 0 < len(steps) <= 10_000
        ):
            raise malformed(f"its modality configuration has no proper '{name}'")
        # N1.5 puts the kind before each name: video.image, state.x, action.x.
        return tuple(_named(key).removeprefix(f"{name}.") for key in keys), len(steps)

    (video, frames), (state, rows), (actions, _), (words, _) = (
        part("video"), part("state", needed=False), part("action"), part("language"),
    )  # fmt: skip
    if max(frames, rows) > _MANY:
        raise malformed(f"it wants {max(frames, rows)} steps of history")
    return ModalityConfig(video, state, actions, frames, rows, words[0])


def _named(key: Any) -> str:
    """A name that may be shown to people."""
    if not isinstance(key, str) or not 0 < len(key) <= 200 or not key.isprintable():
        raise malformed("a view, a state or an action in it has no proper name")
    return key


def adapt_request(request: PolicyRequest, config: ModalityConfig) -> PolicyRequest:
    """The question with the views and states that the server wants."""
    droid = request.robot.name == "droid"
    held = [key for key in config.video if _is_held(key)]
    views = []
    for key in config.video:
        # With two wrists a name's side is the arm's; with one it is an eye of DROID's stereo cameras.
        side = next((f"{s} " for s in ("left", "right") if len(held) > 1 and s in key.lower()), "")
        role = f"{side}wrist" if key in held else "exterior"
        views.append(RobotView(f"video/{key}", role, (180, 320) if droid else None))
    return request.with_robot(tuple(views), _state(request, config), request.robot.space)


def _is_held(key: str) -> bool:
    return any(word in key.lower() for word in ("wrist", "hand", "gripper"))


def _state(request: PolicyRequest, config: ModalityConfig) -> tuple[StatePart, ...]:
    """The states to look for in the context, in the order in which the robot's datasets have them."""
    spans = request.connection.places()
    known: dict[str, StatePart] = {}
    if request.robot.name == "droid":
        known = {part.key.rpartition("/")[2]: part for part in DROID_STATE}
    if request.robot.name == "libero":
        known = {key: StatePart(key, count, "all") for key, count in _LIBERO.items()}
    parts = []
    for key in config.state:
        if key in spans:
            parts.append(StatePart(f"state/{key}", spans[key][1] - spans[key][0], "all"))
        elif key in known:
            parts.append(StatePart(f"state/{key}", known[key].count, known[key].means))
        elif key == "eef_9d":  # made of the pose that DROID records, as its own client makes it
            parts.append(POSE)
        else:
            raise InvalidInput(
                f"{request.title} needs the state '{key}' and does not say how many numbers that is.",
                f"If the context has it, say where, counted from 0: connect --state {key}=FIRST:END.",
            )
    if request.robot.name == "droid":
        # DROID's own states are joints and gripper; GR00T's datasets of it are pose, gripper, joints.
        order = ["cartesian_position", "gripper_position", "joint_position"]
        if POSE not in parts:
            order = order[::-1]
        parts.sort(key=lambda part: order.index(name) if (name := part.key.rpartition("/")[2]) in order else -1)
    return tuple(parts)


def eef_9d(pose: Floats) -> Floats:
    """DROID's pose (6,), metres and extrinsic xyz Euler angles, as position and two rows of a rotation (9,)."""
    turned = orientation(pose[3:], "euler_xyz")
    assert turned is not None  # which only a quaternion can be
    rotation = turned @ _CORRECTION
    return np.concatenate([pose[:3], rotation[:2].reshape(6)]).astype(np.float32)


def request_data(request: PolicyRequest, config: ModalityConfig) -> dict[str, Any]:
    """The ``data`` of a question: one of a batch, with its history; videos (B, T, H, W, 3), states (B, T, D)."""
    layout = request.connection.settings.get("layout", LAYOUTS[0])
    numbers = {key.partition("/")[2]: value for key, value in request.numbers.items()}
    if "eef_9d" in config.state and "eef_9d" not in numbers:
        numbers["eef_9d"] = eef_9d(numbers.pop("cartesian_position"))
    frames = {key.partition("/")[2]: frame for key, frame in request.pictures.items()}
    video = {key: np.repeat(frames[key][None], config.frames, axis=0) for key in config.video}
    state = {key: np.repeat(numbers[key][None], config.rows, axis=0) for key in config.state}
    if layout == "nested":
        batch = {
            "video": {key: value[None] for key, value in video.items()},
            "state": {key: value[None] for key, value in state.items()},
            "language": {config.words: [[request.prompt]]},
        }
        return {"observation": batch, "options": None}
    flat: dict[str, Any] = {f"video.{key}": value for key, value in video.items()}
    flat |= {f"state.{key}": value for key, value in state.items()}
    if layout == "n1.5":  # neither a batch nor options
        return {**flat, config.words: [request.prompt]}
    observation = {key: value[None] for key, value in flat.items()}
    return {"observation": {**observation, config.words: [request.prompt]}, "options": None}


def parse_response(reply: Any, request: PolicyRequest, config: ModalityConfig) -> PolicyResponse:
    """One reply: actions by name, each (B, K, D), and facts that nobody needs; N1.5 returns (K, D) or (K,) alone."""
    old = request.connection.settings.get("layout") == "n1.5"
    found = reply if old else reply[0] if isinstance(reply, list) and reply else None
    if not isinstance(found, dict) or not found:
        raise malformed("it has no actions")
    tables: dict[str, Floats] = {}
    for name, value in found.items():
        if not isinstance(value, np.ndarray) or value.ndim not in ((1, 2) if old else (2, 3)) or not value.size:
            raise malformed(f"its actions '{name[:40]}' are no table of numbers")
        rows = value if old else value[0]
        with np.errstate(over="ignore"):  # what becomes infinite is refused below
            tables[_named(name.removeprefix("action."))] = rows.astype(np.float32).reshape(len(rows), -1)
    if len({len(table) for table in tables.values()}) != 1:
        raise malformed("its actions differ in length")
    notes = [request.sent, *request.orientation_notes]
    if max(config.frames, config.rows) > 1:
        notes.append(
            f"The server wants {max(config.frames, config.rows)} steps of history; "
            "the context is one, sent as all of them."
        )
    order = [name for name in config.actions if name in tables]
    order += sorted(tables.keys() - set(order))
    space, usual = request.robot.space, _ACTIONS[request.robot.name]
    if all(name in tables and tables[name].shape[1] == width for name, width in usual.items()):
        others = [name for name in order if name not in usual]
        if others:
            notes.append(f"The server also returned, which is left out: {', '.join(others)}.")
        order = list(usual)
    else:  # another robot than the connection's: nothing is claimed about its numbers
        space = unnamed({name: tables[name].shape[1] for name in order}, space.rate)
    actions = np.concatenate([tables[name] for name in order], axis=1)
    return PolicyResponse(actions_from(actions, space, "its action space"), space, notes=tuple(notes))
