"""What can be done on the table: one class a kind of task, one file a class.

Every module of this folder is imported when the package is, so a new file is all that a new kind of task needs.
"""

from importlib import import_module
from pkgutil import iter_modules

from wamviz.worlds.tabletop.tasks.base import (
    SPLITS,
    TabletopTask,
    Task,
    first_target,
    kind_of,
    progress,
    register_task,
    registered_tasks,
    remaining,
    success,
)
from wamviz.worlds.tabletop.tasks.sampling import (
    FRAMES,
    feasible_kinds,
    feasible_tasks,
    phrase,
    sample_task,
    task_for_seed,
)

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

KINDS = tuple(task.kind for task in registered_tasks())
TASK_MIX = {task.kind: task.share for task in registered_tasks()}  # shares of the scenes' own tasks

__all__ = [
    "FRAMES",
    "KINDS",
    "SPLITS",
    "TASK_MIX",
    "TabletopTask",
    "Task",
    "feasible_kinds",
    "feasible_tasks",
    "first_target",
    "kind_of",
    "phrase",
    "progress",
    "register_task",
    "registered_tasks",
    "remaining",
    "sample_task",
    "success",
    "task_for_seed",
]
