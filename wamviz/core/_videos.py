"""Videos to frames, for ``wamviz.core.media``: headers first, then only what was asked for.

What is read comes from people: a file is refused by its header, opened by named demuxers alone, and bounded in bytes,
pixels, seconds and memory. Axis letters: T frames, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation
from numpy.typing import NDArray

from wamviz.core._images import file_size
from wamviz.core.errors import Damaged, InvalidInput, NotFound, Unavailable

MAX_VIDEO_BYTES = 300_000_000
MAX_VIDEO_PIXELS = 9_000_000  # a frame; 4096 x 2160 fits
MAX_VIDEO_SECONDS = 600.0
MAX_DECODED_BYTES = 1_500_000_000  # what one call may hold in memory
# Named, because other demuxers (playlists, concat scripts) open further files and addresses.
VIDEO_DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpegts,mpeg,ogg"
SHARP = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
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


def video_info(path: str | Path) -> VideoInfo:
    """Read a video's header, decoding nothing. Raises ``WamvizError`` as ``read_video`` does."""
    with _opened(path) as (container, stream):
        return _info(container, stream)


def count_frames(path: str | Path) -> int:
    """How many frames a video holds: what its header says, else its packets counted; nothing is decoded."""
    with _opened(path) as (container, stream):
        return int(stream.frames) or sum(packet.size > 0 for packet in _packets(container, stream, path))


def frame_times(path: str | Path) -> NDArray[np.float64]:
    """(T,) seconds at which each frame of a video is shown, in order; nothing is decoded, but all of it is read."""
    with _opened(path) as (container, stream):
        whole = (p for p in _packets(container, stream, path) if p.size and not (p.is_discard or p.is_corrupt))
        ticks = [packet.pts for packet in whole if packet.pts is not None]
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


def _packets(container: Any, stream: Any, path: str | Path) -> Iterator[av.Packet]:
    """Every packet of a stream, undecoded; a damaged or cut file raises ``WamvizError``."""
    try:
        yield from container.demux(stream)
    except av.FFmpegError as error:
        raise Damaged(f"'{Path(path).name}' is damaged or cut short.", "Save or download it again.") from error


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
    how = Interpolation.AREA if shrunk else SHARP
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
