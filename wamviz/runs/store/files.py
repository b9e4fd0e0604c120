"""The files of one run: what ``imagine --out DIR`` leaves behind and what the store keeps are the very same.

    rollout.mp4, rollout-1.mp4 ...   one H.264 video a sample, where the model gave video
    rollout.npz                      frames (N, T, H, W, 3) uint8, actions (N, K, A) float32, states (N, M, D) float32,
                                     video_fps, action_fps; what a model did not give is left out
    context.png                      the frame handed to the model
    reference.mp4, reference.npz     what was recorded, where there is a reference: the same names without the N,
    executed.mp4, executed.npz       and what physics made of the actions, once they were acted out
    rollout.json                     everything else; written last, so that a folder without it is a torn one

Contract: arrays come back bit-equal, except the frames of a run that was written ``small`` (the shipped examples):
those are in its videos alone, close to what they were, at a tenth of the size. The JSON carries a ``format`` number and
never NaN; nothing is unpickled; what is read may be damaged or hostile and then raises ``WamvizError``. It knows no
folder but the one it is given.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, InvalidInput, NotFound, Unavailable, WamvizError
from wamviz.core.media import read_image, read_video, write_mp4, write_png
from wamviz.core.rollout import Rollout, WorldState
from wamviz.metrics.summary import summarise
from wamviz.runs.store.arrays import (
    read_arrays,
    read_facts,
    read_json,
    read_rollout,
    rollout_facts,
    rollout_from,
    write_arrays,
    write_json,
    write_rollout,
)
from wamviz.runs.store.run import Run

FORMAT = 1  # raised when a reader of today could misread the files of tomorrow
MANIFEST = "rollout.json"
OUR_FILE = re.compile(r"(rollout(-\d+)?|reference|executed)\.(mp4|npz)|rollout\.json|context\.png")
SMALL_CRF = 26  # quality of the videos of a run that is written small
HIDDEN = ".wamviz-"  # prefix of folders that are being written or thrown away


def write_run(folder: str | Path, run: Run, *, small: bool = False) -> Path:
    """Write ``run`` into ``folder``; a run that lay there is replaced, other files there are left alone.

    The files are first written into a hidden folder beside it, so ``folder`` never holds half a run that
    looks whole.

    Args:
        small: leave the frames to the videos; what is read back has the metrics of the frames as they were.

    Raises:
        WamvizError: the folder cannot be written, or the samples differ in shape.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"'{folder.name}' is a file, so no run can be written there.", "Name a folder.")
    hidden = folder.absolute().parent / f"{HIDDEN}{secrets.token_hex(8)}"
    try:
        hidden.mkdir(parents=True)
        write_files(hidden, run, small=small)
        _move(hidden, folder)
    except OSError as error:
        raise Unavailable(
            f"The run cannot be written to '{folder.name}': {error.strerror or error}.",
            "Check that the folder may be written to and that the disk has room.",
        ) from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return folder


def _move(hidden: Path, folder: Path) -> None:
    if not folder.exists():
        with contextlib.suppress(OSError):  # somebody made it meanwhile: go on file by file
            os.rename(hidden, folder)
            return
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)  # from here until the end the folder counts as torn
    for old in folder.iterdir():
        if OUR_FILE.fullmatch(old.name) and not (hidden / old.name).exists():
            old.unlink()
    for new in sorted(hidden.iterdir(), key=lambda path: path.name == MANIFEST):
        os.replace(new, folder / new.name)


def write_files(folder: Path, run: Run, *, small: bool = False) -> None:
    """Write the files of ``run`` into the existing, empty ``folder``, the manifest last; see ``write_run``."""
    for index, rollout in enumerate(run.imagined):
        _put_video(folder / video_name(index), rollout, small)
    arrays = _stacked(run.imagined)
    if small:
        arrays.pop("frames", None)
    write_arrays(folder / "rollout.npz", arrays)
    write_png(folder / "context.png", run.context)
    stamps = {
        name: put_rollout(folder, name, rollout, small=small)
        for name, rollout in (("reference", run.reference), ("executed", run.executed))
        if rollout is not None
    }
    write_json(folder / MANIFEST, {**manifest(run, stamps), **({"frames": "mp4"} if small else {})})


def video_name(sample: int) -> str:
    """``rollout.mp4`` for sample 0, ``rollout-1.mp4`` for the next ..."""
    return "rollout.mp4" if sample == 0 else f"rollout-{sample}.mp4"


