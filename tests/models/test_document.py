"""The page of adapters says what the code says."""

from __future__ import annotations

from pathlib import Path

from wamviz.models import backends, document

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adapters.md"


def test_the_page_is_what_the_adapters_declare():
    """Rewritten from the code it stays the same, to the letter."""
    assert PAGE.read_text("utf-8") == document.page(), f"Run: {document.COMMAND}"


def test_every_kind_and_every_setting_is_there():
    """Nobody has to read the code to know what can be set."""
    text = document.page()
    for kind in backends.kinds().values():
        assert f"## {kind.name}\n" in text
        assert all(f"`--set {name}=...`" in document.section(kind) for name in kind.settings)
