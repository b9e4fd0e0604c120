"""Work that outlives the page that started it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from wamviz.core.errors import WamvizError
from wamviz.ui import background
from wamviz.ui.background import JobBoard, Parts
from wamviz.ui.jobs import Switch


def test_every_watcher_sees_the_newest_of_everything_and_the_end() -> None:
    go, board = threading.Event(), JobBoard()

    def stream(switch: Switch) -> Iterator[Parts]:
        yield {"status": "one", "stage": "first picture"}
        assert go.wait(60)
        yield {"status": "two"}

    job = board.open()
    job.start(stream)
    early = job.watch()
    assert next(early) == {"status": "one", "stage": "first picture"}
    go.set()
    assert list(early) == [{"status": "two"}]
    assert list(job.watch()) == [{"status": "two", "stage": "first picture"}]  # one who comes late misses nothing
    assert board.get(job.id) is job and board.running(job.id) is None


def test_a_second_start_changes_nothing() -> None:
    job, calls = JobBoard().open(), []

    def stream(switch: Switch) -> Iterator[Parts]:
        calls.append(switch)
        yield {}

    for _ in range(2):
        job.start(stream, {"instruction": "wait"})
    list(job.watch())
    assert len(calls) == 1 and job.question == {"instruction": "wait"}


def test_cancel_reaches_the_stream_and_its_last_word_the_watcher() -> None:
    board = JobBoard()
    job = board.open()

    def stream(switch: Switch) -> Iterator[Parts]:
        yield {"status": "busy"}
        while not switch.off:
            switch.wait(60)
        yield {"status": "stopped"}

    job.start(stream)
    watching = job.watch()
    assert next(watching) == {"status": "busy"}
    board.cancel(job.id, {"status": "stopping"})
    assert list(watching)[-1] == {"status": "stopped"}
    for late in (job.id, "unknown", None):  # nothing runs any more: the stream has had the last word
        board.cancel(late, {"status": "stopping"})
    assert list(job.watch()) == [{"status": "stopped"}]


def test_what_is_shown_beside_a_stream_comes_in_order() -> None:
    job, go_on = JobBoard().open(), threading.Event()

    def stream(switch: Switch) -> Iterator[Parts]:
        yield {"status": "busy", "run": 1}
        assert go_on.wait(60)
        yield {"status": "good"}

    job.start(stream)
    watching = job.watch()
    assert next(watching) == {"status": "busy", "run": 1}
    job.show({"status": "stopping"})
    assert next(watching) == {"status": "stopping"}
    go_on.set()
    assert list(watching) == [{"status": "good"}]


def test_a_stream_that_breaks_ends_its_job(caplog: pytest.LogCaptureFixture) -> None:
    job = JobBoard().open()

    def stream(switch: Switch) -> Iterator[Parts]:
        yield {"status": "busy"}
        raise RuntimeError("internals")

    job.start(stream)
    assert list(job.watch())[-1] == {"status": "busy"}
    assert "internals" in caplog.text


def test_too_many_at_once_are_refused_and_old_ones_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "KEEP_S", 0.0)
    board = JobBoard(most=2)
    first, _ = board.open(), board.open()
    with pytest.raises(WamvizError, match="2 runs are under way"):
        board.open()
    first.abandon()
    board.open()
    assert board.get(first.id) is None
