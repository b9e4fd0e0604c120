"""What can be asked of the robot, whether a scene allows it, and the physical test of success.

Contract: a ``Task`` names objects of the scene; ``success(env, task)`` looks at the physics alone, never at what
the robot meant to do. Thresholds in metres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from wamviz.core.errors import WamvizError, unknown_name
from wamviz.worlds.tabletop import referring
from wamviz.worlds.tabletop.contract import STREAM_TASK, stream
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.objects import BLOCK_HALF, BLOCKS, LEVER_PRESSED, PICKABLE, PLACEABLE, SHAPES
from wamviz.worlds.tabletop.phrases import FRAMES, KINDS, POLITENESS, SIDES, SPLITS, TEMPLATES

__all__ = ["KINDS", "TASK_MIX", "Task", "feasible_kinds", "feasible_tasks", "first_target", "phrase", "progress",
           "sample_task", "success", "task_for_seed"]  # fmt: skip

TASK_MIX = {"lever": 0.2, "pick": 0.25, "place": 0.2, "push": 0.15, "lever_then_pick": 0.1, "stack": 0.1}

LIFTED = 0.07  # above where it stood
PUSHED = 0.05  # along the asked direction
IN_BOWL_RADIUS, IN_BOWL_HEIGHT = 0.055, 0.08
STACK_OFFSET, STACK_LOW, STACK_HIGH = 0.03, 0.030, 0.055
_RELEASED = 0.5  # gripper command below this

_PUSH_RUN_UP, _PUSH_TRAVEL = 0.09, 0.12  # free space behind and ahead of a thing to be pushed
_PUSH_X, _PUSH_Y = (0.28, 0.72), (-0.38, 0.42)
_PUSH_LANE = 0.045  # half width of the lane that the closed fingers and the thing sweep
_PALM_LANE = 0.065  # the same for the palm, which only tall things meet
_TALL = 0.065


@dataclass(frozen=True)
class Task:
    """One thing to do.

    Attributes:
        kind: one of ``KINDS``.
        instruction: the words; may be empty for a task that is not yet told.
        target: ``"lever"`` or the object to be moved. For ``lever_then_pick``, the object to be picked.
        destination: where to (``place``: the bowl; ``stack``: a block), else None.
        side: ``"left"`` or ``"right"`` in the exterior image (``push``), else None.
    """

    kind: str
    instruction: str
    target: str
    destination: str | None = None
    side: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown_name("task kind", self.kind, KINDS)
        allowed = {"lever": ("lever",), "place": PLACEABLE, "stack": BLOCKS}.get(self.kind, PICKABLE)
        if self.target not in allowed:
            raise unknown_name(f"target of a {self.kind} task", self.target, allowed)
        goals = {"place": ("bowl",), "stack": BLOCKS}.get(self.kind, (None,))
        if self.destination not in goals or self.destination == self.target:
            raise WamvizError(f"A {self.kind} task of {self.target} cannot end at {self.destination}.")
        if (self.side in SIDES) != (self.kind == "push"):
            raise WamvizError(
                f"A {self.kind} task cannot have the side {self.side!r}.", "Only push has one: left, right."
            )


def first_target(task: Task) -> str:
    """What the hand should touch first."""
    return "lever" if task.kind == "lever_then_pick" else task.target


def feasible_tasks(env: TabletopEnv, kind: str) -> list[Task]:
    """All untold tasks of a kind that make sense in the present scene, in a fixed order."""
    if kind not in KINDS:
        raise unknown_name("task kind", kind, KINDS)
    here = [name for name in PICKABLE if name in env.present]
    if kind == "lever":
        return [Task(kind, "", "lever")]
    if kind == "place":
        return [Task(kind, "", name, "bowl") for name in here if name in PLACEABLE and "bowl" in env.present]
    if kind == "stack":
        blocks = [name for name in here if name in BLOCKS]
        return [Task(kind, "", a, b) for a in blocks for b in blocks if a != b]
    if kind == "push":
        return [Task(kind, "", name, side=side) for name in here for side in SIDES if _can_push(env, name, side)]
    return [Task(kind, "", name) for name in here]


def feasible_kinds(env: TabletopEnv) -> tuple[str, ...]:
    """The kinds of which the present scene allows at least one task."""
    return tuple(kind for kind in KINDS if feasible_tasks(env, kind))


def _can_push(env: TabletopEnv, name: str, side: str) -> bool:
    """Whether there is room to get behind a thing and to push it."""
    direction = env.image_right() * (1 if side == "right" else -1)
    here = env.position(name)[:2]
    begin, end = here - direction * _PUSH_RUN_UP, here + direction * _PUSH_TRAVEL
    if not all(_PUSH_X[0] < p[0] < _PUSH_X[1] and _PUSH_Y[0] < p[1] < _PUSH_Y[1] for p in (begin, end)):
        return False
    obstacles = [(env.layout.toaster.xy, 0.09, _PALM_LANE)]
    for other in env.present:
        if other != name:
            lane = _PALM_LANE if SHAPES[other].height > _TALL else _PUSH_LANE
            obstacles.append((env.position(other)[:2], SHAPES[other].radius, lane))
    for centre, radius, lane in obstacles:
        along = np.clip((centre - begin) @ direction, 0, _PUSH_RUN_UP + _PUSH_TRAVEL)
        if np.linalg.norm(begin + along * direction - centre) < radius + lane:
            return False
    return True


def phrase(env: TabletopEnv, task: Task, rng: np.random.Generator, split: str = "train") -> str:
    """Tell a task in words that single out its objects in the present scene.

    Args:
        env: the scene.
        task: its ``instruction`` is ignored.
        rng: picks phrasing, names and politeness.
        split: ``train`` or ``heldout`` phrasings.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    templates = TEMPLATES[task.kind][split]
    template = templates[int(rng.integers(len(templates)))]
    told = template.format(x=_name(env, task.target, rng), y=_name(env, task.destination, rng), side=task.side)
    polite = rng.random() < POLITENESS
    frame = FRAMES[int(rng.integers(1, len(FRAMES)))] if polite else FRAMES[0]
    return frame.format(s=told)


