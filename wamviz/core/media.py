"""Frames <-> mp4, gif and png: the only place that encodes or decodes pictures.

Contract: frames are uint8 RGB, (T, H, W, 3) or (H, W, 3). What is read comes from people, so the header is judged
before anything is decoded and every refusal is a ``WamvizError`` naming the file, the fault and the limit. What is
written appears under its final name only when it is whole. Nothing here knows a rollout, a dataset or a page.

Videos written here are H.264 yuv420p, BT.709 and limited range, said in the stream so that a browser shows the same
colours; faststart; without B-frames, and by default all-intra, so a browser that seeks to ``(k + 0.5) / fps`` shows
frame k exactly. Axis letters: T frames, H/W pixels.

Pictures are read and written by imageio (``wamviz.core._images``). Videos are PyAV's own business, because imageio's
PyAV plugin has no way to
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
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation
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
from wamviz.core.errors import Damaged, InvalidInput, NotFound, Unavailable

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

MAX_VIDEO_BYTES = 300_000_000
MAX_VIDEO_PIXELS = 9_000_000  # a frame; 4096 x 2160 fits
MAX_VIDEO_SECONDS = 600.0
MAX_DECODED_BYTES = 1_500_000_000  # what one call may hold in memory
# Named, because other demuxers (playlists, concat scripts) open further files and addresses.
VIDEO_DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpegts,mpeg,ogg"
_SHARP = (
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)
MATRICES = {"bt709": (Colorspace.ITU709, 1), "bt601": (Colorspace.ITU601, 6)}  # FFmpeg's word, H.264's number
_UNSPECIFIED = 2  # FFmpeg's number for "colour matrix not said"

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header says; ``frames`` and ``seconds`` are 0 when it does not say.

    ``steady`` is False where frames do not follow each other at one rate: then only ``frame_times`` tells them apart.
    ``deep`` is True for one channel of more than 8 bits, as distances are kept: each frame's largest value is white.
    """

    width: int
    height: int
    fps: float
    frames: int
    seconds: float
    codec: str
    steady: bool = True
    deep: bool = False


# --- pictures ---


def write_png(path: str | Path, frame: Frames) -> None:
    """Write one frame (H, W, 3) uint8 as PNG, atomically."""
    data = encode_png(frame)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


# --- reading videos -------------------------------------------------------------------------------------------------


def video_info(path: str | Path) -> VideoInfo:
    """Read a video's header, decoding nothing. Raises ``WamvizError`` as ``read_video`` does."""
    with _opened(path) as (container, stream):
        return _info(container, stream)


def count_frames(path: str | Path) -> int:
    """How many frames a video holds: what its header says, else its packets counted; nothing is decoded."""
    with _opened(path) as (container, stream):
        if stream.frames > 0:
            return int(stream.frames)
        try:
            return sum(packet.size > 0 for packet in container.demux(stream))
        except av.FFmpegError as error:
            raise Damaged(f"'{Path(path).name}' is damaged or cut short.", "Save or download it again.") from error


def frame_times(path: str | Path) -> NDArray[np.float64]:
    """(T,) seconds at which each frame of a video is shown, in order; nothing is decoded, but all of it is read."""
    with _opened(path) as (container, stream):
        try:
            whole = (p for p in container.demux(stream) if p.size and not (p.is_discard or p.is_corrupt))
            ticks = [packet.pts for packet in whole if packet.pts is not None]
        except av.FFmpegError as error:
            raise Damaged(f"'{Path(path).name}' is damaged or cut short.", "Save or download it again.") from error
        return np.unique(np.array(ticks, np.float64)) * float(stream.time_base)


