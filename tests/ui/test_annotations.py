"""Stars and notes lie beside the runs, and damage to them costs no run."""

from __future__ import annotations

import json
from pathlib import Path

from wamviz.ui.annotations import LONGEST_NOTE, Annotation, Annotations


def test_stars_and_notes_are_kept_and_taken_back(tmp_path: Path) -> None:
    kept = Annotations(tmp_path)
    assert kept.all() == {}
    kept.toggle_star("a" * 16)
    kept.set_note("b" * 16, "  two\n lines ")
    assert Annotations(tmp_path).all() == {"a" * 16: Annotation(True), "b" * 16: Annotation(False, "two lines")}
    kept.toggle_star("a" * 16)
    kept.forget("b" * 16)
    assert kept.all() == {} and json.loads(kept.path.read_text(encoding="utf-8")) == {}


def test_a_long_note_is_cut_and_a_damaged_file_is_an_empty_one(tmp_path: Path) -> None:
    kept = Annotations(tmp_path)
    kept.set_note("a" * 16, "x" * 2 * LONGEST_NOTE)
    assert len(kept.all()["a" * 16].note) == LONGEST_NOTE
    for damage in ("[]", "{", '{"a": 3}'):
        kept.path.write_text(damage, encoding="utf-8")
        assert kept.all() == {}
    kept.toggle_star("c" * 16)
    assert kept.all() == {"c" * 16: Annotation(True)}
