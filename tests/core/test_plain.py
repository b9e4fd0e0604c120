"""Every value that a result may hold, as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.plain import dumps, jsonable
from wamviz.core.rollout import Rollout


def test_numpy_values_anywhere_in_a_result_are_plain() -> None:
    result = {
        "success": np.bool_(True),
        "near": {"miss": np.float32(0.25), "object": np.int64(3)},
        "frames": np.arange(4, dtype=np.uint8).reshape(2, 2),
        "psnr": (np.float64("inf"), float("nan"), 30.0),
        "folder": Path("runs"),
        2: {np.str_("red")},
    }
    assert json.loads(dumps(result)) == {
        "success": True,
        "near": {"miss": 0.25, "object": 3},
        "frames": [[0, 1], [2, 3]],
        "psnr": [None, None, 30.0],
        "folder": "runs",
        "2": ["red"],
    }


def test_what_is_plain_already_stays_as_it_is() -> None:
    plain = {"words": "a\u2028b", "numbers": [1, 2.5, True, None]}
    assert jsonable(plain) == plain and json.loads(dumps(plain)) == plain


def test_options_reach_the_writer() -> None:
    assert dumps({"b": 1, "a": 2}, indent=1, sort_keys=True) == '{\n "a": 2,\n "b": 1\n}'


def test_the_success_of_a_rollout_is_a_bool_of_python() -> None:
    """What compares NumPy's numbers gives NumPy's booleans, which no writer of JSON knows."""
    frames = np.zeros((2, 4, 4, 3), np.uint8)
    assert Rollout("executed", frames, 5.0, success=np.bool_(False)).success is False  # type: ignore[arg-type]
    assert Rollout("executed", frames, 5.0).success is None
    with pytest.raises(WamvizError, match="true, false or None"):
        Rollout("executed", frames, 5.0, success="yes")  # type: ignore[arg-type]