def read_video(
    path: str | Path, *, start: int = 0, max_frames: int = 2000, max_side: int | None = None
) -> tuple[Frames, float]:
    """Read at most ``max_frames`` frames from frame ``start`` on, as ((T, H, W, 3) uint8, frames a second).

    Args:
        max_side: shrink frames whose longer side is above this many pixels while they are read.

    Raises:
        WamvizError: missing, not a video, no decoder, cut short, no frame at ``start``, over 300 MB, 9 megapixels a
            frame or 10 minutes, or more than fits in memory.
    """
    if start < 0 or max_frames < 1:
        raise InvalidInput(
            f"Frames are counted from 0 and at least one must be asked for, not {start} and {max_frames}."
        )
    name, size = f"'{Path(path).name}'", file_size(path)
    if size > MAX_VIDEO_BYTES:
        raise InvalidInput(
            f"{name} has {size / 1e6:.0f} MB.", f"Videos may have up to {MAX_VIDEO_BYTES // 1_000_000} MB; cut it."
        )
    frames: list[Frames] = []
    held = seen = 0
    with _opened(path) as (container, stream):
        info = _info(container, stream)
        if info.seconds > MAX_VIDEO_SECONDS:
            raise InvalidInput(
                f"{name} lasts {info.seconds / 60:.0f} minutes.", "The limit is 10 minutes; cut it and retry."
            )
        for frame in _decoded(container, stream, name):
            seen += 1
            if seen <= start:
                continue
            frames.append(_to_array(frame, max_side))
            held += frames[-1].nbytes
            if held > MAX_DECODED_BYTES:
                raise InvalidInput(f"{name} does not fit in memory: {len(frames)} frames are {held / 1e9:.1f} GB.",
                                  "Ask for fewer frames, or cut or shrink the video.")  # fmt: skip
            if len(frames) == max_frames:
                break
    if not frames:
        raise NotFound(f"{name} has no frame {start}; it holds {seen} frames.", "Frames are counted from 0.")
    return _stacked(frames, name), info.fps


