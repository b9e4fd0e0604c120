"""What a mode must be given, taken from what was recorded after the context: actions to obey, a video to explain.

Contract: pure functions over a model's capabilities and a recorded rollout; nothing is read, drawn or sampled.
"""

from __future__ import annotations

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Floats, Frames, Rollout
from wamviz.models.protocol import Capabilities


def recorded(
    caps: Capabilities, mode: str, reference: Rollout | None, horizon: int | None = None
) -> tuple[Floats | None, Frames | None]:
    """The recorded actions (K, A) or video (T, H, W, 3) that ``mode`` is given; (None, None) for other modes.

    Args:
        horizon: frames to imagine, one chunk when None.

    Raises:
        WamvizError: nothing fitting was recorded.
    """
    if mode == "forward_dynamics":
        count = usable_actions(caps, reference, horizon)
        if not count or reference is None or reference.actions is None:
            raise WamvizError(
                "Forward dynamics needs actions to obey, and none were recorded after this frame.",
                "Pick an earlier frame, or upload a file of actions (npz, npy, csv or json) in the settings.",
            )
        return reference.actions[:count], None
    if mode == "inverse_dynamics":
        if reference is None or reference.frames is None or len(reference.frames) < 2:
            raise WamvizError(
                "Inverse dynamics needs a video to explain, and none was recorded after this frame.",
                "Pick an earlier frame, or upload a video in the settings.",
            )
        return None, at_rate(reference.frames, reference.fps, caps.video_fps, horizon or caps.horizon)
    return None, None


def usable_actions(caps: Capabilities, reference: Rollout | None, horizon: int | None = None) -> int:
    """How many recorded actions this model could obey: those of its own action space, up to the horizon (frames)."""
    space = caps.action_space
    if space is None or reference is None or reference.actions is None or reference.action_space is None:
        return 0
    if reference.action_space.names != space.names or abs(reference.action_space.rate - space.rate) > 1e-6:
        return 0
    return min(len(reference.actions), max(1, round((horizon or caps.horizon) / caps.video_fps * space.rate)))


def at_rate(frames: Frames, fps: float, wanted: float, horizon: int) -> Frames:
    """Up to ``horizon + 1`` frames of a video at ``wanted`` frames a second, nearest by time."""
    count = min(horizon + 1, int((len(frames) - 1) / fps * wanted + 0.5) + 1)
    picks = [min(len(frames) - 1, round(k / wanted * fps)) for k in range(max(2, count))]
    return frames[picks]
