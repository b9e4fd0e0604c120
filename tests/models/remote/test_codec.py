"""The wire formats: byte for byte what the reference packages write, and nothing harmful comes in."""

from __future__ import annotations

import base64
import io
import json
import struct

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamviz.core.errors import WamvizError
from wamviz.models.remote.codec import CodecLimits, pack, pack_json, unpack, unpack_json

IMAGE = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
JOINTS = np.array([0.5, -1.0], np.float32)
WHOLE = [0, 127, 128, 255, 256, 65535, 65536, 2**32, 2**63, -1, -32, -33, -128, -129, -32769, -(2**31) - 1]
SENT = {
    "prompt": "pick up the orange", "n": WHOLE, "f": 1.5, "yes": True, "no": False, "none": None, "raw": b"\x00\x01",
    "long": "x" * 40, "many": list(range(20)), "image": IMAGE, "joints": JOINTS, "scalar": np.float32(2.5),
    "flag": np.array([True]), "empty": np.zeros((0, 3), np.int16),
}  # fmt: skip
# Written by openpi-client 0.1.2 over msgpack 1.2.4.
OPENPI = bytes.fromhex(
    "8ea670726f6d7074b27069636b20757020746865206f72616e6765a16edc0010007fcc80ccffcd0100cdffffce00010000cf00000001"
    "00000000cf8000000000000000ffe0d0dfd080d1ff7fd2ffff7fffd3ffffffff7fffffffa166cb3ff8000000000000a3796573c3a26e"
    "6fc2a46e6f6e65c0a3726177c4020001a46c6f6e67d92878787878787878787878787878787878787878787878787878787878787878"
    "787878787878787878a46d616e79dc0014000102030405060708090a0b0c0d0e0f10111213a5696d61676584c40b5f5f6e6461727261"
    "795f5fc3c40464617461c40c000102030405060708090a0bc4056474797065a37c7531c405736861706593020203a66a6f696e747384"
    "c40b5f5f6e6461727261795f5fc3c40464617461c4080000003f000080bfc4056474797065a33c6634c40573686170659102a6736361"
    "6c617283c40d5f5f6e7067656e657269635f5fc3c40464617461cb4004000000000000c4056474797065a33c6634a4666c616784c40b"
    "5f5f6e6461727261795f5fc3c40464617461c40101c4056474797065a37c6231c40573686170659101a5656d70747984c40b5f5f6e64"
    "61727261795f5fc3c40464617461c400c4056474797065a33c6932c4057368617065920003"
)
# Written by json-numpy 2.1.1.
JSON_NUMPY = (
    '{"primary_image": {"__numpy__": "AAECAwQFBgcICQoL", "dtype": "|u1", "shape": [2, 2, 3]}, '
    '"proprio": {"__numpy__": "AAAAPwAAgL8=", "dtype": "<f4", "shape": [2]}, '
    '"s": {"__numpy__": "AAAgQA==", "dtype": "<f4", "shape": []}, "task_description": "fold the shirt"}'
)


def test_openpi_s_bytes_are_written_and_read():
    """Every msgpack form, arrays and scalars, to the byte."""
    assert pack(SENT) == OPENPI
    read = unpack(OPENPI)
    assert read.keys() == SENT.keys()
    for name, value in SENT.items():
        if isinstance(value, np.ndarray):
            assert read[name].dtype == value.dtype and (read[name] == value).all() and read[name].shape == value.shape
        else:
            assert read[name] == value and type(read[name]) is type(value)


def test_json_numpy_s_text_is_written_and_read():
    """Arrays and scalars, to the character."""
    sent = {"primary_image": IMAGE, "proprio": JOINTS, "s": np.float32(2.5), "task_description": "fold the shirt"}
    assert pack_json(sent).decode() == JSON_NUMPY
    read = unpack_json(JSON_NUMPY.encode())
    assert (read["primary_image"] == IMAGE).all() and (read["proprio"] == JOINTS).all() and read["s"] == 2.5


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def openpi(a: np.ndarray) -> dict:
    return {b"__ndarray__": True, b"data": a.tobytes(), b"dtype": a.dtype.str, b"shape": a.shape}


