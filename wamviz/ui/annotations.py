"""What people say about kept runs: a star, a note. Kept beside the runs, in one file that can be read and edited.

Contract: ``annotations.json`` in the store's root, ``{run id: {"star": bool, "note": text}}``; written whole, and taken
for empty where it is damaged. The runs themselves are never touched.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from wamviz.core.media import replacing
from wamviz.core.plain import dumps

log = logging.getLogger(__name__)
NAME = "annotations.json"
LONGEST_NOTE = 500  # letters


@dataclass(frozen=True)
class Annotation:
    """What was said about one run.

    Args:
        star: it was marked.
        note: free text, at most 500 letters; longer ones are cut.
    """

    star: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "note", " ".join(self.note.split())[:LONGEST_NOTE])


class Annotations:
    """The annotations of the runs under ``root``."""

    def __init__(self, root: Path) -> None:
        self.path = root / NAME
        self._lock = threading.Lock()

    def all(self) -> dict[str, Annotation]:
        """Every annotation, by the run's id; none when the file is missing or damaged."""
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            return {
                str(run_id): Annotation(bool(note.get("star")), str(note.get("note") or ""))
                for run_id, note in found.items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as error:
            log.warning("%s cannot be read: %s", self.path.name, error)
            return {}

    def toggle_star(self, run_id: str) -> None:
        """Mark a run, or take the mark away."""
        self._change(run_id, lambda old: replace(old, star=not old.star))

    def set_note(self, run_id: str, note: str) -> None:
        """Say something about a run; "" takes it back."""
        self._change(run_id, lambda old: replace(old, note=note))

    def forget(self, run_id: str) -> None:
        """The run was deleted."""
        if run_id in self.all():
            self._change(run_id, lambda old: Annotation())

    def _change(self, run_id: str, change: Callable[[Annotation], Annotation]) -> None:
        with self._lock:
            kept = self.all()
            kept[run_id] = change(kept.get(run_id, Annotation()))
            plain = {name: {"star": one.star, "note": one.note} for name, one in kept.items() if one != Annotation()}
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self.path) as temporary:
                temporary.write_text(dumps(plain, indent=1, ensure_ascii=False), encoding="utf-8")
