"""What is in a SOURCE, as plain facts: for ``inspect`` on the command line and whoever else asks.

Contract: ``describe`` returns a JSON-ready dict whose first keys are ``source`` and ``kind``; values that are not
known are None. It decodes as little as the answer needs, changes nothing, and knows no page.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ActionSpace, Observation, Rollout
from wamviz.runs.sources import Context, Progress, kind_of, open_episode, open_source, resolve
from wamviz.runs.store import Run, Store, read_run


def describe(source: str, progress: Progress | None = None) -> dict[str, Any]:
    """The facts of one source; ``progress`` is called while files of a ``hub:`` name come in.

    Raises:
        WamvizError: no such source, or it cannot be read.
    """
    kind = kind_of(source)
    if kind in ("dataset", "episode"):
        facts = (_dataset if kind == "dataset" else _episode)(source.strip(), progress)
    else:
        facts = (_run if kind == "run" else _context)(source)
    return {"source": source, "kind": kind, **facts}


def _dataset(source: str, progress: Progress | None) -> dict[str, Any]:
    dataset = open_source(source, progress=progress)
    return {"title": dataset.title, "episodes": len(dataset), **dataset.summary()}


def _episode(source: str, progress: Progress | None) -> dict[str, Any]:
    """An episode's facts; only the frame that is named is decoded."""
    episode, frame = open_episode(source, progress)
    missing = list(episode.missing)
    seen = episode.observation(frame) if episode.cameras else None
    space, actions, states, success = (
        _tried(read, missing)
        for read in (
            lambda: episode.action_space,
            lambda: episode.actions,
            lambda: episode.states,
            lambda: episode.success,
        )
    )
    state = episode.state_at(frame)  # also of an episode without video
    left = episode.frame_count - 1 - frame
    follows: dict[str, Any] = {
        "origin": episode.origin,
        "frames": left,
        "seconds": round(left / episode.fps, 3),
        "actions": None if actions is None or space is None else len(actions) - round(frame * space.rate / episode.fps),
        "action_space": _space(space),
        "success": success,
    }
    return {
        "title": f"{episode.dataset_title}, episode {episode.index}, frame {frame}",
        "origin": episode.origin,
        "instruction": episode.instruction_at(frame) or None,
        "frames": episode.frame_count,
        "fps": episode.fps,
        "cameras": {} if seen is None else _cameras(seen),
        "calibrated": [] if seen is None else sorted(seen.cameras),
        "state": None if state is None else [round(float(value), 4) for value in state],
        "state_names": list(episode.state_names) or None,
        "states": None if states is None else len(states),
        "scalars": sorted(episode.scalars),
        "world_state": seen is not None and seen.world_state is not None,
        "what_follows": follows if left else None,
        "facts": dict(episode.facts) or None,
        "missing": list(dict.fromkeys(missing)),
    }


def _tried(read: Callable[[], Any], problems: list[str]) -> Any:
    """What ``read`` returns, or None, with its complaint added: damaged rows must not hide the rest of an episode."""
    try:
        return read()
    except WamvizError as error:
        problems.append(str(error))
        return None


def _cameras(seen: Observation) -> dict[str, str]:
    return {name: f"{frame.shape[1]}x{frame.shape[0]}" for name, frame in seen.frames.items()}


def _run(source: str) -> dict[str, Any]:
    path = Path(source).expanduser()
    run: Run = read_run(path) if path.is_dir() else Store().load(source)
    return {
        "id": run.id,
        "created": run.created,
        "model": run.model,
        "mode": run.mode,
        "instruction": run.instruction,
        "context": run.source,
        "seed": run.seed,
        "steps": run.steps,
        "horizon": run.horizon,
        "guidance": run.guidance,
        "imagined": [_rollout(rollout) for rollout in run.imagined],
        "recorded": _rollout(run.reference) if run.reference else None,
        "executed": _rollout(run.executed) if run.executed else None,
        "notes": list(run.notes),
        "metrics": dict(run.metrics),
        "timings": dict(run.timings),
        "versions": dict(run.versions),
    }


def _context(source: str) -> dict[str, Any]:
    context: Context = resolve(source)
    seen = context.observation
    return {
        "title": context.title,
        "instruction": context.instruction or None,
        "cameras": _cameras(seen),
        "calibrated": sorted(seen.cameras),
        "state": None if seen.state is None else [round(float(value), 4) for value in seen.state],
        "world_state": seen.world_state is not None,
        "what_follows": _rollout(context.reference) if context.reference else None,
    }


def _rollout(rollout: Rollout) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "origin": rollout.origin,
        "frames": None if rollout.frames is None else len(rollout.frames),
        "size": None if rollout.frames is None else f"{rollout.frames.shape[2]}x{rollout.frames.shape[1]}",
        "fps": rollout.fps,
        "seconds": round(rollout.duration, 3),
        "actions": None if rollout.actions is None else len(rollout.actions),
        "action_space": _space(rollout.action_space),
        "success": rollout.success,
    }
    if "by" in rollout.meta:
        facts["by"] = rollout.meta["by"]
    return facts


def _space(space: ActionSpace | None) -> str | None:
    if space is None:
        return None
    return f"{space.kind} at {space.rate:g} Hz: " + ", ".join(
        f"{name} ({unit})" if unit else name for name, unit in zip(space.names, space.units, strict=True)
    )
