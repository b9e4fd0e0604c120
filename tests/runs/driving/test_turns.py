"""Who may be driven, and when a step gives up waiting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.runs.driving.conftest import ENTRY
from wamviz.core.errors import Busy, InvalidInput
from wamviz.models import registry
from wamviz.models.cache import resolve_device
from wamviz.models.queue import DEVICE_QUEUE
from wamviz.runs.driving import check_drivable, take_turn, turns


def test_a_model_without_steps_is_refused_by_name():
    with pytest.raises(InvalidInput, match="cannot be driven"):
        check_drivable(registry.entry("hold-still").capabilities)
    check_drivable(ENTRY.capabilities)


def test_a_step_does_not_wait_behind_a_long_run(monkeypatch):
    monkeypatch.setattr(turns, "BEAT_S", 0.0)
    entry = replace(ENTRY, resident=True)
    with DEVICE_QUEUE.join(resolve_device(entry, "cpu"), "a long run") as run:
        assert run.wait() is None
        with pytest.raises(Busy), take_turn(entry, "cpu"):
            pass
        with take_turn(ENTRY, "cpu"):  # what takes no device waits for nobody
            pass
    with take_turn(entry, "cpu"):
        pass
