"""TFRecord and its messages: sums agree with the standard, what was written comes back, bombs are refused."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.datasets.makers import example, record
from wamviz.core.errors import WamvizError
from wamviz.datasets.containers.tfrecord import masked_crc, parse_example, read_example, record_offsets


@pytest.mark.parametrize(
    ("data", "value"), [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)]
)
def test_the_sum_is_the_standards(data: bytes, value: int) -> None:
    """CRC32C of RFC 3720, rotated by 15 bits and with TensorFlow's constant added."""
    rotated = (value >> 15 | value << 17) & 0xFFFFFFFF
    assert masked_crc(data) == (rotated + 0xA282EAD8) % 2**32


@given(
    floats=st.lists(st.floats(width=32, allow_nan=False), min_size=1),
    ints=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1),
    texts=st.lists(st.binary(), min_size=1),
)
def test_messages_come_back(floats: list[float], ints: list[int], texts: list[bytes]) -> None:
    back = parse_example(example({"f": np.array(floats, np.float32), "i": np.array(ints, np.int64), "b": texts}))
    assert np.array_equal(back["f"], np.array(floats, np.float32)) and back["i"].tolist() == ints  # type: ignore[union-attr]
    assert back["b"] == texts


@given(data=st.binary(max_size=200))
def test_no_bytes_bring_anything_but_a_message_or_a_refusal(data: bytes) -> None:
    try:
        parse_example(data)
    except ValueError as error:
        assert not isinstance(error, UnicodeError)


def test_records_are_found_and_verified(tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord"
    path.write_bytes(record(example({"a": [b"one"]})) + record(example({"a": [b"two"]})))
    offsets = record_offsets(path)
    assert [read_example(path, *spot)["a"] for spot in offsets] == [[b"one"], [b"two"]]
    data = bytearray(path.read_bytes())
    data[offsets[1][0] + 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(WamvizError, match="Record 1 of 'a.tfrecord' is damaged: its checksum is wrong"):
        read_example(path, *offsets[1], 1)


def test_lengths_that_lie_are_refused(tmp_path: Path) -> None:
    path, payload = tmp_path / "a.tfrecord", example({"a": [b"one"]})

    def headed(length: int, told: int | None = None) -> bytes:
        head = struct.pack("<Q", length)
        return head + struct.pack("<I", masked_crc(head) if told is None else told) + payload + bytes(4)

    for data, says in [
        (headed(2**62), "has 4611686018 GB"),
        (headed(len(payload) + 1), "it is cut short"),
        (headed(len(payload), 7), "checksum of its length is wrong"),
        (record(payload)[:9], "header is cut short"),
        (gzip.compress(record(payload)), "compressed with gzip"),
    ]:
        path.write_bytes(data)
        with pytest.raises(WamvizError, match=says):
            record_offsets(path)
