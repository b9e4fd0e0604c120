"""Claim: a v3.0 or v2.1 dataset of 100,000 episodes opens in under 2 s and 500 MB, Python's own start included."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from _report import report

EPISODES, FILES, ROWS = 100_000, 20, 300
OPEN = """
import resource, sys, time
started = time.perf_counter()  # of the whole process's work; the processor's own seconds stand beside it
from wamviz.datasets import open_dataset
dataset = open_dataset(sys.argv[1])
assert len(dataset) == int(sys.argv[2])
opened = time.perf_counter() - started
dataset.summary()
seconds = time.perf_counter() - started
print(opened, seconds, time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
"""


def make(root: Path) -> None:
    """Metadata as LeRobot writes it, statistics included, and empty files in the place of the data."""
    key = "observation.images.front"
    features = {
        "action": {"dtype": "float32", "shape": [7], "names": [f"j{i}.pos" for i in range(7)]},
        key: {"dtype": "video", "shape": [480, 640, 3]},
    }
    info = {"codebase_version": "v3.0", "fps": 30, "features": features, "total_episodes": EPISODES}
    (root / "meta/episodes/chunk-000").mkdir(parents=True)
    (root / "meta/info.json").write_text(json.dumps(info))
    each = EPISODES // FILES
    for file in range(FILES):
        index = range(file * each, (file + 1) * each)
        columns = {
            "episode_index": pa.array(index, pa.int64()),
            "tasks": pa.array([[f"task {i % 500}"] for i in index]),
            "length": pa.array([ROWS] * each, pa.int64()),
            "data/chunk_index": pa.array([0] * each, pa.int64()),
            "data/file_index": pa.array([file] * each, pa.int64()),
            f"videos/{key}/chunk_index": pa.array([0] * each, pa.int64()),
            f"videos/{key}/file_index": pa.array([file] * each, pa.int64()),
            f"videos/{key}/from_timestamp": pa.array([i % each * ROWS / 30 for i in index]),
            f"videos/{key}/to_timestamp": pa.array([(i % each + 1) * ROWS / 30 for i in index]),
        }
        for name in ("min", "max", "mean", "std", "q01", "q99"):
            columns[f"stats/action/{name}"] = pa.array([[float(i)] * 7 for i in index])
        pq.write_table(pa.table(columns), root / f"meta/episodes/chunk-000/file-{file:03d}.parquet")
        data = root / f"data/chunk-000/file-{file:03d}.parquet"
        data.parent.mkdir(parents=True, exist_ok=True)
        data.touch()


def make_v21(root: Path) -> None:
    """The same in v2.1: a line and a parquet file (empty here) an episode."""
    key = "observation.images.front"
    features = {
        "action": {"dtype": "float32", "shape": [7], "names": [f"j{i}.pos" for i in range(7)]},
        key: {"dtype": "video", "shape": [480, 640, 3]},
    }
    info = {"codebase_version": "v2.1", "fps": 30, "features": features, "total_episodes": EPISODES}
    lines = [{"episode_index": i, "tasks": [f"task {i % 500}"], "length": ROWS} for i in range(EPISODES)]
    (root / "meta").mkdir(parents=True)
    (root / "meta/info.json").write_text(json.dumps(info))
    (root / "meta/episodes.jsonl").write_text("\n".join(map(json.dumps, lines)))
    for chunk in range(EPISODES // 1000):
        folder = root / f"data/chunk-{chunk:03d}"
        folder.mkdir(parents=True)
        for index in range(1000 * chunk, 1000 * (chunk + 1)):
            (folder / f"episode_{index:06d}.parquet").touch()


def main() -> int:
    measured: dict[str, tuple[float, float]] = {}
    spent = 0.0
    for version, build in (("v3.0", make), ("v2.1", make_v21)):
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder))
            command = [sys.executable, "-c", OPEN, folder, str(EPISODES)]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        opened, seconds, busy, memory = map(float, out.split())
        print(f"{version}: {EPISODES} episodes opened in {opened:.2f} s; {busy:.2f} s of processor time in all")
        suffix = "" if version == "v3.0" else f" of {version}"
        measured |= {f"open and summary{suffix} (s)": (seconds, 2.0), f"memory{suffix} (MB)": (memory, 500.0)}
        spent += busy
    return report(
        "open_large_dataset",
        "100,000 episodes of v3.0 and of v2.1 open and are summed up in under 2 s and 500 MB",
        measured,
        processor_seconds=round(spent, 2),
    )


if __name__ == "__main__":
    sys.exit(main())
