"""The page of the documentation says what the code says."""

from __future__ import annotations

from pathlib import Path

from wamviz.models.diffusion.document import COMMAND, page
from wamviz.models.diffusion.kinds import KINDS


def test_the_page_is_what_the_code_says(root: Path) -> None:
    """Tables of kinds, settings and domains are written from the code."""
    text = (root / "docs" / "diffusers.md").read_text("utf-8")
    assert page(text) == text, f"The page is out of date; run: {COMMAND}"
    for kind in KINDS.values():
        assert f"| `{kind.name}` | `{kind.pipeline}` |" in text
        assert all(f"`{name}`" in text for name in kind.settings)
