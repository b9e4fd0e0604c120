"""What the stage is told: runs, previews and nothing yet, as small JSON-ready dicts.

Contract: pictures travel as addresses of the run's files (or, for a preview, as one small JPEG), never as pixels in
JSON; paths are fractions of the frame (x to the right, y down) so that they fit every size. Where a clip is missing
the value carries the reason in words. Nothing here knows Gradio, reads or writes.

    {"run": id | None, "instruction": str, "detail": str, "note": str,
     "frame": int | None, "view": name | None, "sample": int | None, "autoplay": bool,   None: leave it to the stage
     "chunk": frames of one Shift+arrow,
     "preview": None | {"step", "steps", "eta": s | None, "note"},
     "panes": {"imagined" | "recorded" | "executed": {"name", "samples": [clip, ...], "missing": str, "verdict": str,
                                                      "weights": size and origin of the model's weights, or ""}}}
    clip: {"src": address | "strip": data URL and "columns", "key", "frames", "fps", "width", "height", "label",
           "path": [[x, y], ...] | None, "rate": points a second, "missing": why it has no video}
"""

from __future__ import annotations

import base64
import io
import math
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Camera, Floats, Frames, Preview, Rollout
from wamviz.metrics.trajectory import path_pixels
from wamviz.models.protocol import Capabilities
from wamviz.runs import execution
from wamviz.runs.comparison import Contender, Outcome
from wamviz.runs.sources import Context
from wamviz.runs.store import Run

VIEWS = ("side-by-side", "onion-skin", "wipe", "difference")
NOTHING_YET = "Nothing is imagined yet. Choose a context, write an instruction and press Imagine."
NO_RECORDING = "This context has no recording to compare with."
NOT_EXECUTED = "The imagined actions have not been executed yet. Press Act it out to see what physics makes of them."
NO_WORLD = "These actions cannot be executed: the context has no known state in a simulated world."
NO_ACTIONS = "There are no actions to execute: this mode imagines video only."
ONLY_RECORDED = "This page plays what was recorded. Choose a frame and press Imagine from this frame."
CHUNK = 8  # frames of one Shift+arrow where the model does not say how long its chunks are
STRIP_PIXELS = 1_500_000  # of a preview's picture: 17 frames at 256 x 256 fit, and it encodes in some 10 ms
PREVIEW_SAMPLES = 4

Pane = dict[str, Any]
Value = dict[str, Any]


def stage_value(
    run: Run,
    url: Callable[[str], str],
    *,
    recorded_reason: str = NO_RECORDING,
    executed_reason: str | None = None,
    frame: int | None = None,
    view: str | None = None,
    sample: int | None = None,
    autoplay: bool = False,
    weights: str = "",
) -> Value:
    """The value that shows a finished run.

    Args:
        run: the run, whose files lie where ``url`` says.
        url: address of one of the run's files by its name (``"rollout.mp4"``, ``"rollout-1.mp4"``,
            ``"reference.mp4"``, ``"executed.mp4"``), on this server.
        recorded_reason, executed_reason: why that pane is empty, where it is; a fitting sentence when not given.
        frame: where to stand, 0 is the context; None leaves it to the stage (the start of a new run). With a frame
            the stage does not play by itself.
        view: one of ``VIEWS``; None, or a name that does not exist, keeps the view that the user has.
        sample: which sample to show, from 0; None keeps the user's.
        autoplay: start playing, unless the user asked for reduced motion.
        weights: size and origin of the weights that made it, where they are known.
    """
    first = run.imagined[0]
    camera = next((c for c in (r.camera_model for r in _rollouts(run)) if c is not None), None)
    samples = [
        _clip(
            rollout,
            url("rollout.mp4" if k == 0 else f"rollout-{k}.mp4"),
            camera=camera,
            start=run.state,
            label=f"sample {k + 1}" if rollout.seed is None else f"seed {rollout.seed}",
            missing=_no_video(run),
        )
        for k, rollout in enumerate(run.imagined)
    ]
    executed = _pane("executed", missing=executed_reason or _why_not_executed(run))
    if run.executed is not None:
        executed["samples"] = [_clip(run.executed, url("executed.mp4"), camera=camera, start=run.state)]
        if run.executed.success is not None:
            executed["verdict"] = "task succeeded" if run.executed.success else "task failed"
    return _value(
        run=run.id,
        instruction=run.instruction,
        detail=" · ".join([run.model, run.mode.replace("_", " "), _seed(run)]),
        frame=frame,
        view=view if view in VIEWS else None,
        sample=sample,
        autoplay=autoplay,
        chunk=_chunk(first),
        panes={
            "imagined": {**_pane("imagined", samples), "weights": weights},
            "recorded": _recorded(run.reference, url("reference.mp4"), recorded_reason, camera, run.state),
            "executed": executed,
        },
    )


