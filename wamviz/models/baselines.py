"""Honest baselines: what a model must beat before its pictures mean anything.

``copy-last-frame`` imagines that nothing moves; ``hold-still`` says that the robot should stay where it is.
PSNR of a nearly static video is high, so both stand beside every metric.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from wamviz.core.action_spaces import TABLETOP_ACTIONS
from wamviz.core.rollout import ActionSpace, Floats, Frames, Imagined, ImagineRequest, Preview, Rollout
from wamviz.models.protocol import Capabilities, ImagineStream, ModelEntry, check_request, frames_asked

HORIZON = 16
MAX_HORIZON = 8 * HORIZON  # what mini-WAM goes to, so that the controls can stand beside it
HELD = 0.1  # a hand further closed than this is closed: round an orange it stays near 0.15


def copy_last_frame(frame: Frames, horizon: int) -> Frames:
    """Repeat the context (H, W, 3) into a video (horizon + 1, H, W, 3) in which nothing moves."""
    return np.repeat(frame[None], horizon + 1, axis=0)


def hold_still(space: ActionSpace, horizon: int, gripper: float = 0.0) -> Floats:
    """Actions (horizon, A) that keep the pose: zero deltas, the gripper where it is now."""
    actions = np.zeros((horizon, space.dim), np.float32)
    if space.gripper_index is not None:
        actions[:, space.gripper_index] = gripper
    return actions


class Control:
    """A model that does not denoise: one preview, then the rollout."""

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities

    def imagine(self, request: ImagineRequest) -> ImagineStream:
        """Yield one preview and the finished rollouts; every sample is the same."""
        check_request(self.capabilities, request)
        return self._stream(request)

    def _stream(self, request: ImagineRequest) -> Iterator[Preview | Imagined]:
        start = time.perf_counter()
        caps, context = self.capabilities, request.observation
        horizon = frames_asked(caps, request)
        frames = copy_last_frame(context.frame, horizon) if request.mode != "act_only" else None
        actions = None
        if caps.action_space is not None and request.mode != "video":
            # State column 6 is the tabletop's gripper, which an object in the hand keeps from closing all the way;
            # elsewhere the hand counts as open.
            closed = context.state is not None and len(context.state) > 6 and context.state[6] > HELD
            actions = hold_still(caps.action_space, horizon, float(closed))
        yield Preview(0, 1, None if frames is None else frames[None], None if actions is None else actions[None])
        rollout = Rollout(
            origin="imagined",
            frames=frames,
            fps=caps.video_fps,
            actions=actions,
            action_space=caps.action_space if actions is not None else None,
            instruction=context.instruction,
            camera=context.main_camera,
            camera_model=context.cameras.get(context.main_camera),
            seed=request.seed,
            meta={"model": caps.model_id, "mode": request.mode},
        )
        yield Imagined((rollout,) * request.samples, {"total": time.perf_counter() - start})


COPY_LAST_FRAME = Capabilities(
    model_id="copy-last-frame",
    title="Copy last frame (baseline)",
    description="Imagines that nothing moves; the baseline for video metrics.",
    modes=("video",),
    action_space=None,
    frame_size=None,
    video_fps=5.0,
    horizon=HORIZON,
    uses_instruction=False,
    control=True,
    max_horizon=MAX_HORIZON,
)
HOLD_STILL = Capabilities(
    model_id="hold-still",
    title="Zero action (baseline)",
    description="Keeps the robot where it is; the baseline for action metrics.",
    modes=("joint", "act_only"),
    action_space=TABLETOP_ACTIONS,
    frame_size=None,
    video_fps=5.0,
    horizon=HORIZON,
    uses_instruction=False,
    worlds=("tabletop",),
    control=True,
    max_horizon=MAX_HORIZON,
)


def register_models() -> list[ModelEntry]:
    """The two baselines, for the registry."""

    def entry(caps: Capabilities) -> ModelEntry:
        return ModelEntry(caps, lambda device: Control(caps), resident=False)

    return [entry(COPY_LAST_FRAME), entry(HOLD_STILL)]
