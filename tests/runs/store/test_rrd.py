"""Rerun recordings: read back with Rerun's own reader where it is installed; without it, one sentence that helps."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.runs.store.rrd import VERSION, export_rrd


def test_without_rerun_it_says_how_to_install_it(make_run, tmp_path, monkeypatch):
    """Nothing is written, and the command that fixes it is named."""
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(WamvizError) as caught:
        export_rrd([make_run()], tmp_path / "out")
    assert f"rerun-sdk=={VERSION}" in str(caught.value) and not (tmp_path / "out").exists()


@pytest.fixture
def rows(make_run, tmp_path):
    """{entity path: number of rows} of an exported run, and the run."""
    pytest.importorskip("rerun")
    from rerun.chunk import RrdReader

    run = make_run()
    (path,) = export_rrd([run], tmp_path)
    found: dict[str, int] = {}
    values: dict[str, list[float]] = {}
    for chunk in RrdReader(path).stream():
        batch = chunk.to_record_batch()
        found[str(chunk.entity_path)] = found.get(str(chunk.entity_path), 0) + batch.num_rows
        for name in batch.schema.names:
            if "calars" in name:
                values.setdefault(str(chunk.entity_path), []).extend(v[0] for v in batch[name].to_pylist())
    return run, found, values


def test_everything_is_there(rows):
    """As many pictures as frames, as many values as actions, to the bit, under one path a rollout."""
    run, found, values = rows
    for index, rollout in enumerate(run.imagined):
        where = f"/imagined/{index}"
        assert found[f"{where}/camera/image"] >= len(rollout.frames)
        for column, name in enumerate(rollout.action_space.names):
            assert np.array_equal(np.float32(values[f"{where}/actions/{name}"]), rollout.actions[:, column])
    assert found["/run"] == 1


def test_what_is_there_is_not_replaced_unasked(make_run, tmp_path):
    """A second export needs ``force``; asking for what a run does not have is refused."""
    pytest.importorskip("rerun")
    run = make_run()
    (path,) = export_rrd([run], tmp_path)
    with pytest.raises(WamvizError, match="--force"):
        export_rrd([run], tmp_path)
    assert export_rrd([run], tmp_path, force=True) == [path]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
