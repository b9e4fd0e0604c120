"""docs/extending.md works: each section's files are put where they say, and the rest of its code runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
# A file's name stands in the comment above its block, or is the block's first line.
BLOCK = re.compile(r"^(?:<!-- file: (\S+) -->\n)?```python\n(?:# (wamviz/\S+\.py)\n)?(.*?)^```$", re.M | re.S)


@pytest.mark.parametrize("title", SECTIONS)
def test_a_section_works(title: str, root: Path, tmp_path: Path) -> None:
    """In a copy of the package that is made of links: what it reads from the checkout is still found there."""
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "wamviz", tmp_path / "wamviz", copy_function=os.symlink, ignore=skip)
    code = []
    for above, first, block in BLOCK.findall(SECTIONS[title]):
        if not (above or first):
            code.append(block)
            continue
        file = tmp_path / (above or first)
        assert not file.exists(), "the example is no file of the product"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block, encoding="utf-8")
    assert code, "a section without code that runs shows nothing"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(code)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
