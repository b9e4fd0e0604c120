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

from wamviz.errors import WamvizError, unknown_name
from wamviz.models.remote.asking import Question, Reply, Report, actions_from
from wamviz.models.remote.codec import malformed
from wamviz.models.remote.network import refused
from wamviz.models.remote.npy import pack_npy, unpack_npy
from wamviz.models.remote.robots import DROID_STATE, StatePart, View
from wamviz.models.remote.zmtp import Req, connected, library
from wamviz.rollout import ActionSpace, Floats

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
class Form:
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


def check(question: Question) -> None:
    """Refuse a layout that is none or a missing package; which views and states are wanted, only the server knows."""
    library()
    layout = question.connection.settings.get("layout", LAYOUTS[0])
    if layout not in LAYOUTS:
        raise unknown_name("layout of kind groot", layout, LAYOUTS)


async def probe(question: Question) -> str:
    """Ask what the server wants."""
    async with connected(question.server) as req:
        form = form_of(await _asked(req, question, "get_modality_config"))
    return (
        f"A GR00T server answers at {question.server.url}. It wants the views {', '.join(form.video)} and the states "
        f"{', '.join(form.state) or 'none'}, and returns the actions {', '.join(form.actions)}."
    )


async def ask(question: Question, report: Report) -> None:
    """Ask what the server wants, then once a sample over one connection."""
    async with connected(question.server) as req:
        form = form_of(await _asked(req, question, "get_modality_config"))
        told = fitted(question, form)
        data = request(told, form)
        for _ in range(told.asked.samples):
            report("waiting for the model")
            report(understood(await _asked(req, told, "get_action", data), told, form))


async def _asked(req: Req, question: Question, endpoint: str, data: Mapping[str, Any] | None = None) -> Any:
    message: dict[str, Any] = {"endpoint": endpoint}
    if data is not None:
        message["data"] = data
    if token := question.connection.token():
        message["api_token"] = token
    answer = await req.ask(pack_npy(message))
    if answer == b"ERROR":
        raise refused("ERROR")
    reply = unpack_npy(answer, question.server.limits)
    if isinstance(reply, dict) and "error" in reply:
        raise refused(reply["error"])
    return reply


def form_of(config: Any) -> Form:
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
    return Form(video, state, actions, frames, rows, words[0])


def _named(key: Any) -> str:
    """A name that may be shown to people."""
    if not isinstance(key, str) or not 0 < len(key) <= 200 or not key.isprintable():
        raise malformed("a view, a state or an action in it has no proper name")
    return key


def fitted(question: Question, form: Form) -> Question:
    """The question with the views and states that the server wants."""
    droid = question.robot.name == "droid"
    held = [key for key in form.video if _is_held(key)]
    views = []
    for key in form.video:
        # With two wrists a name's side is the arm's; with one it is an eye of DROID's stereo cameras.
        side = next((f"{s} " for s in ("left", "right") if len(held) > 1 and s in key.lower()), "")
        role = f"{side}wrist" if key in held else "exterior"
        views.append(View(f"video/{key}", role, (180, 320) if droid else None))
    return question.wanting(tuple(views), _state(question, form), question.robot.space)


def _is_held(key: str) -> bool:
    return any(word in key.lower() for word in ("wrist", "hand", "gripper"))


def _state(question: Question, form: Form) -> tuple[StatePart, ...]:
    """The states to look for in the context, in the order in which the robot's datasets have them."""
    told = question.connection.places()
    known: dict[str, StatePart] = {}
    if question.robot.name == "droid":
        known = {part.key.rpartition("/")[2]: part for part in DROID_STATE}
    if question.robot.name == "libero":
        known = {key: StatePart(key, count, "all") for key, count in _LIBERO.items()}
    parts = []
    for key in form.state:
        if key in told:
            parts.append(StatePart(f"state/{key}", told[key][1] - told[key][0], "all"))
        elif key in known:
            parts.append(StatePart(f"state/{key}", known[key].count, known[key].means))
        elif key == "eef_9d":  # made of the pose that DROID records, as its own client makes it
            parts.append(POSE)
        else:
            raise WamvizError(
                f"{question.title} needs the state '{key}' and does not say how many numbers that is.",
                f"If the context has it, say where, counted from 0: connect --state {key}=FIRST:END.",
            )
    if question.robot.name == "droid":
        # DROID's own states are joints and gripper; GR00T's datasets of it are pose, gripper, joints.
        order = ["cartesian_position", "gripper_position", "joint_position"]
        if POSE not in parts:
            order = order[::-1]
        parts.sort(key=lambda part: order.index(name) if (name := part.key.rpartition("/")[2]) in order else -1)
    return tuple(parts)


