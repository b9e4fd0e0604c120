"""Downloads of one kept run: all panes side by side as mp4 or gif, the arrays, the actions as a table, all of it, or a
LeRobot dataset.

Contract: ``export_run`` returns a file that is whole, under ``exports`` in the run's folder, and makes it only once.
Videos and the filmstrip carry the instruction, the labels and the paths (``slides``); panes stand in the order
imagined, reference, executed and share one clock. Nothing here reads files by names that it did not write.
"""

from __future__ import annotations

import csv
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.core.media import replacing, write_gif, write_mp4, write_png
from wamviz.core.rollout import ORIGINS, Rollout
from wamviz.runs.store.files import MANIFEST, OUR_FILE
from wamviz.runs.store.run import Run
from wamviz.runs.store.slides import filmstrip, has_video, slide_frames

if TYPE_CHECKING:
    from wamviz.runs.store.episodes import Written

KINDS = ("mp4", "gif", "png", "npz", "csv", "zip", "lerobot")
GIF_RATE = 10.0  # frames a second of a GIF; above, files grow beyond what most places accept
README = """A run of wamviz.

rollout.mp4, rollout-1.mp4 ...   what the model imagined, one video a sample
reference.mp4                    what was recorded from the same context on, where it is known
executed.mp4                     what physics made of the imagined actions, once they were acted out
side-by-side.mp4, .gif           imagined, recorded and executed (those there are), on one clock, with captions
filmstrip.png                    the context, strips of the same moments, and the paths over the context
context.png                      the frame handed to the model
actions.csv                      one row a time in seconds; columns name origin, dimension and unit
rollout.npz                      frames (N, T, H, W, 3) uint8, actions (N, K, A) float32, video_fps, action_fps
reference.npz, executed.npz      the same without the N
rollout.json                     model, instruction, seed, timings, versions, metrics with their baselines

numpy.load("rollout.npz") opens the arrays. Frame t is shown at t / video_fps seconds; action k (counted from 0)
ends at (k + 1) / action_fps.
"""


def export_run(folder: Path, run: Run, kind: str) -> Path:
    """The download of ``kind`` for the run in ``folder``; raises ``WamvizError`` when the run has none of that kind."""
    if kind not in KINDS:
        raise unknown_name("download", kind, KINDS)
    if kind == "npz":
        return folder / "rollout.npz"
    path = folder / "exports" / download_name(run.id, kind)
    if path.is_file() and not path.is_symlink():
        return path
    path.parent.mkdir(exist_ok=True)
    if kind == "mp4":
        write_mp4(path, *slide_frames(run), keyframe_every=12)
    elif kind == "gif":
        write_gif(path, *slide_frames(run, max_rate=GIF_RATE))
    elif kind == "png":
        write_png(path, filmstrip(run))
    elif kind == "csv":
        write_csv(path, run)
    elif kind == "lerobot":
        pack_lerobot(path, [run])
    else:
        _write_zip(path, folder, run)
    return path


def download_name(run_id: str, kind: str) -> str:
    """What a download is called; a LeRobot dataset is a folder, so it comes as a zip of its own."""
    return f"wamviz-{run_id}-lerobot.zip" if kind == "lerobot" else f"wamviz-{run_id}.{kind}"


def action_table(run: Run) -> tuple[list[str], list[list[float | None]]]:
    """The actions of a run as (header, rows): one row a time, one column an origin, sample and dimension.

    The time of an action is the one at which it has ended. A cell is None where that rollout has no action then.
    """
    named: list[tuple[str, Rollout]] = [] if run.reference is None else [("recorded", run.reference)]
    named += [(f"imagined-{index}" if index else "imagined", rollout) for index, rollout in enumerate(run.imagined)]
    named += [] if run.executed is None else [("executed", run.executed)]
    header, columns = ["time (s)"], []
    for name, rollout in named:
        if rollout.actions is None or rollout.action_space is None:
            continue
        ticks = np.round(rollout.action_times * 1e6).astype(np.int64)  # microseconds: equal times are one row
        for index, (dim, unit) in enumerate(zip(rollout.action_space.names, rollout.action_space.units, strict=True)):
            header.append(f"{name} {dim} ({unit})")
            columns.append(dict(zip(ticks.tolist(), rollout.actions[:, index].tolist(), strict=True)))
    if not columns:
        raise InvalidInput("This run has no actions.", "Its video can be downloaded as mp4 or gif.")
    times: NDArray[np.int64] = np.array(sorted(set().union(*columns)), np.int64)
    return header, [[tick / 1e6, *(column.get(tick) for column in columns)] for tick in times.tolist()]


def write_csv(path: Path, run: Run) -> None:
    """Write ``action_table`` as CSV; numbers in the shortest form that reads back as the same float32."""
    header, rows = action_table(run)
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for time, *values in rows:
            writer.writerow([f"{time:.6g}", *("" if value is None else str(np.float32(value)) for value in values)])


def pack_lerobot(
    path: Path, runs: Iterable[Run], *, origins: Iterable[str] = ORIGINS, left_out: list[str] | None = None
) -> tuple[Written, ...]:
    """Write runs as LeRobot datasets into one zip ``path``; see ``store.episodes.export_lerobot``."""
    from wamviz.runs.store.episodes import export_lerobot

    with tempfile.TemporaryDirectory() as scratch, replacing(path) as temporary:
        whole = Path(scratch) / path.stem
        written = export_lerobot(runs, whole, origins=origins, left_out=left_out)
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:  # its parts are compressed already
            for file in sorted(whole.rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(scratch))
    return written


def _write_zip(path: Path, folder: Path, run: Run) -> None:
    extra = {"side-by-side.mp4": "mp4", "side-by-side.gif": "gif", "filmstrip.png": "png"} if has_video(run) else {}
    others = [rollout for rollout in (run.reference, run.executed) if rollout is not None]
    if any(rollout.actions is not None for rollout in (*run.imagined, *others)):
        extra["actions.csv"] = "csv"
    files = {name: export_run(folder, run, kind) for name, kind in extra.items()}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name != MANIFEST):
        if OUR_FILE.fullmatch(file.name) and file.is_file() and not file.is_symlink():
            files[file.name] = file
    with replacing(path) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:  # its parts are compressed already
            archive.writestr(f"wamviz-{run.id}/README.txt", README)
            for name, file in files.items():
                archive.write(file, f"wamviz-{run.id}/{name}")
