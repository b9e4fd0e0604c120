"""Arrays in the zarr v2 layout, in a folder or in a zip: chunks of rows that are decompressed when they are asked for.

Of the zarr library only its codecs are used (``numcodecs``): the layout is a JSON file an array and a file a chunk, and
reading it here keeps the list of codecs short. A codec that unpickles is refused, an unknown one is named. Source: the
zarr v2 specification (zarr-specs, ``docs/v2``).
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, NotFound, Unavailable, Unsafe, WamvizError, unknown_name
from wamviz.datasets.containers.pictures import stack_pictures, unpack_picture
from wamviz.datasets.files import contained, inside

_SIZE_AT = {"blosc": (4, 8), "lz4": (0, 4)}  # where these say how much they unpack to, little-endian
MAX_META = 1_000_000  # bytes of one .zarray
MAX_CHUNK = 1_000_000_000  # bytes of one chunk, unpacked
MAX_READ = 2_000_000_000  # bytes that one call may hold
PLAIN_CODECS = ("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd", "shuffle", "delta", "fixedscaleoffset", "astype")
# One picture a chunk, as Diffusion Policy and UMI keep them; the last needs a package of its own.
PICTURE_CODECS = ("imagecodecs_jpeg", "imagecodecs_jpeg2k", "imagecodecs_png", "imagecodecs_webp", "imagecodecs_jpegxl")
UNSAFE_CODECS = ("pickle",)


class ZarrStore:
    """The files of a zarr group, by name.

    Args:
        path: a folder, or a zip file that holds one.
        root: the folder that ``path`` must not lead out of.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self.path, self._root = path, root
        contained(root, path)

    @cached_property
    def _zip(self) -> zipfile.ZipFile | None:
        if self.path.is_dir():
            return None
        try:
            return zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise Damaged(f"'{self.path.name}' is damaged or no zip ({error}).", "Download it again.") from error

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self._zip.namelist()) if self._zip is not None else frozenset()

    @cached_property
    def prefix(self) -> str:
        """The folder inside a zip in which the group lies, with ``/``; "" for its top."""
        ends = [name for name in self._names if name.endswith("meta/episode_ends/.zarray")]
        return min(ends, key=len).removesuffix("meta/episode_ends/.zarray") if ends else ""

    def read(self, name: str, limit: int) -> bytes | None:
        """A file's bytes, or None when there is none."""
        try:
            if self._zip is not None:
                name = f"{self.prefix}{name}"
                if name not in self._names:
                    return None
                if self._zip.getinfo(name).file_size > limit:
                    raise Unsafe(f"'{name}' of '{self.path.name}' is too large.", f"{limit / 1e6:.0f} MB is the limit.")
                return self._zip.read(name)
            path = inside(self.path, name)
            if not path.is_file():
                return None
            if contained(self._root, path).stat().st_size > limit:
                raise Unsafe(f"'{name}' of '{self.path.name}' is too large.", f"{limit / 1e6:.0f} MB is the limit.")
            return path.read_bytes()
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error) as error:
            raise Damaged(f"'{name}' of '{self.path.name}' cannot be read ({error}).") from error

    def members(self, group: str) -> list[str]:
        """The names of the arrays in a group."""
        if self._zip is None:
            folder = inside(self.path, group)
            return sorted(p.parent.name for p in folder.glob("*/.zarray")) if folder.is_dir() else []
        start = f"{self.prefix}{group}/"
        found = (name.removeprefix(start).split("/") for name in self._names if name.startswith(start))
        return sorted({parts[0] for parts in found if len(parts) == 2 and parts[1] == ".zarray"})

    def array(self, name: str) -> ZarrArray:
        """An array by its name, ``data/action``.

        Raises:
            NotFound: there is none.
            Damaged: its description cannot be read.
        """
        data = self.read(f"{name}/.zarray", MAX_META)
        if data is None:
            raise NotFound(f"'{self.path.name}' has no array '{name}'.")
        try:
            about = json.loads(data)
            shape, chunks = tuple(map(int, about["shape"])), tuple(map(int, about["chunks"]))
            dtype = np.dtype(about["dtype"])
            good = about.get("zarr_format") == 2 and len(shape) == len(chunks) > 0 and min(chunks) > 0
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Damaged(f"The description of '{name}' in '{self.path.name}' cannot be read ({error}).") from error
        if not good or min(shape) < 0:
            raise Damaged(f"'{name}' of '{self.path.name}' is not of zarr v2.", "Write it with zarr_format=2.")
        if dtype.hasobject:
            raise Unsafe(f"'{name}' of '{self.path.name}' holds Python objects, which are not safe to open.")
        return ZarrArray(self, name, shape, chunks, dtype, about)


