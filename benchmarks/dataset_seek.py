"""Claim: the first frame and any frame of a long video are there sooner than lerobot's reader has them.

    python benchmarks/dataset_seek.py --lerobot OTHER_ENVIRONMENT/bin/python

lerobot lives in an environment of its own, whose interpreter is named; without one the yardstick is plain decoding from
the first frame on. Everybody reads the same dataset: one episode of 1,200 frames at 320 x 240, H.264 with a key frame
every 250 frames, as recorders write it. All are timed in this one run, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

FRAMES, HEIGHT, WIDTH, FPS, SEEKS = 1200, 240, 320, 30, 20
KEY = "observation.images.front"
PLACES = np.random.default_rng(0).integers(0, FRAMES, SEEKS).tolist()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("WAMVIZ_LEROBOT", sys.executable)
    parser.add_argument("--lerobot", default=default, help="Python of an environment with lerobot, or WAMVIZ_LEROBOT")
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)  # what this script is called with in each process
    args = parser.parse_args()
    if args.read:
        print(json.dumps(READERS[args.read[0]](args.read[1])))
        return 0

    from _report import lerobot_version, report

    version = lerobot_version(args.lerobot)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "long"
        make(root)
        ours = timed(sys.executable, "wamviz", root)
        plain = timed(sys.executable, "plain", root)
        theirs = timed(args.lerobot, "lerobot", root) if version else None
    whose = f"lerobot {version}" if version else "plain decoding (lerobot NOT TESTED: give --lerobot PYTHON)"
    for name, found in (("wamviz", ours), ("plain decoding", plain), (f"lerobot {version}", theirs)):
        if found:
            print(f"{name}: first frame {1000 * found['first']:.0f} ms, any frame {1000 * found['seek']:.0f} ms")
    # To the first frame plain decoding has nothing to do, so that only the seek can be held against it.
    measured = {"a random frame, of plain decoding's time": (ours["seek"] / plain["seek"], 0.5)}
    if theirs:
        measured["import to first frame, of lerobot's time"] = (ours["first"] / theirs["first"], 1.0)
        measured["a random frame, of lerobot's time"] = (ours["seek"] / theirs["seek"], 1.0)
    claim = f"frames of a long video are there sooner than with {whose}"
    return report("dataset_seek", claim, measured, tested_with_lerobot=version is not None, lerobot=theirs, wamviz=ours)


def make(root: Path) -> None:
    """A dataset of one long episode; its video is then written anew with few key frames."""
    import _report  # noqa: F401  makes this checkout importable
    import av

    from wamviz.datasets import DatasetSchema, LeRobotWriter

    features = {
        "action": {"dtype": "float32", "shape": [1], "names": ["x"]},
        KEY: {"dtype": "video", "shape": [HEIGHT, WIDTH, 3]},
    }
    rows = np.arange(WIDTH, dtype=np.uint8)[None, :, None] + np.arange(HEIGHT, dtype=np.uint8)[:, None, None]
    frames = np.stack([np.broadcast_to(rows + np.uint8(k % 256), (HEIGHT, WIDTH, 3)) for k in range(FRAMES)])
    writer = LeRobotWriter(root, DatasetSchema(features, FPS))
    writer.add_episode({"action": np.arange(FRAMES, dtype=np.float32)[:, None]}, {KEY: frames}, "look")
    writer.finish()
    (path,) = root.rglob("*.mp4")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"g": "250", "keyint_min": "250", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def timed(python: str, reader: str, root: Path) -> dict[str, float]:
    """What one reader needs, in a process of its own."""
    out = subprocess.run([python, __file__, "--read", reader, str(root)], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(out.stdout.splitlines()[-1])
    return found


def stopwatch(open_it: Any, show: Any, begun: float) -> dict[str, float]:
    """Seconds from ``begun`` to the first frame, imports included; and of one random frame on average."""
    opened = open_it()
    show(opened, 0)
    first = time.perf_counter() - begun
    begun = time.perf_counter()
    for place in PLACES:
        show(opened, place)
    return {"first": first, "seek": (time.perf_counter() - begun) / SEEKS}


def with_wamviz(root: str) -> dict[str, float]:
    """Our reader."""
    begun = time.perf_counter()
    import _report  # noqa: F401

    from wamviz.datasets import open_dataset

    def show(episode: Any, place: int) -> None:
        assert episode.frames(start=place, stop=place + 1).shape == (1, HEIGHT, WIDTH, 3)

    return stopwatch(lambda: open_dataset(root).episode(0), show, begun)


def with_lerobot(root: str) -> dict[str, float]:
    """lerobot's, through the decoder that it prefers where it is installed."""
    begun = time.perf_counter()
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    def show(dataset: Any, place: int) -> None:
        assert tuple(dataset[place][KEY].shape) == (3, HEIGHT, WIDTH)

    return stopwatch(lambda: LeRobotDataset("local/long", root=root), show, begun)


def decoding(root: str) -> dict[str, float]:
    """From the first frame on until the wanted one."""
    begun = time.perf_counter()
    import av

    (path,) = Path(root).rglob("*.mp4")

    def show(path: Path, place: int) -> None:
        with av.open(str(path)) as container:
            for k, frame in enumerate(container.decode(video=0)):
                if k == place:
                    assert frame.to_ndarray(format="rgb24").shape == (HEIGHT, WIDTH, 3)
                    return

    return stopwatch(lambda: path, show, begun)


READERS = {"wamviz": with_wamviz, "lerobot": with_lerobot, "plain": decoding}

if __name__ == "__main__":
    sys.exit(main())