def _name(env: TabletopEnv, name: str | None, rng: np.random.Generator) -> str:
    """A description of an object: the plain one half of the time."""
    if name is None or name == "lever":
        return ""
    known = referring.descriptions(env, name)
    plain, pick = rng.random() < 0.5, int(rng.integers(len(known)))
    return known[0] if plain else known[pick]


def sample_task(env: TabletopEnv, rng: np.random.Generator, kind: str | None = None, split: str = "train") -> Task:
    """Draw a task for the present scene.

    Args:
        env: the scene.
        rng: all randomness comes from here.
        kind: one of ``KINDS``; None draws from ``TASK_MIX`` among the kinds that the scene allows.
        split: ``train`` or ``heldout`` phrasings.

    Raises:
        WamvizError: unknown kind, or the scene does not allow it.
    """
    if kind is None:
        kinds = feasible_kinds(env)
        shares = np.array([TASK_MIX[k] for k in kinds])
        kind = kinds[int(rng.choice(len(kinds), p=shares / shares.sum()))]
    choices = feasible_tasks(env, kind)
    if not choices:
        raise WamvizError(
            f"The scene of seed {env.seed} allows no '{kind}' task.", f"It allows: {', '.join(feasible_kinds(env))}."
        )
    task = choices[int(rng.integers(len(choices)))]
    return replace(task, instruction=phrase(env, task, rng, split))


def task_for_seed(env: TabletopEnv, kind: str | None = None, split: str = "train") -> Task:
    """The task that belongs to the present scene's seed; always the same one."""
    return sample_task(env, stream(env.seed, STREAM_TASK), kind, split)


def _lift(env: TabletopEnv, name: str) -> float:
    return float(env.position(name)[2] - env.start_position(name)[2])


def _pushed(env: TabletopEnv, task: Task) -> float:
    direction = env.image_right() * (1 if task.side == "right" else -1)
    return float((env.position(task.target) - env.start_position(task.target))[:2] @ direction)


def success(env: TabletopEnv, task: Task) -> bool:
    """Whether the task is done at this moment.

    lever: pressed by 4 cm or more. pick: lifted by 7 cm. place: inside the bowl's rim, low and let go.
    push: moved 5 cm in the asked direction. stack: standing on the other block and let go.
    lever_then_pick: both the lever and the pick.
    """
    pressed = env.lever_travel() >= LEVER_PRESSED
    if task.kind == "lever":
        return pressed
    here = env.position(task.target)
    if task.kind == "pick":
        return _lift(env, task.target) > LIFTED
    if task.kind == "lever_then_pick":
        return pressed and _lift(env, task.target) > LIFTED
    if task.kind == "push":
        return _pushed(env, task) > PUSHED
    offset = here - env.position(str(task.destination))
    near = float(np.linalg.norm(offset[:2]))
    released = env.gripper_command < _RELEASED
    if task.kind == "place":
        return bool(near < IN_BOWL_RADIUS and 0 < here[2] < IN_BOWL_HEIGHT and released)
    return bool(near < STACK_OFFSET and STACK_LOW < offset[2] < STACK_HIGH and released)


def progress(env: TabletopEnv, task: Task) -> float:
    """How far the task has come, 0 .. 1; 1 exactly when ``success``. Halves are steps of a two-part task."""
    if success(env, task):
        return 1.0
    lever = min(1.0, env.lever_travel() / LEVER_PRESSED)
    if task.kind == "lever":
        return min(0.99, lever)
    if task.kind == "push":
        return float(np.clip(_pushed(env, task) / PUSHED, 0, 0.99))
    lifted = float(np.clip(_lift(env, task.target) / LIFTED, 0, 1))
    if task.kind == "pick":
        return min(0.99, lifted)
    if task.kind == "lever_then_pick":
        return min(0.99, (lever + lifted) / 2)
    start = env.start_position(task.target)[:2]
    goal = env.position(str(task.destination))[:2]
    whole = max(2 * BLOCK_HALF, float(np.linalg.norm(goal - start)))
    carried = 1 - float(np.linalg.norm(goal - env.position(task.target)[:2])) / whole
    return float(np.clip((lifted + np.clip(carried, 0, 1)) / 2, 0, 0.99))
