"""Datasets as people have them: each fault of a kind is read rightly, or told, and never silently wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.datasets import patterned as make
from wamviz.datasets import open_dataset
from wamviz.runs.inspecting import describe

FRAMES20 = [(0, k) for k in range(20)]


def notes(dataset: Any) -> str:
    return " ".join(dataset.missing)


# --- which frames of a shared video -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [20 / 30, 100.0, None], ids=["counting on", "far outside", "no start"])
def test_frames_are_counted_where_starts_and_file_disagree(shift: float | None, tmp_path: Path) -> None:
    listed = make.make_v3(tmp_path, [20, 25, 15], [0, 1, 1])
    for entry in listed[1:]:
        begins = entry[f"videos/{make.KEY}/from_timestamp"]
        entry[f"videos/{make.KEY}/from_timestamp"] = None if shift is None else begins + shift
    make.write_episodes(tmp_path, listed)
    dataset = open_dataset(tmp_path)
    for episode, count in enumerate((20, 25, 15)):
        assert make.shown(dataset.episode(episode)) == [(episode, k) for k in range(count)]
    assert ("they are counted" in notes(dataset)) is (shift is not None)


def test_a_start_that_fits_is_believed_where_the_file_holds_more(tmp_path: Path) -> None:
    """Episodes were deleted from the list, and their frames left in the video."""
    listed = make.make_v3(tmp_path, [20, 25, 15], [0, 0, 0])
    make.write_episodes(tmp_path, [listed[0], listed[2]])
    dataset = open_dataset(tmp_path)
    assert make.shown(dataset.episode(2)) == [(2, k) for k in range(15)] and not notes(dataset).count("Camera")


def test_starts_and_a_file_that_cannot_be_reconciled_are_told(tmp_path: Path) -> None:
    listed = make.make_v3(tmp_path, [20, 25, 15], [0, 1, 1])
    for entry in listed[1:]:
        entry[f"videos/{make.KEY}/from_timestamp"] += 20 / 30
    make.write_episodes(tmp_path, listed)
    path = tmp_path / make.V3_VIDEO.format(key=make.KEY, file=1)
    frames = [make.pattern(e, k) for e, count in ((1, 25), (2, 15)) for k in range(count)]
    make.write_video(path, [*frames, frames[-1]])  # one frame too many: nothing counts out
    assert "its frames may be another episode's" in notes(open_dataset(tmp_path))


@pytest.mark.parametrize("bf", [0, 2])
def test_frames_of_uneven_times_in_a_shared_video_are_found_and_checked(bf: int, tmp_path: Path) -> None:
    listed = make.make_v3(tmp_path, [20, 20], [0, 0])
    times = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.05, 40))
    times -= times[0]
    frames = [make.pattern(e, k) for e in (0, 1) for k in range(20)]
    make.write_video(tmp_path / make.V3_VIDEO.format(key=make.KEY, file=0), frames, times=times, bf=bf)
    listed[1][f"videos/{make.KEY}/from_timestamp"] = float(times[20])
    make.write_episodes(tmp_path, listed)
    dataset = open_dataset(tmp_path)
    assert notes(dataset) == ""
    for episode in (0, 1):
        assert make.shown(dataset.episode(episode)) == [(episode, k) for k in range(20)]


@pytest.mark.parametrize(("every", "fps"), [(3, 10), (1, 90)], ids=["a third of the frames", "three times the frames"])
def test_a_video_of_another_rate_shows_each_row_the_frame_of_its_time(every: int, fps: int, tmp_path: Path) -> None:
    make.make_v2(tmp_path, [20])
    many = [make.pattern(0, k // 3 if fps == 90 else k) for k in range(0, 60 if fps == 90 else 21, every)]
    make.write_video(make.v2_video(tmp_path, 0), many, fps)
    dataset = open_dataset(tmp_path)
    found = [row for _, row in make.shown(dataset.episode(0))]
    assert len(found) == 20 and all(k - every < row <= k for k, row in enumerate(found))
    assert "frames for 20 rows in the same time" in notes(dataset)


# --- the order of rows ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("without", [(), ("frame_index",), ("frame_index", "timestamp")])
def test_shuffled_rows_are_put_into_order(without: tuple[str, ...], tmp_path: Path) -> None:
    make.make_v2(tmp_path, [20])
    columns = make.rows(0, 20, **dict.fromkeys(without))
    order = pa.array(np.random.default_rng(0).permutation(20))
    make.write_table(make.v2_data(tmp_path, 0), make.table(columns).take(order))
    episode = open_dataset(tmp_path).episode(0)
    assert episode.actions is not None and np.allclose(episode.actions[:, 0], np.arange(20) / 1000, atol=1e-6)
    assert make.shown(episode) == FRAMES20 and "in another order than" in " ".join(episode.missing)


def test_rows_of_a_shared_file_are_put_into_order_too(tmp_path: Path) -> None:
    make.make_v3(tmp_path, [20, 25], [0, 0])
    mixed = pa.concat_tables([make.table(make.rows(0, 20)), make.table(make.rows(1, 25, 20))])
    order = pa.array(np.random.default_rng(1).permutation(45))
    make.write_table(tmp_path / make.V3_DATA.format(file=0), mixed.take(order))
    for index, count in ((0, 20), (1, 25)):
        episode = open_dataset(tmp_path).episode(index)
        assert episode.actions is not None
        assert np.allclose(episode.actions[:, 0], index + np.arange(count) / 1000, atol=1e-6)


def test_rows_that_were_left_out_keep_their_own_frames(tmp_path: Path) -> None:
    make.make_v2(tmp_path, [20])
    keep = [k for k in range(20) if k not in (7, 8, 12)]
    make.write_table(make.v2_data(tmp_path, 0), make.table(make.rows(0, 20)).take(pa.array(keep)))
    episode = open_dataset(tmp_path).episode(0)
    assert [row for _, row in make.shown(episode)[:17]] == keep
    assert "3 frames have no row (7 to 8, 12)" in " ".join(episode.missing)


def test_a_restart_of_the_counter_is_told_and_the_order_of_the_file_kept(tmp_path: Path) -> None:
    make.make_v2(tmp_path, [20])
    twice = np.tile(np.arange(10), 2)
    make.write_table(make.v2_data(tmp_path, 0), make.rows(0, 20, frame_index=twice, timestamp=None, index=None))
    episode = open_dataset(tmp_path).episode(0)
    assert make.shown(episode) == FRAMES20 and "frame_index restarts at row 10" in " ".join(episode.missing)


def test_a_list_of_episodes_out_of_order_is_numbered_by_its_numbers(tmp_path: Path) -> None:
    make.make_v2(tmp_path, [5, 6, 7])
    lines = (tmp_path / "meta/episodes.jsonl").read_text().split("\n")
    (tmp_path / "meta/episodes.jsonl").write_text("\n".join([lines[2], lines[0], lines[1]]))
    dataset = open_dataset(tmp_path)
    assert dataset.indices == (0, 1, 2) and make.shown(dataset.episode(2)) == [(2, k) for k in range(7)]


def test_rows_that_carry_wrong_episode_numbers_are_counted(tmp_path: Path) -> None:
    make.make_v3(tmp_path, [20, 25, 15], [0, 1, 1])
    begun_again = pa.concat_tables([make.table(make.rows(1, 25, episode_index=np.zeros(25, int))),
                                    make.table(make.rows(2, 15, episode_index=np.ones(15, int)))])  # fmt: skip
    make.write_table(tmp_path / make.V3_DATA.format(file=1), begun_again)
    episode = open_dataset(tmp_path).episode(2)
    assert episode.actions is not None and np.allclose(episode.actions[:, 0], 2 + np.arange(15) / 1000, atol=1e-6)
    assert "carry other episode numbers" in " ".join(episode.missing)


# --- one bad value ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["action", "observation.state"])
@pytest.mark.parametrize("bad", [None, [float("nan")] * 7, [1.0, None, 1, 1, 1, 1, 1], [1.0] * 6, [1e300] * 7])
@pytest.mark.parametrize("row", [0, 7])
def test_one_bad_value_costs_its_row(column: str, bad: Any, row: int, tmp_path: Path) -> None:
    make.make_v2(tmp_path, [20])
    columns = make.rows(0, 20)
    columns[column] = [bad if k == row else values for k, values in enumerate(columns[column])]
    columns[column] = pa.array(columns[column], pa.list_(pa.float64()))
    make.write_table(make.v2_data(tmp_path, 0), columns)
    episode = open_dataset(tmp_path).episode(0)
    assert episode.actions is not None and episode.states is not None
    assert len(episode.actions) == len(episode.states) == episode.frame_count == 19
    assert f"Row {row} of the {'actions' if column == 'action' else 'states'}" in " ".join(episode.missing)
    for (_, shown), action in zip(make.shown(episode), episode.actions, strict=True):
        assert action[0] == pytest.approx(shown / 1000, abs=1e-6)  # frames and actions still belong together


def test_a_bad_last_action_leaves_its_frame(tmp_path: Path) -> None:
    make.make_v2(tmp_path, [20])
    columns = make.rows(0, 20)
    columns["action"] = [*columns["action"][:19], [float("nan")] * 7]
    make.write_table(make.v2_data(tmp_path, 0), columns)
    episode = open_dataset(tmp_path).episode(0)
    assert episode.actions is not None and len(episode.actions) == 19 and make.shown(episode) == FRAMES20
    assert "Row 19 of the actions" in " ".join(episode.missing)


# --- instructions -----------------------------------------------------------------------------------------------------


def test_the_instruction_is_the_rows_own(tmp_path: Path) -> None:
    make.make_v2(tmp_path, [20], ["reach", "grasp"])
    line = {"episode_index": 0, "tasks": ["grasp", "reach"], "length": 20}
    (tmp_path / "meta/episodes.jsonl").write_text(json.dumps(line))
    make.write_table(make.v2_data(tmp_path, 0), make.rows(0, 20, task_index=[0] * 10 + [1] * 10))
    episode = open_dataset(tmp_path).episode(0)
    assert episode.observation(3).instruction == "reach" and episode.observation(13).instruction == "grasp"
    assert episode.rollout(12).instruction == "grasp" and "changes on the way" in " ".join(episode.missing)


def test_texts_in_the_rows_change_too_and_what_says_nothing_is_empty(tmp_path: Path) -> None:
    make.make_v2(tmp_path, [6, 5])
    (tmp_path / "meta/tasks.jsonl").unlink()
    lines = [{"episode_index": e, "length": count} for e, count in ((0, 6), (1, 5))]
    (tmp_path / "meta/episodes.jsonl").write_text("\n".join(map(json.dumps, lines)))
    texts = ["open"] * 2 + [None] * 2 + ["close"] * 2
    make.write_table(make.v2_data(tmp_path, 0), make.rows(0, 6, language_instruction=texts, task_index=None))
    make.write_table(make.v2_data(tmp_path, 1), make.rows(1, 5, language_instruction=[" | | "] * 5, task_index=None))
    dataset = open_dataset(tmp_path)
    assert dataset.episode(0).instruction_at(1) == "open" and dataset.episode(0).instruction_at(5) == "close"
    assert dataset.episode(1).instruction == ""


# --- where files are --------------------------------------------------------------------------------------------------


def test_a_list_without_files_takes_the_only_one_here(tmp_path: Path) -> None:
    templates = {"data_path": "data/chunk-{episode_chunk:03d}/file-{episode_file:03d}.parquet",
                 "video_path": "videos/{video_key}/chunk-{episode_chunk:03d}/file-{episode_file:03d}.mp4"}  # fmt: skip
    listed = make.make_v3(tmp_path, [20, 25], [0, 0], **templates)
    make.write_episodes(tmp_path, [{k: v for k, v in entry.items() if "/" not in k} for entry in listed])
    dataset = open_dataset(tmp_path)
    assert make.shown(dataset.episode(1)) == [(1, k) for k in range(25)] and "the only one here is taken" in notes(
        dataset
    )


def test_a_list_without_files_is_held_against_several(tmp_path: Path) -> None:
    listed = make.make_v3(tmp_path, [20, 25, 15], [0, 1, 1])
    make.write_episodes(tmp_path, [{k: v for k, v in entry.items() if "/" not in k} for entry in listed])
    dataset = open_dataset(tmp_path)
    for episode, count in enumerate((20, 25, 15)):
        assert make.shown(dataset.episode(episode)) == [(episode, k) for k in range(count)]
    assert "found by their rows" in notes(dataset) and "counted against the lengths" in notes(dataset)


def test_a_missing_list_of_v3_is_made_of_the_rows(tmp_path: Path) -> None:
    make.make_v3(tmp_path, [20, 25], [0, 0])
    (tmp_path / "meta/episodes/chunk-000/file-000.parquet").unlink()
    dataset = open_dataset(tmp_path)
    assert make.shown(dataset.episode(1)) == [(1, k) for k in range(25)] and "found by their rows" in notes(dataset)


@pytest.mark.parametrize(
    ("version", "changes"),
    [
        ("v2", {"data_path": "data/chunk-{episode_index:03d}/episode_{episode_index:06d}.parquet",
                "video_path": "videos/chunk-{episode_index:03d}/{video_key}/episode_{episode_index:06d}.mp4"}),
        ("v2", {"chunks_size": 1}),
        ("v3", {"data_path": "data/file-{file_index:06d}.parquet",
                "video_path": "videos/chunk-{chunk_index:03d}/{video_key}/part-{file_index:03d}.mp4"}),
    ],
)  # fmt: skip
def test_files_are_found_where_the_template_is_wrong(version: str, changes: dict[str, Any], tmp_path: Path) -> None:
    if version == "v2":
        make.make_v2(tmp_path, [20, 25, 15], **changes)
    else:
        make.make_v3(tmp_path, [20, 25, 15], [0, 1, 1], **changes)
    dataset = open_dataset(tmp_path)
    assert dataset.available == (0, 1, 2)
    for episode, count in enumerate((20, 25, 15)):
        assert make.shown(dataset.episode(episode)) == [(episode, k) for k in range(count)]
        assert dataset.episode(episode).length == count
    assert "data_path of meta/info.json is wrong" in notes(dataset)
    assert "video_path of meta/info.json is wrong" in notes(dataset)


@pytest.mark.parametrize("absent", [0, 1])
def test_one_missing_video_is_one_episodes(absent: int, tmp_path: Path) -> None:
    make.make_v2(tmp_path, [20, 20, 20])
    make.v2_video(tmp_path, absent).unlink()
    dataset = open_dataset(tmp_path)
    said = notes(dataset)
    assert (
        "the video of 1 of 3 episodes is not here" in said and f"episode_00000{absent}.mp4' (episode {absent})" in said
    )
    assert "not here" in " ".join(dataset.episode(absent).missing) and dataset.episode(2).missing == ()


def test_a_damaged_video_of_a_later_episode_is_seen(tmp_path: Path) -> None:
    make.make_v2(tmp_path, [20, 20, 20])
    path = make.v2_video(tmp_path, 2)
    path.write_bytes(path.read_bytes()[:200])
    assert "Camera 'front': 'episode_000002.mp4'" in notes(open_dataset(tmp_path))


# --- distances and units ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["png", "tiff", "pixels", "metres"])
def test_distances_are_a_ramp_however_they_are_kept(kind: str, tmp_path: Path) -> None:
    depth = np.linspace(400, 4000, 64 * 64).reshape(64, 64)
    feature = {"dtype": "image", "shape": [64, 64, 1], "info": {"is_depth_map": True}}
    make.make_v2(tmp_path, [6], features={"observation.images.depth": feature})
    if kind in ("png", "tiff"):
        import io

        from PIL import Image

        buffer = io.BytesIO()
        values = depth.astype(np.uint16) if kind == "png" else depth.astype(np.float32)
        Image.fromarray(values).save(buffer, kind.upper())
        column = pa.array([{"bytes": buffer.getvalue(), "path": None}] * 6)
    else:
        values = depth.astype(np.uint16) if kind == "pixels" else (depth / 1000).astype(np.float32)
        column = pa.array([values[..., None].tolist()] * 6)
    make.write_table(make.v2_data(tmp_path, 0), make.rows(0, 6, **{"observation.images.depth": column}))
    episode = open_dataset(tmp_path).episode(0)
    frame = episode.frames("depth")[0].astype(int)
    assert frame.min() in (25, 26) and frame.max() == 255 and (np.diff(frame[:, :, 0].reshape(-1)) >= 0).all()
    assert "distances" in " ".join(episode.missing) and episode.cameras == ("front", "depth")


def test_scalar_columns_are_offered(tmp_path: Path) -> None:
    make.make_v2(tmp_path, [20])
    reward = np.linspace(0, 1, 20)
    make.write_table(make.v2_data(tmp_path, 0), make.rows(0, 20, **{"next.reward": reward}))
    scalars = open_dataset(tmp_path).episode(0).scalars
    assert set(scalars) == {"next.reward"} and np.allclose(scalars["next.reward"], reward)
    assert describe(str(tmp_path))["scalars"] == ["next.reward"]


# --- what was said to be whole ----------------------------------------------------------------------------------------


def test_a_video_whose_frames_cannot_be_decoded_is_never_said_to_be_whole(tmp_path: Path) -> None:
    make.make_v2(tmp_path, [20])
    path = make.v2_video(tmp_path, 0)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 8
    data[start : start + 3000] = bytes(3000)  # the header and its table of frames stay whole
    path.write_bytes(bytes(data))
    assert "Camera 'front'" in notes(open_dataset(tmp_path))


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_one_bad_entry_of_the_list_costs_one_episode(version: str, tmp_path: Path) -> None:
    if version == "v2":
        make.make_v2(tmp_path, [5, 6, 7])
        lines = [json.loads(line) for line in (tmp_path / "meta/episodes.jsonl").read_text().split("\n")]
        lines[1]["length"] = None
        (tmp_path / "meta/episodes.jsonl").write_text("\n".join(map(json.dumps, lines)))
    else:
        listed = make.make_v3(tmp_path, [5, 6, 7], [0, 1, 2])
        listed[1]["length"] = None
        make.write_episodes(tmp_path, listed)
    dataset = open_dataset(tmp_path)
    assert dataset.indices == (0, 2) and make.shown(dataset.episode(2)) == [(2, k) for k in range(7)]
    assert "1 of 3" in notes(dataset)


def test_timestamps_of_another_clock_are_told_and_frames_counted(tmp_path: Path) -> None:
    make.make_v2(tmp_path, [20])
    nanoseconds = (np.arange(20) * 33_333_333).astype(np.float64)
    make.write_table(make.v2_data(tmp_path, 0), make.rows(0, 20, timestamp=nanoseconds))
    episode = open_dataset(tmp_path).episode(0)
    assert make.shown(episode) == FRAMES20 and "timestamps span" in " ".join(episode.missing)
