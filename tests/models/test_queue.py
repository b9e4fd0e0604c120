"""A device serves one at a time, in the order of coming, and says how long it may take."""

from __future__ import annotations

import threading

import pytest

from wamviz.models.queue import DeviceQueue, QueuePosition


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_first_come_first_served():
    """Whoever came first is served; the others hear how many are in front, and the line moves up when one leaves."""
    queue = DeviceQueue()
    with queue.join("cpu", "x") as first:
        assert first.wait() is None and first.wait() is None
        with queue.join("cpu", "x") as second, queue.join("cpu", "x") as third:
            assert second.wait(0) == QueuePosition(1, None) and third.wait(0) == QueuePosition(2, None)
            with queue.join("cuda", "x") as elsewhere:
                assert elsewhere.wait(0) is None  # another device is another line


def test_leaving_moves_the_line_up_and_wakes_who_waits():
    """A waiting thread is woken by the one in front, not by its own clock."""
    queue, served = DeviceQueue(), threading.Event()
    first = queue.join("cpu", "x").__enter__()
    assert first.wait() is None

    def stand() -> None:
        with queue.join("cpu", "x") as turn:
            while turn.wait(60) is not None:
                pass
            served.set()

    thread = threading.Thread(target=stand, daemon=True)
    thread.start()
    assert not served.is_set()
    first.__exit__(None, None, None)
    assert served.wait(30)
    thread.join()


def test_who_gives_up_holds_nobody():
    """A generator that is closed while it waits leaves the line."""
    queue = DeviceQueue()
    with queue.join("cpu", "x") as first:
        assert first.wait() is None
        with queue.join("cpu", "x") as second:
            assert second.wait(0) is not None
        with queue.join("cpu", "x") as third:
            assert third.wait(0) == QueuePosition(1, None)


def test_times_come_from_what_the_same_work_took():
    """Unknown until it was done once; then what is left of the one who is served, and all of those who wait."""
    clock = Clock()
    queue = DeviceQueue(clock)
    with queue.join("cpu", "video") as turn:
        assert turn.wait() is None
        clock.now += 10
    with (
        queue.join("cpu", "video") as first,
        queue.join("cpu", "video") as second,
        queue.join("cpu", "new") as third,
    ):
        assert first.wait() is None
        clock.now += 4
        assert second.wait(0) == QueuePosition(1, 6.0) and third.wait(0) == QueuePosition(2, 16.0)
        with queue.join("cpu", "video") as last:
            assert last.wait(0) == QueuePosition(3, None)  # nobody knows how long the new work takes
        clock.now += 60
        assert second.wait(0) == QueuePosition(1, 0.0)
    assert "about 16 s" in QueuePosition(2, 16.0).words


def test_what_was_stopped_says_nothing_of_how_long_it_takes():
    """A cancelled or failed run is no measurement."""
    clock = Clock()
    queue = DeviceQueue(clock)
    with pytest.raises(ValueError), queue.join("cpu", "x") as turn:
        assert turn.wait() is None
        raise ValueError
    assert queue.durations == {}
