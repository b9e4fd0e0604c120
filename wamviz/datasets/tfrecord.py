"""Read TFRecord files and the ``tf.train.Example`` messages in them, without TensorFlow.

Contract: a record is length (u64), CRC32C of the length, payload, CRC32C of the payload; both sums are checked, and a
length is believed only when its sum agrees and the file is long enough. An Example is name -> list of bytes, floats or
ints; of a SequenceExample the lists of every step are joined. Source: tensorflow/core/lib/io/record_writer.h and
tensorflow/core/example/example.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import WamvizError

MAX_RECORD = 1_000_000_000  # bytes; an episode of DROID with three cameras has 50 MB
MAX_FEATURES = 10_000
_LANE = 1024  # bytes that are summed side by side
_POLYNOMIAL = 0x82F63B78  # CRC32C, reflected

Feature = list[bytes] | NDArray[np.float32] | NDArray[np.int64]


def record_offsets(path: Path, problems: list[str] | None = None) -> list[tuple[int, int]]:
    """(offset of the payload, its length) of every record; reads the headers only.

    Args:
        problems: takes the sentence about a file that breaks off after its first record, whose whole records are then
            returned; without it such a file is refused.

    Raises:
        WamvizError: no TFRecord file, compressed, damaged or cut short.
    """
    found: list[tuple[int, int]] = []
    try:
        _scan(path, found)
    except WamvizError as error:
        if problems is None or not found:
            raise
        problems.append(f"{error.message} {len(found)} whole records before it can be read.")
    return found


def _scan(path: Path, found: list[tuple[int, int]]) -> None:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            at = 0
            while at < size:
                file.seek(at)
                head = file.read(12)
                if at == 0 and head[:2] == b"\x1f\x8b":
                    raise WamvizError(f"'{path.name}' is compressed with gzip.", "Unpack it first: gunzip FILE.")
                if len(head) < 12:
                    raise _damaged(path, len(found), "its header is cut short")
                length, told = struct.unpack("<QI", head)
                if masked_crc(head[:8]) != told:
                    raise _damaged(path, len(found), "the checksum of its length is wrong")
                if length > MAX_RECORD:
                    raise WamvizError(f"Record {len(found)} of '{path.name}' has {length / 1e9:.0f} GB.",
                                      f"{MAX_RECORD / 1e9:.0f} GB is the limit.")  # fmt: skip
                if at + 16 + length > size:
                    raise _damaged(path, len(found), "it is cut short")
                found.append((at + 12, length))
                at += 16 + length
    except OSError as error:
        raise WamvizError(f"'{path.name}' cannot be read ({error.strerror or error}).") from error


def read_example(path: Path, offset: int, length: int, number: int = 0) -> dict[str, Feature]:
    """The Example in the record whose payload lies at ``offset``, its checksum verified."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            payload, tail = file.read(length), file.read(4)
    except OSError as error:
        raise WamvizError(f"'{path.name}' cannot be read ({error.strerror or error}).") from error
    if len(payload) < length or len(tail) < 4:
        raise _damaged(path, number, "it is cut short")
    if masked_crc(payload) != struct.unpack("<I", tail)[0]:
        raise _damaged(path, number, "its checksum is wrong")
    try:
        return parse_example(payload)
    except (IndexError, ValueError, OverflowError) as error:
        raise WamvizError(f"Record {number} of '{path.name}' is no tf.train.Example ({error}).") from error


def _damaged(path: Path, number: int, how: str) -> WamvizError:
    return WamvizError(f"Record {number} of '{path.name}' is damaged: {how}.", "Download the file again.")


# --- tf.train.Example -------------------------------------------------------------------------------------------------


