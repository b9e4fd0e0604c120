"""Several processes ask a suite's cells once each; one that dies is told, and what was done is kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from wamviz.core.errors import WamvizError
from wamviz.probes import Contender, Probe, Prompt, Suite, run_suite
from wamviz.probes.suite_run import RUNS, Cell, CellDone, plan_cells, read_cells
from wamviz.probes.workers import answer_all, check_workers
from wamviz.runs.store import Store


@pytest.fixture
def plain(tmp_path: Path) -> Suite:
    """Two prompts of a picture for a model that every process knows."""
    picture = tmp_path / "context.png"
    Image.new("RGB", (32, 32), (90, 120, 40)).save(picture)
    who = (Contender("copy-last-frame", "video"),)
    return Suite("plain", (Probe("one", str(picture), Prompt("reference", "wave"), (Prompt("bow", "bow"),), who, 2),))


@pytest.mark.slow
def test_each_cell_is_asked_once_and_kept_as_by_one_process(plain: Suite, tmp_path: Path) -> None:
    done = list(run_suite(plain, tmp_path / "out", workers=2))
    assert {cell.key for cell in done} == {cell.key for cell in plan_cells(plain)} and len(done) == 4
    assert not any(cell.error for cell in done)
    store = Store(tmp_path / "out" / RUNS)
    assert all(store.load(cell.run).seed == cell.sample for cell in done)
    assert {cell.key for cell in read_cells(tmp_path / "out")} == {cell.key for cell in done}
    alone = list(run_suite(plain, tmp_path / "alone"))
    assert {cell.key: cell.run for cell in alone} == {cell.key: cell.run for cell in done}


def die_on(cell: Cell) -> CellDone:
    """The machine has no memory left."""
    os._exit(9)


def make() -> Callable[[Cell], CellDone]:
    return die_on


@pytest.mark.slow
def test_a_worker_that_dies_is_told(plain: Suite) -> None:
    with pytest.raises(WamvizError, match="What was done is kept"):
        list(answer_all(plan_cells(plain), 1, make))


@pytest.mark.parametrize("count", [0, -1, 65])
def test_how_many_there_can_be(count: int, plain: Suite, tmp_path: Path) -> None:
    with pytest.raises(WamvizError, match="cannot run a suite"):
        check_workers(count)
    with pytest.raises(WamvizError, match="cannot run a suite"):
        run_suite(plain, tmp_path / "out", workers=count)
    assert not (tmp_path / "out").exists()
