"""Results as plain JSON: the one place where NumPy's scalars, paths and tuples become what JSON has.

Contract: whatever crosses to JSON (files, the page, HTTP, a terminal) goes through ``jsonable`` or ``dumps``. Numbers
that are not finite become null, because JSON has no other word for them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def jsonable(value: Any) -> Any:
    """``value`` in the types that JSON has; numbers that are not finite become None, strangers their text.

    >>> jsonable({"hit": np.bool_(True), "share": np.float32(0.5), "place": (1, np.int64(2)), "gap": float("nan")})
    {'hit': True, 'share': 0.5, 'place': [1, 2], 'gap': None}
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    return str(value)


def dumps(value: Any, **options: Any) -> str:
    """``json.dumps`` of ``value`` made plain; ``options`` go on to it.

    >>> dumps({"success": np.bool_(False), "psnr": float("inf")})
    '{"success": false, "psnr": null}'
    """
    return json.dumps(jsonable(value), allow_nan=False, **options)
