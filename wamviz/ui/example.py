"""The example on the stage at first paint: a real run, made by a real model, shipped as the files of a run.

    python -m wamviz.ui.example            # makes it again with the embedded model

Contract: what is shown was sampled, by the shipped weights where there are any; without a shipped example a
control computes one at start, and the page says that it is a control. Nothing is drawn or made up.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace

from wamviz import acting
from wamviz.compare import summarise
from wamviz.errors import WamvizError
from wamviz.imagining import imagine_run
from wamviz.rollout import Rollout
from wamviz.store import Run, write_run
from wamviz.ui import choices
from wamviz.ui.scenes import Scenes
from wamviz.ui.shelf import EXAMPLE, Shelf

log = logging.getLogger(__name__)


def example_run(shelf: Shelf, scenes: Scenes) -> Run | None:
    """The shipped example, else a control's run on the first episode (kept in the store), else None."""
    shipped = shelf.example
    if shipped is not None:
        return shipped
    for index in scenes.indices[:1]:
        try:
            run = make(scenes, index, model="hold-still", act=False)
            shelf.save(run)
            return run
        except WamvizError as error:
            log.warning("There is no example to show: %s", error)
    return None


def make(
    scenes: Scenes, index: int, *, model: str, frame: int = 0, seed: int = 0, samples: int = 1, act: bool = True
) -> Run:
    """Imagine from a shipped episode and, with ``act``, execute the imagined actions.

    Raises:
        WamvizError: no such episode or model, or the model cannot run here.
    """
    context = scenes.context(scenes.episode(index), frame)
    mode = choices.capabilities(model).modes[0]
    run = next(
        event for event in imagine_run(model, context, mode=mode, seed=seed, samples=samples) if isinstance(event, Run)
    )
    actions, space = run.imagined[0].actions, run.imagined[0].action_space
    if act and acting.why_not(run.world_state, actions, space) is None:
        stream = acting.act_out(run.world_state, actions, run.instruction, space=space)
        ended = [event for event in stream if isinstance(event, Rollout)]
        run = replace(run, executed=ended[-1])
        run = replace(run, metrics=summarise(run))
    return run


def main(argv: Sequence[str] | None = None) -> int:
    """Make the shipped example again."""
    parser = argparse.ArgumentParser(prog="python -m wamviz.ui.example", description=main.__doc__)
    parser.add_argument("--model", default=None, help="a registered model; the first that learned something by default")
    parser.add_argument("--episode", type=int, default=None, help="a shipped episode; the first by default")
    parser.add_argument("--frame", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=4)
    asked = parser.parse_args(argv)
    scenes = Scenes()
    try:
        if not scenes.indices:
            raise WamvizError("There are no shipped episodes to start from.", scenes.problem)
        index = asked.episode if asked.episode is not None else scenes.indices[0]
        model = asked.model or choices.default_model()
        run = make(scenes, index, model=model, frame=asked.frame, seed=asked.seed, samples=asked.samples)
    except WamvizError as error:
        print(f"wamviz: {error}", file=sys.stderr)
        return 2
    write_run(EXAMPLE, run)
    print(f"{EXAMPLE.name}: run {run.id} by {run.model}, '{run.instruction}', seed {run.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
