"""Small datasets in other people's formats, written by the tests with every wrinkle that was met in real files."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from wamviz.core.media import write_mp4
from wamviz.datasets.containers.tfrecord import masked_crc

SIZE = 32


def picture(k: int, shade: int = 60) -> np.ndarray:
    """(32, 32, 3) uint8 that shows its number: a bright column at 3 k, so that neighbours differ."""
    frame = np.full((SIZE, SIZE, 3), shade, np.uint8)
    frame[:, (3 * k) % SIZE : (3 * k) % SIZE + 3] = 250
    frame[:8, :, 0] = 200  # what is up is red
    return frame


def pictures(count: int, shade: int = 60) -> np.ndarray:
    return np.stack([picture(k, shade) for k in range(count)])


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def png(frame: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "PNG")
    return buffer.getvalue()


# --- Ctrl-World ---


def make_ctrlworld(root: Path) -> Path:
    """``train/6`` (no words), ``train/10`` at full rate; ``val/0006`` with states only and one video frame too many."""
    rng = np.random.default_rng(0)
    for split, name, frames, raw, text in [("train", "6", 4, 12, ""), ("train", "10", 5, 13, "push")]:
        velocity = rng.uniform(-1, 1, (raw, 7))
        joints = np.cumsum(np.vstack([np.zeros(7), 0.2 * velocity]), axis=0)[:raw]
        facts = {
            "texts": [text], "episode_id": name, "success": int(name == "10"), "video_length": frames,
            "state_length": frames, "raw_length": raw, "states": rng.normal(size=(frames, 7)).tolist(),
            "observation.state.cartesian_position": rng.normal(size=(raw, 6)).tolist(),
            "observation.state.joint_position": joints.tolist(),
            "observation.state.gripper_position": np.linspace(0, 1, raw).tolist(),
            "action.cartesian_position": rng.normal(size=(raw, 6)).tolist(),
            "action.joint_position": (joints + 0.2 * velocity).tolist(),
            "action.joint_velocity": velocity.tolist(),
            "action.gripper_position": np.linspace(0, 1, raw).tolist(),
        }  # fmt: skip
        _annotate(root, split, name, facts, frames, 5)
    facts = {"texts": ["fold"], "success": 1, "video_length": 6, "states": rng.normal(size=(6, 7)).tolist()}
    _annotate(root, "val", "0006", facts, 7, 4)
    return root


def _annotate(root: Path, split: str, name: str, facts: dict[str, Any], frames: int, fps: float) -> None:
    facts["videos"] = [{"video_path": f"videos/{split}/{name}/{view}.mp4"} for view in range(3)]
    for view in range(3):
        write_mp4(root / f"videos/{split}/{name}/{view}.mp4", pictures(frames, 40 + 30 * view), fps)
    write_json(root / f"annotation/{split}/{name}.json", facts)


# --- RLDS ---


def varint(value: int) -> bytes:
    out = bytearray()
    value &= 2**64 - 1
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def chunk(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def example(features: dict[str, Any]) -> bytes:
    """A serialised tf.train.Example: bytes lists, packed floats, packed ints."""
    entries = b""
    for name, value in features.items():
        if isinstance(value, list):
            kind = chunk(1, b"".join(chunk(1, item) for item in value))
        elif np.asarray(value).dtype.kind == "f":
            kind = chunk(2, chunk(1, np.asarray(value, "<f4").tobytes()))
        else:
            kind = chunk(3, chunk(1, b"".join(varint(int(item)) for item in np.asarray(value).reshape(-1))))
        entries += chunk(1, chunk(1, name.encode()) + chunk(2, kind))
    return chunk(1, entries)


def record(payload: bytes) -> bytes:
    head = struct.pack("<Q", len(payload))
    return head + struct.pack("<I", masked_crc(head)) + payload + struct.pack("<I", masked_crc(payload))


def rlds_episode(index: int, steps: int = 5) -> dict[str, Any]:
    """Bridge-like: two cameras, one that was never recorded, flags that lie about it."""
    rng = np.random.default_rng(index)
    return {
        "steps/action": rng.normal(scale=0.05, size=(steps, 7)).astype(np.float32),  # m and rad a step
        "steps/observation/state": rng.normal(size=(steps, 7)).astype(np.float32),
        "steps/observation/image_0": [png(f) for f in pictures(steps, 50 + index)],
        "steps/observation/image_1": [png(f) for f in pictures(steps, 90 + index)],
        "steps/observation/image_3": [png(np.zeros((SIZE, SIZE, 3), np.uint8))] * steps,
        "steps/language_instruction": [f"task {index}".encode()] * steps,
        "steps/is_first": np.arange(steps) == 0,
        "steps/reward": np.zeros(steps, np.float32),
        "episode_metadata/has_image_0": np.array([0]),
    }


def make_rlds(root: Path, name: str = "bridge_dataset", episodes: int = 3) -> Path:
    """Shard 0 of two is here; the metadata lists a second one and a split without files."""
    folder = root / name / "1.0.0"
    folder.mkdir(parents=True)
    data = b"".join(record(example(rlds_episode(i))) for i in range(episodes))
    (folder / f"{name}-train.tfrecord-00000-of-00002").write_bytes(data)
    splits = [{"name": "train", "shardLengths": [str(episodes), "2"]}, {"name": "val", "shardLengths": ["1"]}]
    write_json(folder / "dataset_info.json", {"name": name, "splits": splits, "fileFormat": "tfrecord"})
    return root / name


# --- HDF5 ---


def make_libero(path: Path, demos: int = 2, upside_down: bool = True) -> Path:
    import h5py

    problem = {"language_instruction": "put the bowl on the stove", "problem_name": "libero"}
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["problem_info"] = json.dumps(problem)
        data.attrs["bddl_file_name"] = "x.bddl"
        for i in (10, 2)[:demos]:  # numbers, not texts, give the order
            _demo(data.create_group(f"demo_{i}"), i, ("agentview_rgb", "eye_in_hand_rgb"), upside_down)
    return path


def make_robomimic(path: Path, pictured: bool = True) -> Path:
    import h5py

    controller = {"type": "OSC_POSE", "output_max": [0.1, 0.1, 0.1, 0.25, 0.25, 0.25], "control_delta": True}
    env = {"env_name": "Lift", "env_kwargs": {"control_freq": 10, "controller_configs": controller}}
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["env_args"] = json.dumps(env)
        views = ("agentview_image", "robot0_eye_in_hand_image") if pictured else ()
        _demo(data.create_group("demo_0"), 0, views, False)
    return path


def _demo(group: Any, index: int, views: tuple[str, ...], upside_down: bool, steps: int = 6) -> None:
    rng = np.random.default_rng(index)
    group.create_dataset("actions", data=rng.uniform(-1, 1, (steps, 7)))
    group.create_dataset("rewards", data=(np.arange(steps) == steps - 1).astype(np.uint8))
    group.create_dataset("states", data=rng.normal(size=(steps, 40)))
    obs = group.create_group("obs")
    for view in views:
        frames = pictures(steps, 50 + index)
        obs.create_dataset(view, data=frames[:, ::-1] if upside_down else frames, compression="gzip")
    for name, size in (("ee_pos", 3), ("ee_ori", 3), ("gripper_states", 2)):
        obs.create_dataset(name, data=rng.normal(size=(steps, size)))


def make_aloha(path: Path) -> Path:
    import h5py

    rng = np.random.default_rng(1)
    packed = [png(frame) for frame in pictures(4)]
    padded = np.zeros((4, max(map(len, packed)) + 9), np.uint8)
    for row, data in zip(padded, packed, strict=True):
        row[: len(data)] = np.frombuffer(data, np.uint8)
    with h5py.File(path, "w") as file:
        file.create_dataset("action", data=rng.normal(size=(4, 14)))
        file.create_dataset("observations/qpos", data=rng.normal(size=(4, 14)))
        file.create_dataset("observations/images/cam_high", data=padded)
    return path


# --- a video and a table ---


def make_pair(root: Path, table: str = "run.csv", count: int = 6) -> Path:
    """A video at 5 frames a second and actions at 10 Hz in one of the kinds of tables."""
    root.mkdir(parents=True, exist_ok=True)
    write_mp4(root / "run.mp4", pictures(count), 5, keyframe_every=4)
    rows = np.arange(4.0 * count).reshape(2 * count, 2) / 100
    columns = {"time": np.arange(2 * count) / 10, "vx": rows[:, 0], "vy": rows[:, 1]}
    path = root / table
    if path.suffix == ".csv":
        body = zip(*columns.values(), strict=True)
        path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in body)]))
    elif path.suffix == ".json":
        write_json(path, {name: values.tolist() for name, values in columns.items()})
    elif path.suffix == ".npz":
        np.savez(path, **columns)
    else:
        pq.write_table(pa.table(columns), path)
    write_json(
        root / "wamviz.json",
        {
            "episodes": [{"videos": {"front": "run.mp4"}, "actions": table, "instruction": "go", "success": True}],
            "columns": {"actions": ["vy", "vx"]},
            "layout": {"rate": 10, "kind": "ee_delta", "units": ["m", "m"]},
        },
    )
    return root


# --- LeRobot v2 ---


def make_v2(root: Path, version: str = "v2.1", lists: str = "double") -> Path:
    """Three episodes are listed, two have files: nested names, junk words, a camera that was never recorded."""
    features = {
        "observation.state": {"dtype": "float32", "shape": [2], "names": [["a", "b"]]},
        "action": {"dtype": "float32", "shape": [2], "names": {"motors": ["j1.pos", "j2.pos"]}},
        "observation.images.top": {"dtype": "video", "shape": [SIZE, SIZE, 3], "video_info": {"video.codec": "mpeg4"}},
        "observation.images.ghost": {"dtype": "video", "shape": [SIZE, SIZE, 3]},
    }
    info = {
        "codebase_version": version, "fps": 5, "features": features, "total_episodes": 100, "total_chunks": 0,
        "total_videos": 2, "splits": {"train": "0:100"}, "chunks_size": 1000, "robot_type": None,
    }  # fmt: skip
    write_json(root / "meta/info.json", info)
    write_json(root / "meta/tasks.jsonl", {"task_index": 0, "task": "valid"})
    rows = [{"episode_index": 0, "tasks": [""], "length": 5}, {"episode_index": 1, "length": 5},
            {"episode_index": 2, "tasks": ["push"], "length": 5}]  # fmt: skip
    (root / "meta/episodes.jsonl").write_text("\n\n".join(map(json.dumps, rows)) + "\n")
    kinds = {"double": pa.list_(pa.float64()), "float": pa.list_(pa.float32()), "fixed": pa.list_(pa.float32(), 2)}
    for index in (0, 1):
        table = np.arange(10.0).reshape(5, 2) + index
        data = {"observation.state": pa.array((table / 2).tolist(), kinds[lists]),
                "action": pa.array(table.tolist(), kinds[lists]), "task_index": pa.array([0] * 5)}  # fmt: skip
        path = root / f"data/chunk-000/episode_{index:06d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(data), path)
        write_mp4(root / f"videos/chunk-000/observation.images.top/episode_{index:06d}.mp4", pictures(5), 5)
    return root
