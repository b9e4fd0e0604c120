"""Calibration out of ``wamviz.json``: understood, refused in words, and drawn where the tabletop's own is."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.media import write_mp4
from wamviz.core.rotation import rotation_matrix
from wamviz.datasets import ActionSpaceOverride, open_dataset, shipped
from wamviz.datasets.override import override_from_json
from wamviz.metrics.trajectory import path_pixels
from wamviz.ui.library import SHIPPED, Library
from wamviz.ui.pages.datasets.view import episode_parts
from wamviz.ui.stage.messages import to_json

OFFSET = (0.01, 0.0, 0.2)
POSE = [[1, 0, 0, 0.5], [0, -1, 0, 0], [0, 0, -1, 1], [0, 0, 0, 1]]
GOOD: dict[str, Any] = {"width": 640, "height": 480, "intrinsics": [600, 610, 320, 240], "world_from_camera": POSE}


def path_of(parts: dict[str, Any]) -> np.ndarray:
    (clip,) = to_json(parts["stage"])["panes"]["recorded"]["samples"]
    return np.array(clip["path"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shipped episode 0 as a stranger would have it: a video, a table with poses of the flange, and wamviz.json."""
    root = tmp_path_factory.mktemp("kitchen")
    episode = shipped().episode(0)
    camera, states, space = episode.camera_model("exterior"), episode.states, episode.action_space
    assert camera is not None and states is not None and space is not None and episode.actions is not None
    write_mp4(root / "run.mp4", episode.frames("exterior"), episode.fps)
    flange = [row[:3] - rotation_matrix(row[3:6]) @ OFFSET for row in states.astype(float)]
    with (root / "run.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*space.names, "x", "y", "z", "rx", "ry", "rz"])
        for action, place, state in zip(episode.actions, flange, states, strict=False):
            writer.writerow([*action.tolist(), *place, *state[3:6].tolist()])
    large = camera.resized(1280, 1280)  # calibrated with larger pictures than were recorded
    calibration = {
        "width": large.width, "height": large.height, "intrinsics": large.intrinsics.tolist(),
        "camera_from_world": np.linalg.inv(large.world_from_camera).tolist(),
    }  # fmt: skip
    told = {
        "episodes": [{"videos": {"front": "run.mp4"}, "actions": "run.csv", "states": "run.csv"}],
        "columns": {"actions": list(space.names), "states": ["x", "y", "z", "rx", "ry", "rz"]},
        "layout": {
            "rate": space.rate, "kind": "ee_delta", "units": list(space.units), "cameras": {"front": calibration},
            "tool": {"offset": list(OFFSET), "turn": "rotation_vector"},
        },
    }  # fmt: skip
    (root / "wamviz.json").write_text(json.dumps(told))
    return root


def test_the_overlay_of_a_strangers_dataset_lies_where_the_tabletops_own_does(folder: Path) -> None:
    """End to end, by way of the Datasets page's own parts: below a quarter of a pixel."""
    library = Library(local=True)
    theirs = path_of(episode_parts(library.folder(str(folder)), 0))
    ours = path_of(episode_parts(library.at(SHIPPED), 0, "exterior"))
    count = min(len(theirs), len(ours))
    assert count > 10
    size = shipped().episode(0).frames("exterior", 0, 1).shape[1]
    assert np.abs(theirs[:count] - ours[:count]).max() * size < 0.25
    assert np.ptp(ours, axis=0).max() * size > 5  # it goes somewhere


def test_the_calibration_goes_along_with_a_context_and_a_rollout(folder: Path) -> None:
    """Fitted to the pictures as they were recorded, cut and scaled with them, with its tool."""
    episode = open_dataset(folder).episode(0)
    size = episode.frames(stop=1).shape[1]
    seen, small, whole = episode.observation(2), episode.observation(2, size=32), episode.rollout(2)
    assert (seen.cameras["front"].width, small.cameras["front"].width) == (size, 32)
    assert whole.camera_model is not None and whole.camera_model.width == size
    for model in (seen.cameras["front"], small.cameras["front"], whole.camera_model):
        assert model.tool is not None and model.tool.offset == OFFSET
    point = np.array([[0.5, 0.0, 0.1]])
    big, less = (model.project(point)[0] for model in (seen.cameras["front"], small.cameras["front"]))
    assert np.allclose(big / size, less / 32)


def test_a_run_and_an_export_keep_the_tool(folder: Path, tmp_path: Path) -> None:
    """Kept in a run's JSON and in an exported dataset's alike, and drawn in the same place."""
    from dataclasses import replace

    from wamviz.runs.store import read_run
    from wamviz.runs.store.arrays import rollout_arrays, rollout_facts, rollout_from
    from wamviz.runs.store.episodes import export_lerobot
    from wamviz.ui.run_repository import EXAMPLE

    rollout = open_dataset(folder).episode(0).rollout(0, 6)
    back = rollout_from(json.loads(json.dumps(rollout_facts(rollout))), rollout_arrays(rollout))
    assert back.camera_model is not None and rollout.camera_model is not None
    assert back.camera_model.to_json() == rollout.camera_model.to_json()
    run = replace(read_run(EXAMPLE), reference=rollout, executed=None)
    (written,) = export_lerobot([run], tmp_path / "d", origins=("recorded",))
    again = open_dataset(written.folder).episode(0).rollout()
    assert again.camera_model is not None and again.camera_model.tool == rollout.camera_model.tool
    expected, found = path_pixels(rollout, rollout.camera_model), path_pixels(again, again.camera_model)
    assert expected is not None and found is not None and np.allclose(expected, found[: len(expected)])


def test_an_episode_may_have_cameras_of_its_own() -> None:
    moved = {**GOOD, "world_from_camera": [[1, 0, 0, 9], *POSE[1:]]}
    told = ActionSpaceOverride(cameras={"front": GOOD, "side": GOOD}, episode_cameras={"3": {"front": moved}})
    assert told.calibration(2)["front"].world_from_camera[0, 3] == 0.5
    assert told.calibration(3)["front"].world_from_camera[0, 3] == 9 and "side" in told.calibration(3)


def test_both_directions_of_a_pose_and_both_forms_of_intrinsics_are_one() -> None:
    inverse = {name: value for name, value in GOOD.items() if name != "world_from_camera"}
    inverse |= {"camera_from_world": np.linalg.inv(np.array(POSE, float)).tolist()}
    inverse |= {"intrinsics": [[600, 0, 320], [0, 610, 240], [0, 0, 1]]}
    one, other = (
        ActionSpaceOverride(cameras={"a": GOOD}).calibration(0)["a"],
        ActionSpaceOverride(cameras={"a": inverse}).calibration(0)["a"],
    )
    assert np.allclose(one.world_from_camera, other.world_from_camera)
    assert np.array_equal(one.intrinsics, other.intrinsics)


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name not in names}


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ([], "must be a JSON object"),
        ({"front": 3}, "must be a JSON object"),
        ({"front": {**GOOD, "intrinsic": 1}}, "Did you mean 'intrinsics'"),
        ({"front": without("width")}, "'width' and 'height'"),
        ({"front": {**GOOD, "height": 0.5}}, "'width' and 'height'"),
        ({"front": without("world_from_camera")}, "needs one pose"),
        ({"front": {**GOOD, "camera_from_world": POSE}}, "needs one pose"),
        ({"front": {**GOOD, "world_from_camera": POSE[:3]}}, "four rows of four"),
        ({"front": {**GOOD, "world_from_camera": [[2, 0, 0, 0], *POSE[1:]]}}, "no rotation"),
        ({"front": {**GOOD, "world_from_camera": [[-1, 0, 0, 0], *POSE[1:]]}}, "no rotation"),
        ({"front": {**GOOD, "intrinsics": [600, 610]}}, "three rows"),
        ({"front": {**GOOD, "intrinsics": [600, -610, 320, 240]}}, "focal length"),
        ({"front": {**GOOD, "intrinsics": "600"}}, "three rows"),
        ({"front": {**GOOD, "intrinsics": [10**400, 1, 1, 1]}}, "three rows"),
        ({"front": {**GOOD, "world_from_camera": {"a": 1}}}, "four rows of four"),
        ({"front": {**GOOD, "intrinsics": [float("nan"), 1, 1, 1]}}, "three rows"),
    ],
)
def test_an_odd_calibration_is_explained(told: Any, says: str) -> None:
    with pytest.raises(WamvizError, match=says):
        ActionSpaceOverride(cameras=told)


