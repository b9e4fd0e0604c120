"""The command ``connect``: a server becomes a model by one command, and nobody is asked who was not named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.models.remote.servers import serving
from tests.models.remote.speakers import all_speakers
from wamviz import cli
from wamviz.media import write_png
from wamviz.models import registry
from wamviz.store import read_run

Out = tuple[int, str, str]
Run = Callable[..., Out]
NOWHERE = "ws://127.0.0.1:9"  # the discard service: nobody listens


@pytest.fixture
def wamviz(capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run one command in this process, with no connections at first: (exit status, stdout, stderr)."""
    monkeypatch.delenv("WAMVIZ_DEBUG", raising=False)

    def run(*words: object) -> Out:
        status = cli.main([str(word) for word in words])
        out, err = capsys.readouterr()
        return status, out, err

    registry.reset()
    yield run
    registry.reset()


def refused(result: Out, *says: str) -> None:
    status, _, err = result
    assert status == 2 and len(err.strip().splitlines()) == 1 and "Traceback" not in err, result
    for word in says:
        assert word in err, err


def test_a_server_becomes_a_model(wamviz: Run, tmp_path: Path) -> None:
    """connect, --test, models, imagine: the run holds what the server said and nothing else."""
    speaker = next(one for one in all_speakers() if one.name == "Cosmos3 on LIBERO")
    write_png(tmp_path / "context.png", np.zeros((64, 64, 3), np.uint8))

    def script(talk):
        return talk.answer(b"{}") if talk.path == "/info" else speaker.speak()(talk)

    with serving(script) as served:
        url = f"http://127.0.0.1:{served.port}"
        status, text, _ = wamviz("connect", "cosmos", "--kind", "cosmos3-libero", "--url", url)
        assert status == 0 and "It is a model now" in text and served.connections == 0
        status, text, _ = wamviz("models", "--json")
        facts = next(row for row in json.loads(text) if row["id"] == "cosmos")
        assert status == 0 and facts["runnable"] and facts["modes"] == ["joint"] and facts["extras"]["url"] == url
        assert served.connections == 0
        assert "answers at" in wamviz("connect", "cosmos", "--test")[1]
        status, text, err = wamviz(
            "imagine", "--model", "cosmos", "--context", tmp_path / "context.png", "--instruction", "open the drawer",
            "--out", tmp_path / "out",
        )  # fmt: skip
        assert status == 0, err
        assert "waiting for the model" in err and "Note: The server draws" in text
    run = read_run(tmp_path / "out")
    assert run.imagined[0].frames.shape == (17, 32, 32, 3) and run.model == "cosmos"
    assert url in run.versions["device"]


def test_connections_are_listed_changed_and_forgotten(wamviz: Run) -> None:
    """What is not said again stays as it was."""
    assert "No connections yet" in wamviz("connect", "--list")[1]
    wamviz("connect", "pi05", "--kind", "openpi", "--url", NOWHERE, "--view", "wrist_image_left=hand", "--timeout", 9)
    wamviz("connect", "pi05", "--view", "exterior_image_1_left=front", "--state", "joint_position=0:7")
    assert json.loads(wamviz("connect", "--list", "--json")[1]) == [
        {
            "name": "pi05", "kind": "openpi", "url": NOWHERE, "timeout": 9.0, "state": {"joint_position": "0:7"},
            "views": {"wrist_image_left": "hand", "exterior_image_1_left": "front"},
        }
    ]  # fmt: skip
    assert "pi05  openpi  ws://" in wamviz("connect", "pi05")[1]
    assert "Forgot pi05" in wamviz("connect", "pi05", "--forget")[1]
    assert "pi05" not in wamviz("models")[1] and "No connections yet" in wamviz("connect", "--list")[1]


def test_kinds_are_listed_with_what_they_give_back(wamviz: Run) -> None:
    status, text, _ = wamviz("connect", "--kinds")
    assert status == 0 and "DreamZero" in text and "robots: droid, libero, aloha, cosmos3-droid" in text
    assert len(json.loads(wamviz("connect", "--kinds", "--json")[1])) == text.count("gives back")


def test_a_missing_token_is_said_where_it_matters(wamviz: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the list, in the table of models, and when the model is asked."""
    monkeypatch.delenv("POLICY_TOKEN", raising=False)
    wamviz("connect", "pi05", "--kind", "openpi", "--url", "wss://robots.example", "--token-env", "POLICY_TOKEN")
    assert "cannot be used: The environment variable POLICY_TOKEN is not set" in wamviz("connect", "--list")[1]
    assert "runs here: no: The environment variable POLICY_TOKEN is not set" in wamviz("models")[1]
    refused(wamviz("connect", "pi05", "--test"), "POLICY_TOKEN is not set")


def test_bad_input_is_refused_in_one_line(wamviz: Run) -> None:
    add = ("connect", "pi05", "--kind", "openpi", "--url")
    refused(wamviz("connect"), "Name the connection", "--kind openpi")
    refused(wamviz("connect", "pi05"), "Unknown connection 'pi05'")
    refused(wamviz("connect", "pi05", "--kind", "openpi"), "give its --kind and --url")
    refused(wamviz("connect", "pi05", "--kind", "openpy", "--url", NOWHERE), "Did you mean 'openpi'")
    refused(wamviz(*add, "http://127.0.0.1:9"), "reached by ws or wss, not http")
    refused(wamviz(*add, NOWHERE, "--robot", "droyd"), "Did you mean 'droid'")
    refused(wamviz(*add, NOWHERE, "--view", "wrist"), "--view VIEW=CAMERA")
    refused(wamviz(*add, NOWHERE, "--state", "joints=7"), "FIRST:END")
    refused(wamviz(*add, NOWHERE, "--token-env", "sk-1234"), "name the environment variable")
    refused(wamviz(*add, NOWHERE, "--ca", "no-such.pem"), "There is no file 'no-such.pem'")
    refused(wamviz(*add, "ws://me:secret@127.0.0.1"), "may hold a secret")
    refused(wamviz("connect", "mini-wam", "--kind", "openpi", "--url", NOWHERE), "There is a model 'mini-wam' already")
    refused(wamviz("connect", "--list", "--forget"), "stand alone")
    refused(wamviz("connect", "pi05", "--forget"), "Unknown connection")
    refused(wamviz("connect", "--test"), "no connection to test")
    assert "No connections yet" in wamviz("connect", "--list")[1]


def test_a_server_that_is_not_there_is_kept_and_said(wamviz: Run) -> None:
    """A server may be started later; --test says how it stands now."""
    result = wamviz("connect", "pi05", "--kind", "openpi", "--url", NOWHERE, "--test")
    refused(result, f"Nobody listens at {NOWHERE}")
    assert "Kept pi05" in result[1] and "pi05" in wamviz("connect", "--list")[1]
