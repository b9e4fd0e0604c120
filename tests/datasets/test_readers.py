"""The formats that robots' data come in: each is read from a tiny file in its own layout."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.datasets import makers
from tests.datasets import patterned as make
from wamviz.core.errors import Damaged, InvalidInput, Unsafe, WamvizError
from wamviz.datasets import ActionSpaceOverride, open_dataset
from wamviz.datasets.containers.pickled_text import as_whole, read_literals, walk
from wamviz.metrics.trajectory import path_pixels

h5py = pytest.importorskip("h5py")
needs_numcodecs = pytest.mark.skipif(find_spec("numcodecs") is None, reason="numcodecs is not installed here")
STEPS = 12


def patterns(count: int, episode: int = 0) -> np.ndarray:
    return np.stack([make.pattern(episode, k) for k in range(count)])


# --- DROID raw --------------------------------------------------------------------------------------------------------


def make_droid(
    root: Path, steps: int = STEPS, stereo: bool = False, serials: tuple[str, ...] = ("11", "22", "33")
) -> Path:
    folder = root / "AUTOLab/success/2023-07-07/Fri_Jul__7_09:42:23_2023"
    folder.mkdir(parents=True)
    with h5py.File(folder / "trajectory.h5", "w") as file:
        for key, dim in (("cartesian_position", 6), ("joint_position", 7), ("joint_velocity", 7)):
            file[f"action/{key}"] = np.arange(steps * dim).reshape(steps, dim) / 1000
        file["action/gripper_position"] = np.linspace(0, 1, steps)
        file["observation/robot_state/cartesian_position"] = np.full((steps, 6), 0.3)
        file["observation/robot_state/gripper_position"] = np.zeros(steps)
        for place, serial in enumerate(serials):
            file[f"observation/camera_type/{serial}"] = np.full(steps, 0 if place == 2 else 1)
        file.attrs["current_task"] = "put the pen in the cup"
    for place, serial in enumerate(serials):
        frames = patterns(steps, place + 1)
        wide = np.concatenate([frames, np.zeros_like(frames)], axis=2) if stereo else frames
        make.write_video(folder / f"recordings/MP4/{serial}{'-stereo' if stereo else ''}.mp4", list(wide[:-1]), 60)
    return root


@pytest.mark.parametrize("stereo", [False, True])
def test_droids_raw_trajectories(stereo: bool, tmp_path: Path) -> None:
    dataset = open_dataset(make_droid(tmp_path / "droid", stereo=stereo))
    episode = dataset.episode(0)
    assert episode.cameras == ("exterior_1", "exterior_2", "wrist") and episode.fps == 15
    assert episode.success is True and episode.instruction == "put the pen in the cup"
    assert make.shown(episode, "wrist") == [(3, k) for k in range(STEPS - 1)]
    space = episode.action_space
    assert space is not None and (space.kind, space.rate, space.dim) == ("joint_velocity", 15.0, 8)
    assert episode.actions is not None and episode.actions.shape == (STEPS, 8) and episode.actions[-1, 7] == 1
    assert episode.state_names[:3] == ("x", "y", "z") and dataset.missing == ()
    pose = open_dataset(tmp_path / "droid", ActionSpaceOverride(actions="cartesian_position")).episode(0)
    assert pose.action_space is not None and pose.action_space.kind == "ee_pose"


def test_droids_cameras_by_their_metadata_and_a_missing_one(tmp_path: Path) -> None:
    root = make_droid(tmp_path / "droid", serials=("11", "22"))
    folder = next(root.rglob("trajectory.h5")).parent
    makers.write_json(folder / "metadata_x.json", {"wrist_cam_serial": "11", "ext1_cam_serial": "22", "success": False,
                                                   "uuid": "u", "current_task": "c"})  # fmt: skip
    makers.write_json(root / "aggregated-annotations-1.json", {"u": {"language_instruction1": "fold the cloth"}})
    episode = open_dataset(root).episode(0)
    assert episode.cameras == ("exterior_1", "wrist") and make.shown(episode, "wrist")[0] == (1, 0)
    assert episode.success is False and episode.instruction == "fold the cloth"
    for path in (folder / "recordings/MP4").iterdir():
        path.unlink()
    assert "No video was found in 'AUTOLab/success/2023-07-07" in " ".join(open_dataset(root).missing)


def test_a_bad_value_of_droids_and_a_full_rate_video(tmp_path: Path) -> None:
    root = make_droid(tmp_path / "droid", serials=("11",))
    path = next(root.rglob("trajectory.h5"))
    with h5py.File(path, "a") as file:
        file["action/joint_velocity"][4, 2] = np.nan
    make.write_video(path.parent / "recordings/MP4/11.mp4", list(np.repeat(patterns(STEPS, 1), 4, axis=0)), 60)
    episode = open_dataset(root).episode(0)
    assert [row for _, row in make.shown(episode)] == [k for k in range(STEPS) if k != 4]
    assert episode.actions is not None and len(episode.actions) == STEPS - 1


# --- CALVIN -----------------------------------------------------------------------------------------------------------


def make_calvin(
    root: Path, first: int = 100, steps: int = STEPS, words: bool = True, numpy_numbers: bool = False
) -> Path:
    split = root / "training"
    (split / "lang_annotations").mkdir(parents=True)
    for k in range(steps):
        arrays = {"rgb_static": make.pattern(0, k), "rgb_gripper": make.pattern(1, k),
                  "depth_static": np.linspace(1, 4, 64 * 64).reshape(64, 64).astype(np.float32),
                  "actions": np.full(7, 0.1), "rel_actions": np.r_[np.full(6, k / 100), -1.0],
                  "robot_obs": np.arange(15) / 10}  # fmt: skip
        np.savez(split / f"episode_{first + k:07d}.npz", **arrays)
    np.save(split / "ep_start_end_ids.npy", np.array([[first, first + steps - 1]]))
    if words:
        number = np.int64 if numpy_numbers else int
        spans = [(number(first), number(first + 5)), (number(first + 3), number(first + 40))]
        language = {"ann": ["push the pink block", "open the drawer"], "emb": np.zeros((2, 1, 4), np.float32)}
        told = {"language": language, "info": {"episodes": [], "indx": spans}}
        np.save(split / "lang_annotations/auto_lang_ann.npy", np.array(told, object), allow_pickle=True)
    return root


@pytest.mark.parametrize("numpy_numbers", [False, True])
def test_calvins_steps_and_sentences(numpy_numbers: bool, tmp_path: Path) -> None:
    dataset = open_dataset(make_calvin(tmp_path / "calvin", numpy_numbers=numpy_numbers))
    assert dataset.indices == (0, 1) and dataset.available == (0,)  # of the second stretch steps are not here
    episode = dataset.episode(0)
    assert episode.instruction == "push the pink block" and episode.fps == 30
    assert episode.cameras == ("rgb_static", "rgb_gripper", "depth_static")
    assert make.shown(episode, "rgb_gripper") == [(1, k) for k in range(6)]
    space = episode.action_space
    assert space is not None and space.units[:4] == ("0.02 m",) * 3 + ("0.05 rad",) and space.gripper_closed == -1
    assert episode.actions is not None and np.allclose(episode.actions[:, 0], np.arange(6) / 100)
    assert episode.states is not None and episode.states.shape == (6, 15) and episode.state_names[0] == "x"
    assert "distances" in " ".join(episode.missing)


def test_calvin_without_sentences_goes_by_its_own_spans_and_then_by_numbers(tmp_path: Path) -> None:
    root = make_calvin(tmp_path / "calvin", words=False)
    assert open_dataset(root).episode(0).frame_count == STEPS
    (root / "training/ep_start_end_ids.npy").unlink()
    (root / "training/episode_0000105.npz").unlink()
    dataset = open_dataset(root / "training")
    assert [dataset.episode(i).frame_count for i in dataset.indices] == [5, 6]


class Evil:
    def __reduce__(self) -> Any:
        return (open, ("pwned", "w"))


def test_sentences_in_a_pickle_are_read_without_running_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = {"language": {"ann": ["a"]}, "info": {"indx": [(1, 2)]}, "evil": Evil(), "n": np.int32(7), 1.5: [None, True]}
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        found = next(walk(read_literals(pickle.dumps(told, protocol))))
        assert found["language"] == {"ann": ["a"]} and found["info"]["indx"] == [(1, 2)]
        assert as_whole(found["n"]) == 7 and found[1.5] == [None, True]
    assert not (tmp_path / "pwned").exists()
    with pytest.raises(Damaged):
        read_literals(pickle.dumps(told)[:-20])


def test_steps_of_calvin_are_never_unpickled(tmp_path: Path) -> None:
    root = make_calvin(tmp_path / "calvin", words=False)
    np.savez(root / "training/episode_0000100.npz", rgb_static=make.pattern(0, 0), rel_actions=np.array([{}], object))
    with pytest.raises(Unsafe, match="Python objects"):
        open_dataset(root).episode(0)


# --- zarr -------------------------------------------------------------------------------------------------------------


def write_zarr(root: Path, name: str, values: np.ndarray, chunk: int = 5, codec: str = "blosc", **about: Any) -> None:
    """One array in the zarr v2 layout, chunked along its rows."""
    import numcodecs

    chunks = (chunk, *values.shape[1:])
    compressor: Any = {
        "blosc": numcodecs.Blosc(),
        "zlib": numcodecs.Zlib(),
        "zstd": numcodecs.Zstd(),
        "lz4": numcodecs.LZ4(),
    }
    config = (
        {"id": codec}
        if codec.startswith("imagecodecs")
        else None
        if codec == "none"
        else compressor[codec].get_config()
    )
    meta = {"zarr_format": 2, "shape": values.shape, "chunks": chunks, "dtype": values.dtype.str, "fill_value": 0,
            "order": "C", "filters": None, "compressor": config} | about  # fmt: skip
    makers.write_json(root / name / ".zarray", meta)
    for place in range(-(-len(values) // chunk)):
        part = np.zeros(chunks, values.dtype)
        rows = values[place * chunk : (place + 1) * chunk]
        part[: len(rows)] = rows
        if codec == "imagecodecs_jpeg2k":
            buffer = io.BytesIO()
            Image.fromarray(part[0]).save(buffer, "JPEG2000")
            data = buffer.getvalue()
        else:
            data = part.tobytes() if codec == "none" else compressor[codec].encode(part)
        (root / name / ".".join(["0"] * 0 + [str(place)] + ["0"] * (values.ndim - 1))).write_bytes(data)


def make_replay(root: Path, codec: str = "blosc") -> Path:
    frames = np.concatenate([patterns(7, 0), patterns(STEPS, 1)])
    picture: dict[str, Any] = {"codec": codec, "chunk": 1} if codec.startswith("imagecodecs") else {"codec": codec}
    write_zarr(root, "data/img", frames.astype(np.float32) if codec == "zlib" else frames, **picture)
    plain = "blosc" if codec.startswith("imagecodecs") else codec
    write_zarr(root, "data/action", np.arange(19 * 2).reshape(19, 2).astype(np.float32), codec=plain)
    write_zarr(root, "data/state", np.arange(19 * 5).reshape(19, 5).astype(np.float32), codec=plain)
    write_zarr(root, "meta/episode_ends", np.array([7, 19]), codec=plain)
    return root


def zipped(root: Path, prefix: str = "") -> Path:
    path = root.with_name("replay.zarr.zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*")):
            if file.is_file():
                archive.write(file, prefix + file.relative_to(root).as_posix())
    return path


@needs_numcodecs
@pytest.mark.parametrize("codec", ["none", "blosc", "zlib", "zstd", "lz4", "imagecodecs_jpeg2k"])
@pytest.mark.parametrize("kind", ["folder", "zip", "zip with a folder"])
def test_replay_buffers_of_diffusion_policy(codec: str, kind: str, tmp_path: Path) -> None:
    root = make_replay(tmp_path / "replay.zarr", codec)
    path = root if kind == "folder" else zipped(root, "replay_buffer.zarr/" if "with" in kind else "")
    dataset = open_dataset(path)
    episode = dataset.episode(1)
    assert len(dataset) == 2 and make.shown(episode) == [(1, k) for k in range(STEPS)]
    assert episode.actions is not None and episode.actions[0].tolist() == [14, 15] and len(episode.actions) == STEPS
    assert episode.states is not None and episode.states.shape == (STEPS, 5)
    assert "10 Hz is taken" in " ".join(dataset.missing)


@needs_numcodecs
def test_replay_buffers_of_umi_show_the_next_pose(tmp_path: Path) -> None:
    root = tmp_path / "umi.zarr"
    poses = np.linspace(0, 1, 19 * 3).reshape(19, 3).astype(np.float32)
    write_zarr(root, "data/camera0_rgb", np.concatenate([patterns(7, 0), patterns(STEPS, 1)]))
    write_zarr(root, "data/robot0_eef_pos", poses)
    write_zarr(root, "data/robot0_eef_rot_axis_angle", poses / 2)
    write_zarr(root, "data/robot0_gripper_width", poses[:, :1])
    write_zarr(root, "meta/episode_ends", np.array([7, 19]))
    episode = open_dataset(root).episode(1)
    space = episode.action_space
    assert space is not None and space.kind == "ee_pose" and space.units == ("m",) * 3 + ("rad",) * 3 + ("m",)
    assert episode.cameras == ("camera0",) and episode.actions is not None
    assert np.allclose(episode.actions[:, :3], poses[8:]) and len(episode.actions) == STEPS - 1


@needs_numcodecs
@pytest.mark.parametrize(
    ("about", "error", "says"),
    [
        ({"filters": [{"id": "pickle"}]}, Unsafe, "never opened"),
        ({"dtype": "|O"}, Unsafe, "Python objects"),
        ({"compressor": {"id": "home-made"}}, WamvizError, "Unknown codec"),
        ({"zarr_format": 3}, Damaged, "zarr v2"),
        ({"chunks": [10**12, 2]}, Unsafe, "more than"),
    ],
)
def test_hostile_zarr_arrays_are_refused(
    about: dict[str, Any], error: type[WamvizError], says: str, tmp_path: Path
) -> None:
    root = make_replay(tmp_path / "replay.zarr")
    write_zarr(root, "data/action", np.zeros((19, 2), np.float32), **about)
    try:
        dataset = open_dataset(root)
        told = " ".join([*dataset.missing, *dataset.episode(0).missing])
    except error as refused:
        told = str(refused)
    assert says in told


@needs_numcodecs
def test_a_chunk_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    import zlib

    root = make_replay(tmp_path / "replay.zarr", "zlib")
    (root / "data/state/0.0").write_bytes(zlib.compress(bytes(50_000_000)))
    with pytest.raises(Unsafe, match="unpacks to"):
        open_dataset(root).episode(0)


# --- RoboTwin ---------------------------------------------------------------------------------------------------------


def make_robotwin(root: Path, marked: bool = False) -> Path:
    """Red pictures, as RoboTwin keeps them: red and blue swapped unless they are marked."""
    colour = np.zeros((STEPS, 48, 64, 3), np.uint8)
    colour[..., 0] = 200
    stored = colour if marked else colour[..., ::-1]
    packed = [make.jpeg(frame) for frame in stored]
    if marked:
        comment = b"\xff\xfe" + (10).to_bytes(2, "big") + b"XPL-RGB1"
        packed = [data[:2] + comment + data[2:] for data in packed]
    longest = max(map(len, packed))
    (root / "data").mkdir(parents=True)
    with h5py.File(root / "data/episode0.hdf5", "w") as file:
        for camera in ("head_camera", "left_camera"):
            file[f"observation/{camera}/rgb"] = np.array([data.ljust(longest, b"\0") for data in packed], f"S{longest}")
            file[f"observation/{camera}/intrinsic_cv"] = np.tile([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]], (STEPS, 1, 1))
            file[f"observation/{camera}/extrinsic_cv"] = np.tile(np.eye(4)[:3], (STEPS, 1, 1))
        for side in ("left", "right"):
            file[f"joint_action/{side}_arm"], file[f"joint_action/{side}_gripper"] = np.ones((STEPS, 6)), np.ones(STEPS)
            file[f"endpose/{side}_endpose"], file[f"endpose/{side}_gripper"] = np.ones((STEPS, 7)), np.ones(STEPS)
        file["joint_action/vector"] = np.ones((STEPS, 14))
    makers.write_json(root / "instructions/episode0.json", {"seen": ["stack the bowls"], "unseen": ["x"]})
    return root


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("part", ["", "data", "data/episode0.hdf5"])
def test_robotwins_files_and_their_colours(marked: bool, part: str, tmp_path: Path) -> None:
    episode = open_dataset(make_robotwin(tmp_path / "stack", marked) / part).episode(0)
    assert episode.cameras == ("head_camera", "left_camera") and episode.frame_count == STEPS
    red, green, blue = episode.frames("head_camera").reshape(-1, 3).mean(axis=0)
    assert red > 190 and green < 15 and blue < 15
    space = episode.action_space
    assert space is not None and space.kind == "joint_position" and space.names[6] == "left_gripper" and space.dim == 14
    assert episode.states is not None and episode.state_names[:3] == ("left_x", "left_y", "left_z")
    assert episode.camera_model("head_camera") is not None
    assert episode.instruction == ("stack the bowls" if part == "" else "")


# --- pictures in HDF5 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["S", "V", "vlen", "padded", "column", "base64", "group", "group of pixels"])
def test_pictures_in_hdf5_of_every_kind(kind: str, tmp_path: Path) -> None:
    import base64

    packed = [make.jpeg(frame) for frame in patterns(STEPS)]
    longest = max(map(len, packed))
    strings = np.array([data.ljust(longest, b"\0") for data in packed], f"S{longest}")
    with h5py.File(tmp_path / "episode_0.hdf5", "w") as file:
        file["action"], file["observations/qpos"] = np.zeros((STEPS, 14)), np.zeros((STEPS, 14))
        views = file.create_group("observations/images")
        if kind == "S":
            views["top"] = strings
        elif kind == "V":
            views["top"] = strings.view(f"V{longest}")
        elif kind == "column":
            views["top"] = strings[:, None]
        elif kind == "padded":
            views["top"] = strings.view(np.uint8).reshape(STEPS, longest)
        elif kind == "vlen":
            node = views.create_dataset("top", (STEPS,), h5py.vlen_dtype(np.uint8))
            for k, data in enumerate(packed):
                node[k] = np.frombuffer(data, np.uint8)
        elif kind == "base64":
            views["top"] = [base64.b64encode(data).decode() for data in packed]
        else:
            for k, data in enumerate(packed):
                views[f"top/{k}"] = make.pattern(0, k) if "pixels" in kind else np.frombuffer(data, np.uint8)
    episode = open_dataset(tmp_path).episode(0)
    assert episode.cameras == ("top",) and make.shown(episode) == [(0, k) for k in range(STEPS)] and not episode.missing


def test_what_is_not_known_to_be_pictures_is_called_unknown_and_never_absent(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "episode_0.hdf5", "w") as file:
        file["action"], file["observations/qpos"] = np.zeros((STEPS, 14)), np.zeros((STEPS, 14))
        file["observations/images/top"] = np.array([b"\x01\xfe" * 500] * STEPS, "S1000")
    said = " ".join(open_dataset(tmp_path).missing)
    assert "'observations/images/top' holds |S1000 of shape (12,), in a form that is not known" in said
    assert "No pictures" not in said


def test_texts_of_every_step_in_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        group = file.create_group("data/demo_0")
        group["actions"], group["obs/agentview_image"] = np.zeros((4, 5)), patterns(4)
        group["language_instruction"] = ["reach", "reach", "grasp", "grasp"]
    episode = open_dataset(tmp_path / "a.hdf5").episode(0)
    assert episode.instruction_at(1) == "reach" and episode.instruction_at(3) == "grasp"


# --- units ------------------------------------------------------------------------------------------------------------


def make_robosuite(path: Path, actions: np.ndarray, states: np.ndarray | None = None, **controller: Any) -> Path:
    settings = {"type": "OSC_POSE", "control_delta": True, "output_max": [0.05] * 3 + [0.5] * 3} | controller
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["env_args"] = json.dumps({"env_kwargs": {"control_freq": 20, "controller_configs": settings}})
        group = data.create_group("demo_0")
        group["actions"], group["obs/agentview_image"] = actions, patterns(len(actions))
        if states is not None:
            group["obs/robot0_eef_pos"], group["obs/robot0_gripper_qpos"] = states, np.zeros((len(actions), 2))
            group["obs/robot0_eef_quat"] = np.tile([1.0, 0, 0, 0], (len(actions), 1))
    return path


POSITIONS = np.stack([np.linspace(-0.1, 0.05, 30), np.linspace(0, 0.03, 30), np.linspace(1.0, 0.85, 30)], axis=1)


@pytest.mark.parametrize("turn", [[3.13, 0.02, -0.01], [0.3, 0.02, -0.01]], ids=["outside the limits", "within them"])
def test_absolute_actions_under_settings_of_deltas_are_poses(turn: list[float], tmp_path: Path) -> None:
    actions = np.concatenate([POSITIONS, np.tile(turn, (30, 1)), np.full((30, 1), -1.0)], axis=1)
    episode = open_dataset(make_robosuite(tmp_path / "a.hdf5", actions, POSITIONS)).episode(0)
    space = episode.action_space
    assert space is not None and (space.kind, space.units[:6]) == ("ee_pose", ("m",) * 3 + ("rad",) * 3)
    assert "declares steps of the hand" in " ".join(episode.missing)


def test_absolute_actions_without_states_are_unknown_and_real_deltas_stay(tmp_path: Path) -> None:
    far = np.concatenate([POSITIONS, np.tile([3.13, 0, 0], (30, 1)), np.ones((30, 1))], axis=1)
    space = open_dataset(make_robosuite(tmp_path / "a.hdf5", far)).episode(0).action_space
    assert space is not None and space.kind == "unnamed" and set(space.units) == {""}
    steps = np.random.default_rng(0).uniform(-1, 1, (30, 7))
    kept = open_dataset(make_robosuite(tmp_path / "b.hdf5", steps, POSITIONS)).episode(0)
    assert kept.action_space is not None and kept.action_space.kind == "ee_delta" and kept.missing == ()
    said = open_dataset(make_robosuite(tmp_path / "c.hdf5", far, control_delta=False)).episode(0).action_space
    assert said is not None and said.kind == "ee_pose"


def test_degrees_called_radians_and_a_persons_word_that_is_doubtful(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "episode_0.hdf5", "w") as file:
        file["action"] = np.linspace(-90, 90, STEPS * 14).reshape(STEPS, 14)
        file["observations/images/top"] = patterns(STEPS)
    episode = open_dataset(tmp_path).episode(0)
    assert episode.action_space is not None and "" in episode.action_space.units
    assert "is not believed" in " ".join(episode.missing)
    override = ActionSpaceOverride(kind="joint_position", units=("rad",) * 14)
    told = open_dataset(tmp_path, override).episode(0)
    assert told.action_space is not None and told.action_space.units == ("rad",) * 14
    assert "The layout is doubtful" in " ".join(told.missing)


def test_droids_rlds_actions_are_poses(tmp_path: Path) -> None:
    pose = np.tile([0.4, 0.1, 0.3, 3.1, 0, 0], (5, 1)).astype(np.float32)
    features = {"steps/action": np.concatenate([pose, np.ones((5, 1), np.float32)], axis=1),
                "steps/observation/exterior_image_1_left": [makers.png(f) for f in makers.pictures(5)],
                "steps/observation/cartesian_position": pose,
                "steps/observation/gripper_position": np.ones(5, np.float32),
                "steps/observation/strange_image": [b"\x00\x01\xff" * 100] * 5,
                "steps/language_instruction": [b"reach"] * 3 + [b"grasp"] * 2,
                "steps/is_first": np.arange(5) == 0}  # fmt: skip
    folder = tmp_path / "droid/1.0.0"
    folder.mkdir(parents=True)
    data = makers.record(makers.example(features))
    (folder / "droid-train.tfrecord-00000-of-00001").write_bytes(data)
    episode = open_dataset(tmp_path).episode(0)
    assert episode.action_space is not None and episode.action_space.kind == "ee_pose"
    assert episode.state_names[:3] == ("x", "y", "z") and episode.instruction_at(4) == "grasp"
    assert "'strange_image' holds 300 bytes a step in a form that is not known" in " ".join(episode.missing)


# --- a pair of files, two arms ----------------------------------------------------------------------------------------

SIDES = ("x", "y", "z", "qx", "qy", "qz", "qw", "gripper")


def make_two_arms(root: Path, **changes: Any) -> Path:
    make.write_video(root / "head.mp4", [np.full((480, 640, 3), 90, np.uint8)] * 20)
    turn = np.array([0.0535, 0.7732, -0.6317, 0.0143])
    left = np.concatenate([[0.6447, 0.2898, 0.5267], turn / np.linalg.norm(turn), [35.0]])
    right = left - np.r_[0, 0.6, np.zeros(6)]
    np.save(root / "action.npy", np.tile(np.concatenate([left, right]), (20, 1)))
    pose = [[-0.0048, -0.9076, 0.4199, 0.5423], [-1, 0.0057, 0.0008, -0.0182], [-0.0031, -0.4199, -0.9076, 0.8411],
            [0, 0, 0, 1]]  # fmt: skip
    camera = {"width": 640, "height": 480, "intrinsics": [322.1, 429.1, 325.1, 247.4], "world_from_camera": pose}
    names = [f"{side}_{name}" for side in ("left", "right") for name in SIDES]
    layout = {"rate": 30, "kind": "ee_pose", "names": names, "units": (["m"] * 3 + [""] * 4 + ["mm"]) * 2,
              "cameras": {"head": camera}, "tool": {"offset": [0, 0, 0.23], "turn": "quaternion_xyzw"}}  # fmt: skip
    episode = {"videos": {"head": "head.mp4"}, "actions": "action.npy", "instruction": "x"}
    makers.write_json(root / "wamviz.json", {"episodes": [episode], "layout": layout} | changes)
    return root


def test_poses_are_drawn_without_a_start_state(tmp_path: Path) -> None:
    rollout = open_dataset(make_two_arms(tmp_path)).episode(0).rollout()
    assert rollout.camera_model is not None
    pixels = path_pixels(rollout, rollout.camera_model)
    assert pixels is not None and np.allclose(pixels, [252.7, 327.7], atol=0.05)


@pytest.mark.parametrize("chosen", [["8:16"], list(range(8, 16)), [f"right_{name}" for name in SIDES]])
def test_the_other_arm_is_chosen_by_its_columns(chosen: list[Any], tmp_path: Path) -> None:
    rollout = open_dataset(make_two_arms(tmp_path, columns={"actions": chosen})).episode(0).rollout()
    assert rollout.action_space is not None and rollout.camera_model is not None
    assert rollout.action_space.names == tuple(f"right_{name}" for name in SIDES)
    pixels = path_pixels(rollout, rollout.camera_model)
    assert pixels is not None and np.allclose(pixels, [781.2, 323.8], atol=0.05)


def test_columns_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    make_two_arms(tmp_path, columns={"actions": ["8:99"]})
    with pytest.raises(InvalidInput, match="no column 16"):
        open_dataset(tmp_path).episode(0)


def test_a_calibration_of_another_shape_is_told_and_not_drawn(tmp_path: Path) -> None:
    make_two_arms(tmp_path)
    make.write_video(tmp_path / "head.mp4", [np.full((360, 640, 3), 90, np.uint8)] * 20)
    episode = open_dataset(tmp_path).episode(0)
    assert episode.rollout().camera_model is None and not episode.observation(0).cameras
    assert "calibrated with pictures of 640 x 480, and its frames have 640 x 360" in " ".join(episode.missing)


def test_gaps_in_tables_cost_their_rows(tmp_path: Path) -> None:
    make.write_video(tmp_path / "a.mp4", list(patterns(6)))
    (tmp_path / "a.csv").write_text("x,y\n" + "\n".join("1,2" if k != 3 else "1," for k in range(6)))
    episode = {"videos": "a.mp4", "actions": "a.csv"}
    makers.write_json(tmp_path / "wamviz.json", {"episodes": [episode], "layout": {"rate": 30}})
    found = open_dataset(tmp_path).episode(0)
    assert found.actions is not None and len(found.actions) == found.frame_count == 5
    assert [row for _, row in make.shown(found)] == [0, 1, 2, 4, 5] and "Row 3 of the actions" in " ".join(
        found.missing
    )


def test_a_gap_in_an_annotation_at_another_rate_is_held(tmp_path: Path) -> None:
    root = makers.make_ctrlworld(tmp_path / "set")
    path = root / "annotation/train/10.json"
    told = json.loads(path.read_text())
    told["action.joint_velocity"][4][2] = None
    makers.write_json(path, told)
    episode = open_dataset(root).episode(1)
    assert episode.actions is not None and len(episode.actions) == 13 and episode.frame_count == 5
    assert np.array_equal(episode.actions[4], episode.actions[3]) and "1 rows of the actions" in " ".join(
        episode.missing
    )


# --- what cannot be read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("raw/traj_group0/traj0/policy_out.pkl", "BridgeData V2, raw.*RLDS version"),
        ("proprio_stats/327/648642/proprio_stats.h5", "AgiBot World.*agibot_to_lerobot"),
        ("episode.mcap", "MCAP.*mcap"),
        ("run.bag", "ROS bag.*rosbags"),
        ("x-train.array_record-00000-of-00001", "ArrayRecord.*tfrecord"),
        ("episode.pkl", "pickles.*wamviz.json"),
        ("a/recordings/SVO/1.svo", "ZED.*svo_to_mp4"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_converts_it(file: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "set" / file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    with pytest.raises(InvalidInput, match=says):
        open_dataset(tmp_path / "set")