@dataclass(frozen=True)
class ZarrArray:
    """One array; rows are read along the first axis.

    Attributes:
        shape, chunks: of the array and of a chunk.
        about: the whole description, as its ``.zarray`` has it.
    """

    store: ZarrStore
    name: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    about: Mapping[str, Any]

    def __post_init__(self) -> None:
        if int(np.prod(self.chunks, dtype=np.float64)) * self.dtype.itemsize > MAX_CHUNK:
            raise Unsafe(f"A chunk of '{self.name}' would have more than {MAX_CHUNK / 1e9:.0f} GB.")

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start`` .. ``stop`` - 1.

        Raises:
            Unsafe: they do not fit in memory, or a codec would unpickle.
            Unavailable: a codec needs a package that is not here.
            Damaged: a chunk cannot be unpacked.
        """
        start, stop = max(0, start), min(stop, self.shape[0])
        each = int(np.prod(self.shape[1:], dtype=np.float64)) * self.dtype.itemsize
        if each * (stop - start) > MAX_READ:
            raise Unsafe(f"{stop - start} rows of '{self.name}' do not fit in memory.", "Ask for fewer of them.")
        fill = self.about.get("fill_value")
        out = np.full((stop - start, *self.shape[1:]), 0 if fill is None else fill, self.dtype)
        counts = [-(-size // chunk) for size, chunk in zip(self.shape, self.chunks, strict=True)]
        first, last = start // self.chunks[0], -(-stop // self.chunks[0])
        for along in range(first, last):
            for rest in np.ndindex(*counts[1:]):
                chunk = self._chunk((along, *rest))
                if chunk is not None:
                    self._place(out, chunk, (along, *rest), start)
        return out

    def _place(self, out: NDArray[Any], chunk: NDArray[Any], index: tuple[int, ...], start: int) -> None:
        """Copy what a chunk holds of the wanted rows."""
        target, source = [], []
        for axis, (place, size, length) in enumerate(zip(index, self.chunks, out.shape, strict=True)):
            at = place * size - (start if axis == 0 else 0)
            low, high = max(at, 0), min(at + size, length)
            target.append(slice(low, high))
            source.append(slice(low - at, high - at))
        out[tuple(target)] = chunk[tuple(source)]

    def _chunk(self, index: tuple[int, ...]) -> NDArray[Any] | None:
        """One chunk, or None where the file was left out because it would only hold the fill value."""
        separator = "/" if self.about.get("dimension_separator") == "/" else "."
        name = f"{self.name}/{separator.join(map(str, index))}"
        data: Any = self.store.read(name, MAX_CHUNK)
        if data is None:
            return None
        count = int(np.prod(self.chunks))
        try:
            for codec in reversed(self._codecs):
                data = codec(data)
            values = np.asarray(data) if isinstance(data, np.ndarray) else np.frombuffer(data, self.dtype)
            if values.dtype != self.dtype:
                values = np.frombuffer(np.ascontiguousarray(values).tobytes(), self.dtype)
            order = "F" if self.about.get("order") == "F" else "C"
            return values.reshape(-1)[:count].reshape(self.chunks, order=order)  # type: ignore[call-overload,no-any-return]
        except WamvizError:
            raise
        except (ValueError, TypeError, RuntimeError, OSError, EOFError, MemoryError, zlib.error) as error:
            raise Damaged(f"Chunk '{name}' of '{self.store.path.name}' is damaged ({error}).") from error

    @cached_property
    def _codecs(self) -> list[Callable[[Any], Any]]:
        """What undoes filters and compression, in the order in which they were applied."""
        listed = [*(self.about.get("filters") or []), self.about.get("compressor")]
        return [self._codec(config) for config in listed if config is not None]

    def _codec(self, config: Any) -> Callable[[Any], Any]:
        name = str(config.get("id")) if isinstance(config, Mapping) else ""
        if name in UNSAFE_CODECS:
            raise Unsafe(f"'{self.name}' is kept in pickles, which are never opened.")
        if name in PICTURE_CODECS:
            return _jpeg_xl if name.endswith("jpegxl") else self._picture
        if name not in PLAIN_CODECS:
            raise unknown_name(f"codec of '{self.name}'", name, [*PLAIN_CODECS, *PICTURE_CODECS])
        if name in ("zlib", "gzip"):
            return self._inflate
        try:
            import numcodecs
        except ImportError as error:
            raise Unavailable("Reading zarr needs numcodecs.", "python -m pip install numcodecs") from error
        codec = numcodecs.get_codec(dict(config))

        def decode(data: Any) -> Any:
            if name in _SIZE_AT and isinstance(data, bytes):
                self._check_size(int.from_bytes(data[slice(*_SIZE_AT[name])], "little"))
            return codec.decode(data)

        return decode

    @property
    def _chunk_bytes(self) -> int:
        return int(np.prod(self.chunks)) * self.dtype.itemsize

    def _check_size(self, size: int) -> None:
        if size > 2 * self._chunk_bytes + 4096:
            raise Unsafe(f"A chunk of '{self.name}' unpacks to {size / 1e6:.0f} MB instead of the "
                         f"{self._chunk_bytes / 1e6:.3g} MB that its description says.")  # fmt: skip

    def _inflate(self, data: bytes) -> bytes:
        limit = 2 * self._chunk_bytes + 4096
        out = zlib.decompressobj(47).decompress(data, limit + 1)  # 47: zlib or gzip, by its head
        self._check_size(len(out))
        return out

    def _picture(self, data: bytes) -> NDArray[Any]:
        return stack_pictures([unpack_jpeg2000(data) if data[4:8] == b"jP  " or data[:4] == b"\xff\x4f\xff\x51"
                               else unpack_picture(data)], self.name)  # fmt: skip


def unpack_jpeg2000(data: bytes) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of a JPEG 2000 picture."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("JPEG2000",)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Damaged(f"A JPEG 2000 picture is damaged ({error}).") from error


def _jpeg_xl(data: bytes) -> NDArray[Any]:
    """The pixels of a JPEG XL picture, which neither Pillow nor PyAV decodes."""
    try:
        import imagecodecs
    except ImportError as error:
        raise Unavailable(
            "Its pictures are JPEG XL, which needs imagecodecs.", "python -m pip install imagecodecs"
        ) from error
    try:
        return np.asarray(imagecodecs.jpegxl_decode(data))
    except (ValueError, RuntimeError) as error:
        raise Damaged(f"A JPEG XL picture is damaged ({error}).") from error
