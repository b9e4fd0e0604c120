"""A drive as a run like any other, for the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import Rollout
from wamviz.metrics.summary import summarise
from wamviz.runs.driving.drive import Drive
from wamviz.runs.execution import act_out
from wamviz.runs.imagine import versions
from wamviz.runs.store import Run, run_id

NOT_TOLD = "Driven by hand, {some} at a time: the model was given the actions and not the instruction."


def keep_drive(drive: Drive) -> Run:
    """The drive as a finished run. Physics does all of it once more, with everything that is measured.

    Raises:
        InvalidInput: nothing was done yet.
    """
    if len(drive.moments) < 2:
        raise InvalidInput("Nothing was driven yet.", "Press a key first.")
    caps, seen, camera = drive.capabilities, drive.context.observation, drive.context.observation.main_camera
    frames, actions = np.stack([moment.frame for moment in drive.moments]), drive.actions
    model, side = seen.cameras.get(camera), frames.shape[1]
    square = model is not None and model.width == model.height and frames.shape[2] == side
    imagined = Rollout(
        origin="imagined",
        frames=frames,
        fps=drive.space.rate,
        actions=actions,
        action_space=drive.space,
        instruction=drive.task,
        camera=camera,
        camera_model=model.resized(side, side) if model is not None and square else None,
        seed=drive.seed,
        meta={"model": caps.model_id, "mode": "forward_dynamics", "actions": "given", "driven": list(drive.steps),
              "dropped": drive.dropped},
    )  # fmt: skip
    executed = None
    if drive.world is not None:
        *_, last = act_out(seen.world_state, actions, drive.task, camera=camera, space=drive.space)
        assert isinstance(last, Rollout)
        executed = last
    at_a_time = sorted(set(drive.steps))
    some = f"{at_a_time[0]}" if len(at_a_time) == 1 else f"{at_a_time[0]} to {at_a_time[-1]}"
    notes = [NOT_TOLD.format(some=some)]
    if drive.dropped:
        notes.append(f"{drive.dropped} steps came too fast and were dropped.")
    notes += [why for why in (drive.why_not_real, drive.why_no_task) if why]
    run = Run(
        id=run_id(
            model=caps.model_id,
            weights_digest=drive.weights_digest,
            frame=seen.frame,
            instruction=drive.task,
            mode="forward_dynamics",
            seed=drive.seed,
            steps=None,
            samples=1,
            actions=actions,
            state=seen.state,
            previous_action=seen.previous_action,
            draw=f"driven {drive.steps}",  # given at once, they are another question
        ),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        model=caps.model_id,
        weights_digest=drive.weights_digest,
        mode="forward_dynamics",
        instruction=drive.task,
        seed=drive.seed,
        steps=None,
        samples=1,
        source=seen.source or drive.context.title,
        imagined=(imagined,),
        context=seen.frame,
        executed=executed,
        notes=tuple(notes),
        versions=versions("auto"),
        world_state=seen.world_state,
        state=seen.state,
        previous_action=seen.previous_action,
    )
    return replace(run, metrics=summarise(run))
