"""Runs kept on disk: one folder a run, named by the run's id, under one root.

Contract: saving is atomic (a hidden folder, then one rename) and idempotent (the id is the content's, so the
same run saved again is kept once, and what was executed meanwhile stays). Several processes may save at once.
Ids are checked before any path is made, and a folder that is a link is no run, so nothing outside the root is
ever read or written. A damaged folder never breaks the list: it is left out, and ``scan`` says why.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wamviz.core.environment import home
from wamviz.core.errors import Damaged, NotFound, Unavailable, Unsafe, WamvizError
from wamviz.core.rollout import Rollout
from wamviz.metrics.summary import summarise
from wamviz.runs.store.arrays import write_json
from wamviz.runs.store.export import export_run
from wamviz.runs.store.files import (
    HIDDEN,
    MANIFEST,
    manifest,
    put_rollout,
    read_manifest,
    read_run,
    stamps_of,
    write_files,
)
from wamviz.runs.store.run import ID_FORM, Run, check_id

try:
    import fcntl
except ImportError:  # Windows: two processes that attach to one run at the same moment may then cross
    fcntl = None  # type: ignore[assignment]

STALE_SECONDS = 24 * 3600.0  # a hidden folder older than this was left by a process that died


@dataclass(frozen=True)
class RunSummary:
    """One line of the history: what ``rollout.json`` says without opening any video.

    Attributes:
        id, created, model, mode, instruction, seed, samples, source: see ``Run``.
        has_reference, has_executed: whether such a rollout lies beside the imagined ones.
        success: what physics said of the executed rollout, or None.
        metrics: as in ``Run``.
        folder: where its files lie; ``context.png`` is its picture.
    """

    id: str
    created: str
    model: str
    mode: str
    instruction: str
    seed: int
    samples: int
    source: str
    has_reference: bool
    has_executed: bool
    success: bool | None
    metrics: dict[str, Any]
    folder: Path


Summaries = list[RunSummary]  # inside the class, ``list`` is the method
Notes = list[str]


class Store:
    """The kept runs under ``root`` (default: ``runs`` in wamviz's home folder, made on the first save)."""

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = (Path(root) if root is not None else home() / "runs").absolute()
        self._seen: dict[str, tuple[tuple[int, int], RunSummary]] = {}  # id -> (stamp of the file, its summary)

    def folder(self, run_id: str) -> Path:
        """Where the files of run ``run_id`` lie; raises ``WamvizError`` when no such run is kept."""
        folder = self.root / check_id(run_id)
        if folder.is_symlink() or not (folder / MANIFEST).is_file():
            raise NotFound(f"No run {run_id} is kept here.", "It was deleted, or imagined on another machine.")
        return folder

    def save(self, run: Run) -> str:
        """Keep ``run`` and return its id. Saved before: only a rollout that was missing beside it is added."""
        folder = self.root / run.id
        hidden = self.root / f"{HIDDEN}{secrets.token_hex(8)}"
        with _explained("The run cannot be kept"):
            self.root.mkdir(parents=True, exist_ok=True)
            self._sweep()
            if self._whole(folder):
                self._complete(run)
                return run.id
            try:
                hidden.mkdir()
                write_files(hidden, run)
                if os.path.lexists(folder) and not self._whole(folder):
                    self._throw_away(folder)  # torn: the question is the same, so the new answer takes its place
                try:
                    os.rename(hidden, folder)
                except OSError:
                    if not self._whole(folder):
                        raise
                    self._complete(run)  # another process was faster
            finally:
                shutil.rmtree(hidden, ignore_errors=True)
        return run.id

    def load(self, run_id: str) -> Run:
        """The kept run; raises ``WamvizError`` when there is none or its files are damaged."""
        folder = self.folder(run_id)
        run = read_run(folder)
        if run.id != run_id:
            raise Damaged(f"The folder of run {run_id} holds another run ({run.id}).", "Delete it.")
        return run

    def list(self, limit: int | None = 100) -> Summaries:
        """The kept runs, newest first; damaged ones are left out."""
        return self.scan(limit)[0]

    def scan(self, limit: int | None = 100) -> tuple[Summaries, Notes]:
        """The kept runs, newest first, and one sentence for each folder that had to be left out."""
        found: Summaries = []
        notes: Notes = []
        try:
            names = sorted(entry.name for entry in os.scandir(self.root) if ID_FORM.fullmatch(entry.name))
        except FileNotFoundError:
            names = []
        except OSError as error:
            return [], [f"The kept runs cannot be read: {error.strerror}."]
        for name in names:
            try:
                found.append(self._summary(name))
            except WamvizError as error:
                notes.append(f"Run {name} is left out: {error}")
        found.sort(key=lambda summary: (summary.created, summary.id), reverse=True)
        return found[:limit], notes

    def attach_executed(self, run_id: str, rollout: Rollout) -> Run:
        """Put what physics made of the imagined actions beside run ``run_id``; returns the completed run.

        Readers see the run before or after it, never between.
        """
        with _explained("The executed rollout cannot be kept"), _locked(self.folder(run_id)):
            return self._put(replace(self.load(run_id), executed=rollout), ("executed",))

    def attach_facts(self, run_id: str, facts: Sequence[Mapping[str, Any]]) -> Run:
        """Add ``facts``, one mapping a sample, to what is known of the imagined rollouts; returns the run with them."""
        with _explained("What was found cannot be kept"), _locked(self.folder(run_id)):
            run = self.load(run_id)
            both = zip(run.imagined, facts, strict=True)
            run = replace(run, imagined=tuple(replace(one, meta={**one.meta, **told}) for one, told in both))
            write_json(self.root / run_id / MANIFEST, manifest(run, stamps_of(self.root / run_id)))
            return run

    def delete(self, run_id: str) -> None:
        """Forget run ``run_id`` and its files; raises ``WamvizError`` when there is none."""
        folder = self.folder(run_id)
        with _explained("The run cannot be deleted"):
            self._throw_away(folder)
        self._seen.pop(run_id, None)

    def export(self, run_id: str, kind: str) -> Path:
        """A file to download: ``mp4`` or ``gif`` (all panes side by side), ``npz``, ``csv`` (actions) or ``zip`` (all).

        It lies in the run's folder under ``exports`` and stays valid until the run changes.
        """
        folder = self.folder(run_id)
        with _explained("The download cannot be made"):
            return export_run(folder, self.load(run_id), kind)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _summary(self, name: str) -> RunSummary:
        folder = self.root / name
        if folder.is_symlink():
            raise Unsafe("it is a link.")
        try:
            status = (folder / MANIFEST).stat()
        except OSError:
            raise Damaged(f"it holds no {MANIFEST}.") from None
        stamp = (status.st_mtime_ns, status.st_size)
        seen = self._seen.get(name)
        if seen is not None and seen[0] == stamp:
            return seen[1]
        facts = read_manifest(folder)
        executed, metrics = facts.get("executed"), facts.get("metrics") or {}
        if facts.get("id") != name or not isinstance(metrics, dict) or not (folder / "rollout.npz").is_file():
            raise Damaged("its files do not belong together.")
        try:
            summary = RunSummary(
                id=name,
                created=str(facts["created"]),
                model=str(facts["model"]),
                mode=str(facts["mode"]),
                instruction=str(facts["instruction"]),
                seed=int(facts["seed"]),
                samples=int(facts["samples"]),
                source=str(facts.get("source", "")),
                has_reference=(folder / "reference.npz").is_file(),
                has_executed=(folder / "executed.npz").is_file(),
                success=executed.get("success") if isinstance(executed, dict) else None,
                metrics=metrics,
                folder=folder,
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise Damaged(f"{MANIFEST} does not describe a run: {type(error).__name__} {error}.") from None
        self._seen[name] = (stamp, summary)
        return summary

    def _whole(self, folder: Path) -> bool:
        if folder.is_symlink():
            return False
        try:
            return read_run(folder).id == folder.name
        except WamvizError:
            return False

    def _complete(self, run: Run) -> None:
        """Add to the kept run what ``run`` has and it lacks: a reference, where the context lies, an execution."""
        with _locked(self.root / run.id):
            kept = self.load(run.id)
            lacking = (n for n in ("reference", "executed", "world_state", "state") if getattr(kept, n) is None)
            added = {name: getattr(run, name) for name in lacking if getattr(run, name) is not None}
            if added:
                self._put(replace(kept, **added), tuple(name for name in added if name in ("reference", "executed")))

    def _put(self, run: Run, names: tuple[str, ...]) -> Run:
        folder = self.root / run.id
        run = replace(run, metrics=summarise(run))
        stamps = stamps_of(folder)
        for name in names:
            stamps[name] = put_rollout(folder, name, getattr(run, name))
        write_json(folder / MANIFEST, manifest(run, stamps))
        shutil.rmtree(folder / "exports", ignore_errors=True)
        return run

    def _throw_away(self, folder: Path) -> None:
        if folder.is_symlink() or not folder.is_dir():
            folder.unlink(missing_ok=True)  # a link goes, what it points to stays
            return
        hidden = self.root / f"{HIDDEN}{secrets.token_hex(8)}"
        os.rename(folder, hidden)
        shutil.rmtree(hidden, ignore_errors=True)

    def _sweep(self) -> None:
        for entry in os.scandir(self.root):
            if entry.name.startswith(HIDDEN) and entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat().st_mtime > STALE_SECONDS:
                        shutil.rmtree(entry.path, ignore_errors=True)


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "Check that the disk has room; WAMVIZ_HOME names another folder for kept runs."
        raise Unavailable(f"{what}: {error.strerror or error}.", hint) from error


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes from changing this run meanwhile. The lock is on the folder itself and leaves no file."""
    handle = os.open(folder, os.O_RDONLY) if fcntl is not None else None
    try:
        if fcntl is not None and handle is not None:
            with contextlib.suppress(OSError):  # some network file systems know no locks
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        if handle is not None:
            os.close(handle)
