"""Who is let in, and who is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from wamviz.core.errors import Unsafe
from wamviz.lessons import Classroom, ClassStore, Place

ADA = "0" * 31 + "a"


def test_the_teacher_has_the_key_and_learners_the_code(tmp_path: Path) -> None:
    store = ClassStore("8b", tmp_path)
    room = Classroom(store, "http://10.0.0.7:7860")
    assert room.join_link == f"http://10.0.0.7:7860/join/{store.code}" and room.key not in room.join_link
    room.check_teacher(room.key)
    for wrong in (store.code, "", None, room.key + "x", "ü"):
        with pytest.raises(Unsafe):
            room.check_teacher(wrong)
    assert not room.admit(ADA, room.key) and not room.has(ADA)
    assert room.admit(ADA, store.code.lower()) and room.admit(ADA, "") and room.has(ADA)
    assert Classroom(store, "").key != room.key  # a new one with every start


def test_a_page_that_asks_no_more_is_away(tmp_path: Path) -> None:
    now = [0.0]
    room = Classroom(ClassStore("8b", tmp_path), "", lambda: now[0])
    assert room.see(ADA, "words") is None and room.places() == {}
    room.admit(ADA, room.store.code)
    assert room.see(ADA, "words") == 1 and room.places() == {1: Place("words", True)}
    now[0] = 60.0
    assert room.places() == {1: Place("words", False)}