def episode_value(
    rollout: Rollout | None,
    address: str,
    frames: int,
    width: int,
    height: int,
    *,
    fps: float = 1.0,
    instruction: str = "",
    detail: str = "",
    note: str = "",
    missing: str = "",
    frame: int = 0,
) -> Value:
    """The value that shows a recorded episode alone, without its frames being decoded for it.

    Args:
        rollout: its actions and states, for the path; its own frames may be left out. None where there are none.
        address: of its clip, on this server; "" where there is none, and ``missing`` says why.
        frames, width, height, fps: of that clip.
        frame: where to stand.
    """
    path = None if rollout is None else _path(rollout, rollout.camera_model, None)
    clip: dict[str, Any] = {"label": "", "path": path, "frames": frames, "fps": float(fps)}
    rate = fps if rollout is None or rollout.action_space is None else rollout.action_space.rate
    clip |= {"rate": float(rate), "width": width, "height": height, "src": address, "key": ""}
    value = empty_value(ONLY_RECORDED, missing or NO_RECORDING, ONLY_RECORDED)
    value["panes"]["recorded"]["samples"] = [clip] if address else []
    return {**value, "instruction": instruction, "detail": detail, "note": note, "frame": frame}


def preview_value(
    preview: Preview,
    capabilities: Capabilities,
    context: Context | None = None,
    *,
    eta: float | None = None,
    executed_reason: str = "Nothing to execute yet: the actions are still being imagined.",
) -> Value:
    """The value that shows a run while it forms.

    Args:
        preview: one step of the stream; frames (N, T, H, W, 3) or None.
        capabilities: of the model, for its frame rate.
        context: what the model was handed; its reference is shown beside, its instruction above.
        eta: seconds that are left, None while unknown.
    """
    samples: list[dict[str, Any]] = []
    frames = preview.frames
    if frames is not None:
        samples = [strip(sample, capabilities.video_fps, f"sample {k + 1}") for k, sample in enumerate(frames)]
        samples = samples[:PREVIEW_SAMPLES]
    reference = None if context is None else context.reference
    recorded = _pane("recorded", missing=NO_RECORDING)
    if reference is not None:
        recorded = _pane(_name(reference), [_shown(reference)] if reference.frames is not None else [])
    return _value(
        instruction="" if context is None else context.instruction,
        preview={"step": preview.step, "steps": preview.steps, "eta": eta, "note": preview.note},
        panes={
            "imagined": {
                **_pane("imagined", samples, "The first frames appear with the next step."),
                "weights": str(capabilities.extras.get("origin", "")),
            },
            "recorded": recorded,
            "executed": _pane("executed", missing=executed_reason),
        },
    )


