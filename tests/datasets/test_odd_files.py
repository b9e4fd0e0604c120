"""What real datasets do differently: each is read, or told in a sentence, and none hides the rest of the dataset."""

from __future__ import annotations

import io
import json
import shutil
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.datasets import makers
from wamviz.core.errors import WamvizError
from wamviz.datasets import ActionSpaceOverride, open_dataset
from wamviz.datasets.containers.tables import columns_of, read_table
from wamviz.datasets.containers.videos import open_video
from wamviz.runs.inspecting import describe
from wamviz.runs.sources import resolve

needs_h5py = pytest.mark.skipif(find_spec("h5py") is None, reason="h5py is not installed here")
VIDEO = "videos/chunk-000/observation.images.top/episode_000000.mp4"
DATA = "data/chunk-000/episode_000000.parquet"
UNEVEN = (0, 100, 350, 400, 800)  # ms


@pytest.fixture
def v2(tmp_path: Path) -> Path:
    return makers.make_v2(tmp_path / "set")


def edit(root: Path, **changes: Any) -> None:
    """Change ``meta/info.json``; None takes a key away."""
    path = root / "meta/info.json"
    info = json.loads(path.read_text()) | changes
    makers.write_json(path, {name: value for name, value in info.items() if value is not None})


def features(root: Path, **changes: Any) -> None:
    told = json.loads((root / "meta/info.json").read_text())["features"] | changes
    edit(root, features={name: value for name, value in told.items() if value is not None})


def columns(root: Path, **changes: Any) -> None:
    """Change columns of the first episode; None takes one away."""
    table = {name: column for name, column in zip(*_table(root), strict=True)} | changes
    pq.write_table(pa.table({name: value for name, value in table.items() if value is not None}), root / DATA)


def _table(root: Path) -> tuple[list[str], list[Any]]:
    table = pq.read_table(root / DATA)
    return table.column_names, table.columns


def write_video(path: Path, times: tuple[int, ...], codec: str = "libx264", container: str = "mp4") -> None:
    """Frames of ``makers.picture`` shown at these milliseconds."""
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=5)
        stream.width, stream.height, stream.pix_fmt = makers.SIZE, makers.SIZE, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for k, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(makers.picture(k), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def write_gif(path: Path, delays: list[int]) -> None:
    frames = [Image.fromarray(frame) for frame in makers.pictures(len(delays))]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=delays, loop=0)


