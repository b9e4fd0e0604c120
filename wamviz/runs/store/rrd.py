"""Kept runs as Rerun recordings (``.rrd``), for those who look at robots in the Rerun viewer.

Contract: one file a run, ``ID.rrd``. Every rollout lies under ``ORIGIN/N``: its frames (under its camera where that is
calibrated), one curve an action dimension, the hand's path in space and where the hand is on it; all on one time line
``time``, in seconds from the context. What is known about the run is a text at its root. ``rerun-sdk`` is an extra of
170 MB and is asked for only here; nothing is sent anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from wamviz.core.errors import InvalidInput, Unavailable
from wamviz.core.media import encode_jpeg
from wamviz.core.plain import dumps
from wamviz.core.rollout import ORIGINS, Rollout
from wamviz.metrics.trajectory import ee_path, tool_path
from wamviz.runs.store.run import Run

VERSION = "0.41.0"
QUALITY = 92  # of the pictures' JPEG
Progress = Callable[[int, int, str], None]


def need_rerun() -> Any:
    """The module ``rerun``.

    Raises:
        WamvizError: it is not installed; says how to.
    """
    try:
        import rerun
    except ImportError as error:
        raise Unavailable(
            "Writing .rrd needs rerun-sdk, which is not installed.", f"pip install rerun-sdk=={VERSION}"
        ) from error
    return rerun


def export_rrd(
    runs: Iterable[Run],
    out: Path,
    *,
    origins: Sequence[str] = ORIGINS,
    force: bool = False,
    total: int = 0,
    progress: Progress | None = None,
) -> list[Path]:
    """Write every run to ``out/ID.rrd`` and return the files.

    Raises:
        WamvizError: rerun is not installed, a run has no such rollouts, or a file is there and ``force`` is not given.
    """
    rerun = need_rerun()
    written: list[Path] = []
    for number, run in enumerate(runs):
        if progress is not None:
            progress(number, total, run.id)
        rollouts = [(f"{r.origin}/{i}", r) for i, r in _numbered(run) if r.origin in origins]
        if not rollouts:
            raise InvalidInput(f"Run {run.id} has no {' or '.join(origins)} rollout.", "Leave --only out for all.")
        target = out / f"{run.id}.rrd"
        if target.exists() and not force:
            raise InvalidInput(f"'{target.name}' is there already.", "Give --force to replace it.")
        out.mkdir(parents=True, exist_ok=True)
        temporary = target.with_suffix(".tmp")
        try:
            _write(rerun, run, rollouts, temporary)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        written.append(target)
    return written


def _numbered(run: Run) -> list[tuple[int, Rollout]]:
    every = [*enumerate(run.imagined), (0, run.reference), (0, run.executed)]
    return [(i, rollout) for i, rollout in every if rollout is not None]


def _write(rerun: Any, run: Run, rollouts: list[tuple[str, Rollout]], path: Path) -> None:
    recording = rerun.RecordingStream("wamviz", recording_id=run.id)
    recording.save(path)
    facts = {
        "id": run.id, "model": run.model, "mode": run.mode, "instruction": run.instruction, "seed": run.seed,
        "metrics": run.metrics,
    }  # fmt: skip
    text = dumps(facts, indent=1)
    recording.log("run", rerun.TextDocument(text, media_type="text/plain"), static=True)
    for name, rollout in rollouts:
        _log(rerun, recording, name, rollout, run)
    recording.flush()
    recording.disconnect()


def _log(rerun: Any, recording: Any, name: str, rollout: Rollout, run: Run) -> None:
    """One rollout under the path ``name``."""
    picture = f"{name}/image"
    camera = rollout.camera_model
    if camera is not None:
        picture = f"{name}/camera/image"
        pose = camera.world_from_camera
        recording.log(f"{name}/camera", rerun.Transform3D(translation=pose[:3, 3], mat3x3=pose[:3, :3]), static=True)
        pinhole = rerun.Pinhole(image_from_camera=camera.intrinsics, width=camera.width, height=camera.height)
        recording.log(picture, pinhole, static=True)
    if rollout.frames is not None:
        for moment, frame in zip(rollout.frame_times.tolist(), rollout.frames, strict=True):
            recording.set_time("time", duration=moment)
            recording.log(
                picture,
                rerun.EncodedImage(contents=encode_jpeg(frame, QUALITY, subsampling=0), media_type="image/jpeg"),
            )
    if rollout.actions is not None and rollout.action_space is not None:
        names = rollout.action_space.names
        for moment, action in zip(rollout.action_times.tolist(), rollout.actions.tolist(), strict=True):
            recording.set_time("time", duration=moment)
            for dimension, value in zip(names, action, strict=True):
                recording.log(f"{name}/actions/{dimension}", rerun.Scalars([value]))
    path = None if camera is None else tool_path(rollout, camera.tool, run.state)
    path = ee_path(rollout, run.state) if path is None else path  # of the flange, where its turn is not known
    if path is not None and rollout.action_space is not None:
        recording.log(f"{name}/path", rerun.LineStrips3D([path]), static=True)
        for step, point in enumerate(path):
            recording.set_time("time", duration=step / rollout.action_space.rate)
            recording.log(f"{name}/hand", rerun.Points3D([point], radii=0.012))
