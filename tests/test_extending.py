"""docs/extending.md shows files as they would stand in the tree; here they are put there, and what it says is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parent.parent / "docs" / "extending.md"
BLOCK = re.compile(r"<!-- (?:file: (?P<path>\S+)|run) -->\n```python\n(?P<code>.*?)```", re.DOTALL)
SECTIONS = PAGE.read_text().split("\n## ")[1:]


def link_package(root: Path, folder: Path) -> None:
    """A copy of the package in ``folder``, of links: what it reads from the checkout is still found there."""
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "wamviz", folder / "wamviz", copy_function=os.symlink, ignore=skip)


@pytest.mark.parametrize("section", SECTIONS, ids=[section.splitlines()[0] for section in SECTIONS])
def test_a_sections_file_does_what_the_page_says(section: str, root: Path, tmp_path: Path) -> None:
    blocks = list(BLOCK.finditer(section))
    assert len(blocks) == section.count("```python") and any(block["path"] is None for block in blocks)
    link_package(root, tmp_path)
    for block in blocks:
        if block["path"] is not None:
            file = tmp_path / block["path"]
            assert not file.exists(), "an example of a new file must not overwrite one"
            file.parent.mkdir(exist_ok=True)
            file.write_text(block["code"])
            continue
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", block["code"]],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
