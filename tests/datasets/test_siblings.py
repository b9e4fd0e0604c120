"""Other faults of the kinds in ``test_faults``: another column, another format, another place in the file."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import av
import h5py
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from tests.datasets import patterned as make
from wamviz.core.rollout import ActionSpace, Rollout
from wamviz.datasets import open_dataset
from wamviz.metrics.trajectory import ee_path
from wamviz.runs.inspecting import describe

T = 12
FRAMES = [(0, k) for k in range(T)]
DEPTH = np.linspace(400, 4000, 64 * 64).reshape(64, 64)
KEY = make.KEY
START = f"videos/{KEY}/from_timestamp"


def notes(dataset: Any) -> str:
    return " ".join(dataset.missing)


def in_rows(root: Path, column: Any) -> Path:
    """A v2.1 dataset whose pictures lie in its rows."""
    make.write_info(root, "v2.1", 1, [KEY], features={KEY: {"dtype": "image", "shape": [64, 64, 3]}})
    make.write_table(make.v2_data(root, 0), make.rows(0, T, **{KEY: column}))
    return root


def aloha(path: Path, pictures: Any, actions: Any = None, name: str = "cam_high") -> Path:
    """An ALOHA file of 12 steps; ``pictures`` is what lies under the camera's name, or fills it."""
    with h5py.File(path, "w") as file:
        file["action"] = np.zeros((T, 14)) if actions is None else actions
        images = file.create_group("observations/images")
        if callable(pictures):
            pictures(images, name)
        else:
            images[name] = pictures
    return path


def jpegs() -> list[bytes]:
    return [make.jpeg(make.pattern(0, k)) for k in range(T)]


def padded(rows: list[bytes]) -> np.ndarray:
    longest = max(map(len, rows))
    return np.stack([np.frombuffer(row.ljust(longest, b"\0"), np.uint8) for row in rows])


# --- which file, and where in it --------------------------------------------------------------------------------------


@pytest.mark.parametrize("begins", [lambda b: b + 1.7e9, lambda b: b - 1 / 30, lambda b: b * 30, lambda b: 0.0])
def test_starts_that_cannot_be_are_told_and_frames_counted(begins: Any, tmp_path: Path) -> None:
    """Times of a clock, below 0, frame numbers, all alike; the first episode is the short one."""
    listed = make.make_v3(tmp_path, [5, 9], [0, 0])
    for entry in listed:
        entry[START] = begins(entry[START])
    make.write_episodes(tmp_path, listed)
    dataset = open_dataset(tmp_path)
    for episode, count in ((0, 5), (1, 9)):
        assert make.shown(dataset.episode(episode)) == [(episode, k) for k in range(count)]
    assert "counted" in notes(dataset)


@pytest.mark.parametrize("value", [None, str])
def test_columns_of_files_may_be_empty_or_texts(value: Any, tmp_path: Path) -> None:
    listed = make.make_v3(tmp_path, [5, 9], [0, 1])
    for entry in listed:
        entry |= {k: value and value(v) for k, v in entry.items() if k.endswith(("chunk_index", "file_index"))}
    make.write_episodes(tmp_path, listed)
    dataset = open_dataset(tmp_path)
    assert make.shown(dataset.episode(1)) == [(1, k) for k in range(9)]
    assert ("does not say in which file" in notes(dataset)) is (value is None)


def test_a_template_with_fields_of_its_own_is_told_and_files_found(tmp_path: Path) -> None:
    make.make_v2(tmp_path, [5], data_path="data/{split}/episode_{episode_id:06d}.parquet")
    dataset = open_dataset(tmp_path)
    assert dataset.episode(0).length == 5 and "has the field 'split'" in notes(dataset)


def test_a_link_to_nowhere_is_a_file_that_is_not_here(tmp_path: Path) -> None:
    make.make_v2(tmp_path, [5, 6])
    make.v2_video(tmp_path, 0).unlink()
    make.v2_video(tmp_path, 0).symlink_to(tmp_path / "nowhere.mp4")
    said = notes(open_dataset(tmp_path))
    assert "episode_000000.mp4' (episode 0)" in said and "video_path" not in said


