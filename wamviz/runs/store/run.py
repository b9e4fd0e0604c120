"""The noun that the store keeps: one finished run, and the id that its inputs give it.

Contract: a ``Run`` is what went into a model and everything that came out of it, with the recorded reference
and the executed rollout beside it where they exist. Its id depends on the inputs alone, so the same question
asked twice is the same run; of a model that keeps no promise for a seed, each answer is a run of its own. This module
knows no file and no page.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput, NotFound
from wamviz.core.rollout import Floats, Frames, Rollout, WorldState, check_floats, check_frames

ID_FORM = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, eq=False)
class Run:
    """One finished run.

    Attributes:
        id: 16 hexadecimal digits, see ``run_id``.
        created: when it was made, ISO 8601 with a time zone.
        model, weights_digest: which model, and which weights of it.
        mode, instruction, seed, steps, samples: what was asked; ``steps`` is None for a model without steps.
        source: where the context came from (a SOURCE of the command line, or a short description).
        imagined: N rollouts of origin ``imagined``, one a sample.
        context: (H, W, 3) uint8, the frame handed to the model.
        reference: what was recorded from the same context on, or None.
        executed: what physics made of the imagined actions, or None.
        timings: seconds by part.
        notes: plain sentences for the user.
        versions: package versions of the parts in use.
        metrics: what ``metrics.summarise`` said.
        world_state: where the context lies in a world that can execute actions, or None.
        state: (D,) float32, the robot's state at the context, or None; the paths of its hand start there.
        horizon: frames that were asked for where it was not the usual number, or None.
        guidance: weight of the words, 1 as trained.
        previous_action: (A,) float32, the action before the context, where the model was told it.
    """

    id: str
    created: str
    model: str
    weights_digest: str
    mode: str
    instruction: str
    seed: int
    steps: int | None
    samples: int
    source: str
    imagined: tuple[Rollout, ...]
    context: Frames
    reference: Rollout | None = None
    executed: Rollout | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    world_state: WorldState | None = None
    state: Floats | None = None
    horizon: int | None = None
    guidance: float = 1.0
    previous_action: Floats | None = None

    def __post_init__(self) -> None:
        check_id(self.id)
        object.__setattr__(self, "imagined", tuple(self.imagined))
        object.__setattr__(self, "notes", tuple(self.notes))
        check_frames(self.context, "The context", ndim=3)
        if not self.imagined or any(rollout.origin != "imagined" for rollout in self.imagined):
            raise InvalidInput("A run needs at least one rollout of origin 'imagined'.")
        if self.reference is not None and self.reference.origin == "imagined":
            raise InvalidInput("A run's reference must be recorded or executed, not imagined.")
        if self.executed is not None and self.executed.origin != "executed":
            raise InvalidInput(f"A run's executed rollout has origin '{self.executed.origin}', not 'executed'.")
        if self.state is not None:
            object.__setattr__(self, "state", check_floats(np.asarray(self.state)[None], "The state")[0])
        if self.previous_action is not None:
            previous = check_floats(np.asarray(self.previous_action)[None], "The previous action")[0]
            object.__setattr__(self, "previous_action", previous)


def check_id(text: object) -> str:
    """Return ``text`` when it has the form of a run id, or raise ``WamvizError``; done before any path is made."""
    if not isinstance(text, str) or ID_FORM.fullmatch(text) is None:
        shown = str(text)[:40]
        raise NotFound(f"'{shown}' is no run id.", "A run id is 16 digits out of 0-9 and a-f.")
    return text


def run_id(
    *,
    model: str,
    weights_digest: str,
    frame: Frames,
    instruction: str,
    mode: str,
    seed: int,
    steps: int | None,
    samples: int,
    actions: NDArray[Any] | None = None,
    video: Frames | None = None,
    state: NDArray[Any] | None = None,
    other_views: Mapping[str, Frames] | None = None,
    horizon: int | None = None,
    guidance: float = 1.0,
    draw: str = "",
    previous_action: NDArray[Any] | None = None,
) -> str:
    """The id of the run that these inputs give: the first 16 hex digits of a SHA-256 over all of them.

    Args:
        frame: (H, W, 3) uint8, the context of the main camera.
        actions, video: what ``forward_dynamics`` and ``inverse_dynamics`` were given.
        state: (D,) the robot's state, where the model was told.
        other_views: the frames of further cameras by name, where the model was given them.
        horizon: frames asked for, None for the usual number.
        guidance: weight of the words, 1 for none.
        previous_action: (A,) the action before the context, where the model was told.
        draw: what tells two answers to the same question apart, of a model that draws its own random numbers.

    >>> frame = np.zeros((4, 4, 3), np.uint8)
    >>> run_id(model="m", weights_digest="", frame=frame, instruction="wait", mode="video",
    ...        seed=0, steps=None, samples=1)
    '59e592db62b39d53'
    """
    scalars = [model, weights_digest, instruction, mode, int(seed), None if steps is None else int(steps), int(samples)]
    digest = hashlib.sha256(json.dumps(scalars).encode())
    arrays: list[tuple[str, NDArray[Any] | None]] = [
        ("frame", frame),
        ("actions", None if actions is None else np.asarray(actions, np.float32)),
        ("video", video),
        ("state", None if state is None else np.asarray(state, np.float32)),
        ("previous action", None if previous_action is None else np.asarray(previous_action, np.float32)),
    ]
    arrays += [(f"view {name}", view) for name, view in sorted((other_views or {}).items())]
    for name, array in arrays:
        if array is None:  # an input that was not given leaves no trace, so that later inputs keep old ids valid
            continue
        plain = np.ascontiguousarray(array)
        digest.update(json.dumps([name, plain.dtype.str, list(plain.shape)]).encode())
        digest.update(plain.tobytes())
    if horizon is not None:  # likewise
        digest.update(json.dumps(["horizon", int(horizon)]).encode())
    if guidance != 1:
        digest.update(json.dumps(["guidance", float(guidance)]).encode())
    if draw:
        digest.update(json.dumps(["draw", draw]).encode())
    return digest.hexdigest()[:16]
