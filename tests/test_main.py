"""``python -m wamviz`` is the command line."""

import runpy
import sys

import pytest

from wamviz import __version__


def test_the_package_runs_as_a_program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["wamviz", "--version"])
    with pytest.raises(SystemExit) as done:
        runpy.run_module("wamviz", run_name="__main__")
    assert done.value.code in (0, None) and __version__ in capsys.readouterr().out
