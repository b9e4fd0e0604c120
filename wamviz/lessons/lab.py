"""What experiments work with: unseen scenes, the embedded model, and physics.

Contract: contexts are the shipped episodes (seeds that training never saw), always in the same order; ``imagine`` is
``runs.imagine_run`` to its end. Whoever wants to stop says so by ``stopped``. It knows no page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from typing import Any

from wamviz.core.errors import Canceled, InvalidInput, WamvizError
from wamviz.core.rollout import Floats, Rollout
from wamviz.datasets import shipped
from wamviz.runs.execution import act_out
from wamviz.runs.imagine import imagine_run
from wamviz.runs.sources import Context
from wamviz.runs.store import Run

MODEL = "mini-wam"
HORIZON = 16  # frames of one chunk
SECONDS = 20.0  # of what was recorded that a context keeps


class Lab:
    """A bench with one model on it.

    Args:
        model: a registered model's id.
        imagine: what runs one question, in the place of ``imagine_run``.
        stopped: whether somebody asked to stop.
        physics: what is held while something is simulated.
    """

    def __init__(
        self,
        model: str = MODEL,
        imagine: Any = imagine_run,
        stopped: Callable[[], bool] = lambda: False,
        physics: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self.model, self._imagine, self._stopped, self._physics = model, imagine, stopped, physics

    def check(self) -> None:
        """Raise ``Canceled`` when somebody asked to stop."""
        if self._stopped():
            raise Canceled("Stopped.")

    def contexts(self, count: int, kinds: tuple[str, ...] = (), actions: int = 1) -> Iterator[Context]:
        """The first ``count`` unseen scenes, of some kinds of task alone where any are named.

        Args:
            actions: how many must have been recorded at least.

        Raises:
            InvalidInput: there are not so many.
        """
        dataset, found = shipped(), 0
        for index in dataset.available:
            if found == count:
                return
            episode = dataset.episode(index)
            if (kinds and str(episode.facts.get("kind")) not in kinds) or episode.frame_count <= actions:
                continue
            self.check()
            found += 1
            observation = replace(episode.observation(0), source=f"assets/episodes#{index}@0")
            stop = min(episode.frame_count, int(SECONDS * episode.fps))
            yield Context(observation, episode.rollout(start=0, stop=stop), f"Episode {index}, frame 0")
        if found < count:
            raise InvalidInput(f"There are only {found} such scenes.", f"Ask for at most {found}.")

    def imagine(self, context: Context, mode: str, **options: Any) -> Run:
        """One question to its end."""
        self.check()
        run = None
        with closing(self._imagine(self.model, context, mode=mode, **options)) as stream:
            for event in stream:
                self.check()
                run = event if isinstance(event, Run) else run
        if run is None:
            raise WamvizError(f"{self.model} ended without a run.")
        return run

    def execute(self, run: Run, actions: Floats | None = None) -> Rollout:
        """What physics makes of a run's actions (or of others) from its context's very state."""
        first = run.imagined[0]
        taken = first.actions if actions is None else actions
        executed = None
        stream = act_out(run.world_state, taken, run.instruction, space=first.action_space)
        with self._physics(), closing(stream):  # type: ignore[type-var]
            for event in stream:
                self.check()
                executed = event if isinstance(event, Rollout) else executed
        assert executed is not None  # act_out ends with it
        return executed
