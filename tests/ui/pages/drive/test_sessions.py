"""Drives under way: who may go on with which, how fast, and until when."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from wamviz.core.errors import Busy, InvalidInput, NotFound
from wamviz.core.plain import dumps
from wamviz.ui.pages.drive import sessions
from wamviz.ui.pages.drive.sessions import DriveSessions

AWAY = [[0.03, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]


@dataclass
class Clock:
    """A clock that a test winds."""

    now: float = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def drives(world, clock):
    return DriveSessions(lambda: world, lambda run: run, clock)


@pytest.fixture
def opened(drives, context, obedient):
    """A drive of one branch; its name."""
    return drives.open(context, obedient)["session"]


def test_a_step_tells_both_sides(drives, opened):
    told = drives.step(opened, AWAY * 2, 3)
    assert told["lengths"] == [2] and told["dropped"] == 3 and len(told["moments"]) == 2
    assert {"dream", "real", "hand", "picture", "done", "progress"} <= told["moments"][0].keys()
    json.loads(dumps(told))


def test_steps_that_come_too_fast_are_dropped_and_counted(drives, opened, clock):
    done = refused = 0
    for _ in range(sessions.BURST + 3):
        try:
            drives.step(opened, AWAY)
            done += 1
        except Busy:
            refused += 1
    assert (done, refused) == (sessions.BURST, 3)
    clock.now += 1
    told = drives.step(opened, AWAY)
    assert told["dropped"] == 3 and told["lengths"] == [sessions.BURST + 1]


def test_a_step_is_not_queued_behind_another(drives, opened):
    session = drives._sessions[opened]
    with session.lock, pytest.raises(Busy, match="still under way"):
        drives.step(opened, AWAY)
    assert drives.step(opened, AWAY)["dropped"] == 1


@pytest.mark.parametrize("name", ["", "x" * 32, None, 7, ["a"], "../../etc/passwd"])
def test_a_stranger_drives_nobody(drives, opened, name):
    for ask in (lambda: drives.step(name, AWAY), lambda: drives.reveal(name), lambda: drives.close(name)):
        with pytest.raises(NotFound, match="no such drive"):
            ask()
    assert len(drives) == 1


def test_names_cannot_be_guessed(drives, context, obedient):
    names = {drives.open(context, obedient)["session"] for _ in range(3)}
    assert len(names) == 3 and all(len(name) == 32 for name in names)


def test_what_nobody_touches_ends(drives, opened, clock):
    clock.now += sessions.IDLE_S + 1
    with pytest.raises(NotFound):
        drives.step(opened, AWAY)
    assert len(drives) == 0


def test_there_is_room_for_so_many(drives, context, obedient, clock):
    names = [drives.open(context, obedient)["session"] for _ in range(sessions.SESSIONS)]
    with pytest.raises(Busy, match="driving already"):
        drives.open(context, obedient)
    clock.now += sessions.SPARED_S
    drives.step(names[0], AWAY)
    drives.open(context, obedient)  # in place of the one that has been idle longest
    drives.step(names[0], AWAY)
    with pytest.raises(NotFound):
        drives.step(names[1], AWAY)


def test_a_branch_leaves_the_other_alone(drives, opened):
    drives.step(opened, AWAY * 3)
    before = drives._sessions[opened].branches[0].moments
    told = drives.branch(opened, 1)
    assert (told["branch"], told["lengths"]) == (1, [3, 1])
    assert drives.step(opened, AWAY)["lengths"] == [3, 2]
    assert drives.rewind(opened, 0)["lengths"] == [3, 0]
    assert drives.switch(opened, 0)["branch"] == 0
    assert drives._sessions[opened].branches[0].moments == before
    with pytest.raises(InvalidInput, match=r"0 \.\. 1"):
        drives.switch(opened, 2)


def test_a_challenge_keeps_physics_to_itself(drives, context, obedient):
    """Nothing of it reaches the page before it is asked for: no picture, no verdict, no distance."""
    told = drives.open(context, obedient, hidden=True)
    moments = told["moments"] + drives.step(told["session"], AWAY * 2)["moments"]
    assert all(set(moment) == {"dream"} for moment in moments)
    with pytest.raises(InvalidInput, match="Reveal it first"):
        drives.keep(told["session"])
    shown = drives.reveal(told["session"])
    assert len(shown["moments"]) == 3 and all("real" in moment for moment in shown["moments"])


def test_a_challenge_needs_a_task(drives, context, obedient):
    with pytest.raises(InvalidInput, match="A challenge needs a task"):
        drives.open(context.reworded("sing a song"), obedient, hidden=True)


@pytest.mark.parametrize(
    "actions", [None, [], {}, "away", [[]], [["a"] * 7], [[True] * 7], [[0.0] * 7, [0.0]], [[float("inf")] * 7], 3]
)
def test_actions_that_are_none_are_refused(drives, opened, actions):
    with pytest.raises(InvalidInput):
        drives.step(opened, actions)
    assert drives.step(opened, AWAY)["lengths"] == [1]


@pytest.mark.parametrize("moment", [None, -1, 5, 1.5, True, "0"])
def test_moments_that_are_none_are_refused(drives, opened, moment):
    with pytest.raises(InvalidInput):
        drives.rewind(opened, moment)
