"""What became of a suite: its cells and kept runs in one folder, and the shelf of such folders that a page opens.

Contract: a folder of results holds ``suite/NAME`` (what was asked), ``cells.jsonl`` (what came of it), ``runs`` (a
store), once somebody rated, ``ratings.db``, and ``rubric.json`` where it has questions of its own. It can be moved and
copied as a whole. Nothing here imagines.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from wamviz.core.errors import NotFound, unknown_name
from wamviz.core.plain import dumps
from wamviz.probes.probe import Suite, read_suite, to_json
from wamviz.probes.ratings import Ratings
from wamviz.probes.rubric import Rubric, find_rubric, read_rubric
from wamviz.probes.suite_run import RUNS, SUITE, CellDone, read_cells
from wamviz.runs.store import Store

RUBRIC = "rubric.json"  # in the folder, where people are asked something else than the article's questions


@dataclass(frozen=True)
class Results:
    """A suite that was run, and what came of it."""

    suite: Suite
    cells: tuple[CellDone, ...]
    store: Store
    folder: Path

    @property
    def contenders(self) -> list[str]:
        """Who was asked, in the order of the first answers."""
        return list(dict.fromkeys(cell.contender for cell in self.cells))

    @cached_property
    def by_key(self) -> dict[str, CellDone]:
        """The cells by their keys."""
        return {cell.key: cell for cell in self.cells}

    def samples(self, probe: str, prompt: str, contender: str) -> list[CellDone]:
        """The cells of one prompt and contender."""
        return self._by_prompt.get((probe, prompt, contender), [])

    @cached_property
    def _by_prompt(self) -> dict[tuple[str, str, str], list[CellDone]]:
        found: dict[tuple[str, str, str], list[CellDone]] = {}
        for cell in self.cells:
            found.setdefault((cell.probe, cell.prompt, cell.contender), []).append(cell)
        return found

    @property
    def rubric(self) -> Rubric:
        """What people are asked: the folder's own ``rubric.json``, else the article's.

        Raises:
            WamvizError: the folder's own is no rubric.
        """
        own = self.folder / RUBRIC
        return read_rubric(own) if own.is_file() else find_rubric()

    @property
    def ratings(self) -> Ratings:
        """What people said of them."""
        return Ratings(self.folder)

    def of(self, contender: str, kind: str | None = None) -> list[CellDone]:
        """The cells of a contender; with ``kind``, those of its prompts, see ``kinds``."""
        return [
            cell
            for cell in self.cells
            if cell.contender == contender and kind in (None, self.kinds.get((cell.probe, cell.prompt)))
        ]

    @cached_property
    def kinds(self) -> dict[tuple[str, str], str]:
        """What each prompt is, by probe and prompt: ``reference``, the template that made it, or ``extension``."""
        return {
            (probe.name, prompt.name): "reference" if prompt is probe.reference else prompt.template or "extension"
            for probe in self.suite.probes
            for prompt in probe.prompts
        }

    def instruction(self, cell: CellDone) -> str:
        """What a cell was told; "" of a prompt that is not in the suite any more."""
        prompts = (prompt for probe in self.suite.probes if probe.name == cell.probe for prompt in probe.prompts)
        return next((prompt.instruction for prompt in prompts if prompt.name == cell.prompt), "")


def read_results(folder: str | Path) -> Results:
    """What ``run_suite`` left in a folder.

    Raises:
        NotFound: nothing was run there.
    """
    path = Path(folder).expanduser()
    cells = read_cells(path)
    if not cells:
        raise NotFound(f"There are no results in '{folder}'.", "Make some: python -m wamviz probe run SUITE --out DIR")
    suite = next(iter(sorted((path / SUITE).iterdir())))
    return Results(read_suite(suite), tuple(cells), Store(path / RUNS), path)


class ResultsShelf:
    """Folders of results by name.

    Args:
        root: where new ones are made; each folder in it is one.
        others: further folders of results, wherever they lie; they come first.
    """

    def __init__(self, root: Path, others: Sequence[str | Path] = ()) -> None:
        self.root = root
        self._others: dict[str, Path] = {}
        for other in others:
            path = Path(other).expanduser().absolute()
            stem = name = re.sub(r"[^a-z0-9-]+", "-", path.name.lower()).strip("-") or "results"
            while name in self._others:
                name = f"{stem}-{len(self._others) + 1}"
            self._others[name] = path

    def names(self) -> list[str]:
        """All of them that hold a suite, the newest first after those that were named."""
        made = [path for path in self.root.iterdir() if (path / SUITE).is_dir()] if self.root.is_dir() else []
        made.sort(key=lambda path: (path / SUITE).stat().st_mtime, reverse=True)
        return [*self._others, *(path.name for path in made if path.name not in self._others)]

    def folder(self, name: str) -> Path:
        """Where the results of that name lie.

        Raises:
            NotFound: there are none; the name leads nowhere else.
        """
        if name in self._others:
            return self._others[name]
        if name not in self.names():
            raise unknown_name("results", name, self.names())
        return self.root / name

    def place(self, suite: Suite) -> tuple[str, Path]:
        """Name and folder for the results of a suite: the same for the same questions, so that more samples of them, or
        other models, come to those that are there."""
        asked = dumps([{**to_json(probe), "samples": 0, "contenders": []} for probe in suite.probes])
        name = f"{suite.name}-{hashlib.sha256(asked.encode()).hexdigest()[:6]}"
        return name, self.root / name


def use_rubric(folder: str | Path, file: str | Path) -> None:
    """Give a folder of results questions of its own; what was answered before stays, under the name of its rubric.

    Raises:
        WamvizError: the file is no rubric.
    """
    read_rubric(file)
    (Path(folder).expanduser() / RUBRIC).write_bytes(Path(file).expanduser().read_bytes())
