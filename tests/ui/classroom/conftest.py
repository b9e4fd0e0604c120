"""A class of three behind its addresses, without a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from wamviz.lessons import Classroom, ClassStore
from wamviz.ui.bench import Bench
from wamviz.ui.classroom.routes import class_routes

ADA, BOB, STRANGER = "0" * 31 + "a", "0" * 31 + "b", "0" * 31 + "c"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def classroom(tmp_path: Path, clock: Clock) -> Classroom:
    """Ada and Bob have joined, the stranger has not."""
    room = Classroom(ClassStore("8b", tmp_path), "http://10.0.0.7:7860", clock)
    assert room.admit(ADA, room.store.code.lower()) and room.admit(BOB, f" {room.store.code} ")
    return room


@pytest.fixture
def client(classroom: Classroom) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=class_routes(classroom, Bench())), follow_redirects=False) as client:
        yield client
