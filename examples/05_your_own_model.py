"""A whole model of your own: the hand drifts up and the picture fades to grey.

    python examples/05_your_own_model.py

In a package of yours, the last function is all the registration there is:

    [project.entry-points."wamviz.models"]
    drift = "your_package.drift:register_models"

From then on the page, the command line and the HTTP API offer it like the built-in models.
"""

from __future__ import annotations

import time

import numpy as np

from wamviz.core.action_spaces import TABLETOP_ACTIONS
from wamviz.core.rollout import Imagined, ImagineRequest, Preview, Rollout
from wamviz.models.protocol import Capabilities, ImagineStream, ModelEntry, check_request, collect
from wamviz.runs.sources import resolve

DRIFT = Capabilities(
    model_id="drift",
    title="Drift",
    description="Drifts up and fades to grey; for showing how a model is made.",
    modes=("joint", "act_only"),
    action_space=TABLETOP_ACTIONS,  # speaking the tabletop's actions, it can be executed there
    frame_size=None,  # its video has the size of the context
    video_fps=5.0,
    horizon=16,
    default_steps=4,
    worlds=("tabletop",),
)


class Drift:
    """What a model has to have: ``capabilities``, and ``imagine``, a generator that yields while it works."""

    capabilities = DRIFT

    def __init__(self, device: str) -> None:
        self.device = device  # weights would be loaded here, and not earlier

    def imagine(self, request: ImagineRequest) -> ImagineStream:
        check_request(self.capabilities, request)  # refuse before anything is computed
        return self._stream(request)

    def _stream(self, request: ImagineRequest) -> ImagineStream:
        start = time.perf_counter()
        steps = request.steps or DRIFT.default_steps
        rollouts = []
        for sample in range(request.samples):
            rng = np.random.default_rng(request.seed + sample)  # same seed, same rollout
            goal = np.array([0, 0.02, 0.02, 0, 0, 0, 0]) + rng.normal(0, 0.002, 7) * (np.arange(7) < 3)
            actions = np.repeat(goal[None].astype(np.float32), DRIFT.horizon, axis=0)  # (K, A)
            for step in range(steps):
                yield Preview(step + 1, steps, actions=actions[None])  # closing the generator here stops it
            rollouts.append(
                Rollout(
                    origin="imagined",
                    frames=None if request.mode == "act_only" else self._fade(request.observation.frame),
                    fps=DRIFT.video_fps,
                    actions=actions,
                    action_space=TABLETOP_ACTIONS,
                    instruction=request.observation.instruction,
                    camera=request.observation.main_camera,
                    seed=request.seed + sample,
                )
            )
        yield Imagined(tuple(rollouts), {"total": time.perf_counter() - start})

    @staticmethod
    def _fade(frame: np.ndarray) -> np.ndarray:
        share = np.linspace(0, 1, DRIFT.horizon + 1)[:, None, None, None]  # frame 0 is the context itself
        return np.rint(frame * (1 - share) + 128 * share).astype(np.uint8)  # (T, H, W, 3)


def register_models() -> list[ModelEntry]:
    """What the entry point names; nothing is loaded until somebody asks for the model."""
    return [ModelEntry(DRIFT, Drift)]


if __name__ == "__main__":
    context = resolve("tabletop:2000000")
    imagined = collect(register_models()[0].load("cpu"), ImagineRequest(context.observation, samples=2))
    for rollout in imagined.rollouts:
        print(f"seed {rollout.seed}: {rollout.duration:.1f} s, {len(rollout.action_times)} actions")
