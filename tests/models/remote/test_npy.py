"""GR00T's arrays: what numpy writes there and back, newer servers' forms, and nothing that could run."""

from __future__ import annotations

import io
import json
import pickle

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wamviz.core.errors import WamvizError
from wamviz.models.remote.codec import pack
from wamviz.models.remote.npy import pack_npy, unpack_npy

NUMBERS = hnp.arrays(
    st.sampled_from([np.dtype(name) for name in ("u1", "<i8", ">i2", "<f4", "f2", "?")]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@given(NUMBERS)
def test_arrays_come_back_as_they_were(array: np.ndarray) -> None:
    back = unpack_npy(pack_npy({"a": [array]}))["a"][0]
    assert back.dtype == array.dtype and back.shape == array.shape and back.tobytes() == array.tobytes()


def test_what_is_sent_is_what_numpy_saves() -> None:
    """Keys are text and the array is a whole .npy file, as its own client packs it."""
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    told = msgpack.unpackb(pack_npy({"x": array}))["x"]
    assert list(told) == ["__ndarray_class__", "as_npy"] and told["__ndarray_class__"] is True
    assert (np.load(io.BytesIO(told["as_npy"]), allow_pickle=False) == array).all()


@pytest.mark.parametrize("order", ["C", "F"])
def test_both_orders_of_memory_are_read(order: str) -> None:
    array = np.asarray(np.arange(24).reshape(2, 3, 4), order=order)
    assert (unpack_npy(pack_npy(array)) == array).all()


def test_msgpack_numpy_s_form_is_understood() -> None:
    """N1.7's later servers write it: byte keys, a scalar without axes."""
    array = np.arange(6, dtype="<f4").reshape(1, 2, 3)
    form = {b"nd": True, b"type": "<f4", b"kind": b"", b"shape": (1, 2, 3), b"data": array.tobytes()}
    assert (unpack_npy(pack({"a": form}))["a"] == array).all()
    scalar = {b"nd": False, b"type": "<f8", b"data": np.float64(2.5).tobytes()}
    assert unpack_npy(pack(scalar)) == 2.5


@pytest.mark.parametrize("told", [json.dumps({"modality_keys": ["a"]}), {"modality_keys": ["a"]}])
@pytest.mark.parametrize("name", ["__ModalityConfig_class__", "__ModalityConfig__"])
def test_every_version_s_configuration_is_understood(name: str, told: object) -> None:
    """N1.6 writes JSON text, N1.7 a dictionary, later under another name."""
    assert unpack_npy(pack({"video": {name: True, "as_json": told}})) == {"video": {"modality_keys": ["a"]}}


class Trap:
    """Unpickled, it would be noticed."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "data",
    [
        saved(np.array([Trap()], object)),
        saved(np.array(["text"])),
        saved(np.zeros(2, [("a", "f4")])),
        saved(np.zeros(9))[:-1],
        saved(np.zeros(9)) + b"x",
        b"",
        b"\x93NUMPY\x09\x00",
        saved(np.zeros(9))[:8] + b"\x10\x00" + saved(np.zeros(9))[10:],
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }"),
        header("__import__('os')"),
        header("(" * 5000),
        "text",
    ],
)
def test_what_is_no_array_of_numbers_is_refused(data: object) -> None:
    """Objects, text, structures, sizes that lie, code; before memory is taken."""
    with pytest.raises(WamvizError, match="reply cannot be read"):
        unpack_npy(pack({"__ndarray_class__": True, "as_npy": data}))


@pytest.mark.parametrize("kind", [b"O", "O", b"V"])
def test_msgpack_numpy_s_pickles_are_refused(kind: object) -> None:
    form = {b"nd": True, b"type": "|O", b"kind": kind, b"shape": (1,), b"data": pickle.dumps([Trap()])}
    with pytest.raises(WamvizError, match="no plain numbers"):
        unpack_npy(pack(form))
    with pytest.raises(WamvizError, match="number type"):
        unpack_npy(pack({**form, b"kind": b""}))


def test_objects_are_not_sent() -> None:
    with pytest.raises(WamvizError):
        pack_npy(np.array([object()]))
