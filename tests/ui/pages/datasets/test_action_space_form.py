"""A person's correction: only what was changed is told, what does not fit is refused, and the dataset then says it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.media import write_mp4
from wamviz.core.rollout import ActionSpace
from wamviz.datasets import open_dataset
from wamviz.ui.library import SHIPPED, Library, is_here
from wamviz.ui.pages.datasets.action_space_form import changes, fields, sidecar

SPACE = ActionSpace(("a, b", "c"), ("m", ""), "unnamed", 5.0)


def asked(space: ActionSpace | None, **other: Any) -> dict[str, Any]:
    form = {**fields(space), **other}
    return changes(space, *(form[name] for name in ("kind", "names", "units", "hz", "gripper", "closed")))


def test_a_form_as_it_was_changes_nothing() -> None:
    for space in (SPACE, ActionSpace(("dx", "g"), ("m", "1"), "ee_delta", 5.0, gripper_index=1, gripper_closed=0.0)):
        with pytest.raises(WamvizError, match="Nothing was changed"):
            asked(space)


def test_only_what_was_changed_is_told() -> None:
    assert asked(SPACE, hz=10) == {"rate": 10.0}
    assert asked(SPACE, units="?, rad") == {"units": ["", "rad"]}
    assert asked(SPACE, names="x, y", gripper=" y ") == {"names": ["x", "y"], "gripper_index": 1, "gripper_closed": 1.0}


@pytest.mark.parametrize(
    "other, why",
    [
        ({"names": "x"}, "an action has 2 numbers"),
        ({"units": "m, m, m"}, "3 units were written"),
        ({"gripper": "hand"}, "Unknown dimension"),
    ],
)
def test_what_does_not_fit_is_refused(other: dict[str, Any], why: str) -> None:
    with pytest.raises(WamvizError, match=why):
        asked(SPACE, **other)
    with pytest.raises(WamvizError, match="no actions"):
        asked(None, **other)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(local=True)


def test_a_corrected_dataset_says_it_until_it_is_written_down(library: Library, tmp_path: Path) -> None:
    write_mp4(tmp_path / "run.mp4", np.zeros((5, 32, 32, 3), np.uint8), 5.0)
    (tmp_path / "acts.csv").write_text("vx,g\n" + "1,0\n" * 4, encoding="utf-8")
    place = library.upload([tmp_path / "run.mp4", tmp_path / "acts.csv"], rate=5).place
    library.correct(place, {"kind": "ee_delta", "units": ["m", "1"]})
    opened = library.correct(place, {"gripper_index": 1})
    space = opened.dataset.episode(0).action_space
    assert space is not None and opened is library.at(place)
    assert (space.kind, space.units, space.gripper_index) == ("ee_delta", ("m", "1"), 1)
    assert "person" in str(opened.dataset.summary()["actions_known_by"])

    assert opened.folder is not None
    folder = next(opened.folder.iterdir())
    told = {**json.loads((folder / "wamviz.json").read_text()), **json.loads(sidecar(opened.dataset.override))}
    (folder / "wamviz.json").write_text(json.dumps(told), encoding="utf-8")
    assert open_dataset(folder).episode(0).action_space == space


def test_nobody_corrects_for_all_the_others(library: Library) -> None:
    with pytest.raises(WamvizError, match="shipped"):
        library.correct(SHIPPED, {"rate": 1.0})


def test_a_correction_that_does_not_fit_leaves_the_dataset_as_it_was(library: Library, tmp_path: Path) -> None:
    write_mp4(tmp_path / "run.mp4", np.zeros((5, 32, 32, 3), np.uint8), 5.0)
    opened = library.upload([tmp_path / "run.mp4"])
    with pytest.raises(WamvizError):
        library.correct(opened.place, {"rate": -1.0})
    assert library.at(opened.place) is opened


@pytest.mark.parametrize(
    "headers, here",
    [
        ({"host": "localhost:7860"}, True),
        ({"host": "127.0.0.1"}, True),
        ({"host": "[::1]:7860"}, True),
        ({"host": "robots.example"}, False),
        ({"host": "127.0.0.1.robots.example"}, False),
        ({"host": "localhost.robots.example:7860"}, False),
        ({"host": "localhost:7860", "x-forwarded-for": "203.0.113.9"}, False),
        ({}, False),
    ],
)
def test_only_a_browser_at_this_machine_that_asked_for_it_is_here(headers: dict[str, str], here: bool) -> None:
    assert is_here(headers) is here
    library = Library(local=True)
    library.allow(SHIPPED, here)
    library.allow("upload:1", here)
    if not here:
        with pytest.raises(WamvizError, match="served to others"):
            library.allow("/data", here)