def _put_video(path: Path, rollout: Rollout, small: bool) -> None:
    if rollout.frames is not None:
        write_mp4(path, rollout.frames, min(rollout.fps, 240.0), crf=SMALL_CRF if small else 18)


def put_rollout(folder: Path, name: str, rollout: Rollout, *, small: bool = False) -> str:
    """Write ``name``.npz and .mp4 and return the stamp that the manifest has to carry.

    The archive takes its place in one step and needs no other file. The video is a copy for players: it is
    taken away first and put back last, so that it is never another rollout's.
    """
    stamp = secrets.token_hex(8)
    (folder / f"{name}.mp4").unlink(missing_ok=True)
    extra = {"format": FORMAT, "stamp": stamp, **({"frames": "mp4"} if small else {})}
    write_rollout(folder / f"{name}.npz", replace(rollout, frames=None) if small else rollout, extra)
    _put_video(folder / f"{name}.mp4", rollout, small)
    return stamp


def _stacked(rollouts: tuple[Rollout, ...]) -> dict[str, NDArray[Any]]:
    """The arrays of all samples, (N, ...) each."""
    first = rollouts[0]
    arrays: dict[str, Any] = {"video_fps": np.float64(first.fps)}
    if first.action_space is not None:
        arrays["action_fps"] = np.float64(first.action_space.rate)
    for name in ("frames", "actions", "states"):
        parts = [getattr(rollout, name) for rollout in rollouts]
        shapes = {None if part is None else part.shape for part in parts}
        if len(shapes) > 1:
            raise InvalidInput(f"The samples of one run differ in their {name}: {sorted(map(str, shapes))}.")
        if parts[0] is not None:
            arrays[name] = np.stack(parts)
    return arrays


def manifest(run: Run, stamps: Mapping[str, str]) -> dict[str, Any]:
    """What ``rollout.json`` says of ``run``; ``stamps`` tie it to ``reference.npz`` and ``executed.npz``."""
    first, world = run.imagined[0], run.world_state
    space = first.action_space
    return {
        "format": FORMAT,
        "id": run.id,
        "created": run.created,
        "model": run.model,
        "weights_digest": run.weights_digest,
        "mode": run.mode,
        "instruction": run.instruction,
        "seed": run.seed,
        "steps": run.steps,
        "samples": run.samples,
        "horizon": run.horizon,
        "guidance": run.guidance,
        "source": run.source,
        "action_space": None if space is None else space.to_json(),
        "video_fps": first.fps,
        "action_fps": None if space is None else space.rate,
        "timings": run.timings,
        "notes": run.notes,
        "versions": run.versions,
        "metrics": run.metrics,
        "world_state": None
        if world is None
        else {"world": world.world, "seed": world.seed, "snapshot": world.snapshot},
        "state": run.state,
        "previous_action": run.previous_action,
        "rollouts": [rollout_facts(rollout) for rollout in run.imagined],
        "reference": _describe_rollout(run.reference, stamps.get("reference")),
        "executed": _describe_rollout(run.executed, stamps.get("executed")),
    }


def _describe_rollout(rollout: Rollout | None, stamp: str | None) -> dict[str, Any] | None:
    if rollout is None:
        return None
    return {
        "origin": rollout.origin,
        "instruction": rollout.instruction,
        "success": rollout.success,
        "duration_s": rollout.duration,
        "stamp": stamp,
    }


def read_manifest(folder: Path) -> dict[str, Any]:
    """``rollout.json`` of ``folder``; raises ``WamvizError`` when it is damaged or of a later format."""
    facts = read_json(folder / MANIFEST)
    number = facts.get("format")
    if not isinstance(number, int) or number < 1:
        raise Damaged(f"{MANIFEST} does not say the format of its run.")
    if number > FORMAT:
        raise InvalidInput(
            f"This run was written by a later wamviz (format {number}; this one reads up to {FORMAT}).",
            "Update wamviz to open it.",
        )
    return facts