def test_a_missing_table_does_not_hide_its_video(tmp_path: Path) -> None:
    make.write_video(tmp_path / "a.mp4", [make.pattern(0, k) for k in range(T)])
    entry = {"videos": {"front": "a.mp4"}, "actions": "gone.npy"}
    (tmp_path / "wamviz.json").write_text(json.dumps({"episodes": [entry], "layout": {"rate": 30}}))
    episode = open_dataset(tmp_path).episode(0)
    assert make.shown(episode) == FRAMES and "'gone.npy' is not here" in " ".join(episode.missing)


# --- rows -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "places",
    [[*range(4), 3, *range(4, T)], [k // 2 for k in range(2 * T)], [*range(T), *range(T)],
     np.random.default_rng(0).permutation(np.repeat(np.arange(T), 2)).tolist()],
    ids=["one", "each", "all again", "shuffled"],
)  # fmt: skip
def test_rows_that_are_written_twice_are_left_out(places: list[int], tmp_path: Path) -> None:
    make.make_v2(tmp_path, [T])
    make.write_table(make.v2_data(tmp_path, 0), make.table(make.rows(0, T)).take(pa.array(places)))
    episode = open_dataset(tmp_path).episode(0)
    assert episode.actions is not None and np.allclose(episode.actions[:, 0], np.arange(T) / 1000, atol=1e-6)
    assert make.shown(episode) == FRAMES and "written twice" in " ".join(episode.missing)


@pytest.mark.parametrize(
    "changes",
    [
        {"frame_index": [str(k) for k in range(T)], "timestamp": None, "index": None},
        {"frame_index": None, "timestamp": pa.array(range(0, T * 33_333, 33_333), pa.timestamp("us")), "index": None},
        {"frame_index": pa.array([*range(5), None, *range(6, T)])},
    ],
    ids=["texts", "a clock", "a gap"],
)
def test_counters_of_other_types_give_the_order_too(changes: dict[str, Any], tmp_path: Path) -> None:
    make.make_v2(tmp_path, [T])
    order = pa.array(np.random.default_rng(0).permutation(T))
    make.write_table(make.v2_data(tmp_path, 0), make.table(make.rows(0, T, **changes)).take(order))
    episode = open_dataset(tmp_path).episode(0)
    assert episode.actions is not None and np.allclose(episode.actions[:, 0], np.arange(T) / 1000, atol=1e-6)
    assert "in another order than" in " ".join(episode.missing)


# --- one bad value ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [0, 7, T - 1])
@pytest.mark.parametrize("kept", ["bytes", "files"])
def test_a_row_without_a_picture_shows_its_neighbours(kept: str, row: int, tmp_path: Path) -> None:
    packed = [make.png(make.pattern(0, k)) for k in range(T)]
    if kept == "bytes":
        column = pa.array(
            [None if k == row else {"bytes": data, "path": None} for k, data in enumerate(packed)],
            pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
        )
    else:
        for k, data in enumerate(packed):
            if k != row:
                (tmp_path / f"{k}.png").write_bytes(data)
        column = pa.array([{"bytes": None, "path": f"{k}.png"} for k in range(T)])
    episode = open_dataset(in_rows(tmp_path, column)).episode(0)
    expected = list(FRAMES)
    expected[row] = (0, max(row - 1, 0) if row else 1)
    assert make.shown(episode) == expected and f"Row {row} holds no picture" in " ".join(episode.missing)
    assert make.decode(episode.frames(None, row, row + 1)[0]) == expected[row]  # whatever part is asked for


@pytest.mark.parametrize("row", [0, 7])
def test_a_row_without_a_picture_in_hdf5_too(row: int, tmp_path: Path) -> None:
    def fill(images: Any, name: str) -> None:
        array = images.create_dataset(name, (T,), h5py.vlen_dtype(np.uint8))
        for k, data in enumerate(jpegs()):
            if k != row:
                array[k] = np.frombuffer(data, np.uint8)

    episode = open_dataset(aloha(tmp_path / "a.hdf5", fill)).episode(0)
    expected = list(FRAMES)
    expected[row] = (0, row - 1 if row else 1)
    assert make.shown(episode) == expected and f"Row {row} holds no picture" in " ".join(episode.missing)