def test_odd_episode_numbers_and_tools_are_explained() -> None:
    with pytest.raises(WamvizError, match="by number, not 'seven'"):
        ActionSpaceOverride(episode_cameras={"seven": {"front": GOOD}})
    with pytest.raises(WamvizError, match="Did you mean 'offset'"):
        ActionSpaceOverride(tool={"offset": [0, 0, 1], "ofset": 1})


def test_the_example_of_the_documentation_is_understood(root: Path) -> None:
    text = (root / "docs/calibration.md").read_text()
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    told = override_from_json(json.loads(example)["layout"], "docs/calibration.md")
    camera = told.calibration(0)["front"]
    assert camera.tool is not None and camera.tool.turn == "euler_xyz"
    pixels, depth = camera.project(np.array([[0.8, 0.1, 0.4]]))
    assert depth[0] > 0 and 0 < pixels[0, 0] < 640 and 0 < pixels[0, 1] < 480  # it looks ahead and down


Change = Callable[[dict[str, Any]], object]


def changed(folder: Path, root: Path, change: Change) -> Path:
    """The dataset with another ``wamviz.json``."""
    for name in ("run.mp4", "run.csv"):
        (root / name).write_bytes((folder / name).read_bytes())
    told = json.loads((folder / "wamviz.json").read_text())
    change(told["layout"])
    (root / "wamviz.json").write_text(json.dumps(told))
    return root