def parse_example(payload: bytes) -> dict[str, Feature]:
    """Name -> values of a serialised Example; ``ValueError`` or ``IndexError`` when it is none."""
    out: dict[str, Feature] = {}
    for number, features in _fields(memoryview(payload)):
        if number not in (1, 2) or not isinstance(features, memoryview):
            continue
        for entry_number, entry in _fields(features):
            if entry_number != 1 or not isinstance(entry, memoryview):
                continue
            pair = dict(_fields(entry))
            key, value = pair.get(1), pair.get(2, memoryview(b""))
            if not isinstance(key, memoryview) or not isinstance(value, memoryview):
                raise ValueError("a feature without a name")
            out[bytes(key).decode("utf-8", "replace")] = _feature(value) if number == 1 else _joined(value)
            if len(out) > MAX_FEATURES:
                raise ValueError("too many features")
    return out


def _joined(steps: memoryview) -> Feature:
    """The values of a FeatureList, one feature a step, one after the other."""
    parts = [_feature(item) for number, item in _fields(steps) if number == 1 and isinstance(item, memoryview)]
    texts = [text for part in parts if isinstance(part, list) for text in part]
    arrays = [part for part in parts if not isinstance(part, list)]
    if texts or not arrays:
        return texts
    if any(array.dtype == np.float32 for array in arrays):
        return np.concatenate(arrays).astype(np.float32)
    return np.concatenate(arrays).astype(np.int64)


def _feature(value: memoryview) -> Feature:
    for kind, content in _fields(value):
        if not isinstance(content, memoryview):
            raise ValueError("a feature of an unknown kind")
        if kind == 1:
            return [bytes(item) for number, item in _fields(content) if number == 1 and isinstance(item, memoryview)]
        parts = [item for number, item in _fields(content) if number == 1]
        if kind == 2:  # packed, or one 32-bit value a field
            joined = b"".join(bytes(item) for item in parts if isinstance(item, memoryview))
            return np.frombuffer(joined, "<f4").astype(np.float32)
        if kind == 3:
            whole: list[int] = []
            for item in parts:
                whole += [item] if isinstance(item, int) else _varints(item)
            return np.array([number - 2**64 if number >= 2**63 else number for number in whole], np.int64)
    return []


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(field number, value) of a protobuf message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(data):
            raise ValueError("a field is longer than its message")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _varints(data: memoryview) -> list[int]:
    out, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        out.append(value & (2**64 - 1))
    return out


# --- CRC32C -----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _byte_table() -> NDArray[np.uint32]:
    """(256,) the register after one more byte."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1).astype(np.uint32)
    return table


@lru_cache(maxsize=1)
def _lane_tables() -> list[list[int]]:
    """Four tables (256): what ``_LANE`` zero bytes make of each byte of the register; the sum is linear."""
    table, registers = _byte_table(), np.uint32(1) << np.arange(32, dtype=np.uint32)
    for _ in range(_LANE):
        registers = table[registers & 0xFF] ^ (registers >> np.uint32(8))
    single = [int(register) for register in registers]
    out = []
    for byte in range(4):
        row = [0] * 256
        for value in range(256):
            for bit in range(8):
                if value >> bit & 1:
                    row[value] ^= single[8 * byte + bit]
        out.append(row)
    return out


def crc32c(data: bytes) -> int:
    """The CRC32C of some bytes, many lanes at once.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    table = _byte_table()
    register, head = 0xFFFFFFFF, len(data) % _LANE
    for byte in data[:head]:
        register = int(table[(register ^ byte) & 0xFF]) ^ (register >> 8)
    lanes = np.frombuffer(data, np.uint8, offset=head).reshape(-1, _LANE).T  # (_LANE, lanes)
    if lanes.size:
        sums = np.zeros(lanes.shape[1], np.uint32)
        for row in lanes:
            sums = table[(sums ^ row) & 0xFF] ^ (sums >> np.uint32(8))
        a, b, c, d = _lane_tables()
        for lane in sums.tolist():
            moved = a[register & 255] ^ b[register >> 8 & 255] ^ c[register >> 16 & 255] ^ d[register >> 24]
            register = moved ^ lane
    return register ^ 0xFFFFFFFF


def masked_crc(data: bytes) -> int:
    """CRC32C as TFRecord stores it: rotated and shifted, so that sums of sums stay useful."""
    value = crc32c(data)
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF
