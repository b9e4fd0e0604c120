"""Reading one picture that a person gave: every refusal says what is wrong and what is allowed.

Private to ``wamviz.core.media``, which is the public name of all this. The header is judged before anything is decoded.
"""

from __future__ import annotations

import codecs
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from wamviz.core.errors import Damaged, InvalidInput, WamvizError

MAX_IMAGE_BYTES = 30_000_000
MAX_IMAGE_PIXELS = 25_000_000
POINTER = b"version https://git-lfs"  # how a file begins that was cloned without its content
IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")

Frames = NDArray[np.uint8]


def check_uint8(frames: Any, ndim: int) -> Frames:
    """Return uint8 RGB of ``ndim`` axes (the last is 3), or raise ``WamvizError`` saying what it is."""
    frames = np.asarray(frames)
    if frames.dtype != np.uint8 or frames.ndim != ndim or frames.shape[-1] != 3 or 0 in frames.shape:
        form = "(T, H, W, 3)" if ndim == 4 else "(H, W, 3)"
        raise InvalidInput(f"Frames must be a uint8 array of shape {form}, not {frames.dtype} {frames.shape}.")
    return frames


def read_image(source: str | Path | bytes) -> Frames:
    """Read one picture as (H, W, 3) uint8: recognised by content, upright (EXIF), alpha flattened on white.

    Args:
        source: a path, or the bytes of a PNG, JPEG, WebP, BMP, GIF (first frame) or TIFF.

    Raises:
        WamvizError: missing, not an image, cut short, over 30 MB or over 25 megapixels (judged before decoding).

    >>> import numpy as np
    >>> read_image(encode_png(np.full((2, 3, 3), 7, np.uint8))).shape
    (2, 3, 3)
    """
    name, data = _image_bytes(source)
    try:
        with Image.open(io.BytesIO(data), formats=IMAGE_FORMATS) as image:
            if image.width * image.height > MAX_IMAGE_PIXELS:
                raise _too_many_pixels(name, image.width * image.height)
            return _rgb(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(name, None) from error
    except UnidentifiedImageError as error:
        raise _not_an_image(name, data) from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        if isinstance(error, WamvizError):
            raise
        raise Damaged(f"{name} is damaged or cut short.", "Save the picture again and retry.") from error


def _image_bytes(source: str | Path | bytes) -> tuple[str, bytes]:
    limit = f"Pictures may have up to {MAX_IMAGE_BYTES // 1_000_000} MB; shrink it and retry."
    if isinstance(source, bytes):
        name, size = "The picture", len(source)
    else:
        name, size = f"'{Path(source).name}'", file_size(source)
    if size > MAX_IMAGE_BYTES:
        raise InvalidInput(f"{name} has {size / 1e6:.0f} MB, which is too much.", limit)
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    if not data:
        raise Damaged(f"{name} is empty (0 bytes).", "Choose a picture, e.g. a PNG or JPEG file.")
    return name, data


def file_size(path: str | Path) -> int:
    """Bytes of a readable regular file, or ``WamvizError``."""
    path = Path(path)
    try:
        if not path.is_file():
            what = "is a folder, not a file" if path.is_dir() else "does not exist"
            raise InvalidInput(f"'{path.name}' {what}.", "Give the path of a picture or video file.")
        with path.open("rb") as file:
            if file.read(len(POINTER)) == POINTER:
                raise Damaged(
                    f"'{path.name}' is only a Git LFS pointer, not the file itself.",
                    "Fetch it: run `git lfs pull` in its folder.",
                )
            return path.stat().st_size
    except OSError as error:
        raise Damaged(f"'{path.name}' cannot be read ({error.strerror}).") from error


def _too_many_pixels(name: str, pixels: int | None) -> WamvizError:
    many = "far too many pixels" if pixels is None else f"{pixels / 1e6:.0f} megapixels, which is too much"
    return InvalidInput(
        f"{name} has {many}.", f"The limit is {MAX_IMAGE_PIXELS // 1_000_000} megapixels; shrink it and retry."
    )


def _not_an_image(name: str, data: bytes) -> WamvizError:
    allowed = "Use a PNG, JPEG, WebP, BMP, GIF or TIFF picture."
    head = data[:4096]
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"avif"):
        return InvalidInput(f"{name} is a HEIC or AVIF picture, which cannot be read here.", allowed)
    if head[4:8] == b"ftyp" or head[:4] == b"\x1aE\xdf\xa3":
        return InvalidInput(f"{name} is a video, not a picture.", allowed)
    if b"\0" not in head:
        try:
            codecs.getincrementaldecoder("utf-8")().decode(head)  # forgives a character cut by the end of the sample
            return InvalidInput(f"{name} holds text, not a picture, whatever its name says.", allowed)
        except UnicodeDecodeError:
            pass
    return InvalidInput(f"{name} is not a picture that can be read here.", allowed)


def _rgb(image: Image.Image) -> Frames:
    """An open picture as (H, W, 3) uint8."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):  # 16-bit greys
        deep = np.asarray(image, np.float64)
        grey = deep / 257 if deep.max(initial=0) > 255 else deep
        return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return np.array(image.convert("RGB"))  # a copy: Pillow's own memory is read-only


def encode_png(frame: Frames) -> bytes:
    """The PNG file of one frame (H, W, 3) uint8."""
    buffer = io.BytesIO()
    Image.fromarray(check_uint8(frame, 3)).save(buffer, "PNG")
    return buffer.getvalue()


# --- sizes ----------------------------------------------------------------------------------------------------------


def resize(frames: Frames, height: int, width: int) -> Frames:
    """Scale (..., H, W, 3) uint8 to ``height`` x ``width``: exact area average to shrink, linear to enlarge."""
    frames = np.asarray(frames)
    if height < 1 or width < 1:
        raise InvalidInput(f"A frame cannot be scaled to {height} x {width} pixels.")
    if frames.shape[-3:-1] == (height, width):
        return frames
    rows, columns = _weights(frames.shape[-3], height), _weights(frames.shape[-2], width)
    out = np.empty((*frames.shape[:-3], height, width, 3), np.uint8)
    for index in np.ndindex(frames.shape[:-3]):  # one frame at a time: the float copy stays small
        frame = frames[index].astype(np.float32)
        tall = np.tensordot(rows, frame, axes=(1, 0))  # (height, W, 3)
        done = np.tensordot(columns, tall, axes=(1, 1)).transpose(1, 0, 2)  # (height, width, 3)
        out[index] = np.clip(np.rint(done), 0, 255)
    return out


def _weights(size_in: int, size_out: int) -> NDArray[np.float32]:
    """(size_out, size_in) rows that sum to 1: the share of each input pixel in each output pixel."""
    if size_out <= size_in:
        edges = np.arange(size_out + 1) * (size_in / size_out)
        pixels = np.arange(size_in)
        shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
        weights = np.clip(shared, 0, None)
    else:
        centres = np.clip((np.arange(size_out) + 0.5) * (size_in / size_out) - 0.5, 0, size_in - 1)
        weights = np.clip(1 - np.abs(centres[:, None] - np.arange(size_in)), 0, None)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def fit_square(frames: Frames, size: int) -> Frames:
    """Cut the centre square out of (..., H, W, 3) and scale it to ``size`` x ``size``."""
    height, width = frames.shape[-3:-1]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return resize(frames[..., top : top + side, left : left + side, :], size, size)
