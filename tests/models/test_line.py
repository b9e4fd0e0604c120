"""A device serves one at a time, in the order of coming, and says how long it may take."""

from __future__ import annotations

import threading

import pytest

from wamviz.models.line import Line, Wait


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_first_come_first_served():
    """Whoever came first is served; the others hear how many are in front, and the line moves up when one leaves."""
    line = Line()
    with line.ticket("cpu", "x") as first:
        assert first.wait() is None and first.wait() is None
        with line.ticket("cpu", "x") as second, line.ticket("cpu", "x") as third:
            assert second.wait(0) == Wait(1, None) and third.wait(0) == Wait(2, None)
            with line.ticket("cuda", "x") as elsewhere:
                assert elsewhere.wait(0) is None  # another device is another line


def test_leaving_moves_the_line_up_and_wakes_who_waits():
    """A waiting thread is woken by the one in front, not by its own clock."""
    line, served = Line(), threading.Event()
    first = line.ticket("cpu", "x").__enter__()
    assert first.wait() is None

    def stand() -> None:
        with line.ticket("cpu", "x") as ticket:
            while ticket.wait(60) is not None:
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
    line = Line()
    with line.ticket("cpu", "x") as first:
        assert first.wait() is None
        with line.ticket("cpu", "x") as second:
            assert second.wait(0) is not None
        with line.ticket("cpu", "x") as third:
            assert third.wait(0) == Wait(1, None)


def test_times_come_from_what_the_same_work_took():
    """Unknown until it was done once; then what is left of the one who is served, and all of those who wait."""
    clock = Clock()
    line = Line(clock)
    with line.ticket("cpu", "video") as ticket:
        assert ticket.wait() is None
        clock.now += 10
    with (
        line.ticket("cpu", "video") as first,
        line.ticket("cpu", "video") as second,
        line.ticket("cpu", "new") as third,
    ):
        assert first.wait() is None
        clock.now += 4
        assert second.wait(0) == Wait(1, 6.0) and third.wait(0) == Wait(2, 16.0)
        with line.ticket("cpu", "video") as last:
            assert last.wait(0) == Wait(3, None)  # nobody knows how long the new work takes
        clock.now += 60
        assert second.wait(0) == Wait(1, 0.0)
    assert "about 16 s" in Wait(2, 16.0).words


def test_what_was_stopped_says_nothing_of_how_long_it_takes():
    """A cancelled or failed run is no measurement."""
    clock = Clock()
    line = Line(clock)
    with pytest.raises(ValueError), line.ticket("cpu", "x") as ticket:
        assert ticket.wait() is None
        raise ValueError
    assert line.took == {}