def eef_9d(pose: Floats) -> Floats:
    """DROID's pose (6,), metres and extrinsic xyz Euler angles, as position and two rows of a rotation (9,)."""
    a, b, c = (float(angle) for angle in pose[3:])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    rotation = about_z @ about_y @ about_x @ _CORRECTION
    return np.concatenate([pose[:3], rotation[:2].reshape(6)]).astype(np.float32)


def request(question: Question, form: Form) -> dict[str, Any]:
    """The ``data`` of a question: one of a batch, with its history; videos (B, T, H, W, 3), states (B, T, D)."""
    layout = question.connection.settings.get("layout", LAYOUTS[0])
    numbers = {key.partition("/")[2]: value for key, value in question.numbers.items()}
    if "eef_9d" in form.state and "eef_9d" not in numbers:
        numbers["eef_9d"] = eef_9d(numbers.pop("cartesian_position"))
    frames = {key.partition("/")[2]: frame for key, frame in question.pictures.items()}
    video = {key: np.repeat(frames[key][None], form.frames, axis=0) for key in form.video}
    state = {key: np.repeat(numbers[key][None], form.rows, axis=0) for key in form.state}
    if layout == "nested":
        batch = {
            "video": {key: value[None] for key, value in video.items()},
            "state": {key: value[None] for key, value in state.items()},
            "language": {form.words: [[question.prompt]]},
        }
        return {"observation": batch, "options": None}
    flat: dict[str, Any] = {f"video.{key}": value for key, value in video.items()}
    flat |= {f"state.{key}": value for key, value in state.items()}
    if layout == "n1.5":  # neither a batch nor options
        return {**flat, form.words: [question.prompt]}
    observation = {key: value[None] for key, value in flat.items()}
    return {"observation": {**observation, form.words: [question.prompt]}, "options": None}


def understood(reply: Any, question: Question, form: Form) -> Reply:
    """One reply: actions by name, each (B, K, D), and facts that nobody needs; N1.5 returns (K, D) or (K,) alone."""
    old = question.connection.settings.get("layout") == "n1.5"
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
    notes = [question.sent]
    if max(form.frames, form.rows) > 1:
        notes.append(
            f"The server wants {max(form.frames, form.rows)} steps of history; the context is one, sent as all of them."
        )
    order = [name for name in form.actions if name in tables]
    order += sorted(tables.keys() - set(order))
    space, usual = question.robot.space, _ACTIONS[question.robot.name]
    if all(name in tables and tables[name].shape[1] == width for name, width in usual.items()):
        others = [name for name in order if name not in usual]
        if others:
            notes.append(f"The server also returned, which is left out: {', '.join(others)}.")
        order = list(usual)
    else:  # another robot than the connection's: nothing is claimed about its numbers
        space = unnamed({name: tables[name].shape[1] for name in order}, space.rate)
    actions = np.concatenate([tables[name] for name in order], axis=1)
    return Reply(actions_from(actions, space, "its action space"), space, notes=tuple(notes))


def unnamed(widths: Mapping[str, int], rate: float) -> ActionSpace:
    """The action space of a robot of which only the server's names are known."""
    names = [name if width == 1 else f"{name}_{i + 1}" for name, width in widths.items() for i in range(width)]
    return ActionSpace(tuple(names), ("",) * len(names), "unnamed", rate)