def read_video_span(
    path: str | Path, seconds: float, count: int, fps: float, times: NDArray[np.float64] | None = None
) -> Frames:
    """Read ``count`` frames from the one shown at ``seconds`` on, as (count, H, W, 3): seeks, then decodes only those.

    For videos of constant rate ``fps`` in which many episodes follow each other. Raises ``WamvizError`` when one of
    the frames is missing.

    Args:
        times: (count,) of ``frame_times``, for videos without a constant rate; ``seconds`` and ``fps`` are unused then.
    """
    name = f"'{Path(path).name}'"
    frames: list[Frames] = []
    held = 0
    with _opened(path) as (container, stream):
        first = (stream.start_time or 0) * stream.time_base if stream.time_base else Fraction(0)
        if times is None:
            wanted = float(first) + seconds + np.arange(count) / fps  # (count,)
            early = 0.5 / max(fps, float(stream.average_rate or 0))  # half a frame of the file or of the dataset
            late = 0.5 / fps
        else:
            wanted, early, late = times, 1e-6, 1e-6
        # A quarter of a frame late, so that rounding never skips the key frame that is asked for. Where a container
        # finds a later key frame all the same, everything is decoded from the start.
        starts = (wanted[0] + early / 2, 0.0) if wanted[0] > float(first) else (0.0,)
        for target in starts:
            if len(starts) > 1:
                tick = int(target / stream.time_base)
                container.seek(max(0, tick), stream=stream, backward=True, any_frame=False)
            for frame in _decoded(container, stream, name):
                after = -float("inf") if frame.time is None else frame.time - wanted[len(frames)]
                if after < -early:  # before the first, or too many in a file of a higher rate than was said
                    continue
                if after > late:
                    break
                frames.append(_to_array(frame, None))
                held += frames[-1].nbytes
                if held > MAX_DECODED_BYTES:
                    raise InvalidInput(f"{count} frames of {name} do not fit in memory.", "Ask for fewer of them.")
                if len(frames) == count:
                    return _stacked(frames, name)
            if frames:
                break
    raise Damaged(
        f"{name} ends early: frame {len(frames)} of {count} from second {wanted[0] - float(first):.2f} on is missing.",
        "The file is cut short or does not belong to this dataset; download or record it again.",
    )


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple[Any, Any]]:
    """Open a video; yields (container, first video stream)."""
    name = f"'{Path(path).name}'"
    if not file_size(path):
        raise Damaged(f"{name} is empty (0 bytes).", "Save or download it again.")
    try:
        container = av.open(
            str(Path(path).absolute()),
            container_options={"format_whitelist": VIDEO_DEMUXERS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except (av.FFmpegError, ValueError, OverflowError) as error:
        hint = "Use an MP4, MOV, WebM, MKV or AVI video."
        raise Damaged(f"{name} is not a video that can be read here, or it is cut short.", hint) from error
    with container:
        stream = next(iter(container.streams.video), None)
        if stream is None:
            raise Damaged(f"{name} holds no video stream, or it is cut short.", "Choose a file with moving pictures.")
        if stream.codec_context is None:
            raise Unavailable(
                f"{name} uses a video codec that cannot be decoded here.", "Convert it to H.264 and retry."
            )
        if stream.width * stream.height > MAX_VIDEO_PIXELS:
            raise InvalidInput(f"The frames of {name} have {stream.width} x {stream.height} pixels, which is too much.",
                              "The limit is 9 megapixels (4096 x 2160); shrink it and retry.")  # fmt: skip
        yield container, stream


def _info(container: Any, stream: Any) -> VideoInfo:
    rate = stream.average_rate or stream.guessed_rate
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    else:
        seconds = (container.duration or 0) / av.time_base
    codec = stream.codec_context.codec.canonical_name  # av1, whoever decodes it
    base = stream.base_rate
    steady = not (rate and base) or abs(float(base / rate) - 1) < 0.02
    deep = _is_deep(stream.codec_context.format)
    return VideoInfo(stream.width, stream.height, float(rate or 25), stream.frames, seconds, codec, steady, deep)


def _is_deep(form: av.VideoFormat | None) -> bool:
    """Whether a pixel format is one channel of more than 8 bits."""
    return form is not None and len(form.components) == 1 and form.components[0].bits > 8


def _decoded(container: Any, stream: Any, name: str) -> Iterator[av.VideoFrame]:
    """Decode frame after frame; a damaged or cut file raises ``WamvizError``."""
    count = 0
    try:
        for frame in container.decode(stream):
            if frame.width * frame.height > MAX_VIDEO_PIXELS:  # a stream may grow after its header
                raise InvalidInput(f"A frame of {name} has {frame.width} x {frame.height} pixels, which is too much.")
            count += 1
            yield frame
    except av.FFmpegError as error:
        raise Damaged(f"{name} is damaged or cut short after frame {count}.", "Save or download it again.") from error
    if count == 0:
        raise Damaged(f"{name} holds no frame that can be shown, or it is cut short.", "Save or download it again.")


def _to_array(frame: av.VideoFrame, max_side: int | None) -> Frames:
    """One decoded frame as (H, W, 3) uint8 RGB, upright."""
    # Untagged video: browsers and players assume BT.709 from 720 lines up and BT.601 below.
    matrix = Colorspace.ITU709 if frame.colorspace == _UNSPECIFIED and frame.height >= 720 else None
    height, width, longer = frame.height, frame.width, max(frame.height, frame.width)
    shrunk = max_side is not None and longer > max_side
    if max_side is not None and shrunk:  # by the library's own scaler, which takes a tenth of numpy's time
        height, width = (max(1, round(side * max_side / longer)) for side in (height, width))
    how = Interpolation.AREA if shrunk else _SHARP
    if _is_deep(frame.format):  # as 8 bits of 16, distances in mm would be black
        values = frame.reformat(width, height, "gray16le", interpolation=how).to_ndarray().astype(np.float64)
        values[values == 65535] = 0  # nothing was measured
        grey = np.rint(values * (255 / max(values.max(), 1))).astype(np.uint8)
        array = np.repeat(grey[..., None], 3, axis=-1)
    else:
        array = frame.reformat(width, height, "rgb24", src_colorspace=matrix, interpolation=how).to_ndarray()
    return np.rot90(array, round(frame.rotation / 90) % 4) if frame.rotation else array


def _stacked(frames: list[Frames], name: str) -> Frames:
    if len({frame.shape for frame in frames}) > 1:
        raise InvalidInput(f"{name} changes its frame size on the way.", "Convert it to one size and retry.")
    return np.stack(frames)


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
                interpolation=_SHARP,
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
