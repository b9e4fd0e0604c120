"""Every format opens by itself, says what it is and what is missing, and any frame alone is that of the whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.datasets import makers
from wamviz.core import _videos, media
from wamviz.core.errors import WamvizError
from wamviz.core.media import write_mp4
from wamviz.datasets import ActionSpaceOverride, Episode, is_dataset, open_dataset

needs_h5py = pytest.mark.skipif(find_spec("h5py") is None, reason="h5py is not installed here")
MAKERS: dict[str, Callable[[Path], Path]] = {
    "ctrlworld": makers.make_ctrlworld,
    "rlds": makers.make_rlds,
    "pair": makers.make_pair,
    "v2.1": makers.make_v2,
    "v2.0": lambda root: makers.make_v2(root, "v2.0", "fixed"),
    "libero": lambda root: makers.make_libero(root.with_suffix(".hdf5")),
    "robomimic": lambda root: makers.make_robomimic(root.with_suffix(".hdf5")),
    "aloha": lambda root: makers.make_aloha(root.with_suffix(".hdf5")),
}
EVERY = [pytest.param(name, marks=needs_h5py) if name in ("libero", "robomimic", "aloha") else name for name in MAKERS]


@pytest.mark.parametrize("name", EVERY)
def test_any_part_of_an_episode_is_that_of_the_whole(name: str, tmp_path: Path) -> None:
    dataset = open_dataset(MAKERS[name](tmp_path / "set"))
    for index in dataset.available:
        episode = dataset.episode(index)
        for camera in episode.cameras:
            whole = episode.frames(camera)
            assert len(whole) == episode.frame_count and len({frame.tobytes() for frame in whole}) == len(whole)
            for k in reversed(range(episode.frame_count)):
                assert np.array_equal(episode.frames(camera, k, k + 1)[0], whole[k])
        assert_aligned(episode)


def assert_aligned(episode: Episode) -> None:
    """Actions and states of a part are those whose time lies in it."""
    rate = episode.action_space.rate if episode.action_space else episode.fps
    start, stop = 1, episode.frame_count - 1
    rollout = episode.rollout(start, stop)
    first, end = round(start * rate / episode.fps), round((stop - 1) * rate / episode.fps)
    if episode.actions is not None and end > first:
        assert rollout.actions is not None
        assert np.array_equal(rollout.actions, episode.actions[first : min(end, episode.length)])
    if episode.states is not None:
        seen = episode.observation(start).state
        assert seen is not None and np.array_equal(seen, episode.states[first])
        assert rollout.states is not None and np.array_equal(rollout.states[0], seen)


@pytest.mark.parametrize("name", EVERY)
def test_the_summary_is_json_and_complete(name: str, tmp_path: Path) -> None:
    dataset = open_dataset(MAKERS[name](tmp_path / "set"))
    summary = json.loads(json.dumps(dataset.summary(), allow_nan=False))
    assert summary["episodes"] == len(dataset) >= summary["available"] > 0
    assert summary["actions"]["rate"] > 0 and summary["actions_known_by"]
    assert all(len(about["shape"]) == 3 for about in summary["cameras"].values())


def test_droids_excerpts_keep_two_rates(tmp_path: Path) -> None:
    dataset = open_dataset(makers.make_ctrlworld(tmp_path / "set"))
    assert dataset.summary()["labels"] == ["train/6", "train/10", "val/0006"]
    quiet, push, fold = (dataset.episode(i) for i in range(3))
    assert quiet.instruction == "" and push.instruction == "push" and push.success is True and quiet.success is False
    assert push.cameras == ("exterior_1", "exterior_2", "wrist")
    assert push.fps == 5 and push.action_space is not None and push.action_space.rate == 15
    assert (push.frame_count, push.length) == (5, 13)
    rollout = push.rollout(1)
    assert (
        rollout.actions is not None and len(rollout.actions) == 10 and rollout.action_times[-1] == pytest.approx(2 / 3)
    )
    assert fold.frame_count == 6 and fold.actions is None and fold.states is not None and fold.fps == 5
    assert any("1 more than annotated" in sentence for sentence in fold.missing)
    assert any("say 4 frames a second" in sentence for sentence in fold.missing)


def test_another_column_can_be_taken_for_the_actions(tmp_path: Path) -> None:
    root = makers.make_ctrlworld(tmp_path / "set")
    pose = open_dataset(root, ActionSpaceOverride(actions="action.cartesian_position")).episode(1)
    assert pose.action_space is not None and pose.action_space.kind == "ee_pose" and pose.action_space.dim == 7
    with pytest.raises(WamvizError, match="Did you mean 'action.joint_position'"):
        open_dataset(root, ActionSpaceOverride(actions="action.joint_positon")).episode(1)


def test_rlds_shows_what_is_here_and_leaves_out_what_was_never_recorded(tmp_path: Path) -> None:
    dataset = open_dataset(makers.make_rlds(tmp_path))
    assert len(dataset) == 6 and dataset.available == (0, 1, 2)
    episode = dataset.episode(1)
    assert episode.cameras == ("image_0", "image_1") and episode.instruction == "task 1" and episode.success is None
    made = makers.rlds_episode(1)
    assert np.array_equal(episode.actions, made["steps/action"])
    assert np.array_equal(episode.states, made["steps/observation/state"])
    assert np.array_equal(episode.frames("image_1"), makers.pictures(5, 91))
    space = episode.action_space
    assert space is not None and (space.kind, space.rate, space.gripper_closed) == ("ee_delta", 5.0, 0.0)
    assert "The files of 3 of 6 episodes are not here." in dataset.missing
    with pytest.raises(WamvizError, match="files of episode 4 .* are not here. Here are: 0, 1, 2"):
        dataset.episode(4)


def test_an_unknown_rlds_dataset_says_that_its_rate_is_not_known(tmp_path: Path) -> None:
    root = makers.make_rlds(tmp_path, "strange")
    dataset = open_dataset(root)
    assert any("rate is not in these files" in sentence for sentence in dataset.missing)
    space = dataset.episode(0).action_space
    assert space is not None and space.kind == "unnamed" and set(space.units) == {""}
    told = open_dataset(root, ActionSpaceOverride(rate=4, kind="ee_delta"))
    assert not any("rate" in sentence for sentence in told.missing) and told.episode(0).fps == 4
    assert told.episode(0).action_space.kind == "ee_delta"  # type: ignore[union-attr]


def test_v2_wrinkles(tmp_path: Path) -> None:
    dataset = open_dataset(makers.make_v2(tmp_path / "set"))
    assert dataset.available == (0, 1)
    silent, junk = dataset.episode(0), dataset.episode(1)
    assert silent.instruction == "" and junk.instruction == "valid"  # by way of the rows' task_index
    assert silent.cameras == ("top",) and any(
        note.startswith("Camera 'ghost' is declared, but 'videos/") for note in silent.missing
    )
    said = " ".join(dataset.missing)
    assert "files of 1 of 3" in said and "total_episodes = 100" in said
    assert "Camera 'top': the metadata says mpeg4, the file is h264." in said
    assert silent.action_space is not None and silent.action_space.names == ("j1.pos", "j2.pos")
    assert silent.action_space.kind == "joint_position" and silent.state_names == ("a", "b")


@pytest.mark.parametrize("lists", ["double", "float", "fixed"])
def test_vectors_come_in_three_kinds_of_lists(lists: str, tmp_path: Path) -> None:
    episode = open_dataset(makers.make_v2(tmp_path / "set", lists=lists)).episode(1)
    assert np.array_equal(episode.actions, np.arange(10, dtype=np.float32).reshape(5, 2) + 1)


def test_without_videos_or_without_numbers_the_rest_still_opens(tmp_path: Path) -> None:
    root = makers.make_v2(tmp_path / "set")
    shutil.rmtree(root / "data")
    episode = open_dataset(root).episode(0)
    assert episode.actions is None and episode.states is None and len(episode.frames()) == 5
    assert any("no actions" in sentence for sentence in episode.missing)
    root = makers.make_v2(tmp_path / "other")
    shutil.rmtree(root / "videos")
    episode = open_dataset(root).episode(0)
    assert episode.cameras == () and episode.length == 5
    with pytest.raises(WamvizError, match="no video here. Camera 'top' is declared"):
        episode.observation()


@needs_h5py
def test_libero_is_turned_upright_and_ordered_by_number(tmp_path: Path) -> None:
    dataset = open_dataset(makers.make_libero(tmp_path / "x_demo.hdf5"))
    assert dataset.summary()["labels"] == ["x_demo/data/demo_2", "x_demo/data/demo_10"]
    episode = dataset.episode(1)
    assert episode.instruction == "put the bowl on the stove" and episode.success is True
    assert np.array_equal(episode.frames("agentview_rgb"), makers.pictures(6, 60))
    views = ("agentview_rgb", "eye_in_hand_rgb")  # the right way round, which is not how its policies learned them
    assert episode.observation().orientation == dict.fromkeys(views, "upright")
    assert episode.action_space is not None and episode.action_space.units[0] == "0.05 m" and episode.fps == 20
    assert episode.state_names[:3] == ("x", "y", "z") and episode.states is not None and episode.states.shape == (6, 8)


@needs_h5py
def test_robomimic_reads_its_controller_and_does_without_pictures(tmp_path: Path) -> None:
    dataset = open_dataset(makers.make_robomimic(tmp_path / "a.hdf5"))
    space = dataset.episode(0).action_space
    assert space is not None and space.rate == 10 and space.units == (*("0.1 m",) * 3, *("0.25 rad",) * 3, "1")
    assert np.array_equal(dataset.episode(0).frames(), makers.pictures(6, 50))  # not turned
    bare = open_dataset(makers.make_robomimic(tmp_path / "b.hdf5", pictured=False))
    assert bare.episode(0).cameras == () and any(
        "No pictures were found in 'data/demo_0/obs'" in note for note in bare.missing
    )


@needs_h5py
def test_aloha_keeps_padded_pictures(tmp_path: Path) -> None:
    episode = open_dataset(makers.make_aloha(tmp_path / "episode_0.hdf5")).episode(0)
    assert np.array_equal(episode.frames("cam_high"), makers.pictures(4))
    assert episode.action_space is not None and episode.action_space.names[6] == "left_gripper" and episode.fps == 50


@pytest.mark.parametrize("table", ["run.csv", "run.json", "run.npz", "run.parquet"])
def test_a_video_and_a_table_with_named_columns(table: str, tmp_path: Path) -> None:
    episode = open_dataset(makers.make_pair(tmp_path / "set", table)).episode(0)
    space = episode.action_space
    assert space is not None and (space.names, space.rate, space.kind) == (("vy", "vx"), 10, "ee_delta")
    rows = np.arange(24).reshape(12, 2) / 100
    assert episode.actions == pytest.approx(rows[:, ::-1])
    assert episode.instruction == "go" and episode.success is True and (episode.fps, episode.length) == (5, 12)
    rollout = episode.rollout(2, 4)
    assert rollout.actions is not None and rollout.actions == pytest.approx(rows[4:6, ::-1])


def test_the_rate_of_a_table_is_never_guessed(tmp_path: Path) -> None:
    root = makers.make_pair(tmp_path / "set")
    facts = json.loads((root / "wamviz.json").read_text())
    makers.write_json(root / "wamviz.json", facts | {"layout": {"kind": "ee_delta"}})
    with pytest.raises(WamvizError, match="does not say the rate of the actions"):
        open_dataset(root).episode(0)


def test_a_folder_of_videos_is_episodes_or_views(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_mp4(tmp_path / f"plain/{name}.mp4", makers.pictures(4), 5)
    write_mp4(tmp_path / "views/wrist.mp4", makers.pictures(4), 5)
    write_mp4(tmp_path / "views/exterior_1.mp4", makers.pictures(4), 5)
    assert len(open_dataset(tmp_path / "plain")) == 2
    views = open_dataset(tmp_path / "views").episode(0)
    assert views.cameras == ("exterior_1", "wrist") and "views of one episode" in views.facts["understood_as"]
    write_mp4(tmp_path / "views/wrist.mp4", makers.pictures(5), 5)  # of another length: two episodes
    assert len(open_dataset(tmp_path / "views")) == 2


def test_a_single_dataset_below_is_found_and_several_are_named(tmp_path: Path) -> None:
    makers.make_rlds(tmp_path / "outer")
    assert not is_dataset(tmp_path / "outer") and len(open_dataset(tmp_path / "outer")) == 6
    makers.make_v2(tmp_path / "outer/other")
    with pytest.raises(WamvizError, match="holds 2 datasets: other .*Name one of them"):
        open_dataset(tmp_path / "outer")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "It holds: nothing"),
        ({"a.txt": "", "b.txt": ""}, "It holds: 2 .txt"),
        ({"data/x": "", "videos/y": ""}, "its meta folder is missing"),
        ({"dataset_info.json": "{}"}, "no .tfrecord files"),
        ({"annotation/train/x.txt": ""}, "annotation folder holds no JSON"),
    ],
)
def test_what_is_nothing_known_is_described(files: dict[str, str], says: str, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(WamvizError, match=says) as caught:
        open_dataset(tmp_path)
    assert "Readable are LeRobot" in caught.value.hint


def test_seeking_decodes_from_the_nearest_key_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mp4(tmp_path / "a.mp4", makers.pictures(60), 10, keyframe_every=10)
    decoded: list[Any] = []
    real = _videos._decoded

    def noted(*arguments: Any) -> Any:
        for frame in real(*arguments):
            decoded.append((round(frame.time * 10), bool(frame.key_frame)))
            yield frame

    monkeypatch.setattr(_videos, "_decoded", noted)
    episode = open_dataset(tmp_path).episode(0)
    episode.frames()
    keys = [number for number, key in decoded if key]
    assert len(keys) >= 6
    for wanted in (59, keys[-1], keys[2], keys[2] - 1, 0):
        decoded.clear()
        episode.frames(start=wanted, stop=wanted + 1)
        nearest = max(key for key in keys if key <= wanted)
        assert [number for number, _ in decoded] == list(range(nearest, wanted + 1))


def test_a_video_of_a_higher_rate_than_is_said_is_thinned_by_time(tmp_path: Path) -> None:
    write_mp4(tmp_path / "a.mp4", makers.pictures(10), 10)
    whole, _ = media.read_video(tmp_path / "a.mp4")
    assert np.array_equal(media.read_video_span(tmp_path / "a.mp4", 0.2, 3, 5), whole[[2, 4, 6]])
