"""Read TFRecord files and the ``tf.train.Example`` messages in them, without TensorFlow.

Contract: a record is length (u64), CRC32C of the length, payload, CRC32C of the payload; both sums are checked, and a
length is believed only when its sum agrees and the file is long enough. An Example is name -> list of bytes, floats or
ints; of a SequenceExample the lists of every step are joined. Source: tensorflow/core/lib/io/record_writer.h and
tensorflow/core/example/example.proto.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, Unsafe, WamvizError

MAX_RECORD = 1_000_000_000  # bytes; an episode of DROID with three cameras has 50 MB
MAX_FEATURES = 10_000

Feature = list[bytes] | NDArray[np.float32] | NDArray[np.int64]


def record_offsets(path: Path, problems: list[str] | None = None) -> list[tuple[int, int]]:
    """(offset of the payload, its length) of every record; reads the headers only.

    Args:
        problems: takes the sentence about a file that breaks off after its first record, whose whole records are then
            returned; without it such a file is refused.

    Raises:
        Damaged: no TFRecord file, compressed, damaged or cut short.
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
                    raise Damaged(f"'{path.name}' is compressed with gzip.", "Unpack it first: gunzip FILE.")
                if len(head) < 12:
                    raise _damaged(path, len(found), "its header is cut short")
                length, checksum = struct.unpack("<QI", head)
                if masked_crc(head[:8]) != checksum:
                    raise _damaged(path, len(found), "the checksum of its length is wrong")
                if length > MAX_RECORD:
                    raise Unsafe(f"Record {len(found)} of '{path.name}' has {length / 1e9:.0f} GB.",
                                      f"{MAX_RECORD / 1e9:.0f} GB is the limit.")  # fmt: skip
                if at + 16 + length > size:
                    raise _damaged(path, len(found), "it is cut short")
                found.append((at + 12, length))
                at += 16 + length
    except OSError as error:
        raise Damaged(f"'{path.name}' cannot be read ({error.strerror or error}).") from error


def read_example(path: Path, offset: int, length: int, number: int = 0) -> dict[str, Feature]:
    """The Example in the record whose payload lies at ``offset``, its checksum verified."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            payload, tail = file.read(length), file.read(4)
    except OSError as error:
        raise Damaged(f"'{path.name}' cannot be read ({error.strerror or error}).") from error
    if len(payload) < length or len(tail) < 4:
        raise _damaged(path, number, "it is cut short")
    if masked_crc(payload) != struct.unpack("<I", tail)[0]:
        raise _damaged(path, number, "its checksum is wrong")
    try:
        return parse_example(payload)
    except ValueError as error:
        raise Damaged(f"Record {number} of '{path.name}' is no tf.train.Example ({error}).") from error


def _damaged(path: Path, number: int, how: str) -> Damaged:
    return Damaged(f"Record {number} of '{path.name}' is damaged: {how}.", "Record or download the file again.")


# --- tf.train.Example -------------------------------------------------------------------------------------------------


def parse_example(payload: bytes) -> dict[str, Feature]:
    """Name -> values of a serialised Example; ``ValueError`` when it is none."""
    from google.protobuf.message import DecodeError

    try:
        example = _message_class().FromString(payload)
    except DecodeError as error:
        raise ValueError(str(error)) from error
    features, lists = example.context.feature, example.feature_lists.feature_list
    if len(features) + len(lists) > MAX_FEATURES:
        raise ValueError("too many features")
    out = {name: _values(feature) for name, feature in features.items()}
    return out | {name: _joined([_values(one) for one in steps.feature]) for name, steps in lists.items()}


def _values(feature: Any) -> Feature:
    kind = feature.WhichOneof("kind")
    if kind == "float_list":
        return np.array(feature.float_list.value, np.float32)
    return np.array(feature.int64_list.value, np.int64) if kind == "int64_list" else list(feature.bytes_list.value)


def _joined(parts: list[Feature]) -> Feature:
    """The values of a FeatureList, one feature a step, one after the other."""
    texts = [text for part in parts if isinstance(part, list) for text in part]
    arrays = [part for part in parts if not isinstance(part, list)]
    if texts or not arrays:
        return texts
    if any(array.dtype == np.float32 for array in arrays):
        return np.concatenate(arrays).astype(np.float32)
    return np.concatenate(arrays).astype(np.int64)


# message -> its fields, numbered from 1: (name, type); "*" is a repeated one, "%" a map from text, "|" one of several
_MESSAGES = {
    "BytesList": [("value", "*bytes")],
    "FloatList": [("value", "*float")],
    "Int64List": [("value", "*int64")],
    "Feature": [("bytes_list", "|BytesList"), ("float_list", "|FloatList"), ("int64_list", "|Int64List")],
    "Features": [("feature", "%Feature")],
    "FeatureList": [("feature", "*Feature")],
    "FeatureLists": [("feature_list", "%FeatureList")],
    "SequenceExample": [("context", "Features"), ("feature_lists", "FeatureLists")],
}


@lru_cache(maxsize=1)
def _message_class() -> Any:
    """SequenceExample; the ``features`` of an Example have the number of its ``context``."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    plain = {name: getattr(field, f"TYPE_{name.upper()}") for name in ("bytes", "float", "int64", "string")}
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="wamviz", syntax="proto3")

    def add(message: Any, number: int, name: str, form: str, repeated: bool = False) -> Any:
        kind = {"type": plain[form]} if form in plain else {"type": field.TYPE_MESSAGE, "type_name": f".wamviz.{form}"}
        label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
        return message.field.add(name=name, number=number, label=label, **kind)

    for title, fields in _MESSAGES.items():
        message = file.message_type.add(name=title)
        for number, (name, form) in enumerate(fields, start=1):
            bare = form.lstrip("*%|")
            if form[0] == "%":
                pair = message.nested_type.add(name=f"{bare}Entry")
                pair.options.map_entry = True
                add(pair, 1, "key", "string")
                add(pair, 2, "value", bare)
                bare = f"{title}.{bare}Entry"
            added = add(message, number, name, bare, repeated=form[0] in "*%")
            if form[0] == "|":
                if not message.oneof_decl:
                    message.oneof_decl.add(name="kind")
                added.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()  # of our own: TensorFlow has the same names
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("wamviz.SequenceExample"))


def masked_crc(data: bytes) -> int:
    """CRC32C as TFRecord stores it: rotated and shifted, so that sums of sums stay useful."""
    value = google_crc32c.value(data)
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF
