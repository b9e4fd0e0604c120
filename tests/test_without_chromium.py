"""Where there is no Chromium, tests of the page are left out with one line that says what to install."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_a_lone_browser_test_is_skipped_in_one_line(root: Path, tmp_path: Path) -> None:
    """Before Playwright starts, which would end in complaints about its own event loop."""
    file = tmp_path / "test_page.py"
    file.write_text("import pytest\n\n\n@pytest.mark.browser\ndef test_page(page):\n    page.goto('about:blank')\n")
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "WAMVIZ_CHROMIUM", "WAMVIZ_HOME")}
    environment = {**kept, "PATH": str(tmp_path), "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "pytest", "-c", str(root / "pyproject.toml"), "--rootdir", str(tmp_path)]
    command += ["-p", "tests.conftest", "-p", "no:cacheprovider", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=root, timeout=300, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("SKIPPED", "ERROR", "FAILED"))]
    assert done.returncode == 0 and len(lines) == 1, done.stdout + done.stderr
    assert "Chromium is missing" in lines[0] and "ExceptionGroup" not in done.stdout + done.stderr
