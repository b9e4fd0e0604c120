"""Instructions that make sense in the current scene, and whether the model was ever taught a visitor's words.

Contract: the episode says what it was told (a reference task, with ground truth), the world says what else its
scene allows, and a composed extension (two tasks in one sentence) is named as one. A picture belongs to no
world: it gets the world's general phrases. Pure data; the page decides how it looks.
"""

from __future__ import annotations

import contextlib
import logging
import re
from dataclasses import dataclass
from functools import lru_cache

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import WorldState

log = logging.getLogger(__name__)
GENERAL = (
    "pick up the orange",
    "push the toaster lever",
    "put the orange in the bowl",
    "push the mug to the left",
)
GENERAL_EXTENSION = "push the toaster lever, then pick up the orange"


@dataclass(frozen=True)
class Suggestions:
    """What can be asked.

    Attributes:
        recorded: the episode's own instruction, for which there is ground truth; or "".
        possible: other single tasks of this scene.
        extensions: composed instructions, for which nothing was recorded.
    """

    recorded: str = ""
    possible: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()


def suggestions(state: WorldState | None, recorded: str) -> Suggestions:
    """What can be asked of the scene of ``state``; general phrases where no world is known."""
    if state is None:
        return Suggestions(recorded, () if recorded else GENERAL, () if recorded else (GENERAL_EXTENSION,))
    told = _same(recorded)
    single: list[str] = []
    composed: list[str] = []
    for text, is_composed in _scene(state.seed):
        if _same(text) != told:
            (composed if is_composed else single).append(text)
    return Suggestions(recorded, tuple(single), tuple(composed))


@lru_cache(maxsize=64)
def _scene(seed: int) -> tuple[tuple[str, bool], ...]:
    """(instruction, whether it is composed) of all that the scene of a seed offers; empty where it cannot be set up."""
    try:
        from wamviz.worlds.tabletop import TabletopEnv, parse
        from wamviz.worlds.tabletop import suggestions as offered
        from wamviz.worlds.tabletop.tasks import kind_of

        with contextlib.closing(TabletopEnv(render=False)) as env:
            env.reset(seed)
            return tuple((text, kind_of(parse(text, env)).composed) for text in offered(env))
    except (WamvizError, ImportError) as error:  # the page works without suggestions
        log.warning("No suggestions for scene %d: %s", seed, error)
        return ()


@dataclass(frozen=True)
class Length:
    """How long what an instruction asks for takes: ``kind`` of the task, ``seconds`` that the scripted expert needs."""

    kind: str
    seconds: float


def task_length(state: WorldState | None, instruction: str) -> Length | None:
    """How long the task of ``instruction`` takes in the scene of ``state``; None where it is no task of it."""
    return _length(state.seed, instruction.strip()) if state is not None and instruction.strip() else None


@lru_cache(maxsize=256)
def _length(seed: int, instruction: str) -> Length | None:
    try:
        from wamviz.worlds.tabletop import ACTION_SPACE, TabletopEnv, parse
        from wamviz.worlds.tabletop.tasks import kind_of

        with contextlib.closing(TabletopEnv(render=False)) as env:
            env.reset(seed)
            task = parse(instruction, env)
            return Length(task.kind, kind_of(task).lasts / ACTION_SPACE.rate)
    except (WamvizError, ImportError):  # no task of this scene, or no simulator
        return None


def unknown_words(instruction: str) -> tuple[str, ...]:
    """The words of ``instruction`` that no instruction of the tabletop ever used, in their order."""
    from wamviz.worlds.tabletop import known_words

    known = known_words()
    found = re.findall(r"[a-z]+", instruction.lower())
    return tuple(dict.fromkeys(word for word in found if word not in known))


def _same(text: str) -> str:
    return " ".join(re.findall(r"[a-z]+", text.lower()))