def several_value(
    events: Sequence[Preview | Outcome | None],
    contenders: Sequence[Contender],
    context: Context | None,
    url: Callable[[str], Callable[[str], str]],
    *,
    instruction: str = "",
    frame: int | None = None,
    view: str | None = None,
    autoplay: bool = False,
) -> Value:
    """The value that shows several models side by side, for a stage with ``several`` panes.

    Args:
        events: what was last heard of each contender, None before its turn.
        contenders: who they are, in the order of the panes.
        context: what all were handed, while its recording is not yet a file of a run; None afterwards.
        url: address of a run's files, by its id and the file's name.
        instruction, frame, view, autoplay: see ``stage_value``.
    """
    panes = {"recorded": _pane("recorded", missing=NO_RECORDING)}
    runs = [event.run for event in events if isinstance(event, Outcome) and event.run is not None]
    longest = max((run for run in runs if run.reference is not None), key=_recorded_seconds, default=None)
    if longest is not None:
        camera = next((c for c in (r.camera_model for r in _rollouts(longest)) if c is not None), None)
        address = url(longest.id)("reference.mp4")
        panes["recorded"] = _recorded(longest.reference, address, NO_RECORDING, camera, longest.state)
    elif context is not None and context.reference is not None:
        reference = context.reference
        panes["recorded"] = _pane(_name(reference), [_shown(reference)] if reference.frames is not None else [])
    live = None
    for k, (event, contender) in enumerate(zip(events, contenders, strict=True), start=1):
        pane = _pane(contender.title, missing="Its turn comes after the one before.")
        if isinstance(event, Preview):
            live = event
            shown = [] if event.frames is None else [strip(event.frames[0], contender.capabilities.video_fps)]
            pane = {**_pane(contender.title, shown, "The first frames appear with the next step."), "live": True}
        elif event is not None:
            pane = _outcome(event, url)
        panes[f"contender-{k}"] = pane
    preview = None if live is None else {"step": live.step, "steps": live.steps, "eta": None, "note": live.note}
    return _value(
        run=None if live is not None or not runs else ",".join(run.id for run in runs),
        instruction=instruction,
        frame=frame,
        view=view if view in VIEWS else None,
        autoplay=autoplay,
        preview=preview,
        panes=panes,
    )


def _recorded_seconds(run: Run) -> float:
    return 0.0 if run.reference is None else run.reference.duration


def _outcome(outcome: Outcome, url: Callable[[str], Callable[[str], str]]) -> Pane:
    run, title = outcome.run, outcome.contender.title
    if run is None:
        return _pane(title, missing=f"It failed: {outcome.error}")
    first = run.imagined[0]
    camera = next((c for c in (r.camera_model for r in _rollouts(run)) if c is not None), None)
    address = url(run.id)("rollout.mp4")
    pane = _pane(title, [_clip(first, address, camera=camera, start=run.state, missing=_no_video(run))])
    try:
        extras = outcome.contender.capabilities.extras
    except WamvizError:  # a model that was deleted since; its run is shown all the same
        extras = {}
    if run.weights_digest and extras.get("weights_digest") == run.weights_digest:
        pane["weights"] = str(extras.get("origin", ""))
    speed = outcome.real_time_factor
    return {**pane, "verdict": "" if speed is None else f"{outcome.latency_s:.2f} s, {speed:.1f}x real time"}


def empty_value(
    imagined_reason: str = NOTHING_YET, recorded_reason: str = NO_RECORDING, executed_reason: str = ""
) -> Value:
    """The value of a stage without a run; each pane says why it is empty."""
    reasons = {
        "imagined": imagined_reason,
        "recorded": recorded_reason,
        "executed": executed_reason or "There are no actions to execute yet.",
    }
    return _value(panes={origin: _pane(origin, missing=reason) for origin, reason in reasons.items()})