def shows(frames: np.ndarray) -> list[int]:
    """Which of ``makers.picture`` each frame is, by the column that is bright."""
    return [int(frame[12:, :, 2].mean(axis=0).argmax()) // 3 for frame in frames]


# --- LeRobot: metadata ------------------------------------------------------------------------------------------------


def test_a_missing_version_and_a_rate_in_words_are_understood(v2: Path) -> None:
    edit(v2, codebase_version=None, fps="5")
    dataset = open_dataset(v2)
    assert dataset.episode(0).fps == 5 and "does not say its version; it is read as v2.1" in " ".join(dataset.missing)


def test_a_missing_rate_is_that_of_the_videos_or_is_asked_for(v2: Path) -> None:
    edit(v2, fps=None)
    with pytest.raises(WamvizError, match=r"fps = None.*wamviz\.json"):
        open_dataset(v2)
    assert open_dataset(v2, ActionSpaceOverride(fps=5)).episode(0).fps == 5
    features(v2, **{"observation.images.top": {"dtype": "video", "shape": [32, 32, 3], "info": {"video.fps": 5}}})
    assert "said to have 5 frames" in " ".join(open_dataset(v2).missing)


def test_without_a_list_of_episodes_their_files_are_found(v2: Path) -> None:
    (v2 / "meta/episodes.jsonl").unlink()
    dataset = open_dataset(v2)
    assert dataset.indices == (0, 1) and "2 episodes were found by their files" in " ".join(dataset.missing)
    assert dataset.episode(1).frame_count == 5 and dataset.episode(1).instruction == "valid"


@pytest.mark.parametrize(
    ("line", "instruction"),
    [
        ({"tasks": [0]}, "valid"),
        ({"task_index": 0}, "valid"),
        ({"task": "push"}, "push"),
        ({"tasks": ["", "push"]}, "push"),
        ({"length": 5.0}, "valid"),
    ],
)
def test_tasks_are_texts_or_numbers_of_texts(line: dict[str, Any], instruction: str, v2: Path) -> None:
    row = {"episode_index": 0, "length": 5} | line
    (v2 / "meta/episodes.jsonl").write_text(json.dumps(row))
    dataset = open_dataset(v2)
    assert dataset.episode(0).instruction == instruction and dataset.episode(0).frame_count == 5


def test_old_letters_and_half_letters_are_marked_and_hide_nothing(v2: Path) -> None:
    old = '{"episode_index": 0, "tasks": ["dr\xfccken"], "length": 5}\n'.encode("latin-1")
    half = b'{"episode_index": 1, "tasks": ["a\\ud800b"], "length": 5}'
    (v2 / "meta/episodes.jsonl").write_bytes(old + half)
    dataset = open_dataset(v2)
    told = [dataset.episode(index).instruction for index in (0, 1)]
    assert told == ["dr\ufffdcken", "a\ufffdb"] and json.dumps(told).encode()


def test_names_and_shapes_of_every_form(v2: Path) -> None:
    features(v2, action={"dtype": "float32", "shape": 2, "names": {"motors": {"left": 1, "right": 0}}})
    space = open_dataset(v2).episode(0).action_space
    assert space is not None and set(space.names) == {"left", "right"}


def test_a_shape_that_is_no_shape_stays_out_of_the_summary(v2: Path) -> None:
    features(v2, **{"observation.images.top": {"dtype": "video", "shape": [float("nan"), 1, 3]}})
    told = describe(str(v2))
    assert json.dumps(told, allow_nan=False) and told["cameras"]["top"]["shape"] is None


def test_an_optional_file_that_is_damaged_is_told(v2: Path) -> None:
    features(v2, action={"dtype": "float32", "shape": [2], "names": None})
    (v2 / "meta/modality.json").write_text("[1]")
    dataset = open_dataset(v2)
    assert dataset.episode(0).actions is not None and "'modality.json' must hold" in " ".join(dataset.missing)


def test_depth_never_comes_first(v2: Path) -> None:
    top = {"dtype": "video", "shape": [32, 32, 3]}
    depth = {**top, "info": {"is_depth_map": True}}
    features(v2, **{"observation.images.top": None, "observation.images.ghost": depth})
    features(v2, **{"observation.images.top": top})
    shutil.copytree((v2 / VIDEO).parent, v2 / "videos/chunk-000/observation.images.ghost")
    assert open_dataset(v2).episode(0).cameras == ("top", "ghost")


def test_an_empty_dataset_opens(tmp_path: Path) -> None:
    root = tmp_path / "none"
    names = ("episode_index", "length", "data/chunk_index", "data/file_index", "tasks")
    info = {"codebase_version": "v3.0", "fps": 5, "features": {"action": {"dtype": "float32", "shape": [2]}}}
    makers.write_json(root / "meta/info.json", info)
    (root / "meta/episodes/chunk-000").mkdir(parents=True)
    table = pa.table({name: pa.array([]) for name in names})  # of type null, as pandas writes it
    pq.write_table(table, root / "meta/episodes/chunk-000/file-000.parquet")
    assert describe(str(root))["episodes"] == 0


# --- LeRobot: rows ----------------------------------------------------------------------------------------------------


def test_a_damaged_column_hides_no_other(v2: Path) -> None:
    columns(
        v2, note=pa.array([b"\xff\xfe"] * 5).view(pa.string()), **{"observation.state": pa.array([[1.0, None]] * 5)}
    )
    episode = open_dataset(v2).episode(0)
    assert episode.actions is not None and episode.observation(0).state is None
    told = describe(f"{v2}#0")
    assert told["cameras"] and "5 of 5 rows of the states" in " ".join(told["missing"])


def test_a_model_can_start_where_the_numbers_are_damaged(v2: Path) -> None:
    columns(v2, action=pa.array([[1.0, float("nan")]] * 5))
    context = resolve(f"{v2}#0@1")
    assert context.reference is None and "what followed cannot be read" in context.title
    assert context.observation.frame.shape == (32, 32, 3)


def test_views_that_would_be_called_alike_are_both_shown(v2: Path) -> None:
    features(v2, top={"dtype": "image", "shape": [32, 32, 3]})
    columns(v2, top=pa.array([makers.png(frame) for frame in makers.pictures(5)]))
    assert sorted(open_dataset(v2).camera_features.values()) == [  # type: ignore[attr-defined]
        "observation.images.ghost", "observation.images.top", "top",
    ]  # fmt: skip


def test_fewer_rows_than_listed_are_used_and_told(v2: Path) -> None:
    pq.write_table(pa.table({"action": [[1.0, 2.0]] * 4}), v2 / DATA)
    episode = open_dataset(v2).episode(0)
    assert episode.actions is not None and len(episode.actions) == episode.length == 4 and episode.frame_count == 5
    assert "holds 4 rows, not 5" in " ".join(episode.missing)


def test_rows_that_carry_another_number_still_belong_to_their_file(v2: Path) -> None:
    columns(v2, episode_index=pa.array([7] * 5))
    actions = open_dataset(v2).episode(0).actions
    assert actions is not None and actions.shape == (5, 2)


def test_rows_without_a_number_are_counted(small: Path, made: Any, tmp_path: Path) -> None:
    """Of v3.0: several episodes share a file, and nothing in a row says whose it is."""
    root = tmp_path / "copy"
    shutil.copytree(small, root)
    for path in (root / "data").rglob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.drop_columns(["episode_index"]), path)
    for index in (0, 2):
        actions = open_dataset(root).episode(index).actions
        assert actions is not None and np.array_equal(actions, made[index].rows["action"][:-1])


