"""The asking half of the page as data."""

from __future__ import annotations

from wamviz.ui.question_view import _groups
from wamviz.ui.suggest import suggestions


def test_a_recording_without_a_world_promises_nothing_of_its_scene() -> None:
    """Nobody knows whether an orange lies on the table of a real robot."""
    titles = [title for title, _, texts in _groups(suggestions(None, ""), "episode", known=False) if texts]
    assert "Training instructions" in titles and "Possible in this scene" not in titles
