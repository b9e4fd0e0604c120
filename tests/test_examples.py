"""The examples are the documentation, so they have to run as they stand."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.models.remote.servers import serving
from tests.models.remote.speakers import Speaker, all_speakers
from wamviz.models import registry

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))


def test_the_examples_are_numbered_without_a_gap_and_all_listed() -> None:
    assert [int(path.name[:2]) for path in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))
    listed = re.findall(r"\((\d\d_\w+\.py)\)", (ROOT / "examples" / "README.md").read_text())
    assert listed == [path.name for path in EXAMPLES]


def model() -> str:
    return "mini-wam" if registry.entry("mini-wam").missing() is None else "hold-still"


def run_here(path: Path, *words: str) -> None:
    """As ``python PATH WORDS`` does, in this process: libraries and weights are loaded once for all examples."""
    with patch.object(sys, "argv", [str(path), *words]), patch.dict(os.environ):
        runpy.run_path(str(path), run_name="__main__")


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_as_it_stands(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # what it writes goes under runs/ of where it is started
    run_here(path, model())
    told = capsys.readouterr()
    assert told.out.strip() and "Traceback" not in told.err
    if "OUT =" in path.read_text():
        assert any((tmp_path / "runs" / path.stem).iterdir())


def test_an_example_is_a_program(tmp_path: Path) -> None:
    """From a shell, in a folder of its own, without anything that tests have loaded."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES[0]), "hold-still"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::UserWarning:wamviz"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and done.stdout.strip() and "Traceback" not in done.stderr, done.stderr
    assert any((tmp_path / "runs" / EXAMPLES[0].stem).iterdir())


@pytest.mark.parametrize(
    "speaker",
    [one for one in all_speakers() if one.name != "LingBot-VA with its video"],  # that one wants a setting
    ids=lambda speaker: speaker.name,
)
def test_the_example_for_servers_asks_one_of_every_kind(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "a key")
    with serving(speaker.speak()) as served:
        connection = speaker.connection(served.port)
        arguments = [speaker.kind, connection.url, *([speaker.robot] if speaker.robot else [])]
        run_here(ROOT / "examples" / "12_ask_your_server.py", *arguments)
    told = capsys.readouterr().out
    assert re.search(r"^[1-9]\d* (actions|frames)", told, re.M), told
    assert speaker.heard
