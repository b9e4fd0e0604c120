"""Rollouts as the stage's clips: by address, as one small picture, or as the reason why there is no video.

Contract: what a page is told about the frames of one rollout and its path. Nothing here knows panes, Gradio or runs,
reads or writes.
"""

from __future__ import annotations

import base64
import math
import zlib

import numpy as np
from PIL import Image

from wamviz.core.media import encode_jpeg
from wamviz.core.rollout import Camera, Floats, Frames, Rollout
from wamviz.metrics.trajectory import path_pixels
from wamviz.ui.stage.messages import Clip, FileClip, Path, StripClip, UnseenClip

STRIP_PIXELS = 1_500_000  # of a preview's picture: 17 frames at 256 x 256 fit, and it encodes in some 10 ms


def file_clip(
    rollout: Rollout,
    address: str,
    *,
    camera: Camera | None = None,
    start: Floats | None = None,
    label: str = "",
    missing: str = "",
) -> Clip:
    """One rollout by address; a rollout without frames keeps its path and says why there is no video.

    Args:
        rollout: what the file shows.
        address: of the file, on this server.
        camera: through which it was seen, where the rollout itself does not say.
        start: the state before its first action.
        label: of the sample.
        missing: why there is no video, where there is none.
    """
    path = path_of(rollout, camera, start)
    rate = float(rollout.action_space.rate if rollout.action_space is not None else rollout.fps)
    if rollout.frames is None:
        return UnseenClip(missing, len(rollout.action_times) + 1, rate, label, path, rate)
    count, height, width = rollout.frames.shape[:3]
    # The address of an executed clip stays when it is executed again; the key does not.
    key = f"{zlib.crc32(np.ascontiguousarray(rollout.frames).data):08x}"
    return FileClip(address, key, count, float(rollout.fps), width, height, label, path, rate)


def strip(frames: Frames, fps: float, label: str = "", path: Path | None = None, rate: float = 0.0) -> StripClip:
    """A clip without a file: all frames (T, H, W, 3) in one JPEG, row by row, as a data URL.

    Frames are made smaller where all of them together would exceed ``STRIP_PIXELS``.
    """
    count, height, width = frames.shape[:3]
    shrink = min(1.0, math.sqrt(STRIP_PIXELS / (count * height * width)))
    width, height = max(1, int(width * shrink)), max(1, int(height * shrink))
    columns = math.ceil(math.sqrt(count * height / width))
    sheet = Image.new("RGB", (columns * width, math.ceil(count / columns) * height))
    for k, frame in enumerate(frames):
        picture = Image.fromarray(frame)
        if shrink < 1.0:
            picture = picture.resize((width, height), Image.Resampling.BOX)
        sheet.paste(picture, (k % columns * width, k // columns * height))
    data = encode_jpeg(np.asarray(sheet), 85)
    address = "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")
    return StripClip(address, columns, count, float(fps), width, height, label, path, float(rate or fps))


def reference_strip(reference: Rollout) -> StripClip | None:
    """A recording that is not yet a file of a run; None where it has no video."""
    if reference.frames is None:
        return None
    rate = 0.0 if reference.action_space is None else reference.action_space.rate
    path = path_of(reference, reference.camera_model, None)
    return strip(reference.frames, reference.fps, path=path, rate=rate)


def path_of(rollout: Rollout, camera: Camera | None, start: Floats | None) -> Path | None:
    """The end-effector's path as fractions of the frame, up to the first point that is not in front of the camera."""
    camera = rollout.camera_model or camera
    pixels = None if camera is None else path_pixels(rollout, camera, start)
    if camera is None or pixels is None:
        return None
    unknown = np.flatnonzero(~np.isfinite(pixels).all(axis=1))
    pixels = pixels[: unknown[0]] if len(unknown) else pixels
    if len(pixels) < 2:
        return None
    fractions = np.clip(pixels / (camera.width, camera.height), -2.0, 3.0)
    return tuple((round(float(x), 4), round(float(y), 4)) for x, y in fractions)