def test_a_number_that_is_never_there_is_named(tmp_path: Path) -> None:
    make.make_v2(tmp_path, [T])
    values = [[k / 1000] * 6 + [float("nan")] for k in range(T)]
    make.write_table(make.v2_data(tmp_path, 0), make.rows(0, T, action=values))
    assert "Number 6 never holds one; leave it out" in notes(open_dataset(tmp_path))


def test_one_wild_value_is_no_other_unit(tmp_path: Path) -> None:
    actions = np.random.default_rng(0).uniform(-1, 1, (T, 7))
    actions[7, 2] = 1e5
    controller = {"type": "OSC_POSE", "control_delta": True, "output_max": [0.05] * 3 + [0.5] * 3}
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        data = file.create_group("data")
        data.attrs["env_args"] = json.dumps({"env_kwargs": {"control_freq": 20, "controller_configs": controller}})
        data["demo_0/actions"] = actions
        data["demo_0/obs/agentview_image"] = np.stack([make.pattern(0, k) for k in range(T)])
    episode = open_dataset(tmp_path / "a.hdf5").episode(0)
    assert episode.action_space is not None and episode.action_space.kind == "ee_delta"
    assert "Row 7 of the actions is far outside" in " ".join(episode.missing)


# --- what is called absent --------------------------------------------------------------------------------------------


def frame_by_frame(images: Any, name: str) -> None:
    for k, data in enumerate(jpegs()):
        images[f"{name}/frame_{k}"] = np.frombuffer(data, np.uint8)


@pytest.mark.parametrize(
    "pictures",
    [
        lambda: padded(jpegs()).view(np.int8),
        lambda: padded(jpegs()).astype(np.int32),
        lambda: padded(jpegs())[:, None],
        lambda: [b"data:image/jpeg;base64," + base64.b64encode(data) for data in jpegs()],
        lambda: frame_by_frame,
        lambda: np.stack([make.pattern(0, k) for k in range(T)]).astype(np.int32),
    ],
    ids=["int8", "int32", "an axis more", "data URI", "an array a frame", "int32 pixels"],
)
def test_pictures_in_hdf5_are_found_in_every_form(pictures: Any, tmp_path: Path) -> None:
    episode = open_dataset(aloha(tmp_path / "a.hdf5", pictures())).episode(0)
    assert make.shown(episode) == FRAMES


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        (lambda: [f"frames/{k}.jpg".encode() for k in range(T)], "holds texts ('frames/0.jpg')"),
        (lambda: np.frombuffer(b"\0\0\0\x20ftypisom" + bytes(2000), np.uint8), "holds a whole MP4 in one array"),
        (lambda: np.zeros((T, 2, 64, 64, 3), np.uint8), "in a form that is not known"),
    ],
)
def test_pictures_of_unknown_form_are_never_said_to_be_absent(pictures: Any, said: str, tmp_path: Path) -> None:
    told = notes(open_dataset(aloha(tmp_path / "a.hdf5", pictures())))
    assert said in told and "No pictures were found" not in told


# --- distances --------------------------------------------------------------------------------------------------------


def ramp(frame: np.ndarray, holes: int = 0) -> bool:
    values = frame[holes:, :, 0].astype(int).reshape(-1)
    return values.min() in range(25, 60) and values.max() == 255 and bool((np.diff(values) >= 0).all())


@pytest.mark.parametrize("kind", ["int32", "metres below 1", "holes"])
def test_distances_in_hdf5_are_a_ramp(kind: str, tmp_path: Path) -> None:
    values = np.stack([DEPTH] * T).astype(np.int32)
    if kind == "metres below 1":
        values = (values / 5000).astype(np.float32)
    elif kind == "holes":
        values[:, :8] = 65535
        values = values.astype(np.uint16)
    episode = open_dataset(aloha(tmp_path / "a.hdf5", values, name="cam_depth")).episode(0)
    assert ramp(episode.frames()[0], holes=8 if kind == "holes" else 0)
    said = " ".join(episode.missing)
    assert "distances" in said and ("mostly m)" if "metres" in kind else "mostly mm)") in said


