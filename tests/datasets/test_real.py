"""Real episodes of other people's robots, where they lie beside the checkout: every format opens and is understood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.datasets import open_dataset
from wamviz.runs.inspecting import describe
from wamviz.runs.sources import resolve

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no real episodes in ../shared/data")

# folder -> episodes, available, first available, cameras, frames, actions, fps, kind
KNOWN = {
    "g1_bottle_v21": (100, 2, 28, 1, 278, 278, 30, "joint_position"),
    "g1_bottle_v30": (2, 2, 0, 1, 221, 221, 30, "joint_position"),
    "droid_ctrlworld/droid_subset": (3, 3, 0, 3, 89, 266, 5, "joint_velocity"),
    "droid_ctrlworld/droid_new_setup": (2, 2, 0, 3, 41, 41, 5, None),
    "droid_frames": (1, 1, 0, 2, 419, 419, 15, None),
    "bridge_rlds": (50, 25, 0, 3, 10, 10, 5, "ee_delta"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_real_dataset_opens(name: str) -> None:
    episodes, available, first, cameras, frames, actions, fps, kind = KNOWN[name]
    dataset = open_dataset(DATA / name)
    episode = dataset.episode(first)
    assert (len(dataset), len(dataset.available), dataset.available[0]) == (episodes, available, first)
    assert (len(episode.cameras), episode.frame_count, episode.length, episode.fps) == (cameras, frames, actions, fps)
    assert (episode.action_space.kind if episode.action_space else None) == kind
    last = episode.frame_count - 1
    assert episode.observation(last).frame.std() > 5  # a picture, not a flat colour
    assert describe(f"{DATA / name}#{first}@{last}")["what_follows"] is None
    assert describe(str(DATA / name))["format"] == dataset.summary()["format"]


@pytest.mark.parametrize("name", KNOWN)
def test_a_real_frame_is_a_context_with_what_follows(name: str) -> None:
    first = KNOWN[name][2]
    context = resolve(f"{DATA / name}#{first}@3")
    assert context.reference is not None and context.reference.frames is not None
    assert np.array_equal(context.observation.frame, context.reference.frames[0])


def test_one_recording_in_two_versions_gives_the_same_frames_and_numbers() -> None:
    """Episode 29 of the v2.1 folder was repackaged as episode 0 of the v3.0 folder."""
    old, new = open_dataset(DATA / "g1_bottle_v21").episode(29), open_dataset(DATA / "g1_bottle_v30").episode(0)
    assert np.array_equal(old.actions, new.actions) and np.array_equal(old.states, new.states)
    for k in (0, 100, 220):
        assert np.array_equal(old.frames(start=k, stop=k + 1), new.frames(start=k, stop=k + 1))


def test_droids_velocities_lead_to_the_commanded_joints() -> None:
    """A single step from the measured joints ends near the joints commanded: 1 is 0.2 rad a step."""
    from wamviz.datasets.files import read_json

    told = read_json(DATA / "droid_ctrlworld/droid_subset/annotation/train/1.json")
    joints = np.array(told["observation.state.joint_position"])
    wanted = np.array(told["action.joint_position"])
    episode = open_dataset(DATA / "droid_ctrlworld/droid_subset").episode(0)
    assert episode.actions is not None and episode.action_space is not None
    scale = float(episode.action_space.units[0].split()[0]) / episode.action_space.rate
    reached = joints + episode.actions[:, :7] * scale
    # In a few steps the robot moved on between the two readings: the middle of the errors is judged, not the largest.
    assert np.median(np.abs(reached - wanted)) < 3e-3 < 1e-2 < np.median(np.abs(joints - wanted))
    assert reached[0, 0] == pytest.approx(wanted[0, 0], abs=1e-5)


def test_what_is_no_dataset_is_described() -> None:
    with pytest.raises(WamvizError, match="holds 2 datasets: droid_new_setup"):
        open_dataset(DATA / "droid_ctrlworld")
    with pytest.raises(WamvizError, match="not a dataset that can be read here"):
        open_dataset(DATA / "context_frames")
