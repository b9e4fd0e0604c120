"""Kept runs as LeRobot v3.0 datasets: every rollout an episode, and with each the run that it came out of.

Contract: each imagined sample, the reference and the executed rollout become one episode; actions, states and
instruction come back bit for bit, frames as H.264 keeps them. Rollouts that differ in frame rate, frame size, camera,
action space or states never share a dataset: there are then several, one a folder inside the one that was named. That
folder appears when all of it is whole, and takes another's place only on request. Runs are loaded one at a time.

Where they differ in rate, each of those folders says its own in its name (``5hz``, ``15hz-imagined``).

LeRobot keeps one row a frame and one rate, so a rollout whose frames are rarer than its actions shows each of them for
as many rows as it lasts (``frame_every`` of that episode; our own reader takes it once). A rollout of T frames and
K < T actions ends with rows whose action only fills the place (it holds still): column ``wamviz.acted`` is false there,
and our own reader leaves them out. A rollout without frames becomes rows of actions without a video, one without
actions a video without actions.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from wamviz import __version__
from wamviz.core.errors import InvalidInput, NotFound, Unavailable, WamvizError, unknown_name
from wamviz.core.plain import jsonable
from wamviz.core.rollout import ORIGINS, Rollout
from wamviz.datasets import LeRobotWriter
from wamviz.datasets.files import read_json
from wamviz.datasets.formats.lerobot import layout
from wamviz.datasets.writer.lerobot import assemble, move_into_place
from wamviz.runs.store.forms import Form, episode_rows, form_of, frame_every
from wamviz.runs.store.run import Run

MAKER = "wamviz export"  # how an export is told from other people's folders before it is replaced
# What is told of each episode in a column of its own as well, `wamviz/NAME` in meta/episodes.
COLUMNS = {
    "run": "string",
    "origin": "string",
    "model": "string",
    "weights_digest": "string",
    "mode": "string",
    "seed": "int64",
    "sample": "int64",
    "instruction": "string",
    "source": "string",
    "frame_every": "int64",
}

Progress = Callable[[int, int, str], None]  # runs done, runs in all, a few words


@dataclass(frozen=True)
class Written:
    """One finished dataset.

    Attributes:
        folder: where it lies.
        episodes: how many, by origin.
        form: what they have in common.
        notes: plain sentences on what was left out.
    """

    folder: Path
    episodes: Mapping[str, int]
    form: Form
    notes: tuple[str, ...] = ()


@dataclass
class _Group:
    """A dataset that is being written."""

    form: Form
    writer: LeRobotWriter
    counts: dict[str, int]
    runs: dict[str, None]  # ids, in order
    notes: dict[str, None]
    versions: dict[str, str]


def export_lerobot(
    runs: Iterable[Run],
    out: str | Path,
    *,
    origins: Iterable[str] = ORIGINS,
    states: bool = True,
    force: bool = False,
    total: int | None = None,
    progress: Progress | None = None,
    left_out: list[str] | None = None,
) -> tuple[Written, ...]:
    """Write the rollouts of ``runs`` as one dataset ``out``, or as several inside it where they differ in form.

    Args:
        runs: each is let go once it is written, so an iterator that loads them needs the memory of one. A run that
            comes twice, and a recorded rollout that several runs share, is written once.
        out: a folder that does not exist or is empty.
        origins: which rollouts are taken.
        states: False leaves the states out, so that imagined rollouts (which have none) join the others.
        force: replace an earlier export; any other folder is still refused.
        total: how many runs there are, for ``progress``, which is called after each.
        left_out: takes a sentence about each rollout that LeRobot has no place for; without it, such a one is refused.

    Raises:
        WamvizError: the folder is in use, there is nothing to write, or a rollout that LeRobot has no place for.
    """
    wanted = tuple(origins)
    for name in wanted:
        if name not in ORIGINS:
            raise unknown_name("origin", name, ORIGINS)
    root = Path(os.path.abspath(Path(out).expanduser()))
    check_target(root, force)
    draft = root.with_name(f".{root.name}.{secrets.token_hex(4)}.draft")
    groups: dict[Form, _Group] = {}
    seen: set[str] = set()
    try:
        draft.mkdir(parents=True)
        for number, run in enumerate(runs, 1):
            if run.id not in seen:
                seen.add(run.id)
                for rollout, facts in collect_rollouts(run):
                    if rollout.origin not in wanted or _repeated(rollout, facts, seen):
                        continue
                    sample = f" sample {facts['sample']}" if rollout.origin == "imagined" else " rollout"
                    try:
                        form, note = form_of(rollout, f"{rollout.origin}{sample} of run {run.id}", states)
                    except WamvizError as error:
                        if left_out is None:
                            raise
                        left_out.append(error.message)
                        continue
                    _stage(draft, groups, rollout, facts, run, form, note)
            if progress is not None:
                progress(number, total or number, f"run {run.id}")
        if not groups:
            why = " ".join(left_out or ())[:600]
            raise NotFound(
                f"There is no {' or '.join(wanted)} rollout in these runs that can be written.",
                f"{why} Name others with --only.",
            )
        whole = draft / "whole"
        written = _finish(groups, whole)
        check_target(root, force)  # somebody may have been there meanwhile
        move_into_place(whole, root)
        return tuple(replace(one, folder=root / one.folder.relative_to(whole)) for one in written)
    except OSError as error:
        raise Unavailable(f"'{root.name}' cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def collect_rollouts(run: Run) -> list[tuple[Rollout, dict[str, Any]]]:
    """The rollouts of a run, each with its provenance; what a model did not make names no model."""
    question = {
        "model": run.model,
        "weights_digest": run.weights_digest,
        "mode": run.mode,
        "steps": run.steps,
        "horizon": run.horizon,
        "guidance": run.guidance,
    }
    nobody: dict[str, Any] = {name: "" for name in ("model", "weights_digest", "mode")}
    listed: list[tuple[Rollout, dict[str, Any]]] = []
    for sample, rollout in enumerate(run.imagined):
        seed = run.seed + sample if rollout.seed is None else rollout.seed
        listed.append((rollout, {**question, "seed": seed, "sample": sample, "source": run.source}))
    if run.reference is not None:
        source = str(run.reference.meta.get("source") or run.source)
        listed.append((run.reference, {**nobody, "seed": None, "sample": None, "source": source}))
    if run.executed is not None:
        details = {**question, "seed": run.seed, "sample": run.executed.meta.get("sample"), "source": run.source}
        listed.append((run.executed, details))
    out = []
    for rollout, facts in listed:
        words = rollout.instruction or ("" if rollout is run.reference else run.instruction)
        facts = {"run": run.id, "created": run.created, "origin": rollout.origin, **facts, "instruction": words}
        if "by" in rollout.meta:
            facts["by"] = str(rollout.meta["by"])
        out.append((rollout, {**facts, "success": rollout.success}))
    return out


def _repeated(rollout: Rollout, facts: Mapping[str, Any], seen: set[str]) -> bool:
    """Whether a rollout that no model made was written already: runs of one context share their reference."""
    if facts["model"]:
        return False
    digest = hashlib.sha256(f"{facts['origin']} {facts['source']} {facts['instruction']}".encode())
    for array in (rollout.frames, rollout.actions, rollout.states):
        digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    known = digest.hexdigest() in seen
    seen.add(digest.hexdigest())
    return known


def _stage(
    draft: Path, groups: dict[Form, _Group], rollout: Rollout, facts: dict[str, Any], run: Run, form: Form, note: str
) -> None:
    """Put one rollout into the dataset of its form, which is begun where there is none yet."""
    group = groups.get(form)
    if group is None:
        writer = LeRobotWriter(draft / f"group-{len(groups)}", form.plan())
        group = groups[form] = _Group(form, writer, {}, {}, {}, {})
    rows, frames = episode_rows(rollout, form)
    length = len(next(iter((*frames.values(), *rows.values()))))
    facts["frame_every"] = frame_every(rollout)
    facts["rows_without_action"] = 0 if rollout.actions is None else length - len(rollout.actions)
    if rollout.frames is not None:
        facts["frame_size"] = list(form.size or ())
    if rollout.camera_model is not None and form.size is not None:
        height, width = (side + side % 2 for side in form.size)
        # The padding lies to the right and below, so no pixel moves and the intrinsics hold.
        facts["cameras"] = {form.camera: replace(rollout.camera_model, width=width, height=height).to_json()}
    group.writer.add_episode(rows, frames, str(facts["instruction"]), jsonable(facts))
    group.counts[rollout.origin] = group.counts.get(rollout.origin, 0) + 1
    group.runs[run.id] = None
    group.versions.update(run.versions)
    if note:
        group.notes[note] = None


def _finish(groups: Mapping[Form, _Group], whole: Path) -> list[Written]:
    """Assemble every dataset below ``whole``: there itself when it is one, else one folder each.

    Folders are called after what tells their datasets apart: the rate, the origins, else a number.
    """
    alone, taken = len(groups) == 1, set[str]()
    rates = [group.form.fps for group in groups.values()]
    written = []
    for group in groups.values():
        stem = "-".join(name for name in ORIGINS if name in group.counts)
        if len(set(rates)) > 1:
            rate = f"{group.form.fps}hz"
            stem = rate if rates.count(group.form.fps) == 1 else f"{rate}-{stem}"
        name = next(n for n in (stem, *(f"{stem}-{i}" for i in range(2, 10_000))) if n not in taken)
        taken.add(name)
        folder = whole if alone else whole / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        columns = {fact: (f"wamviz/{fact}", kind) for fact, kind in COLUMNS.items()}
        assemble(group.writer.staging, group.writer.plan, folder, _manifest(group), columns=columns)
        written.append(Written(folder, dict(group.counts), group.form, tuple(group.notes)))
    return written


def _manifest(group: _Group) -> dict[str, Any]:
    form, runs = group.form, list(group.runs)
    return {
        "format": 1,
        "made_by": MAKER,
        "title": f"wamviz run {runs[0]}" if len(runs) == 1 else f"{len(runs)} wamviz runs",
        "runs": runs,
        "action_space": None if form.space is None else form.space.to_json(),
        **({"main_camera": form.camera} if form.size is not None else {}),
        **({"state_names": list(form.state_names)} if form.state_names else {}),
        "versions": {**group.versions, "wamviz": __version__},
    }


def check_target(root: Path, force: bool) -> None:
    """Raise ``WamvizError`` when ``root`` is in use, or, with ``force``, when it is not an earlier export."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return
    if not force:
        hint = "Choose another folder, or replace it with --force." if _ours(root) else "Choose another folder."
        raise InvalidInput(f"'{root.name}' exists already.", hint)
    if not _ours(root):
        raise InvalidInput(
            f"'{root.name}' is no export of wamviz, so it is not replaced.",
            "Choose another folder, or delete it first.",
        )


def _ours(root: Path) -> bool:
    """Whether a folder holds nothing but datasets that ``export_lerobot`` wrote."""
    if not root.is_dir() or root.is_symlink():
        return False
    if (root / layout.MANIFEST).is_file():
        try:
            return read_json(root / layout.MANIFEST).get("made_by") == MAKER
        except WamvizError:
            return False
    parts = list(root.iterdir())
    return bool(parts) and all((part / layout.MANIFEST).is_file() and _ours(part) for part in parts)