def test_a_camera_that_is_not_there_is_named_with_the_nearest(folder: Path, tmp_path: Path) -> None:
    def misspell(layout: dict[str, Any]) -> None:
        layout["cameras"]["frnt"] = layout["cameras"].pop("front")

    episode = open_dataset(changed(folder, tmp_path, misspell)).episode(0)
    assert "Did you mean 'front'?" in " ".join(episode.missing) and episode.camera_model("front") is None


def test_a_path_that_cannot_be_drawn_says_why(folder: Path, tmp_path: Path) -> None:
    """A tool whose turn takes four numbers where the states have three: no guess, but a sentence on the page."""
    root = changed(folder, tmp_path, lambda layout: layout["tool"].update(turn="quaternion_xyzw"))
    parts = episode_parts(Library(local=True).folder(str(root)), 0)
    assert to_json(parts["stage"])["panes"]["recorded"]["samples"][0]["path"] is None
    assert "how the hand is turned (quaternion_xyzw" in json.dumps(parts["status"])


def test_a_persons_word_wins_over_the_files(tmp_path: Path) -> None:
    """The shipped episodes are calibrated; what a person tells of them is taken instead, for a moving camera too."""
    from wamviz.datasets import SHIPPED as EPISODES

    named = {"exterior": GOOD, "wrist": GOOD}
    told, plain = (
        open_dataset(EPISODES, ActionSpaceOverride(cameras=named)).episode(0),
        open_dataset(EPISODES).episode(0),
    )
    for name in named:
        model = told.camera_model(name)
        assert model is not None and model.width == 640 and not told.camera_moves(name)
    model = plain.camera_model("exterior")
    assert model is not None and model.width != 640 and plain.camera_moves("wrist")