def test_actions_in_several_columns_are_put_side_by_side(v2: Path) -> None:
    features(v2, action=None, **{"action.arm": {"dtype": "float32", "shape": [2]}})
    features(v2, **{"action.gripper": {"dtype": "float32", "shape": [1]}, "observation.state": None})
    columns(v2, action=None, **{"action.arm": pa.array([[1.0, 2.0]] * 5), "action.gripper": pa.array([3.0] * 5)})
    dataset = open_dataset(v2)
    actions, space = dataset.episode(0).actions, dataset.episode(0).action_space
    assert actions is not None and actions[0].tolist() == [1, 2, 3]
    assert space is not None and space.names == ("arm0", "arm1", "gripper") and space.kind == "unnamed"
    assert "Put together from the columns action.arm, action.gripper" in dataset.summary()["actions_known_by"]
    alone = open_dataset(v2, ActionSpaceOverride(actions="action.gripper")).episode(0).actions
    assert alone is not None and alone.shape == (5, 1)


def test_columns_that_nobody_declared_are_found(v2: Path) -> None:
    features(v2, action=None, **{"observation.images.top": None, "observation.images.ghost": None})
    columns(v2, image=pa.array([makers.png(frame) for frame in makers.pictures(5)]))
    dataset = open_dataset(v2)
    episode = dataset.episode(0)
    assert episode.cameras == ("image",) and shows(episode.frames()) == [0, 1, 2, 3, 4]
    assert episode.actions is not None and "not listed in meta/info.json" in dataset.summary()["actions_known_by"]


@pytest.mark.parametrize("form", ["bytes", "struct", "pixels", "planes", "path"])
@pytest.mark.parametrize("dtype", ["image", "video"])
def test_pictures_in_rows_of_every_form(form: str, dtype: str, v2: Path) -> None:
    frames = makers.pictures(5)
    packed = [makers.png(frame) for frame in frames]
    (v2 / "kept").mkdir()
    for k, data in enumerate(packed):
        (v2 / f"kept/{k}.png").write_bytes(data)
    rows = {
        "bytes": packed,
        "struct": [{"bytes": data, "path": "x.png"} for data in packed],
        "pixels": frames.tolist(),
        "planes": np.moveaxis(frames, -1, 1).tolist(),
        "path": [{"bytes": None, "path": f"kept/{k}.png"} for k in range(5)],
    }[form]
    features(v2, **{"observation.images.ghost": None, "observation.images.top": None})
    features(v2, front={"dtype": dtype, "shape": [32, 32, 3]})
    columns(v2, front=pa.array(rows))
    assert np.array_equal(open_dataset(v2).episode(0).frames("front"), frames)