def msgpack_numpy(a: np.ndarray) -> dict:
    return {b"nd": True, b"type": a.dtype.str, b"kind": b"", b"shape": a.shape, b"data": a.tobytes()}


def as_text(form: dict) -> dict:
    return {key.decode(): value for key, value in form.items()}


DIALECTS = {
    "openpi": openpi,
    "openpi, keys as text": lambda a: as_text(openpi(a)),
    "msgpack-numpy": msgpack_numpy,
    "msgpack-numpy, keys as text, type as bytes": lambda a: {**as_text(msgpack_numpy(a)), "type": a.dtype.str.encode()},
    "vLLM-Omni's own": lambda a: {**as_text(msgpack_numpy(a)), "kind": a.dtype.kind},
    "GR00T": lambda a: {"__ndarray_class__": True, "as_npy": npy(a)},
    "the dtype by its name": lambda a: {**openpi(a), b"dtype": a.dtype.name},
    "numbers in base64": lambda a: {
        "__ndarray__": base64.b64encode(a.tobytes()).decode(),
        "dtype": a.dtype.name,
        "shape": list(a.shape),
    },
    "json-numpy": lambda a: json.loads(pack_json(a)),
}


@pytest.mark.parametrize("write", DIALECTS.values(), ids=DIALECTS)
def test_every_dialect_of_an_array_is_read(write):
    """Whoever speaks it: a server may change its library and keep its protocol."""
    for array in (IMAGE, JOINTS, np.zeros((0, 3), np.int16)):
        read = unpack(msgpack.packb({"actions": [write(array)]}))["actions"][0]
        assert read.dtype == array.dtype and read.shape == array.shape and (read == array).all()


def test_an_array_that_is_written_out_is_read():
    for read in (unpack(pack({"a": {"__ndarray__": [[1, 2]], "dtype": "float32"}})),
                 unpack_json(b'{"a": {"__ndarray__": [[1, 2]], "dtype": "float32"}}')):  # fmt: skip
        assert read["a"].dtype == np.float32 and read["a"].tolist() == [[1.0, 2.0]]
    with pytest.raises(WamvizError, match="no table of numbers|no plain numbers"):
        unpack(pack({"__ndarray__": [[1], "x"]}))


def test_a_dictionary_that_only_resembles_an_array_stays_one():
    """A server's own fact may be called ``nd`` or ``type``."""
    for plain in ({"nd": 3, "type": "x"}, {"type": "error"}, {"data": 1, "dtype": "f4", "shape": [1]}):
        assert unpack(pack(plain)) == plain


def test_no_dialect_brings_objects_or_structures():
    pickled = {b"nd": True, b"type": "|O", b"kind": b"O", b"shape": (1,), b"data": b"\0" * 8}
    for form in (pickled, {**pickled, b"kind": b""}, {**pickled, b"kind": b"V", b"type": [["a", "<f4"]]}):
        with pytest.raises(WamvizError, match="no plain numbers|number type"):
            unpack(msgpack.packb(form))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(), inner, max_size=20),
    max_leaves=40,
)


@given(PLAIN)
def test_what_is_packed_comes_back(value):
    """Any plain value survives the way there and back."""
    assert unpack(pack(value)) == value


@given(st.binary(max_size=60))
def test_noise_is_refused_or_read_but_nothing_else(noise):
    """No bytes make the reader fail in any way but its own."""
    for read in (unpack, unpack_json):
        try:
            read(noise)
        except WamvizError:
            pass


@given(st.integers(0, len(OPENPI) - 1))
def test_a_message_that_is_cut_short_is_refused(end):
    with pytest.raises(WamvizError, match="cannot be read"):
        unpack(OPENPI[:end])


