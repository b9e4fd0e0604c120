"""Reading one picture that a person gave: every refusal says what is wrong and what is allowed.

Private to ``wamviz.core.media``, which is the public name of all this. imageio reads and writes, by its plugin of
Pillow; the header is judged before anything is decoded.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from imageio.core.request import InitializationError
from numpy.typing import NDArray
from PIL import Image

from wamviz.core.errors import Damaged, InvalidInput, WamvizError

MAX_IMAGE_BYTES = 30_000_000
MAX_IMAGE_PIXELS = 25_000_000
POINTER = b"version https://git-lfs"  # how a file begins that was cloned without its content
# How a PNG, JPEG, WebP, BMP, GIF and TIFF begin: imageio tries every decoder there is, and these alone may be tried.
SIGNATURES = (
    rb"\x89PNG\r\n\x1a\n",
    rb"\xff\xd8\xff",
    rb"RIFF....WEBP",
    rb"BM",
    rb"GIF8[79]a",
    rb"II[*+]\0",
    rb"MM\0[*+]",
)
ALPHA = ("RGBA", "RGBa", "LA", "La", "PA")  # modes whose pixels may be transparent
UPRIGHT: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {  # EXIF's orientation (H, W, C) to what is shown
    2: np.fliplr,
    3: lambda picture: np.rot90(picture, 2),
    4: np.flipud,
    5: lambda picture: picture.swapaxes(0, 1),
    6: lambda picture: np.rot90(picture, -1),
    7: lambda picture: np.rot90(picture, 2).swapaxes(0, 1),
    8: np.rot90,
}

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
    if not any(re.match(signature, data, re.DOTALL) for signature in SIGNATURES):
        raise _not_an_image(name, data)
    try:
        with iio.imopen(data, "r", plugin="pillow") as file:
            height, width, *_ = file.properties(index=0).shape
            if width * height > MAX_IMAGE_PIXELS:
                raise _too_many_pixels(name, width * height)
            return _rgb(file)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(name, None) from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        if isinstance(error, WamvizError):
            raise
        if isinstance(error.__cause__, Image.DecompressionBombError | Image.DecompressionBombWarning):
            raise _too_many_pixels(name, None) from error
        if isinstance(error.__cause__, InitializationError):  # it only begins like a picture
            raise _not_an_image(name, data) from error
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


def _rgb(file: Any) -> Frames:
    """The first picture of an open file as (H, W, 3) uint8, upright.

    imageio itself would mirror a grey picture's colours in place of turning it, so its own ``rotate`` is not used.
    """
    about, shape = file.metadata(index=0), file.properties(index=0).shape
    mode = about["mode"]
    if mode.startswith("I;16") or mode in ("I", "F"):  # 16-bit greys
        deep = np.asarray(file.read(index=0), np.float64)
        grey = deep / 257 if deep.max(initial=0) > 255 else deep
        frame = np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    elif mode in ALPHA or "transparency" in about or (mode == "P" and shape[-1] == 4):
        picture = Image.fromarray(file.read(index=0, mode="RGBA"))
        frame = np.array(Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB"))
    else:
        frame = file.read(index=0, mode="RGB")
    # After reading: a TIFF has been turned by then, and says no more how.
    orientation = file.metadata(index=0, exclude_applied=False).get("Orientation", 1)
    turned: Frames = UPRIGHT.get(orientation, np.asarray)(frame)
    return np.ascontiguousarray(turned)


def encode_png(frame: Frames) -> bytes:
    """The PNG file of one frame (H, W, 3) uint8."""
    return bytes(iio.imwrite("<bytes>", check_uint8(frame, 3), plugin="pillow", extension=".png"))


def encode_jpeg(frame: Frames, quality: int, **options: Any) -> bytes:
    """The JPEG file of one frame (H, W, 3) uint8; ``options`` are Pillow's, such as ``optimize``."""
    frame = check_uint8(frame, 3)
    return bytes(iio.imwrite("<bytes>", frame, plugin="pillow", extension=".jpg", quality=quality, **options))


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