def strip(frames: Frames, fps: float, label: str = "", path: list[list[float]] | None = None) -> dict[str, Any]:
    """A clip without a file: all frames (T, H, W, 3) in one JPEG, row by row, as a data URL.

    Frames are made smaller where all of them together would exceed ``STRIP_PIXELS``.
    """
    count, height, width = frames.shape[:3]
    shrink = min(1.0, math.sqrt(STRIP_PIXELS / (count * height * width)))
    width, height = max(1, int(width * shrink)), max(1, int(height * shrink))
    columns = math.ceil(math.sqrt(count * height / width))
    sheet = Image.new("RGB", (columns * width, math.ceil(count / columns) * height))
    for k, frame in enumerate(frames):
        picture = Image.fromarray(frame)
        if shrink < 1.0:
            picture = picture.resize((width, height), Image.Resampling.BOX)
        sheet.paste(picture, (k % columns * width, k // columns * height))
    data = io.BytesIO()
    sheet.save(data, "JPEG", quality=85)
    return {
        "strip": "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode("ascii"),
        "columns": columns,
        "frames": count,
        "fps": float(fps),
        "width": width,
        "height": height,
        "label": label,
        "path": path,
        "rate": float(fps),
    }


def _value(**given: Any) -> Value:
    plain: Value = {
        "run": None,
        "instruction": "",
        "detail": "",
        "note": "",
        "frame": None,
        "view": None,
        "sample": None,
        "autoplay": False,
        "chunk": CHUNK,
        "preview": None,
    }
    return {**plain, **given}


def _pane(name: str, samples: list[dict[str, Any]] | None = None, missing: str = "") -> Pane:
    return {"name": name, "samples": samples or [], "missing": missing, "verdict": "", "weights": ""}


def _rollouts(run: Run) -> list[Rollout]:
    return [rollout for rollout in (*run.imagined, run.reference, run.executed) if rollout is not None]


def _name(reference: Rollout) -> str:
    """Only what was read from a file is called recorded; an expert in physics is a reference."""
    return "recorded" if reference.origin == "recorded" else "reference"


def _recorded(
    reference: Rollout | None, address: str, reason: str, camera: Camera | None, start: Floats | None
) -> Pane:
    if reference is None:
        return _pane("recorded", missing=reason)
    clip = _clip(reference, address, camera=camera, start=start, missing="The recording has no video.")
    return _pane(_name(reference), [clip])


def _why_not_executed(run: Run) -> str:
    if run.imagined[0].actions is None:
        return NO_ACTIONS
    if run.world_state is None:
        return NO_WORLD
    first = run.imagined[0]
    return execution.why_not(run.world_state, first.actions, first.action_space) or NOT_EXECUTED


def _seed(run: Run) -> str:
    return "seed not told" if run.imagined[0].seed is None else f"seed {run.seed}"


def _no_video(run: Run) -> str:
    if run.mode in ("act_only", "inverse_dynamics"):
        return f"Mode {run.mode.replace('_', ' ')} imagines actions only, so there is no video to show."
    return "Actions came back without a video, so there is none to show; the run's notes say more."


def _chunk(rollout: Rollout) -> int:
    """Frames of the clip that one action chunk lasts."""
    actions = rollout.meta.get("chunk")
    if isinstance(actions, int) and actions > 0 and rollout.action_space is not None:
        return max(1, round(actions / rollout.action_space.rate * rollout.fps))
    return CHUNK


def _clip(
    rollout: Rollout,
    address: str,
    *,
    camera: Camera | None = None,
    start: Floats | None = None,
    label: str = "",
    missing: str = "",
) -> dict[str, Any]:
    """One rollout by address; a rollout without frames keeps its path and says why there is no video."""
    clip: dict[str, Any] = {"label": label, "path": _path(rollout, camera, start)}
    clip["rate"] = float(rollout.action_space.rate if rollout.action_space is not None else rollout.fps)
    if rollout.frames is None:
        return {**clip, "missing": missing, "frames": len(rollout.action_times) + 1, "fps": clip["rate"]}
    count, height, width = rollout.frames.shape[:3]
    # The address of an executed clip stays when it is executed again; the key does not.
    key = f"{zlib.crc32(np.ascontiguousarray(rollout.frames).data):08x}"
    facts = {"src": address, "key": key, "frames": count, "fps": float(rollout.fps), "width": width, "height": height}
    return {**clip, **facts}


def _shown(reference: Rollout) -> dict[str, Any]:
    assert reference.frames is not None
    clip = strip(reference.frames, reference.fps, path=_path(reference, reference.camera_model, None))
    if reference.action_space is not None:
        clip["rate"] = float(reference.action_space.rate)
    return clip


def _path(rollout: Rollout, camera: Camera | None, start: Floats | None) -> list[list[float]] | None:
    """The end-effector's path as fractions of the frame, up to the first point that is not in front of the camera."""
    camera = rollout.camera_model or camera
    pixels = None if camera is None else path_pixels(rollout, camera, start)
    if camera is None or pixels is None:
        return None
    unknown = np.flatnonzero(~np.isfinite(pixels).all(axis=1))
    pixels = pixels[: unknown[0]] if len(unknown) else pixels
    if len(pixels) < 2:
        return None
    fractions = np.clip(pixels / (camera.width, camera.height), -2.0, 3.0)
    return [[round(float(x), 4), round(float(y), 4)] for x, y in fractions]