def test_what_is_declared_a_depth_map_is_one_whatever_it_is_called(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray((DEPTH / 5000).astype(np.float32)).save(buffer, "TIFF")
    feature = {"dtype": "image", "shape": [64, 64, 1], "info": {"is_depth_map": True}}
    make.write_info(tmp_path, "v2.1", 1, [], features={"observation.images.range": feature})
    column = pa.array([{"bytes": buffer.getvalue(), "path": None}] * 3)
    make.write_table(make.v2_data(tmp_path, 0), make.rows(0, 3, **{"observation.images.range": column}))
    episode = open_dataset(tmp_path).episode(0)
    assert ramp(episode.frames()[0]) and "distances" in " ".join(episode.missing)


def test_distances_in_a_video_of_16_bits_are_a_ramp(tmp_path: Path) -> None:
    key = "observation.images.depth"
    feature = {"dtype": "video", "shape": [64, 64, 1], "info": {"video.is_depth_map": True}}
    where = "videos/{video_key}/episode_{episode_index:06d}.mkv"
    make.write_info(tmp_path, "v2.1", 1, [], features={key: feature}, video_path=where)
    make.write_table(make.v2_data(tmp_path, 0), make.rows(0, 4))
    path = tmp_path / where.format(video_key=key, episode_index=0)
    path.parent.mkdir(parents=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "gray16le"
        for _ in range(4):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(DEPTH.astype(np.uint16), format="gray16le")))
        out.mux(stream.encode())
    episode = open_dataset(tmp_path).episode(0)
    assert ramp(episode.frames()[0]) and "distances" in " ".join(episode.missing)


# --- instructions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"task_index": [str(k // 6) for k in range(T)]},
        {"task_index": None, "annotation.human.coarse_action": [k // 6 for k in range(T)]},
        {"task_index": None, "language_instruction": pa.array([b"reach"] * 6 + [b"grasp"] * 6)},
        {"task_index": None, "language_instruction": pa.array([["reach"]] * 6 + [["grasp"]] * 6)},
    ],
    ids=["numbers as texts", "an annotator's column", "bytes", "lists"],
)
def test_the_instruction_is_the_rows_own_in_every_form(changes: dict[str, Any], tmp_path: Path) -> None:
    make.make_v2(tmp_path, [T], ["reach", "grasp"])
    listed = {"episode_index": 0, "tasks": ["grasp", "reach"], "length": T}
    (tmp_path / "meta/episodes.jsonl").write_text(json.dumps(listed))
    (tmp_path / "meta/tasks.jsonl").write_text(
        '{"task_index": "0", "task": "reach"}\n{"task_index": 1.0, "task": "grasp"}'
    )
    make.write_table(make.v2_data(tmp_path, 0), make.rows(0, T, **changes))
    episode = open_dataset(tmp_path).episode(0)
    assert (episode.instruction_at(3), episode.instruction_at(9)) == ("reach", "grasp")


def test_a_task_that_is_not_listed_is_told(tmp_path: Path) -> None:
    make.make_v2(tmp_path, [T], ["reach"])
    make.write_table(make.v2_data(tmp_path, 0), make.rows(0, T, task_index=[0] * 6 + [99] * 6))
    assert "6 of 12 rows have task_index 99, which is not in the list of tasks" in notes(open_dataset(tmp_path))
    assert describe(f"{tmp_path}#0")["instruction"] == "reach"


# --- poses and units --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "factor"), [("m", 1), ("cm", 100), ("mm", 1000)])
def test_poses_in_another_unit_are_drawn_at_the_same_place(unit: str, factor: float) -> None:
    names = ("x", "y", "z", "rx", "ry", "rz")
    space = ActionSpace(names, (unit,) * 3 + ("rad",) * 3, "ee_pose", 30)
    poses = np.tile(np.array([0.4, 0.1, 0.3, 0, 0, 0]) * np.array([factor] * 3 + [1] * 3), (4, 1)).astype(np.float32)
    path = ee_path(Rollout("recorded", None, actions=poses, action_space=space, fps=30))
    assert path is not None and np.allclose(path, [0.4, 0.1, 0.3], atol=1e-5)


