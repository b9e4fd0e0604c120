"""A coroutine beside a generator: reports in order, errors as they are, and a close that really ends it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from wamviz.core.errors import WamvizError
from wamviz.models.remote.waiting import run_sync, stream_in_thread


def test_reports_come_in_order_and_the_result_last():
    async def work(report):
        for number in range(5):
            report(number)
        return "done"

    def whole():
        result = yield from stream_in_thread(work, beat=5)
        yield result

    assert [event for event in whole() if event is not None] == [0, 1, 2, 3, 4, "done"]


def test_every_beat_is_a_chance_to_stop():
    """While nothing is reported, None comes; it ends when the work does."""
    go = threading.Event()

    async def work(report):
        while not go.is_set():
            await asyncio.sleep(0)

    events = stream_in_thread(work, beat=0.01)
    assert next(events) is None and next(events) is None
    go.set()
    assert set(events) <= {None}


def test_errors_come_out_as_they_were_raised():
    async def work(report):
        report(1)
        raise WamvizError("no luck")

    events = stream_in_thread(work)
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

    events = stream_in_thread(work, beat=0.01)
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