@pytest.mark.parametrize("values", [[None, None, None, None, True], [False, False, False, False, True]])
def test_success_in_the_last_row_is_enough(values: list[Any], v2: Path) -> None:
    columns(v2, **{"next.success": pa.array(values)})
    assert open_dataset(v2).episode(0).success is True


def test_words_in_a_column_are_the_instruction(v2: Path) -> None:
    columns(v2, task_index=None, language_instruction=pa.array(["wipe"] * 5))
    (v2 / "meta/episodes.jsonl").write_text('{"episode_index": 0, "length": 5}')
    assert open_dataset(v2).episode(0).instruction == "wipe"


# --- videos -----------------------------------------------------------------------------------------------------------


def test_a_video_that_ends_early_shows_what_it_has(v2: Path) -> None:
    write_video(v2 / VIDEO, (0, 200, 400, 600))
    episode = open_dataset(v2).episode(0)
    assert episode.frame_count == 4 and len(episode.frames()) == 4 and "4 of 5 frames" in " ".join(episode.missing)


def test_a_view_that_is_far_too_short_is_left_out(v2: Path) -> None:
    ghost = v2 / "videos/chunk-000/observation.images.ghost/episode_000000.mp4"
    ghost.parent.mkdir()
    write_video(ghost, (0, 200))
    episode = open_dataset(v2).episode(0)
    assert episode.cameras == ("top",) and episode.frame_count == 5
    assert "'ghost' has 2 of 5 frames; it is left out" in " ".join(episode.missing)


@pytest.mark.parametrize("times", [UNEVEN, (0, 250, 500, 750, 1000)])
def test_frames_are_counted_where_the_file_has_another_rate(times: tuple[int, ...], v2: Path) -> None:
    write_video(v2 / VIDEO, times)
    episode = open_dataset(v2).episode(0)
    assert shows(episode.frames()) == [0, 1, 2, 3, 4] and shows(episode.frames(start=3)) == [3, 4] and episode.missing


@pytest.mark.parametrize("name", ["uneven.webm", "uneven.mp4", "uneven.gif", "steady.gif", "steady.webm"])
def test_a_clip_of_any_kind_is_read_frame_by_frame(name: str, tmp_path: Path) -> None:
    path, uneven = tmp_path / name, "uneven" in name
    if path.suffix == ".gif":
        write_gif(path, [100, 250, 50, 400, 100] if uneven else [100] * 5)
    else:
        codec, container = ("libvpx-vp9", "webm") if path.suffix == ".webm" else ("libx264", "mp4")
        write_video(path, UNEVEN if uneven else (0, 200, 400, 600, 800), codec, container)
    clip = open_video(tmp_path, path)
    assert len(clip) == 5 and shows(clip.view(0, 5)) == [0, 1, 2, 3, 4] and shows(clip.view(2, 4)) == [2, 3]
    assert bool(clip.notes) is uneven
    assert open_dataset(tmp_path).episode(0).frame_count == 5


