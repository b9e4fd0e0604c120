"""The examples on the stage: real runs of the embedded model, chosen by a rule and shipped as the files of runs.

    python -m wamviz.ui.example            # makes all of them again, into assets/examples

Contract: of each kind of task the first shipped episode, from its first frame, with seed 0, one sample and no other
setting than the defaults, executed in physics. Nothing is tried twice and nothing is left out. Without shipped
examples a control computes one at start, and the page says that it is a control.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from wamviz.core.errors import InvalidInput, WamvizError, unknown_name
from wamviz.core.rollout import Rollout
from wamviz.metrics import summarise
from wamviz.runs import execution
from wamviz.runs.imagine import imagine_run
from wamviz.runs.store import Run, write_run
from wamviz.ui import choices
from wamviz.ui.run_repository import EXAMPLES, TASKS, RunRepository
from wamviz.ui.scenes import Scenes

log = logging.getLogger(__name__)
SEED = 0


def example_run(repository: RunRepository, scenes: Scenes) -> Run | None:
    """The shipped example, else a control's run on the first episode (kept in the store), else None."""
    shipped = repository.example
    if shipped is not None:
        return shipped
    for index in scenes.indices[:1]:
        try:
            run = make(scenes, index, model="hold-still", act=False)
            repository.keep(run)
            return run
        except WamvizError as error:
            log.warning("There is no example to show: %s", error)
    return None


def first_of_each(scenes: Scenes) -> dict[str, int]:
    """The rule: of each kind of task the first shipped episode, by its number."""
    first: dict[str, int] = {}
    for card in scenes.cards():  # in the order of their numbers
        first.setdefault(card.kind, card.index)
    return {task: first[task] for task in TASKS if task in first}


def make(scenes: Scenes, index: int, *, model: str, act: bool = True) -> Run:
    """Imagine from the first frame of a shipped episode and, with ``act``, execute the imagined actions.

    Raises:
        WamvizError: no such episode or model, or the model cannot run here.
    """
    context = scenes.context(scenes.episode(index), 0)
    mode = choices.capabilities(model).modes[0]
    run = next(event for event in imagine_run(model, context, mode=mode, seed=SEED) if isinstance(event, Run))
    actions, space = run.imagined[0].actions, run.imagined[0].action_space
    if act and execution.why_not(run.world_state, actions, space) is None:
        stream = execution.act_out(run.world_state, actions, run.instruction, space=space)
        ended = [event for event in stream if isinstance(event, Rollout)]
        run = replace(run, executed=ended[-1])
        run = replace(run, metrics=summarise(run))
    return run


def main(argv: Sequence[str] | None = None) -> int:
    """Make the shipped examples again: the first shipped episode of each task, seed 0, one sample."""
    parser = argparse.ArgumentParser(prog="python -m wamviz.ui.example", description=main.__doc__)
    parser.add_argument("--model", default=None, help="a registered model; the first that learned something by default")
    parser.add_argument("--tasks", default=",".join(TASKS), help="which of the tasks, separated by commas; all of them")
    parser.add_argument("--out", type=Path, default=EXAMPLES, help="folder of the examples; assets/examples by default")
    args = parser.parse_args(argv)
    scenes = Scenes()
    try:
        first = first_of_each(scenes)
        if not first:
            raise InvalidInput("There are no shipped episodes to start from.", scenes.problem)
        for task in (wanted := [name.strip() for name in args.tasks.split(",") if name.strip()]):
            if task not in first:
                raise unknown_name("task", task, tuple(first))
        for task in wanted:
            run = make(scenes, first[task], model=args.model or choices.default_model())
            shutil.rmtree(args.out / task, ignore_errors=True)
            write_run(args.out / task, run, small=True)
            print(f"{task}: {describe(run)}", flush=True)
    except WamvizError as error:
        print(f"wamviz: {error}", file=sys.stderr)
        return error.exit_code
    size = sum(path.stat().st_size for path in args.out.rglob("*") if path.is_file())
    print(f"{args.out.name}: {size / 1e6:.1f} MB")
    return 0


def describe(run: Run) -> str:
    """One line on a finished example."""
    success = None if run.executed is None else run.executed.success
    words = {True: "succeeded", False: "failed", None: "not judged"}[success]
    frames = 0 if run.imagined[0].frames is None else len(run.imagined[0].frames) - 1
    return f"run {run.id} by {run.model}, '{run.instruction}', {frames} frames, in the simulator: {words}"


if __name__ == "__main__":
    sys.exit(main())
