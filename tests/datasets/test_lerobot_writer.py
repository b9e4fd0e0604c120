"""The LeRobot v3.0 layout, and that nothing half-valid is ever left behind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from wamviz.core.errors import WamvizError
from wamviz.datasets import DatasetSchema, LeRobotWriter, open_dataset
from wamviz.datasets.writer import lerobot as lerobot_writer
from wamviz.datasets.writer.staging import open_staging, stage_episode, staged

KEYS = ("observation.images.exterior", "observation.images.wrist")


def test_info_follows_v3(small: Path, made: Any) -> None:
    info = json.loads((small / "meta/info.json").read_text())
    assert info["codebase_version"] == "v3.0"
    assert info["splits"] == {"train": "0:4"}
    assert info["total_episodes"] == 4 and info["total_tasks"] == 3
    assert info["total_frames"] == sum(len(m.rows["action"]) for m in made)
    assert info["fps"] == 5 and isinstance(info["fps"], int)
    video = info["features"][KEYS[0]]
    assert video["names"] == ["height", "width", "channels"] and video["info"]["video.codec"] == "h264"
    for name in ("timestamp", "frame_index", "episode_index", "index", "task_index"):
        assert info["features"][name]["shape"] == [1]
    assert not any("/" in name for name in info["features"])


def test_pandas_finds_tasks_by_their_text(small: Path) -> None:
    tasks = pd.read_parquet(small / "meta/tasks.parquet")
    assert tasks.index.name == "task"
    assert tasks["task_index"].tolist() == [0, 1, 2]
    assert tasks.iloc[1].name == "pick up the orange"


def test_data_has_one_row_group_an_episode(small: Path, made: Any) -> None:
    file = pq.ParquetFile(small / "data/chunk-000/file-000.parquet")
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    assert sizes == [len(m.rows["action"]) for m in made]
    assert str(file.schema_arrow.field("action").type) == "fixed_size_list<element: float>[3]"
    assert str(file.schema_arrow.field("next.done").type) == "bool"
    table = file.read().to_pandas()
    assert table["index"].tolist() == list(range(len(table)))
    assert not any(key in table for key in KEYS)  # videos have no column
    for episode, rows in table.groupby("episode_index"):
        assert np.array_equal(rows["frame_index"], np.arange(len(rows)))
        assert np.array_equal(rows["timestamp"], (np.arange(len(rows)) / 5).astype(np.float32))
        assert set(rows["task_index"]) == {[0, 1, 0, 2][int(episode)]}


def test_episode_rows_are_in_lerobots_order(small: Path, made: Any) -> None:
    table = pq.read_table(small / "meta/episodes/chunk-000/file-000.parquet")
    names = table.column_names
    head = ["episode_index", "tasks", "length", "data/chunk_index", "data/file_index"]
    head += ["dataset_from_index", "dataset_to_index"]
    for key in KEYS:
        head += [f"videos/{key}/{part}" for part in ("chunk_index", "file_index", "from_timestamp", "to_timestamp")]
    assert names[: len(head)] == head
    assert names[-2:] == ["meta/episodes/chunk_index", "meta/episodes/file_index"]
    assert all(name.startswith("stats/") for name in names[len(head) : -2])
    rows = table.to_pylist()
    starts = np.cumsum([0, *(len(m.rows["action"]) for m in made)])
    for i, row in enumerate(rows):
        assert row["episode_index"] == i and row["tasks"] == [made[i].task]
        assert (row["dataset_from_index"], row["dataset_to_index"]) == (starts[i], starts[i + 1])
        assert row[f"videos/{KEYS[0]}/from_timestamp"] == pytest.approx(starts[i] / 5)
        assert row[f"videos/{KEYS[0]}/to_timestamp"] == pytest.approx(starts[i + 1] / 5)
        assert np.shape(row[f"stats/{KEYS[0]}/mean"]) == (3, 1, 1)
        assert row["stats/action/max"] == pytest.approx(made[i].rows["action"].max(0).tolist())
        assert row["stats/action/count"] == [len(made[i].rows["action"])]


def test_videos_are_h264_in_one_file_and_start_each_episode_with_a_key_frame(small: Path, made: Any) -> None:
    starts = np.cumsum([0, *(len(m.rows["action"]) for m in made)])
    with av.open(str(small / f"videos/{KEYS[1]}/chunk-000/file-000.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"
        packets = [packet for packet in container.demux(stream) if packet.size]
    assert len(packets) == starts[-1]
    assert [round(float(p.pts * p.time_base) * 5) for p in packets] == list(range(starts[-1]))
    assert all(p.pts == p.dts for p in packets)
    assert all(packets[i].is_keyframe for i in starts[:-1])


def test_stats_of_the_dataset_pool_those_of_its_episodes(small: Path, made: Any) -> None:
    stats = json.loads((small / "meta/stats.json").read_text())
    actions = np.concatenate([m.rows["action"] for m in made])
    assert stats["action"]["mean"] == pytest.approx(actions.mean(0).tolist(), rel=1e-5)
    assert stats["action"]["std"] == pytest.approx(actions.std(0).tolist(), rel=1e-5)
    assert stats["action"]["count"] == [len(actions)]
    assert "world.snapshot" not in stats
    wide = np.concatenate([m.frames[KEYS[0]] for m in made])
    assert np.ravel(stats[KEYS[0]]["mean"]) == pytest.approx((wide / 255).mean((0, 1, 2)), abs=1e-6)
    assert np.ravel(stats[KEYS[0]]["max"]) == pytest.approx(wide.max((0, 1, 2)) / 255)


def test_large_datasets_are_split_into_files(tmp_path: Path, plan: DatasetSchema, made: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(lerobot_writer.layout, "DATA_FILE_MB", 0.001)
    monkeypatch.setattr(lerobot_writer.layout, "VIDEO_FILE_MB", 0.006)
    monkeypatch.setattr(lerobot_writer.layout, "CHUNKS_SIZE", 2)
    monkeypatch.setattr(lerobot_writer, "EPISODES_A_FILE", 3)
    writer = LeRobotWriter(tmp_path / "split", plan)
    for m in made:
        writer.add_episode(m.rows, m.frames, m.task, m.meta)
    root = writer.finish()
    assert (root / "data/chunk-001/file-001.parquet").is_file()  # four files, two a chunk
    assert len(list((root / "meta/episodes").rglob("*.parquet"))) == 2
    dataset = open_dataset(root)
    for i, m in enumerate(made):
        episode = dataset.episode(i)
        assert np.array_equal(episode.actions, m.rows["action"])  # without a manifest no row is a closing one
        assert np.abs(episode.frames("wrist").astype(int) - m.frames[KEYS[1]]).mean() < 4


def test_order_is_that_of_the_keys_whoever_staged_them(tmp_path: Path, plan: DatasetSchema, made: Any) -> None:
    writer = LeRobotWriter(tmp_path / "d", plan)
    for key in (30, 10, 20):
        m = made[key // 10]
        stage_episode(writer.staging, plan, key, m.rows, m.frames, m.task)
    assert list(staged(writer.staging)) == [10, 20, 30]
    dataset = open_dataset(writer.finish())
    assert [dataset.episode(i).instruction for i in range(3)] == [made[i].task for i in (1, 2, 3)]


def test_nothing_appears_before_finish_and_a_stopped_writer_goes_on(
    tmp_path: Path, plan: DatasetSchema, made: Any, monkeypatch: Any
) -> None:
    root = tmp_path / "d"
    writer = LeRobotWriter(root, plan)
    writer.add_episode(made[0].rows, made[0].frames, made[0].task)

    def stopped(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # stopped while an episode is being staged, then while the dataset is written
        patch.setattr("wamviz.datasets.writer.staging.write_json", stopped)
        with pytest.raises(KeyboardInterrupt):
            writer.add_episode(made[1].rows, made[1].frames, made[1].task)
    with monkeypatch.context() as patch:
        patch.setattr(lerobot_writer, "_write_tasks", stopped)
        with pytest.raises(KeyboardInterrupt):
            writer.finish()
    assert [path.name for path in tmp_path.iterdir()] == [".d.episodes"]
    again = LeRobotWriter(root, plan)
    again.add_episode(made[1].rows, made[1].frames, made[1].task)
    assert len(open_dataset(again.finish())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_other_settings_do_not_mix(tmp_path: Path, plan: DatasetSchema) -> None:
    open_staging(tmp_path / "s", plan)
    with pytest.raises(WamvizError, match="other settings .fps."):
        open_staging(tmp_path / "s", replace(plan, fps=10))


def test_existing_folders_are_left_alone(small: Path, tmp_path: Path, plan: DatasetSchema) -> None:
    with pytest.raises(WamvizError, match="'small' exists already"):
        LeRobotWriter(small, plan)
    with pytest.raises(WamvizError, match="no finished episode"):
        LeRobotWriter(tmp_path / "empty", plan).finish()
    assert not (tmp_path / "empty").exists()


def test_bad_episodes_are_refused(tmp_path: Path, plan: DatasetSchema, made: Any) -> None:
    writer, m = LeRobotWriter(tmp_path / "d", plan), made[0]
    cases: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
        ({k: v for k, v in m.rows.items() if k != "action"}, m.frames, "x", "differ from the plan's: action"),
        ({**m.rows, "action": m.rows["action"][:-1]}, m.frames, "x", "same number of rows"),
        ({**m.rows, "action": m.rows["action"][:, :2]}, m.frames, "x", r"must have shape \(3,\), not \(2,\)"),
        ({**m.rows, "action": m.rows["action"] * np.nan}, m.frames, "x", "not finite"),
        (m.rows, {**m.frames, KEYS[1]: m.frames[KEYS[0]]}, "x", "must have shape"),
    ]
    for rows, frames, task, says in cases:
        with pytest.raises(WamvizError, match=says):
            writer.add_episode(rows, frames, task)
    writer.add_episode(m.rows, m.frames, m.task, key=4)
    with pytest.raises(WamvizError, match="staged already"):
        writer.add_episode(m.rows, m.frames, m.task, key=4)


@pytest.mark.parametrize(
    ("features", "fps", "says"),
    [
        ({}, 4.5, "whole number"),
        ({"a/b": {"dtype": "float32", "shape": [1]}}, 5, "cannot be called 'a/b'"),
        ({"index": {"dtype": "int64", "shape": [1]}}, 5, "cannot be called 'index'"),
        ({"a": {"dtype": "complex", "shape": [1]}}, 5, "has dtype 'complex'"),
        ({"a": {"dtype": "video", "shape": [3]}}, 5, "needs shape"),
    ],
)
def test_bad_plans_are_refused(features: dict[str, Any], fps: float, says: str) -> None:
    with pytest.raises(WamvizError, match=says):
        DatasetSchema(features, fps)  # type: ignore[arg-type]
