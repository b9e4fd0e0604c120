"""``app --class``: what the terminal says, and to whom it says that the class is reachable."""

from __future__ import annotations

from pathlib import Path

import pytest

from wamviz.cli.app import open_class
from wamviz.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("host", "mine", "word"),
    [
        ("127.0.0.1", "http://127.0.0.1:7860/class#", "Only this computer"),
        ("0.0.0.0", "http://127.0.0.1:7860/class#", "Everybody in this computer's network"),
        ("10.0.0.7", "http://10.0.0.7:7860/class#", "Everybody in this computer's network"),
    ],
)
def test_the_links_stand_in_the_terminal_with_who_can_reach_them(
    home: Path, capsys: pytest.CaptureFixture[str], host: str, mine: str, word: str
) -> None:
    classroom = open_class("8b", host, 7860)
    told = capsys.readouterr().out
    assert classroom.join_link in told and f"{mine}{classroom.key}" in told and word in told
    assert "//0.0.0.0" not in told  # an address that nobody can open
    assert classroom.store.file == home / "classes" / "8b.db" and str(classroom.store.file) in told


def test_a_class_needs_a_name_and_a_port(home: Path) -> None:
    with pytest.raises(InvalidInput, match="no name of a class"):
        open_class("../8b", "127.0.0.1", 7860)
    with pytest.raises(InvalidInput, match="--port 7860"):
        open_class("8b", "127.0.0.1", 0)
    assert not home.exists()