def test_states_that_are_no_metres_are_no_path() -> None:
    space = ActionSpace(("x", "y", "z"), ("m",) * 3, "ee_pose", 30)
    states = np.tile(np.array([400, 100, 300], np.float32), (4, 1))
    actions = states[:3] / 1000
    rollout = Rollout("recorded", None, actions=actions, action_space=space, states=states, fps=30)
    path = ee_path(rollout)
    assert path is not None and np.allclose(path, [0.4, 0.1, 0.3])


def test_a_shorter_gripper_costs_the_rows_that_lack_it(tmp_path: Path) -> None:
    """And a video of three times the rows is told."""
    folder = tmp_path / "success/2023-07-07/take"
    (folder / "recordings/MP4").mkdir(parents=True)
    with h5py.File(folder / "trajectory.h5", "w") as file:
        file["action/joint_velocity"] = np.zeros((T, 7))
        file["action/gripper_position"] = np.zeros(T - 1)
        file["observation/robot_state/cartesian_position"] = np.zeros((T, 6))
    make.write_video(folder / "recordings/MP4/1.mp4", [make.pattern(0, k) for k in range(3 * T)], 60)
    episode = open_dataset(tmp_path).episode(0)
    assert episode.actions is not None and len(episode.actions) == T - 1 and episode.success is True
    assert make.shown(episode) == [(0, 3 * k) for k in range(T)]
    assert "the gripper has 11" in " ".join(episode.missing) and "36 frames for 12 rows" in " ".join(episode.missing)


# --- one file, or one row, never speaks for all -----------------------------------------------------------------------


@pytest.mark.parametrize("step", [0, 5])
@pytest.mark.parametrize("damage", ["no picture", "no zip"])
def test_a_calvin_step_without_a_picture_shows_its_neighbours(step: int, damage: str, tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    for k in range(T):
        path = tmp_path / f"training/episode_{k:07d}.npz"
        arrays = {"rgb_static": make.pattern(0, k), "rel_actions": np.zeros(7), "robot_obs": np.zeros(15)}
        if k == step:
            arrays.pop("rgb_static")
        np.savez(path, **arrays)
        if k == step and damage == "no zip":
            path.write_bytes(b"PK")
    episode = open_dataset(tmp_path).episode(0)
    shown = make.shown(episode)
    if damage == "no picture":
        expected = list(FRAMES)
        expected[step] = (0, step - 1 if step else 1)
        assert shown == expected
    else:  # its numbers are lost as well, and with them the row
        assert shown == [frame for k, frame in enumerate(FRAMES) if k != step]
    assert f"Row {step} holds no picture" in " ".join(episode.missing)


def test_a_damaged_first_file_does_not_hide_robotwin_s_others(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/episode0.hdf5").write_bytes(b"")
    with h5py.File(tmp_path / "data/episode1.hdf5", "w") as file:
        file["joint_action/vector"] = np.zeros((T, 14))
        file["observation/head_camera/rgb"] = np.stack([make.pattern(1, k) for k in range(T)])
    dataset = open_dataset(tmp_path)
    assert make.shown(dataset.episode(1)) == [(1, k) for k in range(T)] and "Episode 0 (episode0)" in notes(dataset)


def test_rows_of_a_table_are_put_into_order_too(tmp_path: Path) -> None:
    make.write_video(tmp_path / "a.mp4", [make.pattern(0, k) for k in range(T)])
    order = np.random.default_rng(0).permutation(T)
    lines = ["timestamp,x,y", *(f"{k / 30},{k / 1000},0" for k in order)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    told = {"episodes": [{"videos": {"front": "a.mp4"}, "actions": "a.csv"}], "columns": {"actions": ["x", "y"]},
            "layout": {"rate": 30}}  # fmt: skip
    (tmp_path / "wamviz.json").write_text(json.dumps(told))
    episode = open_dataset(tmp_path).episode(0)
    assert episode.actions is not None and np.allclose(episode.actions[:, 0], np.arange(T) / 1000, atol=1e-6)
    assert "'a.csv': Its rows lie in another order than timestamp says" in " ".join(episode.missing)
