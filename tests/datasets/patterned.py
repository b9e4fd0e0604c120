"""Small LeRobot datasets in which every frame says which episode and row it is, and every action too.

A frame carries 8 bits of its row on the left and 4 bits of its episode on the right, large enough to survive
compression; the first number of its action is ``episode + row / 1000``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

SIDE = 64
FPS = 30
KEY = "observation.images.front"
NAMES = ["x", "y", "z", "roll", "pitch", "yaw", "gripper"]
VECTORS = ("action", "observation.state")
V3_DATA = "data/chunk-000/file-{file:03d}.parquet"
V3_VIDEO = "videos/{key}/chunk-000/file-{file:03d}.mp4"


def pattern(episode: int, row: int) -> np.ndarray:
    """(64, 64, 3) uint8 that ``decode`` reads."""
    frame = np.full((SIDE, SIDE, 3), 60, np.uint8)
    for bit in range(8):
        frame[bit * 8 : bit * 8 + 8, :32] = 230 if row >> bit & 1 else 20
    for bit in range(4):
        frame[bit * 16 : bit * 16 + 16, 32:] = 230 if episode >> bit & 1 else 20
    return frame


def decode(frame: np.ndarray) -> tuple[int, int]:
    """(episode, row) of a pattern."""
    grey = frame.astype(int).mean(axis=2)
    row = sum(int(grey[bit * 8 + 2 : bit * 8 + 6, 6:22].mean() > 125) << bit for bit in range(8))
    episode = sum(int(grey[bit * 16 + 4 : bit * 16 + 12, 42:58].mean() > 125) << bit for bit in range(4))
    return episode, row


def shown(episode: Any, camera: str | None = None) -> list[tuple[int, int]]:
    """What each frame of an episode says it is."""
    return [decode(frame) for frame in episode.frames(camera)]


def jpeg(frame: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def png(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def write_video(path: Path, frames: Sequence[np.ndarray], fps: float = FPS, times: Any = None, bf: int = 0) -> None:
    """An mp4 of H.264 whose frames are shown at ``times`` (seconds), or at one rate."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tick = Fraction(1, 90_000)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        stream.codec_context.time_base = stream.time_base = tick
        stream.options = {"bf": str(bf), "g": "15", "crf": "18"}
        for k, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts = round((k / fps if times is None else float(times[k])) / tick)
            picture.time_base = tick
            out.mux(stream.encode(picture))
        out.mux(stream.encode())


def rows(episode: int, count: int, start: int = 0, **changes: Any) -> dict[str, Any]:
    """The columns of an episode; ``changes`` replace or add some, None takes one away."""
    vectors = [[episode + k / 1000.0] * len(NAMES) for k in range(count)]
    columns = {
        "action": vectors, "observation.state": vectors, "timestamp": np.arange(count, dtype=np.float32) / FPS,
        "frame_index": np.arange(count), "episode_index": np.full(count, episode),
        "index": np.arange(start, start + count), "task_index": np.zeros(count, int),
    }  # fmt: skip
    merged = {**columns, **changes}
    return {name: values for name, values in merged.items() if values is not None}


def table(columns: dict[str, Any]) -> pa.Table:
    """An Arrow table, vectors as lists of float32."""
    return pa.table(
        {name: pa.array(values, pa.list_(pa.float32())) if name in VECTORS and not isinstance(values, pa.Array)
         else values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    )  # fmt: skip


def write_table(path: Path, columns: dict[str, Any] | pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(columns if isinstance(columns, pa.Table) else table(columns), path)


def write_info(root: Path, version: str, count: int, keys: Sequence[str], **changes: Any) -> None:
    view = {"dtype": "video", "shape": [SIDE, SIDE, 3], "info": {"video.fps": FPS, "video.codec": "h264"}}
    features: dict[str, Any] = {key: view for key in keys}
    features |= {name: {"dtype": "float32", "shape": [len(NAMES)], "names": NAMES} for name in VECTORS}
    features |= changes.pop("features", {})
    info = {"codebase_version": version, "robot_type": "arm", "total_episodes": count, "fps": FPS, "features": features,
            "chunks_size": 1000} | changes  # fmt: skip
    path = root / "meta/info.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(info))


def make_v2(root: Path, lengths: Sequence[int], tasks: Sequence[str] = ("move",), **changes: Any) -> Path:
    """A dataset of v2.1 with one parquet file and one video an episode."""
    for episode, count in enumerate(lengths):
        write_table(v2_data(root, episode), rows(episode, count))
        write_video(v2_video(root, episode), [pattern(episode, k) for k in range(count)])
    write_info(root, "v2.1", len(lengths), [KEY], **changes)
    (root / "meta/tasks.jsonl").write_text(
        "\n".join(json.dumps({"task_index": i, "task": text}) for i, text in enumerate(tasks))
    )
    listed = [{"episode_index": e, "tasks": [tasks[0]], "length": count} for e, count in enumerate(lengths)]
    (root / "meta/episodes.jsonl").write_text("\n".join(map(json.dumps, listed)))
    return root


def v2_data(root: Path, episode: int) -> Path:
    return root / f"data/chunk-000/episode_{episode:06d}.parquet"


def v2_video(root: Path, episode: int) -> Path:
    return root / f"videos/chunk-000/{KEY}/episode_{episode:06d}.mp4"


def make_v3(root: Path, lengths: Sequence[int], files: Sequence[int], **changes: Any) -> list[dict[str, Any]]:
    """A dataset of v3.0 whose episode e lies in file ``files[e]``; returns the rows of its list of episodes."""
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(int)
    listed: list[dict[str, Any]] = []
    for file in sorted(set(files)):
        members = [e for e in range(len(lengths)) if files[e] == file]
        tables = [table(rows(e, lengths[e], int(starts[e]))) for e in members]
        write_table(root / V3_DATA.format(file=file), pa.concat_tables(tables))
        frames = [pattern(e, k) for e in members for k in range(lengths[e])]
        write_video(root / V3_VIDEO.format(key=KEY, file=file), frames)
        begins = 0.0
        for e in members:
            lasting = lengths[e] / FPS
            listed.append(
                {
                    "episode_index": e,
                    "tasks": ["move"],
                    "length": lengths[e],
                    **{
                        f"{prefix}/{name}": value
                        for prefix in ("data", f"videos/{KEY}")
                        for name, value in (("chunk_index", 0), ("file_index", file))
                    },
                    f"videos/{KEY}/from_timestamp": begins,
                    f"videos/{KEY}/to_timestamp": begins + lasting,
                }
            )
            begins += lasting  # fmt: skip
    write_info(root, "v3.0", len(lengths), [KEY], **changes)
    write_table(root / "meta/tasks.parquet", pa.table({"task_index": [0], "task": ["move"]}))
    write_episodes(root, listed)
    return listed


def write_episodes(root: Path, listed: Sequence[dict[str, Any]]) -> None:
    names = dict.fromkeys(name for entry in listed for name in entry)
    columns = {name: [entry.get(name) for entry in listed] for name in names}
    write_table(root / "meta/episodes/chunk-000/file-000.parquet", pa.table(columns))
