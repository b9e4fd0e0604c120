"""A closed loop as a run, so that it is kept, reopened, compared and drawn like any other.

Contract: ``loop_run`` puts what the model expected at each look (imagined), what physics made of it (executed)
and the scripted expert's run of the same scene (reference, when it is asked the same) into one ``Run``;
``write_loop`` writes the files of that run and says in ``rollout.json`` whether the task succeeded.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from wamviz.metrics.summary import summarise
from wamviz.models.protocol import WorldActionModel
from wamviz.runs.execution import ClosedLoop
from wamviz.runs.imagine import versions
from wamviz.runs.sources import expert_episode
from wamviz.runs.store import Run, run_id, write_run
from wamviz.runs.store.arrays import read_json, write_json


def loop_run(model: WorldActionModel, mode: str, loop: ClosedLoop) -> Run:
    """The run of one closed loop; its metrics are computed, nothing is written."""
    executed, context = loop.executed, loop.context
    digest = str(getattr(model, "weights_digest", ""))
    seed = int(executed.meta["sampling_seed"])
    expert = expert_episode(int(executed.meta["scene"]))
    identity = run_id(
        model=f"closed loop of {model.capabilities.model_id}",  # the same context imagined once is another run
        weights_digest=digest,
        frame=context.frame,
        instruction=executed.instruction,
        mode=mode,
        seed=seed,
        steps=None,
        samples=1,
        actions=executed.actions,
        state=context.state,
    )
    notes = [
        f"A closed loop: the model looked {loop.looks} times and acted on {executed.meta['execute']} actions a look."
    ]
    if "note" in executed.meta:
        notes.append(str(executed.meta["note"]))
    run = Run(
        id=identity,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        model=model.capabilities.model_id,
        weights_digest=digest,
        mode=mode,
        instruction=executed.instruction,
        seed=seed,
        steps=None,
        samples=1,
        source=context.source,
        imagined=(loop.imagined,),
        context=context.frame,
        reference=expert if expert.instruction == executed.instruction else None,
        executed=executed,
        timings={"total": loop.seconds},
        notes=tuple(notes),
        versions=versions(str(getattr(model, "device", "cpu"))),
        world_state=context.world_state,
        state=context.state,
    )
    return replace(run, metrics=summarise(run))


def write_loop(folder: Path, run: Run) -> None:
    """Write the files of a closed loop's run; ``rollout.json`` also says ``success``, ``task`` and ``scene``."""
    write_run(folder, run)
    executed = run.executed
    if executed is None:
        return
    facts = read_json(folder / "rollout.json")
    facts["success"] = executed.success
    for name in ("task", "target", "scene", "looks", "first_touched", "clipped"):
        facts[name] = executed.meta.get(name)
    facts["executed_actions"] = 0 if executed.actions is None else len(executed.actions)
    write_json(folder / "rollout.json", facts)
