"""Kept runs as LeRobot v3.0 datasets: every rollout an episode, and with each the run that it came out of.

Contract: each imagined sample, the reference and the executed rollout become one episode; actions, states and
instruction come back bit for bit, frames as H.264 keeps them. Rollouts that differ in frame rate, frame size, camera,
action space or states never share a dataset: there are then several, one a folder inside the one that was named. That
folder appears when all of it is whole, and takes another's place only on request. Runs are loaded one at a time.

LeRobot keeps one row a frame, so a rollout of T frames and K < T actions ends with rows whose action only fills the
place (it holds still): column ``wamviz.acted`` is false there, and our own reader leaves them out. A rollout without
frames becomes rows of actions without a video, one without actions a video without actions.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz import __version__
from wamviz.compare.actions import STEPS
from wamviz.datasets import LeRobotWriter, Plan, layout
from wamviz.datasets.files import read_json
from wamviz.datasets.lerobot_writer import assemble, move_into_place
from wamviz.errors import WamvizError, unknown_name
from wamviz.rollout import ORIGINS, ActionSpace, Rollout
from wamviz.store.arrays import jsonable
from wamviz.store.run import Run

MAKER = "wamviz export"  # how an export is told from other people's folders before it is replaced
ACTED = "wamviz.acted"
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
}

Progress = Callable[[int, int, str], None]  # runs done, runs in all, a few words


@dataclass(frozen=True)
class Form:
    """What the episodes of one dataset have in common.

    Attributes:
        fps: rows a second.
        size: (height, width) of the frames in pixels, or None without video.
        camera: the view, as a feature's name can hold it; "" without video.
        space: what the actions mean, or None without actions.
        state_names: one name a dimension of the states; () without states.
    """

    fps: int
    size: tuple[int, int] | None
    camera: str
    space: ActionSpace | None
    state_names: tuple[str, ...]

    def plan(self) -> Plan:
        """The LeRobot features."""
        features: dict[str, dict[str, Any]] = {}
        if self.space is not None:
            features["action"] = {"dtype": "float32", "shape": [self.space.dim], "names": list(self.space.names)}
            features[ACTED] = {"dtype": "bool", "shape": [1], "names": None}
        if self.state_names:
            shape = [len(self.state_names)]
            features["observation.state"] = {"dtype": "float32", "shape": shape, "names": list(self.state_names)}
        if self.size is not None:
            # H.264 has even sides only; write_mp4 pads, and the metadata has to say what the file holds.
            shape = [side + side % 2 for side in self.size] + [3]
            features[self.video_key] = {"dtype": "video", "shape": shape}
        # lerobot 0.6 decodes every video as BT.601, whatever it says of itself; ours and browsers do as it says.
        return Plan(features, self.fps, crf=18, without_stats=(ACTED,), matrix="bt601")

    @property
    def video_key(self) -> str:
        """The feature of the view."""
        return f"observation.images.{self.camera}"

    def __str__(self) -> str:
        video = "no video" if self.size is None else f"{self.size[1]}x{self.size[0]} pixels ({self.camera})"
        acting = "no actions" if self.space is None else f"{self.space.kind} actions of {self.space.dim} numbers"
        states = f"states of {len(self.state_names)} numbers" if self.state_names else "no states"
        return f"{self.fps} rows a second, {video}, {acting}, {states}"


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
                for rollout, facts in told(run):
                    if rollout.origin in wanted and not _repeated(rollout, facts, seen):
                        _stage(draft, groups, rollout, facts, run, states)
            if progress is not None:
                progress(number, total or number, f"run {run.id}")
        if not groups:
            raise WamvizError(f"There is no {' or '.join(wanted)} rollout in these runs.", "Name others with --only.")
        whole = draft / "whole"
        written = _finish(groups, whole)
        check_target(root, force)  # somebody may have been there meanwhile
        move_into_place(whole, root)
        return tuple(replace(one, folder=root / one.folder.relative_to(whole)) for one in written)
    except OSError as error:
        raise WamvizError(f"'{root.name}' cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def told(run: Run) -> list[tuple[Rollout, dict[str, Any]]]:
    """The rollouts of a run, each with its provenance; what a model did not make names no model."""
    asked = {
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
        listed.append((rollout, {**asked, "seed": seed, "sample": sample, "source": run.source}))
    if run.reference is not None:
        source = str(run.reference.meta.get("source") or run.source)
        listed.append((run.reference, {**nobody, "seed": None, "sample": None, "source": source}))
    if run.executed is not None:
        made = {**asked, "seed": run.seed, "sample": run.executed.meta.get("sample"), "source": run.source}
        listed.append((run.executed, made))
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


def form_of(rollout: Rollout, name: str, states: bool = True) -> tuple[Form, str]:
    """The form of a rollout's episode, and what had to be left out of it ("" when nothing).

    Args:
        name: what errors call it.
        states: whether its states are wanted.

    Raises:
        WamvizError: frames and actions at two rates, a rate that is no whole number, or more actions than frames.
    """
    space, frames = rollout.action_space if rollout.actions is not None else None, rollout.frames
    rate = rollout.fps if frames is not None or space is None else space.rate
    leave = "Leave it out with --only, or download the run's npz, which keeps both rates."
    if space is not None and abs(space.rate - rate) > 1e-6:
        raise WamvizError(
            f"The {name} has frames at {rate:g} and actions at {space.rate:g} Hz; a LeRobot dataset has one rate.",
            leave,
        )
    if abs(rate - round(rate)) > 1e-6:
        raise WamvizError(f"The {name} has {rate:g} frames a second; LeRobot keeps whole numbers only.", leave)
    count = 0 if rollout.actions is None else len(rollout.actions)
    if frames is not None and count > len(frames):
        raise WamvizError(f"The {name} has {count} actions but only {len(frames)} frames to put them beside.", leave)
    names: tuple[str, ...] = ()
    note = ""
    if states and rollout.states is not None:
        rows, dim = rollout.states.shape
        if rows == (len(frames) if frames is not None else max(count, min(rows, count + 1))):
            listed = rollout.meta.get("state_names")
            known = isinstance(listed, list | tuple) and len(listed) == dim
            names = tuple(map(str, listed)) if known and listed else tuple(f"state{i}" for i in range(dim))
        else:
            note = f"The states of the {name} are left out: {rows} rows do not go with its frames or actions."
    camera = "" if frames is None else re.sub(r"[^\w.-]+", "_", rollout.camera) or "main"
    size = None if frames is None else (frames.shape[1], frames.shape[2])
    return Form(round(rate), size, camera, space, names), note


def _stage(
    draft: Path, groups: dict[Form, _Group], rollout: Rollout, facts: dict[str, Any], run: Run, states: bool
) -> None:
    """Put one rollout into the dataset of its form, which is begun where there is none yet."""
    sample = f" sample {facts['sample']}" if facts["origin"] == "imagined" else " rollout"
    form, note = form_of(rollout, f"{facts['origin']}{sample} of run {run.id}", states)
    group = groups.get(form)
    if group is None:
        writer = LeRobotWriter(draft / f"group-{len(groups)}", form.plan())
        group = groups[form] = _Group(form, writer, {}, {}, {}, {})
    rows, frames = episode_rows(rollout, form)
    length = len(next(iter((*frames.values(), *rows.values()))))
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


def episode_rows(rollout: Rollout, form: Form) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[np.uint8]]]:
    """The (n, D) numbers and (n, H, W, 3) frames of an episode by feature, n the same for all."""
    frames, actions = rollout.frames, rollout.actions
    chosen = rollout.states if form.state_names else None
    lengths = [len(part) for part in (frames, actions, chosen) if part is not None]
    length = len(frames) if frames is not None else max(lengths)
    rows: dict[str, NDArray[Any]] = {}
    if form.space is not None and actions is not None:
        fill = np.repeat(filler(form.space, actions), length - len(actions), axis=0)
        rows["action"] = np.concatenate([actions, fill])
        rows[ACTED] = np.arange(length) < len(actions)
    if chosen is not None:
        rows["observation.state"] = chosen
    if frames is None or form.size is None:
        return rows, {}
    padding = ((0, 0), (0, form.size[0] % 2), (0, form.size[1] % 2), (0, 0))
    return rows, {form.video_key: np.pad(frames, padding, "edge")}


def filler(space: ActionSpace, actions: NDArray[np.float32]) -> NDArray[np.float32]:
    """(1, A): what keeps the robot where the last action put it, the gripper as it was told."""
    last = actions[-1:] if len(actions) else np.zeros((1, space.dim), np.float32)
    if space.kind not in STEPS:
        return last.copy()  # an absolute target goes on being one
    still = np.zeros_like(last)
    if space.gripper_index is not None:
        still[:, space.gripper_index] = last[:, space.gripper_index]
    return still


def _finish(groups: Mapping[Form, _Group], whole: Path) -> list[Written]:
    """Assemble every dataset below ``whole``: there itself when it is one, else one folder each."""
    alone, taken = len(groups) == 1, set[str]()
    written = []
    for group in groups.values():
        stem = "-".join(name for name in ORIGINS if name in group.counts)
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
        raise WamvizError(f"'{root.name}' exists already.", hint)
    if not _ours(root):
        raise WamvizError(
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
