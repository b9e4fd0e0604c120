"""Runs of a mounted store are read where they lie, and enter ours when somebody acts on one."""

from __future__ import annotations

from pathlib import Path

import pytest

from wamviz.core.errors import WamvizError
from wamviz.runs.store import Store, read_run
from wamviz.ui.run_repository import EXAMPLE, RunRepository

pytestmark = pytest.mark.skipif(not EXAMPLE.is_dir(), reason="no shipped examples")


def test_a_mounted_run_is_read_only_until_it_is_downloaded(tmp_path: Path) -> None:
    run = read_run(EXAMPLE)
    other = Store(tmp_path / "results" / "runs")
    other.save(run)
    repository = RunRepository(Store(tmp_path / "runs"), examples=tmp_path / "none")
    with pytest.raises(WamvizError):
        repository.load(run.id)
    repository.mount(other)
    assert repository.load(run.id).id == run.id and repository.folder(run.id) == other.folder(run.id)
    assert repository.list() == []
    assert repository.export(run.id, "csv").is_relative_to(tmp_path / "runs")
    assert [kept.id for kept in repository.list()] == [run.id]
    with pytest.raises(WamvizError):
        repository.folder("../results")