def test_a_pointer_in_the_place_of_a_file_is_told(v2: Path) -> None:
    for name in (VIDEO, DATA):
        (v2 / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n")
    episode = open_dataset(v2).episode(0)
    for read in (episode.frames, lambda: episode.actions):
        with pytest.raises(WamvizError, match="Git LFS pointer.*git lfs pull"):
            read()


# --- RLDS -------------------------------------------------------------------------------------------------------------


def rlds(root: Path, *payloads: bytes, name: str = "my_set-train.tfrecord-00000-of-00001") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(b"".join(map(makers.record, payloads)))
    return root


def steps(**changes: Any) -> dict[str, Any]:
    told = {
        "steps/action": np.ones((5, 7), np.float32),
        "steps/observation/image": [makers.png(frame) for frame in makers.pictures(5)],
        "steps/is_first": np.arange(5) == 0,
    } | {name.replace("__", "/"): value for name, value in changes.items()}
    return {name: value for name, value in told.items() if value is not None}


def test_a_sequence_example_is_read_step_by_step(tmp_path: Path) -> None:
    lists = b""
    for name, values in steps().items():
        each = [makers.example({"x": [v] if isinstance(v, bytes) else np.atleast_1d(v)}) for v in values]
        inner = [data[data.index(b"\x0a\x01x") + 3 :] for data in each]  # past the name: tag, length, Feature
        features = b"".join(b"\x0a" + part[1:] for part in inner)
        lists += makers.chunk(1, makers.chunk(1, name.encode()) + makers.chunk(2, features))
    payload = makers.example({"language_instruction": [b"push"]}) + makers.chunk(2, lists)
    episode = open_dataset(rlds(tmp_path / "set", payload)).episode(0)
    assert episode.instruction == "push" and episode.actions is not None and episode.actions.shape == (5, 7)
    assert shows(episode.frames()) == [0, 1, 2, 3, 4]


def test_instructions_as_numbers_and_one_action_less(tmp_path: Path) -> None:
    letters = np.zeros((5, 16), np.int64)
    letters[:, :4] = list(b"push")
    made = steps(steps__action=np.ones((4, 2), np.float32), steps__observation__instruction=letters)
    episode = open_dataset(rlds(tmp_path / "set", makers.example(made))).episode(0)
    assert episode.instruction == "push" and episode.length == 4 and episode.frame_count == 5


def test_the_view_of_the_scene_comes_first_and_a_short_one_is_left_out(tmp_path: Path) -> None:
    kept = steps()["steps/observation/image"]
    made = steps(steps__observation__hand_image=kept, steps__observation__a_depth=kept,
                 steps__observation__image_2=kept[:3])  # fmt: skip
    episode = open_dataset(rlds(tmp_path / "set", makers.example(made))).episode(0)
    assert episode.cameras == ("image", "hand_image", "a_depth") and "image_2' has 3 pictures" in episode.missing[0]


def test_damaged_numbers_do_not_hide_the_pictures(tmp_path: Path) -> None:
    made = steps(steps__action=np.full((5, 7), np.nan, np.float32))
    episode = open_dataset(rlds(tmp_path / "set", makers.example(made))).episode(0)
    assert episode.actions is None and len(episode.frames()) == 5 and "no finite number" in " ".join(episode.missing)


def test_the_whole_records_of_a_cut_shard_are_read(tmp_path: Path) -> None:
    root = rlds(tmp_path / "set", *[makers.example(steps())] * 3)
    path = next(root.iterdir())
    path.write_bytes(path.read_bytes()[:-50])
    dataset = open_dataset(root)
    assert len(dataset) == 2 and "2 whole records" in " ".join(dataset.missing)
    assert dataset.episode(1).frame_count == 5


@pytest.mark.parametrize("name", ["data.tfrecord", "train-00000-of-00001.tfrecord", "robot_00.tfrecords"])
def test_shards_of_other_tools_are_found(name: str, tmp_path: Path) -> None:
    assert len(open_dataset(rlds(tmp_path / "set", makers.example(steps()), name=name))) == 1


# --- HDF5 -------------------------------------------------------------------------------------------------------------


@needs_h5py
@pytest.mark.parametrize("form", ["grey", "grey1", "planes", "alpha", "packed", "one more", "one less", "nested"])
def test_pictures_of_every_form_in_hdf5(form: str, tmp_path: Path) -> None:
    import h5py

    frames, path = makers.pictures(5), tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        demo = file.create_group("data/demo_0")
        demo["actions"] = np.ones((5, 7))
        if form == "packed":
            node = demo.create_dataset("obs/front", (5,), dtype=h5py.vlen_dtype(np.uint8))
            for k in range(5):
                node[k] = np.frombuffer(makers.png(frames[k]), np.uint8)
        elif form == "nested":
            demo["obs/sensor_data/front/rgb"] = frames
        else:
            demo["obs/front"] = {
                "grey": frames[..., 2], "grey1": frames[..., 2:], "planes": np.moveaxis(frames, -1, 1),
                "alpha": np.concatenate([frames, frames[..., :1]], -1), "one more": makers.pictures(6),
                "one less": makers.pictures(4),
            }[form]  # fmt: skip
    episode = open_dataset(path).episode(0)
    count = {"one more": 6, "one less": 4}.get(form, 5)
    assert episode.frame_count == count and shows(episode.frames()) == list(range(count))
    assert episode.frames().shape == (count, 32, 32, 3)


@needs_h5py
def test_words_depth_and_other_groups_in_hdf5(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in ("traj_10", "traj_9"):
            group = file.create_group(name)
            group["actions"], group["obs/rgb"] = np.full((5, 8), np.nan if name == "traj_10" else 1), makers.pictures(5)
            group["obs/a_depth"] = np.random.default_rng(0).random((5, 32, 32, 1)).astype(np.float32)
            group["success"] = np.arange(5) == 4
            group.attrs["language_instruction"] = name
    dataset = open_dataset(tmp_path / "a.h5")
    first, second = dataset.episode(0), dataset.episode(1)
    assert (first.instruction, second.instruction) == ("traj_9", "traj_10") and first.success is True
    assert first.cameras == ("rgb", "a_depth") and np.ptp(first.frames("a_depth").astype(int)) > 200
    assert second.actions is None and "no finite number" in " ".join(second.missing)
    assert "rate is not in this file" in " ".join(first.missing)


# --- annotations, tables ----------------------------------------------------------------------------------------------


def test_annotations_of_another_robot_are_unnamed(tmp_path: Path) -> None:
    root = makers.make_ctrlworld(tmp_path / "set")
    path = root / "annotation/val/0006.json"
    told = json.loads(path.read_text()) | {"texts": "fold it", "action": np.ones((6, 4)).tolist()}
    told["videos"] = [video["video_path"] for video in told["videos"]]
    makers.write_json(path, told)
    (root / told["videos"][1]).write_bytes(b"no video")
    episode = open_dataset(root).episode(2)
    assert episode.instruction == "fold it" and episode.cameras == ("exterior_1", "wrist")
    assert episode.action_space is not None and episode.action_space.kind == "unnamed"
    assert "exterior_2" in " ".join(episode.missing)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.csv", "vx;vy\n0,5;1\n1,5;2\n", [[0.5, 1], [1.5, 2]]),
        ("a.csv", "vx\tvy\n0.5\t1\n1.5\t2\n", [[0.5, 1], [1.5, 2]]),
        ("a.csv", "0.5,1\n1.5,2\n", [[0.5, 1], [1.5, 2]]),
        ("a.json", '[{"vx": 0.5, "vy": 1}, {"vx": 1.5, "vy": 2}]', [[0.5, 1], [1.5, 2]]),
        ("a.json", '{"vx": {"0": 0.5, "1": 1.5}, "vy": {"0": 1, "1": 2}}', [[0.5, 1], [1.5, 2]]),
        ("a.json", '{"fps": 5, "actions": [[0.5, 1], [1.5, 2]]}', [[0.5, 1], [1.5, 2]]),
    ],
)
def test_tables_as_programs_write_them(name: str, text: str, expected: list[list[float]], tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert read_table(tmp_path / name)[0].tolist() == expected


def test_columns_that_are_no_numbers_are_named_and_in_nobodys_way(tmp_path: Path) -> None:
    pq.write_table(pa.table({"vx": [1.0, 2.0], "note": ["a", "b"]}), tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", vx=np.ones(2), note=np.array([{}], dtype=object))
    (tmp_path / "a.csv").write_text("vx,note\n1,a\n2,b\n")
    for name in ("a.parquet", "a.npz", "a.csv"):
        assert columns_of(tmp_path / name) == {"vx": (2, 1), "note": None}
        assert len(read_table(tmp_path / name, ["vx"])[0]) == 2
        with pytest.raises(WamvizError, match="'note' of .* holds .*Columns of numbers: vx"):
            read_table(tmp_path / name)


def test_actions_that_last_longer_than_the_video_are_told(tmp_path: Path) -> None:
    root = makers.make_pair(tmp_path / "set")
    told = json.loads((root / "wamviz.json").read_text())
    assert open_dataset(root).episode(0).missing == ()
    makers.write_json(root / "wamviz.json", told | {"layout": {"rate": 1}})
    assert "The actions last 12.0 s, the video 1.2 s" in open_dataset(root).episode(0).missing[0]


def test_a_picture_of_sixteen_bits_is_scaled_by_itself(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray((np.arange(32 * 32).reshape(32, 32) * 50).astype(np.uint16)).save(buffer, "PNG")
    made = steps(steps__observation__depth=[buffer.getvalue()] * 5)
    frames = open_dataset(rlds(tmp_path / "set", makers.example(made))).episode(0).frames("depth")
    assert frames.shape == (5, 32, 32, 3) and frames.max() > 150
