"""Work beside a generator: reports in order, errors as they are, and a close that really ends it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from wamviz.core.errors import Canceled, WamvizError
from wamviz.core.threads import run_sync, stream_coroutine, stream_in_thread


def test_reports_come_in_order_and_the_result_last():
    async def work(report):
        for number in range(5):
            report(number)
        return "done"

    def whole():
        result = yield from stream_coroutine(work, beat=5)
        yield result

    assert [event for event in whole() if event is not None] == [0, 1, 2, 3, 4, "done"]


def test_every_beat_is_a_chance_to_stop():
    """While nothing is reported, None comes; it ends when the work does."""
    go = threading.Event()

    async def work(report):
        while not go.is_set():
            await asyncio.sleep(0)

    events = stream_coroutine(work, beat=0.01)
    assert next(events) is None and next(events) is None
    go.set()
    assert set(events) <= {None}


def test_errors_come_out_as_they_were_raised():
    async def work(report):
        report(1)
        raise WamvizError("no luck")

    events = stream_coroutine(work)
    assert next(events) == 1
    with pytest.raises(WamvizError, match="no luck"):
        list(events)


def test_closing_cancels_and_waits_for_the_clean_up():
    """When ``close`` returns, what the work held is given back."""
    cleaned = []

    async def work(report):
        try:
            report("here")
            await asyncio.get_running_loop().create_future()
        finally:
            cleaned.append(threading.current_thread().name)

    events = stream_coroutine(work, beat=0.01)
    assert next(events) == "here"
    events.close()
    assert cleaned == ["wamviz-remote"]
    assert not any(thread.name == "wamviz-remote" for thread in threading.enumerate())


def test_the_end_alone_is_waited_for_also_where_a_loop_runs():
    """As in a notebook, whose every cell runs inside one."""

    async def work():
        await asyncio.sleep(0)
        return "done"

    async def fails():
        raise WamvizError("no such view")

    async def cell():
        with pytest.raises(WamvizError, match="no such view"):
            run_sync(fails)
        return run_sync(work)

    assert run_sync(cell) == run_sync(work) == "done"


def test_a_function_is_watched_and_its_result_comes_last():
    def work(report):
        for number in range(3):
            report(number)
        return "done"

    def whole():
        result = yield from stream_in_thread(work, beat=5)
        yield result

    assert [event for event in whole() if event is not None] == [0, 1, 2, "done"]


def test_closing_stops_a_function_at_its_next_report_and_waits_for_it():
    seen, first = [], threading.Event()

    def work(report):
        try:
            while True:
                report("news")
                first.set()
        except Canceled:
            seen.append("stopped")
            raise

    events = stream_in_thread(work, name="wamviz-test")
    assert next(events) == "news" and first.wait(10)
    events.close()
    assert seen == ["stopped"] and not any(thread.name == "wamviz-test" for thread in threading.enumerate())


def test_who_does_not_wait_leaves_a_function_that_hears_nothing():
    """A look-up that cannot be interrupted ends by itself; the page goes on at once."""
    go = threading.Event()
    events = stream_in_thread(lambda report: go.wait(60), beat=0.01, name="wamviz-test", wait_s=0.0)
    assert next(events) is None
    events.close()
    left = [thread for thread in threading.enumerate() if thread.name == "wamviz-test"]
    assert len(left) == 1
    go.set()
    left[0].join(10)
    assert not left[0].is_alive()


def test_of_many_reports_the_latest_counts_where_that_is_wanted():
    begun, go = threading.Event(), threading.Event()

    def work(report):
        for number in range(100):
            report(number)
        begun.set()
        go.wait(60)
        return "done"

    events = stream_in_thread(work, beat=60, latest=True)
    first = next(events)
    begun.wait(60)
    assert first is not None
    rest = [first] if first == 99 else [first, next(events)]
    assert rest[-1] == 99 and len(rest) <= 2, "what lay between is not told"
    go.set()
    assert list(events) == []


def test_a_callback_is_called_once_also_when_it_comes_too_late():
    called, reporters = [], []

    def work(report):
        reporters.append(report)
        report.on_stop(lambda: called.append("before"))
        report("here")
        return None

    events = stream_in_thread(work)
    next(events)
    events.close()
    reporters[0].on_stop(lambda: called.append("after"))
    reporters[0].stop()
    assert called == ["before", "after"]
