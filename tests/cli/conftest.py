"""Commands as they are typed, run in this process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wamviz import cli

Out = tuple[int, str, str]
Command = Callable[..., Out]


@pytest.fixture
def wamviz(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """``wamviz("models", "--json")`` runs one command: (exit status, stdout, stderr)."""
    monkeypatch.delenv("WAMVIZ_DEBUG", raising=False)

    def run(*words: object) -> Out:
        try:
            status = cli.main([str(word) for word in words])
        except SystemExit as stop:  # --help and --version, the argparse way
            status = int(stop.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return run
