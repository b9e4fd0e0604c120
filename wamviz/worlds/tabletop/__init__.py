"""The embedded world: a Franka Panda at a kitchen table with a toaster, an orange, a mug, a bowl and blocks.

>>> from wamviz.worlds.tabletop import TabletopEnv, record_episode
>>> episode = record_episode(TabletopEnv(render=False), seed=1_000_000)
"""

from wamviz.worlds.tabletop.contract import ACTION_SPACE, CAMERAS, STATE_NAMES, TabletopObservation
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.episodes import STYLES, TabletopEpisode, record_episode, record_rest
from wamviz.worlds.tabletop.expert import Expert
from wamviz.worlds.tabletop.language import known_words, parse, suggestions
from wamviz.worlds.tabletop.objects import SEGMENTS
from wamviz.worlds.tabletop.render import probe, renderer_name
from wamviz.worlds.tabletop.tasks import (
    KINDS,
    TASK_MIX,
    Task,
    feasible_kinds,
    feasible_tasks,
    first_target,
    phrase,
    progress,
    sample_task,
    success,
    task_for_seed,
)

__all__ = [
    "ACTION_SPACE",
    "CAMERAS",
    "KINDS",
    "SEGMENTS",
    "STATE_NAMES",
    "STYLES",
    "TASK_MIX",
    "Expert",
    "TabletopEnv",
    "TabletopEpisode",
    "TabletopObservation",
    "Task",
    "feasible_kinds",
    "feasible_tasks",
    "first_target",
    "known_words",
    "parse",
    "phrase",
    "probe",
    "progress",
    "record_episode",
    "record_rest",
    "renderer_name",
    "sample_task",
    "success",
    "suggestions",
    "task_for_seed",
]
