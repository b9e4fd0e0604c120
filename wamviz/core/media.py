"""Frames <-> mp4, gif and png: the only place that encodes or decodes pictures.

Contract: frames are uint8 RGB, (T, H, W, 3) or (H, W, 3). What is read comes from people, so the header is judged
before anything is decoded and every refusal is a ``WamvizError`` naming the file, the fault and the limit. What is
written appears under its final name only when it is whole. Nothing here knows a rollout, a dataset or a page.

Videos written here are H.264 yuv420p, BT.709 and limited range, said in the stream so that a browser shows the same
colours; faststart; without B-frames, and by default all-intra, so a browser that seeks to ``(k + 0.5) / fps`` shows
frame k exactly. Axis letters: T frames, H/W pixels.

Pictures are read and written by imageio (``wamviz.core._images``). Videos (read in ``wamviz.core._videos``) are PyAV's
own business, because imageio's PyAV plugin has no way to
- read a header and refuse the file before anything is decoded, and open with named demuxers alone;
- say which colour matrix an untagged video has, bound each frame's size, and shrink while decoding;
- seek to a span of a file that many episodes share, and tell frames apart by their times;
- write the colour matrix and range into the stream, and the same bytes for the same frames (one thread).
A GIF is written by Pillow: imageio gives every frame a palette of its own, and dithers.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import Image

from wamviz.core._images import (
    MAX_IMAGE_BYTES,
    MAX_IMAGE_PIXELS,
    check_uint8,
    encode_jpeg,
    encode_png,
    file_size,
    fit_square,
    read_image,
    resize,
)
from wamviz.core._videos import (
    SHARP,
    VideoInfo,
    count_frames,
    frame_times,
    read_video,
    read_video_span,
    video_info,
)
from wamviz.core.errors import InvalidInput, Unavailable

__all__ = [
    "MAX_IMAGE_BYTES",
    "MAX_IMAGE_PIXELS",
    "VideoInfo",
    "count_frames",
    "encode_jpeg",
    "encode_png",
    "file_size",
    "fit_square",
    "frame_times",
    "read_image",
    "read_video",
    "read_video_span",
    "replacing",
    "resize",
    "video_info",
    "write_gif",
    "write_mp4",
    "write_png",
]

MATRICES = {"bt709": (Colorspace.ITU709, 1), "bt601": (Colorspace.ITU601, 6)}  # FFmpeg's word, H.264's number

Frames = NDArray[np.uint8]


# --- pictures ---


def write_png(path: str | Path, frame: Frames) -> None:
    """Write one frame (H, W, 3) uint8 as PNG, atomically."""
    data = encode_png(frame)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


# --- writing videos -------------------------------------------------------------------------------------------------


def write_mp4(
    path: str | Path, frames: Frames, fps: float, *, scale: int = 1, crf: int = 18, keyframe_every: int = 1,
    matrix: str = "bt709",
) -> None:  # fmt: skip
    """Write (T, H, W, 3) uint8 as H.264 yuv420p in an MP4 with faststart, atomically.

    The same frames give the same bytes.

    Args:
        fps: frames a second, 0 < fps <= 240. Frame k starts at k / fps.
        scale: enlarge by this whole factor, each pixel a block.
        crf: quality, 0 (best) .. 51; 18 is visually near the original.
        keyframe_every: 1 is all-intra, which browsers can seek exactly; larger is smaller on disk.
        matrix: ``bt709``, or ``bt601`` for readers that take every video for that (PyAV 15); said in the stream.

    H.264 with half-resolution colour needs even sides: an odd side is padded by repeating its last row or column.
    """
    frames, rate = check_uint8(frames, 4), _rate(fps)
    if scale < 1 or not 0 <= crf <= 51 or keyframe_every < 1:
        options = f"scale {scale}, crf {crf}, keyframe_every {keyframe_every}"
        raise InvalidInput(f"Video options are out of range: {options}.")
    colours, code = MATRICES[matrix]
    height, width = frames.shape[1] * scale, frames.shape[2] * scale
    padding = ((0, height % 2), (0, width % 2), (0, 0))
    with (
        replacing(path) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as out,
    ):
        stream = out.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        stream.options = {"crf": str(crf), "g": str(keyframe_every), "bf": "0"}
        context = stream.codec_context
        context.thread_count = 1  # the encoder's output depends on its number of threads
        context.time_base = 1 / rate
        context.color_primaries, context.color_trc, context.colorspace = 1, 1, code  # 1 is BT.709
        context.color_range = int(ColorRange.MPEG)
        for k, frame in enumerate(frames):
            if scale > 1:
                frame = frame.repeat(scale, axis=0).repeat(scale, axis=1)
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.pad(frame, padding, "edge")), format="rgb24")
            picture = picture.reformat(
                format="yuv420p",
                dst_colorspace=colours,
                dst_color_range=ColorRange.MPEG,
                interpolation=SHARP,
            )
            picture.pts, picture.time_base = k, 1 / rate
            out.mux(stream.encode(picture))
        out.mux(stream.encode())


def write_gif(path: str | Path, frames: Frames, fps: float) -> None:
    """Write (T, H, W, 3) uint8 as an endless GIF with one palette of 256 colours, atomically.

    GIF counts in hundredths of a second, so the rate is rounded; above 50 a second browsers slow down, so it is capped.
    """
    frames = check_uint8(frames, 4)
    delay = max(20, round(100 / float(_rate(fps))) * 10)  # ms
    chosen = frames[np.unique(np.linspace(0, len(frames) - 1, 8).round().astype(int))]
    palette = Image.fromarray(np.concatenate(list(chosen))).quantize(256, Image.Quantize.MEDIANCUT)
    # No dithering: its noise changes from frame to frame and flickers on still parts.
    pictures = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    with replacing(path) as temporary:
        pictures[0].save(
            temporary, "GIF", save_all=True, append_images=pictures[1:], duration=delay, loop=0, disposal=1
        )


def _rate(fps: float) -> Fraction:
    if not 0 < fps <= 240:
        raise InvalidInput(f"The frame rate must lie above 0 and up to 240, not {fps}.")
    return Fraction(fps).limit_denominator(1001)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; it takes the place of ``path`` only if the block ends well."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise Unavailable(
            f"'{path.name}' cannot be written ({error.strerror or error}).",
            "Choose a folder with space and write access.",
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
