"""Arrays in numpy's own file format, from any stream: headers are judged before memory is taken, pickles refused."""

from __future__ import annotations

from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, Unsafe


def read_npy(file: IO[bytes], name: str, limit: int) -> NDArray[Any]:
    """The array in an open ``.npy`` stream.

    Args:
        name: what it is called in messages.
        limit: bytes that it may have.

    Raises:
        Unsafe: it holds Python objects, or more than ``limit`` bytes.
        Damaged: no array, or one that is cut short.
    """
    try:
        shape, fortran, dtype = read_npy_header(file)
    except (ValueError, EOFError, OSError) as error:
        raise Damaged(f"{name} is no numpy array ({error}).") from error
    if dtype.hasobject:
        raise Unsafe(f"{name} holds Python objects, which are not safe to open.")
    size = int(np.prod(shape, dtype=np.float64)) * dtype.itemsize
    if size > limit:
        raise Unsafe(f"{name} has {size / 1e6:.0f} MB.", f"{limit / 1e6:.0f} MB is the limit.")
    data = file.read(size)
    if len(data) < size:
        raise Damaged(f"{name} is cut short: {len(data)} of {size} bytes.", "Record or download it again.")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def read_npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """(shape, whether columns come first, dtype); ``ValueError`` for anything else than an array."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)