def read_run(folder: str | Path) -> Run:
    """The run in ``folder``.

    A damaged reference or executed rollout costs only itself: the run comes without it, and a note says so.

    Raises:
        WamvizError: there is no run, or its own files are damaged.
    """
    folder = Path(folder)
    if not (folder / MANIFEST).is_file():
        raise NotFound(f"'{folder.name}' holds no run.", f"A run's folder holds a {MANIFEST}.")
    facts = read_manifest(folder)
    arrays = read_arrays(folder / "rollout.npz")
    others: dict[str, Rollout | None] = {"reference": None, "executed": None}
    lost: list[str] = []
    stamps: dict[str, Any] = {}
    for name in others:
        if (folder / f"{name}.npz").is_file():
            try:
                found, own = read_rollout(folder / f"{name}.npz")
                others[name] = _with_video(found, folder / f"{name}.mp4", own)
                stamps[name] = own.get("stamp")
            except WamvizError as error:
                lost.append(f"The {'recorded' if name == 'reference' else name} rollout is lost: {error.message}")
    try:
        context = read_image(folder / "context.png")
        samples = _samples(facts, arrays)
        samples = tuple(_with_video(one, folder / video_name(k), facts) for k, one in enumerate(samples))
        run = _run_from(facts, samples, context, others)
        stamp_of = {name: (facts.get(name) or {}).get("stamp") for name in others}
    except WamvizError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise Damaged(f"{MANIFEST} does not describe a run: {type(error).__name__} {error}.") from error
    if any(stamps.get(name) != stamp_of[name] for name in others):
        # A process ended between the archive and the manifest, or an archive is lost: the numbers are another's.
        run = replace(run, metrics=summarise(run), notes=(*run.notes, *lost))
    return run


def _with_video(rollout: Rollout, path: Path, facts: Mapping[str, Any]) -> Rollout:
    """``rollout`` with the frames of its video, where it was written small and has one."""
    if rollout.frames is not None or facts.get("frames") != "mp4" or not path.is_file():
        return rollout
    return replace(rollout, frames=read_video(path)[0])


def stamps_of(folder: Path) -> dict[str, str]:
    """The stamps that ``reference.npz`` and ``executed.npz`` really carry, where they can be read."""
    found: dict[str, str] = {}
    for name in ("reference", "executed"):
        with contextlib.suppress(WamvizError):
            found[name] = str(read_facts(folder / f"{name}.npz").get("stamp"))
    return found


def _samples(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> tuple[Rollout, ...]:
    listed = facts["rollouts"]
    if not isinstance(listed, list) or not 1 <= len(listed) <= 4096:
        raise Damaged(f"{MANIFEST} lists no rollouts.")
    stacks = {name: arrays[name] for name in ("frames", "actions", "states") if name in arrays}
    for name, stack in stacks.items():
        if stack.ndim < 1 or len(stack) != len(listed):
            raise Damaged(f"rollout.npz holds {name} of shape {stack.shape} for {len(listed)} samples.")
    return tuple(
        rollout_from(one, {name: stack[index] for name, stack in stacks.items()}) for index, one in enumerate(listed)
    )


def _run_from(
    facts: Mapping[str, Any], imagined: tuple[Rollout, ...], context: NDArray[np.uint8], others: Mapping[str, Any]
) -> Run:
    world, steps, state = facts.get("world_state"), facts.get("steps"), facts.get("state")
    # Runs of earlier versions say none of these.
    horizon, previous = facts.get("horizon"), facts.get("previous_action")
    snapshot = None if world is None or world.get("snapshot") is None else np.asarray(world["snapshot"], np.float64)
    return Run(
        id=facts["id"],
        created=str(facts["created"]),
        model=str(facts["model"]),
        weights_digest=str(facts.get("weights_digest", "")),
        mode=str(facts["mode"]),
        instruction=str(facts["instruction"]),
        seed=int(facts["seed"]),
        steps=None if steps is None else int(steps),
        samples=int(facts["samples"]),
        source=str(facts.get("source", "")),
        imagined=imagined,
        context=context,
        reference=others["reference"],
        executed=others["executed"],
        timings={name: float(value) for name, value in dict(facts.get("timings") or {}).items() if value is not None},
        notes=tuple(str(note) for note in facts.get("notes") or ()),
        versions={str(name): str(value) for name, value in dict(facts.get("versions") or {}).items()},
        metrics=dict(facts.get("metrics") or {}),
        world_state=None if world is None else WorldState(str(world["world"]), int(world["seed"]), snapshot),
        state=None if state is None else np.asarray(state, np.float32),
        horizon=None if horizon is None else int(horizon),
        guidance=float(facts.get("guidance", 1.0)),
        previous_action=None if previous is None else np.asarray(previous, np.float32),
    )
