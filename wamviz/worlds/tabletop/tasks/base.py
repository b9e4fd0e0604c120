"""What a task is, and what each kind of task has to know: the base class, and the registry of its subclasses.

``Task`` is one thing to do in one scene; ``TabletopTask`` is a kind of such things. Every kind is a class in a file of
its own in this folder, registered by ``@register_task``; nothing else lists them. docs/extending.md adds one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.grammar import Reading
from wamviz.worlds.tabletop.objects import PICKABLE
from wamviz.worlds.tabletop.planning import Waypoint

SPLITS = ("train", "heldout")  # of phrasings


@dataclass(frozen=True)
class Task:
    """One thing to do.

    Attributes:
        kind: one of ``KINDS``.
        instruction: the words; empty for a task that is not yet in words.
        target: ``"lever"`` or the object to be moved. For ``lever_then_pick``, the object to be picked.
        destination: where to (``place``: the bowl; ``stack``: a block), else None.
        side: ``"left"`` or ``"right"`` in the exterior image (``push``), else None.

    Raises:
        InvalidInput: no such kind, or one that has no such target, destination or side.
    """

    kind: str
    instruction: str
    target: str
    destination: str | None = None
    side: str | None = None

    def __post_init__(self) -> None:
        kind = kind_of(self)
        if self.target not in kind.targets:
            raise unknown_name(f"target of a {self.kind} task", self.target, kind.targets)
        if self.destination not in kind.destinations or self.destination == self.target:
            raise InvalidInput(f"A {self.kind} task of {self.target} cannot end at {self.destination}.")
        if self.side not in kind.sides:
            sides = ", ".join(side for side in kind.sides if side is not None)
            raise InvalidInput(f"A {self.kind} task cannot have the side {self.side!r}.", f"It has: {sides or 'none'}.")


@dataclass(frozen=True)
class Stage:
    """A part of what the expert does.

    Attributes:
        plan: the waypoints from the present state on.
        reached: whether the stage has done what it is for; where it has not at its end, and more is to come, it is
            planned once more. None where the task's own success is all there is to test.
        needs: the stage without which this one makes no sense; it is planned first if its end is lost on the way.
        lasts: once reached, the rest of its waypoints still holds after a disturbance.
    """

    plan: Callable[[TabletopEnv, Task], Iterator[Waypoint]]
    reached: Callable[[TabletopEnv, Task], bool] | None = None
    needs: Stage | None = None
    lasts: bool = False


class TabletopTask(ABC):
    """A kind of task: words, feasibility, the expert's plan, success and progress.

    Attributes:
        kind: its name, as ``Task.kind`` and manifests have it.
        order: its place among the kinds, in lists and in random draws. Those that training knows come first.
        share: of the scenes' own tasks, relative to the other kinds' that a scene allows. A kind with 0 is drawn only
            when it is named, so that adding it leaves every seed's task as it was.
        composed: it is two tasks in one sentence.
        phrases: split to templates with ``{x}`` (target), ``{y}`` (destination) and ``{side}``. Every word of a
            held-out template also occurs in a training template of some kind: what is held out is the phrasing, not
            the vocabulary.
        verbs: the words that may tell it, in plain form.
        precedence: which kind reads an instruction first; the lowest does, and one that makes no claim passes it on.
        targets, destinations, sides: what a ``Task`` of this kind may name.
        stages: what the expert does one after the other.
        suggests_two: whether the scene's suggestions hold two tasks of this kind.
        lasts: actions within which the expert does nine of ten of them (validation seeds 1,000,000 to 1,000,059).
    """

    kind: ClassVar[str]
    order: ClassVar[int] = 100
    share: ClassVar[float] = 0.0
    composed: ClassVar[bool] = False
    phrases: ClassVar[Mapping[str, tuple[str, ...]]]
    verbs: ClassVar[Collection[str]] = frozenset()
    precedence: ClassVar[int] = 0
    targets: ClassVar[tuple[str, ...]] = PICKABLE
    destinations: ClassVar[tuple[str | None, ...]] = (None,)
    sides: ClassVar[tuple[str | None, ...]] = (None,)
    stages: ClassVar[tuple[Stage, ...]]
    suggests_two: ClassVar[bool] = False
    lasts: ClassVar[int] = 45

    def feasible(self, env: TabletopEnv) -> list[Task]:
        """The tasks of this kind that make sense in the present scene, in a fixed order and without words."""
        return [Task(self.kind, "", name) for name in self.targets if name in env.present]

    @abstractmethod
    def parse(self, env: TabletopEnv, reading: Reading) -> Task | None:
        """The task that an instruction asks for; None where it is not of this kind.

        Raises:
            InvalidInput: it is of this kind and cannot be done; the text says why.
        """

    @abstractmethod
    def success(self, env: TabletopEnv, task: Task) -> bool:
        """Whether the task is done at this moment: a look at the physics, never at what the robot meant to do."""

    @abstractmethod
    def advance(self, env: TabletopEnv, task: Task) -> float:
        """How far a task that is not done has come; 0 where nothing has happened, near 1 short of success."""

    def first_target(self, task: Task) -> str:
        """What the hand should touch first."""
        return task.target

    def remaining(self, env: TabletopEnv, task: Task) -> Task:
        """The part of the task that is still to do; the whole of it unless a first part is done for good."""
        return task


_KINDS: dict[str, TabletopTask] = {}
Kind = TypeVar("Kind", bound=type[TabletopTask])


def register_task(cls: Kind) -> Kind:
    """Class decorator: make a kind of task known under its name.

    Raises:
        ValueError: the name is taken, or a split has no phrases.
    """
    known = _KINDS.get(cls.kind)
    if known is not None:
        raise ValueError(f"The task kind {cls.kind!r} is already {type(known).__name__}.")
    if set(cls.phrases) != set(SPLITS) or not all(cls.phrases.values()):
        raise ValueError(f"The task kind {cls.kind!r} needs phrases in both splits: {', '.join(SPLITS)}.")
    _KINDS[cls.kind] = cls()
    return cls


def registered_tasks() -> list[TabletopTask]:
    """Every kind of task in its order."""
    return sorted(_KINDS.values(), key=lambda task: (task.order, task.kind))


def find_kind(name: str) -> TabletopTask:
    """The kind of task of that name.

    Raises:
        InvalidInput: there is none; the text lists those that there are.
    """
    if name not in _KINDS:
        raise unknown_name("task kind", name, [task.kind for task in registered_tasks()])
    return _KINDS[name]


def kind_of(task: Task) -> TabletopTask:
    """The kind of a task."""
    return find_kind(task.kind)


def first_target(task: Task) -> str:
    """What the hand should touch first: ``"lever"`` or an object."""
    return kind_of(task).first_target(task)


def remaining(env: TabletopEnv, task: Task) -> Task:
    """The part of a task that is still to do: of lever-then-pick, only the pick once the lever is down."""
    return kind_of(task).remaining(env, task)


def success(env: TabletopEnv, task: Task) -> bool:
    """Whether a task is done at this moment, by the physics alone."""
    return bool(kind_of(task).success(env, task))


def progress(env: TabletopEnv, task: Task) -> float:
    """How far a task has come, 0 .. 1; 1 exactly when ``success``. Halves are steps of a two-part task."""
    return 1.0 if success(env, task) else float(min(0.99, max(0.0, kind_of(task).advance(env, task))))
