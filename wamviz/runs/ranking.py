"""Which of N samples is best, where there is a judge, and why.

Contract: two judges. Physics executes the actions of every sample from the exact state of the context, undrawn, and
says whether the task was done and how far it came. A model with inverse dynamics reads the actions out of every
sample's video: how far the path of those lies from the path that the sample's own actions state. The second is asked
where physics cannot be, or leaves samples equal. What they said stays in the rollouts' facts (``meta["judged"]``), and
``ranking`` puts in order only what was judged. Nothing here is stored or shown.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from wamviz.core.errors import InvalidInput, WamvizError
from wamviz.core.rollout import Rollout
from wamviz.metrics.summary import context_state
from wamviz.metrics.trajectory import ade_fde, commanded_path
from wamviz.runs import execution, infer_actions
from wamviz.runs.imagine import imagine_run
from wamviz.runs.sources import context_of
from wamviz.runs.store import Run

JUDGED = "judged"  # in a rollout's facts: success, progress, apart_m, reader
GIVEN = ("forward_dynamics", "inverse_dynamics")  # what was given to a model does not tell its samples apart


@dataclass(frozen=True)
class Judging:
    """How far the judges have come: ``step`` of ``steps`` samples, and what is done with this one."""

    step: int
    steps: int
    note: str


@dataclass(frozen=True)
class Place:
    """A sample (from 0) in the order, and why it stands there."""

    sample: int
    why: str


def why_not(run: Run | None) -> str:
    """Why the samples of this run cannot be put in order, or ""."""
    if run is None or len(run.imagined) < 2:
        return "There is one sample alone, so there is nothing to rank. Imagine two or more."
    if run.mode == "forward_dynamics":
        return "All samples were given the same actions, so the simulator would find them equal."
    return "" if _acts(run) or _reads(run) else "Samples are ranked by the simulator, which needs actions and a " \
        "context of the tabletop, or by reading actions out of their videos, which needs both."  # fmt: skip


def judge(run: Run) -> Iterator[Judging | Run]:
    """Ask the judges about every sample; ends with ``run``, whose rollouts hold what they said.

    Raises:
        WamvizError: there is no judge for it, see ``why_not``.
    """
    reason = why_not(run)
    if reason:
        raise InvalidInput(reason)
    found: list[dict[str, Any]] = [{} for _ in run.imagined]
    count = len(found)
    if _acts(run):
        for k, rollout in enumerate(run.imagined):
            yield Judging(k, count, f"executing sample {k + 1}")
            found[k] |= _executed(run, rollout)
    outcomes = [(one.get("success"), one.get("progress")) for one in found]
    if _reads(run) and len(set(outcomes)) < count:
        for k, rollout in enumerate(run.imagined):
            if outcomes.count(outcomes[k]) > 1:
                yield Judging(k, count, f"reading the video of sample {k + 1}")
                found[k] |= _read(run, rollout, k)
    told = (replace(one, meta={**one.meta, JUDGED: said}) for one, said in zip(run.imagined, found, strict=True))
    yield replace(run, imagined=tuple(told))


def ranking(run: Run) -> tuple[Place, ...]:
    """All samples, the best first: success, then progress, then how close the stated path lies to the read one; what
    is equal stays in the order of seeds. Empty where nobody has judged them."""
    told = [one.meta.get(JUDGED) or {} for one in run.imagined]
    if len(told) < 2 or not all(one.get("progress") is not None or one.get("apart_m") is not None for one in told):
        return ()
    return tuple(Place(k, _why(told[k])) for k in sorted(range(len(told)), key=lambda k: (*_key(told[k]), k)))


def _key(told: Mapping[str, Any]) -> tuple[float, float, float]:
    apart = told.get("apart_m")
    return -float(bool(told.get("success"))), -float(told.get("progress") or 0), 1e9 if apart is None else apart


def _why(told: Mapping[str, Any]) -> str:
    parts = []
    if told.get("success"):
        parts.append("succeeds in the simulator")
    elif told.get("progress") is not None:
        parts.append(f"comes {told['progress']:.0%} of the way in the simulator")
    if told.get("apart_m") is not None:
        parts.append(f"its stated path lies {100 * told['apart_m']:.1f} cm from the one read off its video")
    return "; ".join(parts)


def _acts(run: Run) -> bool:
    """Whether physics can judge the samples: it can execute them, and knows their task."""
    if run.mode in GIVEN or any(execution.why_not(run.world_state, one.actions, one.action_space)
                                for one in run.imagined):  # fmt: skip
        return False
    return bool(run.instruction.strip())


def _executed(run: Run, rollout: Rollout) -> dict[str, Any]:
    """What physics says of a sample's actions; nothing where the instruction is no task of the scene."""
    from wamviz.worlds.tabletop import TabletopEnv, parse, progress, success

    assert run.world_state is not None and rollout.actions is not None
    with contextlib.closing(TabletopEnv(render=False)) as env:
        env.restore(run.world_state.seed, run.world_state.snapshot)
        try:
            task = parse(run.instruction, env)
        except WamvizError:
            return {}
        done = False
        for action in rollout.actions[: execution.MAX_ACTIONS]:
            env.step(action)
            done = done or success(env, task)  # once done counts, as in the execution that is shown
        return {"success": done, "progress": 1.0 if done else float(progress(env, task))}


def _reads(run: Run) -> bool:
    if run.mode in GIVEN or not infer_actions.readers():
        return False
    start = context_state(run)
    return all(one.frames is not None and len(one.frames) > 1 and commanded_path(one, start) is not None
               for one in run.imagined)  # fmt: skip


def _read(run: Run, rollout: Rollout, sample: int) -> dict[str, Any]:
    """How far (m, on average) the stated path lies from the one that is read off the video, and who read it."""
    reader, start = infer_actions.readers()[0], context_state(run)
    *_, read = imagine_run(reader, context_of(run, sample), mode=infer_actions.MODE)
    assert isinstance(read, Run)
    stated, seen = commanded_path(rollout, start), commanded_path(read.imagined[0], start)
    if stated is None or seen is None or rollout.action_space is None or read.imagined[0].action_space is None:
        return {}
    apart = ade_fde(stated, seen, rollout.action_space.rate, read.imagined[0].action_space.rate)
    return {} if apart is None else {"apart_m": round(float(apart[0]), 5), "reader": reader}
