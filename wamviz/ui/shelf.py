"""The runs that the page can open: those kept in the store, and the example that is shipped.

Contract: a run is named by its id everywhere on the page; ``url`` gives the address of one of its files,
relative to the page, and ``serve`` answers there. The example is read-only and not in the history; it enters
the store when somebody acts it out or downloads it. This module knows no layout.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from wamviz.errors import WamvizError
from wamviz.rollout import Rollout
from wamviz.store import Run, RunSummary, Store, read_run

EXAMPLE = Path(__file__).resolve().parents[2] / "assets" / "example-run"
KINDS = ("mp4", "gif", "npz", "csv", "zip", "lerobot")


class Shelf:
    """The store with the example laid on top.

    Args:
        store: where runs are kept; the default store when None.
        example: folder of the shipped example; a folder without a run means that there is none.
    """

    def __init__(self, store: Store | None = None, example: Path = EXAMPLE) -> None:
        self.store = store or Store()
        self._example = example
        self._example_id = _id_in(example)

    @property
    def example(self) -> Run | None:
        """The shipped example, or None when there is none (or a damaged one)."""
        if self._example_id is None:
            return None
        try:
            return read_run(self._example)
        except WamvizError:
            return None

    def folder(self, run_id: str) -> Path:
        """Where a run's files lie; ``WamvizError`` when no such run is kept."""
        try:
            return self.store.folder(run_id)
        except WamvizError:
            if run_id and run_id == self._example_id:
                return self._example
            raise

    def load(self, run_id: str) -> Run:
        """The run with that id; ``WamvizError`` when there is none or it is damaged."""
        folder = self.folder(run_id)
        return read_run(folder) if folder == self._example else self.store.load(run_id)

    def save(self, run: Run) -> str:
        """Keep a finished run."""
        return self.store.save(run)

    def attach_executed(self, run_id: str, rollout: Rollout) -> Run:
        """Put what physics made of the actions beside a run, and return the completed run."""
        self._own(run_id)
        return self.store.attach_executed(run_id, rollout)

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
        if self.folder(run_id) == self._example:
            self.store.save(self.load(run_id))


def _id_in(folder: Path) -> str | None:
    try:
        return read_run(folder).id
    except WamvizError:
        return None
