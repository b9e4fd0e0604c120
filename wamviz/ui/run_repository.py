"""The runs that the page can open: those kept in the store, and the examples that are shipped.

Contract: a run is named by its id everywhere on the page; ``url`` gives the address of one of its files,
relative to the page, and ``serve`` answers there. Examples are read-only and not in the history; one enters
the store when somebody acts it out or downloads it. This module knows no layout.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Rollout
from wamviz.runs.store import Run, RunSummary, Store, export, read_run
from wamviz.runs.store.files import read_manifest
from wamviz.runs.store.run import check_id

log = logging.getLogger(__name__)
EXAMPLES = Path(__file__).resolve().parents[2] / "assets" / "examples"
TASKS = {  # in the order in which examples are offered; the first is shown on arrival
    "lever": "lever",
    "pick": "pick",
    "place": "place",
    "push": "push",
    "lever_then_pick": "lever, then pick",
    "stack": "stack",
}
EXAMPLE = EXAMPLES / next(iter(TASKS))
KINDS = export.KINDS


class RunRepository:
    """The store with the examples laid on top.

    Args:
        store: where runs are kept; the default store when None.
        examples: folder of the shipped examples, one folder a task; without it there are none.
    """

    def __init__(self, store: Store | None = None, examples: Path = EXAMPLES) -> None:
        self.store = store or Store()
        found = {task: (_id_in(examples / task), examples / task) for task in TASKS}
        self._folders = {run_id: folder for run_id, folder in found.values() if run_id is not None}
        self._mounted: dict[Path, Store] = {}
        self.examples = {task: run_id for task, (run_id, _) in found.items() if run_id is not None}

    def mount(self, store: Store) -> None:
        """Make the runs of another store readable; like an example, one enters ours when somebody acts on it."""
        if store.root != self.store.root:
            self._mounted[store.root] = store

    @property
    def example(self) -> Run | None:
        """The example that is shown on arrival: the first task's, or None when there is none that can be read."""
        for run_id in self.examples.values():
            try:
                return self.load(run_id)  # a kept one, whose files are the ones that are served
            except WamvizError as error:
                log.warning("An example cannot be shown: %s", error)
        return None

    def folder(self, run_id: str) -> Path:
        """Where a run's files lie; ``WamvizError`` when no such run is kept."""
        try:
            return self.store.folder(run_id)
        except WamvizError:
            read_only = self._read_only(run_id)
            if read_only is not None:
                return read_only
            raise

    def load(self, run_id: str) -> Run:
        """The run with that id; ``WamvizError`` when there is none or it is damaged."""
        folder = self.folder(run_id)
        return self.store.load(run_id) if folder.parent == self.store.root else read_run(folder)

    def keep(self, run: Run) -> Run:
        """Keep a finished run, and return it as it is kept: the same, imagined before, may have been executed since."""
        if self._read_only(run.id) is not None:
            self._own(run.id)  # an example that is imagined anew keeps its execution
        before = self.store.has(run.id)
        self.store.save(run)
        return self.store.load(run.id) if before else run

    def attach_executed(self, run_id: str, rollout: Rollout) -> Run:
        """Put what physics made of the actions beside a run, and return the completed run."""
        self._own(run_id)
        return self.store.attach_executed(run_id, rollout)

    def attach_facts(self, run_id: str, facts: Sequence[Mapping[str, Any]]) -> Run:
        """Add facts, one mapping a sample, to the imagined rollouts of a run, and return it with them."""
        self._own(run_id)
        return self.store.attach_facts(run_id, facts)

    def export(self, run_id: str, kind: str) -> Path:
        """A file to download; ``kind`` is one of ``KINDS``."""
        self._own(run_id)
        return self.store.export(run_id, kind)

    def list(self, limit: int | None = 100) -> list[RunSummary]:
        """The kept runs, newest first."""
        return self.store.list(limit)

    def delete(self, run_id: str) -> None:
        """Forget a kept run."""
        self.store.delete(run_id)

    def url(self, run_id: str) -> Callable[[str], str]:
        """A function from a file's name to its address on the page."""
        return lambda name: f"runs/{run_id}/{name}"

    def _own(self, run_id: str) -> None:
        if not self.store.has(run_id):
            self.store.save(self.load(run_id))

    def _read_only(self, run_id: str) -> Path | None:
        """Where a run lies that is not ours: an example, or one of a mounted store."""
        if run_id in self._folders:
            return self._folders[run_id]
        return next((store.folder(run_id) for store in self._mounted.values() if store.has(run_id)), None)


def _id_in(folder: Path) -> str | None:
    """The id of the run in ``folder``; its videos stay unread until it is shown."""
    try:
        return check_id(read_manifest(folder).get("id"))
    except WamvizError:
        return None
