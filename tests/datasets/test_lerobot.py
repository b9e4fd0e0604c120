"""Reading datasets: what was written comes back, any frame by itself, and damage is told in plain words."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from wamviz.core import media
from wamviz.core.errors import WamvizError
from wamviz.datasets import is_dataset, open_dataset
from wamviz.datasets.formats.lerobot.layout import dimension_names, fill

WRIST = "observation.images.wrist"


@pytest.fixture
def copy(small: Path, tmp_path: Path) -> Path:
    """A copy of the small dataset that a test may damage."""
    return Path(shutil.copytree(small, tmp_path / "copy"))


def edit_info(root: Path, **changes: Any) -> None:
    path = root / "meta/info.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_numbers_come_back_bit_for_bit(small: Path, made: Any) -> None:
    dataset = open_dataset(small)
    assert len(dataset) == 4 and dataset.title == "Small"
    for i, m in enumerate(made):
        episode = dataset.episode(i)
        assert episode.instruction == m.task and episode.fps == 5
        assert episode.length == len(m.rows["action"]) - 1 and episode.frame_count == len(m.rows["action"])
        assert np.array_equal(episode.actions, m.rows["action"][:-1])
        assert np.array_equal(episode.states, m.rows["observation.state"])
        assert episode.success is (i != 2)
        for frame in (0, episode.length):
            state = episode.world_state(frame)
            assert state is not None and (state.world, state.seed) == ("tabletop", 100 + i)
            assert np.array_equal(state.snapshot, m.rows["world.snapshot"][frame])


def test_frames_come_back_nearly_and_always_the_same(small: Path, made: Any) -> None:
    first, second = open_dataset(small), open_dataset(small)
    for i, m in enumerate(made):
        for camera in ("exterior", "wrist"):
            frames = first.episode(i).frames(camera)
            assert np.abs(frames.astype(int) - m.frames[f"observation.images.{camera}"]).mean() < 4
            assert np.array_equal(frames, second.episode(i).frames(camera))


def test_any_frame_alone_is_that_of_the_whole(small: Path) -> None:
    dataset = open_dataset(small)
    for i in dataset.indices:
        episode = dataset.episode(i)
        whole = episode.frames()
        for k in reversed(range(episode.frame_count)):
            assert np.array_equal(episode.frames(start=k, stop=k + 1)[0], whole[k])
        assert np.array_equal(episode.frames(start=1, stop=3), whole[1:3])


def test_opening_reads_metadata_only(copy: Path) -> None:
    shutil.rmtree(copy / "data")
    shutil.rmtree(copy / "videos")
    dataset = open_dataset(copy)
    assert dataset.available == ()
    assert dataset.summary()["episodes"] == 4
    with pytest.raises(WamvizError, match="episode 1 of 'Small' are not here"):
        dataset.episode(1)


def test_an_observation_carries_all_that_is_known(small: Path, made: Any) -> None:
    episode = open_dataset(small).episode(1)
    seen = episode.observation(4)
    assert list(seen.frames) == ["exterior", "wrist"] and seen.frame.shape == (32, 48, 3)
    assert np.array_equal(seen.state, made[1].rows["observation.state"][4])
    assert np.array_equal(seen.previous_action, made[1].rows["action"][3])  # the one that led here
    assert episode.observation(0).previous_action is None
    assert seen.world_state is not None and seen.source == f"{small}#1@4"
    assert seen.cameras["wrist"].world_from_camera[0, 3] == 4  # the wrist camera moved
    assert seen.cameras["exterior"].world_from_camera[0, 3] == 0
    square = episode.observation(4, size=16)
    assert square.frame.shape == (16, 16, 3)
    point = np.array([[0.1, 0.05, 1.0]])
    before, _ = seen.cameras["exterior"].project(point)
    after, _ = square.cameras["exterior"].project(point)
    assert after == pytest.approx((before - [8, 0]) / 2)  # 48 x 32: 8 columns cut on the left, then halved


def test_a_rollout_is_a_part_of_the_episode(small: Path, made: Any) -> None:
    episode = open_dataset(small).episode(1)
    whole = episode.rollout()
    assert whole.origin == "recorded" and whole.frames is not None and whole.actions is not None
    assert len(whole.frames) == 11 and len(whole.actions) == 10
    assert whole.duration == pytest.approx(2.0)
    part = episode.rollout(2, 6, "wrist")
    assert len(part.frames) == 4
    assert np.array_equal(part.actions, made[1].rows["action"][2:5])
    assert np.array_equal(part.states, made[1].rows["observation.state"][2:6])
    assert whole.camera_model is not None and part.camera_model is None  # a moving camera has no single calibration
    assert part.meta["seed"] == 101 and part.meta["source"].endswith("#1@2")
    assert episode.rollout(10).actions is None  # the last frame alone has no action after it


def test_the_summary_is_json(small: Path) -> None:
    summary = json.loads(json.dumps(open_dataset(small).summary()))
    assert summary["format"] == "LeRobot v3.0" and summary["kinds"] == {"lever": 4}
    assert summary["actions"]["kind"] == "ee_delta"
    assert summary["cameras"]["wrist"] == {"shape": [32, 32, 3], "codec": "h264"}


def test_wrong_frames_cameras_and_episodes_are_told(small: Path) -> None:
    dataset = open_dataset(small)
    episode = dataset.episode(0)
    for call, says in [
        (lambda: dataset.episode(4), "has no episode 4. Its episodes are 0 .. 3"),
        (lambda: episode.frames("wirst"), "Did you mean 'wrist'"),
        (lambda: episode.frames(start=6), "no frame 6. Its frames are 0 .. 5"),
        (lambda: episode.frames(start=3, stop=3), "no span"),
        (lambda: episode.observation(-1), "no frame -1"),
    ]:
        with pytest.raises(WamvizError, match=says):
            call()


def test_folders_that_are_no_dataset_are_told(tmp_path: Path, small: Path) -> None:
    assert is_dataset(small) and not is_dataset(tmp_path)
    with pytest.raises(WamvizError, match="does not exist"):
        open_dataset(tmp_path / "no")
    with pytest.raises(WamvizError, match="has no meta/info.json"):
        open_dataset(tmp_path)
    with pytest.raises(WamvizError, match="is a file"):
        open_dataset(small / "meta/info.json")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("data/chunk-000/file-000.parquet", "damaged or cut short"),
        (f"videos/{WRIST}/chunk-000/file-000.mp4", "cut short"),
        ("meta/episodes/chunk-000/file-000.parquet", "episodes.chunk-000.file-000.parquet. is damaged or cut short"),
        ("meta/info.json", "cannot be read as JSON"),
        ("meta/wamviz.json", "cannot be read as JSON"),
    ],
)
def test_truncated_files_are_told(copy: Path, name: str, says: str) -> None:
    path = copy / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(WamvizError, match=says):
        episode = open_dataset(copy).episode(3)
        _ = episode.actions
        episode.frames("wrist")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"codebase_version": "v1.6"}, "version '1.6'"),
        ({"fps": 0}, "fps = 0"),
        ({"features": None}, "lists no features"),
        ({"data_path": "../outside/{chunk_index}.parquet"}, "outside its own folder"),
        ({"data_path": "/etc/passwd"}, "outside its own folder"),
        ({"video_path": "videos/{video_key}/..\\..\\x.mp4"}, "outside its own folder"),
        ({"data_path": "data/{secret}.parquet"}, None),
        ({"data_path": "data/{chunk_index.__class__}.parquet"}, None),
    ],
)
def test_bad_or_hostile_metadata_is_refused(copy: Path, changes: dict[str, Any], says: str | None) -> None:
    edit_info(copy, **changes)
    if says is None:  # no field by our rules: a plain name, of a file that is not there, and the folder is searched
        dataset = open_dataset(copy)
        assert dataset.episode(0).actions is not None
        said = " ".join(dataset.missing)
        assert "it names 'data/{chunk_index.__class__}.parquet'" in said or "has the field 'secret'" in said
    else:
        with pytest.raises(WamvizError, match=says):
            open_dataset(copy)


def test_a_camera_that_was_never_recorded_is_left_out(copy: Path) -> None:
    info = json.loads((copy / "meta/info.json").read_text())
    edit_info(copy, features=info["features"] | {"observation.images.ghost": {"dtype": "video", "shape": [8, 8, 3]}})
    shutil.rmtree(copy / f"videos/{WRIST}")
    assert open_dataset(copy).episode(0).cameras == ("exterior",)


def test_v21_reads_like_v3(tmp_path: Path, small: Path, made: Any) -> None:
    """One file an episode, JSON lines, and a partial download that lists more than it has."""
    root = tmp_path / "v21"
    info = json.loads((small / "meta/info.json").read_text())
    info |= {
        "codebase_version": "v2.1",
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    }
    (root / "meta").mkdir(parents=True)
    (root / "meta/info.json").write_text(json.dumps(info))
    lines = [{"episode_index": i, "tasks": [m.task], "length": len(m.rows["action"])} for i, m in enumerate(made)]
    (root / "meta/episodes.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    for i in (1, 3):
        data = root / f"data/chunk-000/episode_{i:06d}.parquet"
        data.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"action": made[i].rows["action"].tolist()}), data)  # list<double>, no frame_index
        media.write_mp4(root / f"videos/chunk-000/{WRIST}/episode_{i:06d}.mp4", made[i].frames[WRIST], 5)
    dataset = open_dataset(root)
    assert len(dataset) == 4 and dataset.available == (1, 3)
    episode = dataset.episode(3)
    assert np.array_equal(episode.actions, made[3].rows["action"]) and episode.states is None
    assert episode.cameras == ("wrist",) and episode.success is None and episode.world_state(0) is None
    assert episode.action_space is not None and episode.action_space.kind == "ee_delta"  # dx dy say so
    assert episode.action_space.names == ("dx", "dy", "gripper")
    assert np.abs(episode.frames("wrist").astype(int) - made[3].frames[WRIST]).mean() < 4
    rollout = episode.rollout()
    assert len(rollout.frames) == len(rollout.actions) == 8  # one frame an action: the frame after the last is unknown


def test_pictures_inside_parquet_are_read(tmp_path: Path, made: Any) -> None:
    root, frames = tmp_path / "pictures", made[0].frames[WRIST]

    def png(frame: np.ndarray) -> dict[str, Any]:
        buffer = io.BytesIO()
        Image.fromarray(frame).save(buffer, "PNG")
        return {"bytes": buffer.getvalue(), "path": "frame.png"}

    features = {"action": {"dtype": "float32", "shape": [3]}, "image": {"dtype": "image", "shape": [32, 32, 3]}}
    (root / "meta/episodes/chunk-000").mkdir(parents=True)
    (root / "data/chunk-000").mkdir(parents=True)
    (root / "meta/info.json").write_text(json.dumps({"codebase_version": "v3.0", "fps": 5, "features": features}))
    row = {"episode_index": [0], "tasks": [["look"]], "length": [6], "data/chunk_index": [0], "data/file_index": [0]}
    pq.write_table(pa.table(row), root / "meta/episodes/chunk-000/file-000.parquet")
    table = {"action": made[0].rows["action"].tolist(), "episode_index": [0] * 6, "image": [png(f) for f in frames]}
    pq.write_table(pa.table(table), root / "data/chunk-000/file-000.parquet")
    episode = open_dataset(root).episode(0)
    assert episode.cameras == ("image",)
    assert np.array_equal(episode.frames("image", 2, 5), frames[2:5])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["x", "y"], ("x", "y")),
        ([["x", "y"]], ("x", "y")),
        ({"motors": ["x", "y"]}, ("x", "y")),
        ({"y": 1, "x": 0}, ("x", "y")),
        (None, ("a0", "a1")),
        (["x"], ("a0", "a1")),
    ],
)
def test_names_of_every_form_are_flattened(names: Any, expected: tuple[str, ...]) -> None:
    assert dimension_names({"names": names}, 2, "a") == expected


def test_templates_fill_inside_the_folder(tmp_path: Path) -> None:
    assert fill(tmp_path, "a/{x:03d}/{y}.mp4", x=7, y="k") == tmp_path / "a/007/k.mp4"
    for bad in ("../a", "/a", "a/../../b", "C:/a", "..\\a", ""):
        with pytest.raises(WamvizError, match="outside its own folder"):
            fill(tmp_path, bad)
