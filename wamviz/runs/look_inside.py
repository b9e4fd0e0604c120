"""Looking into a kept run: its request once more, with whoever imagined it.

Contract: only runs of the embedded model, imagined at once by the weights that are here, can be looked into; every
refusal says why. What is seen are the run's own tensors, and how far they are from its kept actions is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import ImagineRequest
from wamviz.models import registry
from wamviz.models.cache import resolve_device
from wamviz.models.queue import BEAT_S, DEVICE_QUEUE
from wamviz.runs.sources import context_of
from wamviz.runs.store import Run

if TYPE_CHECKING:
    from wamviz.models.mini.inside import Inside

PATIENCE_S = 30.0  # that somebody waits for the device


@dataclass(frozen=True, eq=False)
class Look:
    """A chunk of a run from inside.

    Attributes:
        inside: see ``wamviz.models.mini.inside``.
        chunks, samples: how many of each this run has.
        apart: the largest difference between the actions seen and those kept, in their units; None where the run keeps
            none of its own.
    """

    inside: Inside
    chunks: int
    samples: int
    apart: float | None


def request_of(run: Run) -> ImagineRequest:
    """The request that led to a run of the embedded model.

    Raises:
        InvalidInput: it cannot be asked once more, and why.
    """
    first, capabilities = run.imagined[0], registry.entry(run.model).capabilities
    if capabilities.model_id != "mini-wam":
        raise InvalidInput(f"{run.model} cannot be looked into: only mini-WAM can.")
    if "driven" in first.meta:
        raise InvalidInput("This drive was imagined a few actions at a time: no chunk of it was denoised at once.",
                           "Draw a path instead, or give its actions as a file.")  # fmt: skip
    if run.mode == "inverse_dynamics":
        raise InvalidInput("The video whose actions were inferred is not kept with this run.")
    horizon, actions = run.horizon, None
    if run.executed is not None and "looked_at" in run.executed.meta:  # the first look of a closed loop
        horizon = capabilities.horizon if capabilities.open_horizon else None
    if run.mode == "forward_dynamics":
        actions = first.actions
        if actions is None:
            raise InvalidInput("The actions that this run was given are not kept with it.")
    observation = context_of(run).observation
    return ImagineRequest(observation, run.mode, run.seed, run.samples, run.steps, actions, None, horizon, run.guidance)


def look_into(run: Run, sample: int = 0, chunk: int = 0) -> Look:
    """Look into one chunk of one sample of a run.

    Raises:
        WamvizError: it cannot be looked into, has no such chunk or sample, or the device is taken.
    """
    from wamviz.models.mini.inside import look_inside
    from wamviz.models.mini.wam import MiniWAM

    request, entry = request_of(run), registry.entry(run.model)
    size = entry.capabilities.horizon
    loops = run.executed is not None and "looked_at" in run.executed.meta
    first = run.imagined[0]
    count = first.meta.get("actions_drawn") if first.actions is None else first.actions
    length = len(count) if count is not None else size
    chunks = 1 if loops else max(1, -(-length // size))
    if not 0 <= chunk < chunks:
        raise InvalidInput(f"This run has no chunk {chunk + 1}.", f"It has {chunks}.")
    with DEVICE_QUEUE.join(resolve_device(entry, "auto"), f"look into {run.id}") as turn:
        waited = 0.0
        while turn.wait(BEAT_S) is not None:
            waited += BEAT_S
            if waited > PATIENCE_S:
                raise InvalidInput("Somebody else is imagining just now.", "Try again in a moment.")
        with registry.borrow(run.model) as model:
            if not isinstance(model, MiniWAM):
                raise InvalidInput(f"{run.model} cannot be looked into: only mini-WAM can.")
            if run.weights_digest and run.weights_digest != model.weights_digest:
                theirs, ours = run.weights_digest[:12], model.weights_digest[:12]
                raise InvalidInput(f"This run was imagined by other weights ({theirs}) than are here ({ours}).",
                                   "Imagine it once more.")  # fmt: skip
            inside = look_inside(model, request, sample, chunk)
    kept = None if run.mode in ("video", "imagine_then_act") else run.imagined[sample].actions
    apart = None
    if kept is not None:
        looked = len(kept) if not loops or run.executed is None else int(run.executed.meta["execute"])
        part = kept[chunk * size : min((chunk + 1) * size, max(looked, 1))]
        apart = float(np.abs(part - inside.actions[: len(part)]).max()) if len(part) else None
    return Look(inside, chunks, run.samples, apart)
