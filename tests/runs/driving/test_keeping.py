"""A kept drive is a run like any other."""

from __future__ import annotations

import numpy as np
import pytest

from tests.runs.driving.conftest import TASK
from wamviz.core.errors import InvalidInput
from wamviz.runs.driving import keep_drive
from wamviz.runs.store import Store

ACTION = [0.03, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_a_kept_drive_opens_as_a_run(drive, tmp_path):
    driven = drive.step([ACTION]).step([ACTION, ACTION])
    store = Store(tmp_path)
    store.save(keep_drive(driven))
    run = store.load(store.list()[0].id)
    assert (run.model, run.mode, run.instruction) == ("obedient", "forward_dynamics", TASK)
    np.testing.assert_array_equal(run.imagined[0].actions, driven.actions)
    np.testing.assert_array_equal(run.executed.states[-1], driven.moments[-1].real.state)
    assert run.executed.success is False and run.metrics["execution"]
    assert any("1 to 2 at a time" in note for note in run.notes)
    assert store.export(run.id, "mp4").stat().st_size > 0


def test_how_it_was_driven_tells_drives_apart(drive):
    """The same actions, one or two at a time, were other questions to the model; the same drive is the same run."""
    one, two = drive.step([ACTION]).step([ACTION]), drive.step([ACTION, ACTION])
    assert keep_drive(one).id == keep_drive(drive.step([ACTION]).step([ACTION])).id != keep_drive(two).id


def test_nothing_driven_is_nothing_kept(drive):
    with pytest.raises(InvalidInput, match="Nothing was driven"):
        keep_drive(drive)