def array(data=b"\0" * 4, dtype="<f4", shape=(1,), **more):
    """An array as openpi writes it, with something wrong about it."""
    return pack({b"__ndarray__": True, b"data": data, b"dtype": dtype, b"shape": shape, **more})


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (array(dtype="|O"), "number type"),
        (array(dtype="<M8[s]", data=b"\0" * 8), "number type"),
        (array(dtype="i4,i4", data=b"\0" * 8), "number type"),
        (array(dtype="<f16", data=b"\0" * 16), "number type"),
        (array(dtype=3), "number type"),
        (array(shape=(2,)), "other bytes"),
        (array(shape=(-1,)), "proper shape"),
        (array(shape=(2**62, 0)), "proper shape"),
        (array(shape=(1,) * 9), "proper shape"),
        (array(shape="x"), "proper shape"),
        (array(data="text"), "other bytes"),
        (pack({b"__npgeneric__": True, b"data": "x", b"dtype": "<f4"}), "number in it"),
        (pack({b"__npgeneric__": True, b"data": 300, b"dtype": "|u1"}), "no uint8"),
        (pack(1) + b"\0", "follow its end"),
        (b"\xdd\xff\xff\xff\xff", "cut short"),
        (b"\xdf\xff\xff\xff\xff", "cut short"),
        (b"\xc6\xff\xff\xff\xff", "cut short"),
        (b"\xc7\x01\x01\x00", "no place"),
        (b"\xc1", "no msgpack"),
        (b"\x81\x01\x01", "no text"),
        (b"\xa1\xff", "UTF-8"),
        (b"\x91" * 5000 + b"\x90", "too deeply"),
        (b"\x91" * 50 + b"\x90", "too deeply"),
    ],
)
def test_what_no_reply_may_hold_is_refused(message, why):
    """Objects, lying sizes, extensions and nesting never get as far as memory."""
    with pytest.raises(WamvizError, match=why):
        unpack(message)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 100_000, "too deeply|no JSON"),
        ("[" * 50 + "]" * 50, "too deeply"),
        ("{", "no JSON"),
        ('{"a": NaN}', "NaN"),
        ('{"__numpy__": "!", "dtype": "<f4", "shape": [1]}', "base64"),
        ('{"__numpy__": "AAAA", "dtype": "O", "shape": [1]}', "number type"),
        ('{"__numpy__": "AAAAAA==", "dtype": "<f4", "shape": [2]}', "other bytes"),
        ("9" * 10_000, "no JSON"),
    ],
)
def test_json_that_no_reply_may_hold_is_refused(text, why):
    with pytest.raises(WamvizError, match=why):
        unpack_json(text.encode())


def test_limits_hold():
    """Bytes, values and depth, in both formats."""
    small = CodecLimits(message_bytes=10, items=4, depth=2)
    for read, write in ((unpack, pack), (unpack_json, lambda value: json.dumps(value).encode())):
        assert read(write([1, 2, 3]), small) == [1, 2, 3]
        with pytest.raises(WamvizError, match="1e-05 MB"):
            read(write("x" * 20), small)
        with pytest.raises(WamvizError, match="too many"):
            read(write([[1], [2], 3]), CodecLimits(items=4))
        with pytest.raises(WamvizError, match="too deeply"):
            read(write([[[[1]]]]), small)
    with pytest.raises(WamvizError, match="at least 1"):
        CodecLimits(items=0)


def test_a_bomb_never_unfolds():
    """Many values in few bytes are counted while they are read, not when they are all there."""
    bomb = b"\xdc\xff\xff" + (b"\xdc\xff\xff" + b"\x90" * 0xFFFF) * 0xFF
    with pytest.raises(WamvizError, match="too many"):
        unpack(bomb, CodecLimits(items=100_000))


def test_a_time_is_a_number_and_no_object():
    """msgpack's own extension type."""
    assert unpack(b"\xd6\xff\0\0\0\x05") == 5.0


def test_what_cannot_be_sent_is_refused():
    for value in (object(), np.array(["text"]), np.array([1j]), 2**64):
        with pytest.raises(WamvizError, match="cannot be sent|64 bits"):
            pack(value)
    with pytest.raises(WamvizError, match="cannot be sent"):
        pack_json({"a": object()})


def test_lengths_take_the_shortest_form():
    """As msgpack's reference packer does: one, two or four bytes of length."""
    assert pack("y" * 300)[:3] == b"\xda\x01\x2c" and pack(b"z" * 70_000)[:5] == struct.pack(">BI", 0xC6, 70_000)
    assert pack([0] * 70_000)[:5] == struct.pack(">BI", 0xDD, 70_000)
