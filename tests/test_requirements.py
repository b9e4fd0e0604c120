"""The files that pin packages say the same."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def pins(file: str) -> dict[str, str]:
    """Package to version of a requirements file."""
    return dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / file).read_text(), re.MULTILINE))


def test_training_is_pinned_as_all_else_is():
    """What is carried to a machine without an index is what is tested here."""
    tested, carried = pins("requirements.txt"), pins("requirements-training.txt")
    shared = carried.keys() & tested.keys()
    assert {"mujoco-core", "diffusers"} <= shared
    assert {name: carried[name] for name in shared} == {name: tested[name] for name in shared}
