"""The command ``connect``: a server becomes a model by one command, and nobody is asked who was not named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Command, Out
from tests.models.remote.servers import serving
from tests.models.remote.speakers import all_speakers
from wamviz.core.media import write_png
from wamviz.models import registry
from wamviz.models.remote import veo
from wamviz.runs.store import read_run

NOWHERE = "ws://127.0.0.1:9"  # the discard service: nobody listens


@pytest.fixture(autouse=True)
def no_connections(home: Path) -> Iterator[None]:
    """None at first, and none known afterwards."""
    registry.reset()
    yield
    registry.reset()


def refused(result: Out, *says: str) -> None:
    status, _, err = result
    assert status == 2 and len(err.strip().splitlines()) == 1 and "Traceback" not in err, result
    for word in says:
        assert word in err, err


def test_a_server_becomes_a_model(wamviz: Command, tmp_path: Path) -> None:
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


def test_a_new_connection_says_what_is_missing_or_how_to_try_it(wamviz: Command, tmp_path: Path) -> None:
    status, text, _ = wamviz("connect", "pi", "--kind", "openpi", "--url", "ws://127.0.0.1:9")
    assert status == 0 and "connect pi --test" in text
    status, text, _ = wamviz("connect", "w", "--kind", "wan", "--url", tmp_path / "nowhere")
    assert status == 0 and "cannot be used yet: There is no folder" in text and "It is a model now" not in text


def test_a_video_model_becomes_a_model(wamviz: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Veo: its address and its key's variable need not be said; the price is told before; a run has no actions."""
    monkeypatch.setenv("GEMINI_API_KEY", "a-key")
    monkeypatch.setattr(veo, "POLL_S", 0.0)
    speaker = next(one for one in all_speakers() if one.kind == "veo")
    speaker.extra = {"frames": 96}
    write_png(tmp_path / "context.png", np.zeros((64, 64, 3), np.uint8))
    status, text, _ = wamviz("connect", "veo", "--kind", "veo", "--set", "seconds=4")
    assert status == 0 and "1.60 USD" in text and "generativelanguage.googleapis.com" in text
    kept = json.loads(wamviz("connect", "veo", "--json")[1])[0]
    assert kept["token_env"] == "GEMINI_API_KEY" and kept["timeout"] == 900 and "a-key" not in json.dumps(kept)
    assert "1.60 USD" in wamviz("models")[1]
    with serving(speaker.speak()) as served:
        wamviz("connect", "veo", "--url", f"http://127.0.0.1:{served.port}")
        status, text, err = wamviz("connect", "veo", "--test")
        assert status == 0 and "has veo-3.1-generate-preview" in text and "1.60 USD" in text and not speaker.heard
        status, text, err = wamviz(
            "imagine", "--model", "veo", "--context", tmp_path / "context.png", "--instruction", "open the drawer",
            "--mode", "video", "--out", tmp_path / "out",
        )  # fmt: skip
        assert status == 0, err
        assert "1.60 USD" in text and "black borders" in text
    run = read_run(tmp_path / "out")
    assert run.imagined[0].frames.shape == (96, 72, 72, 3) and run.imagined[0].actions is None
    assert run.imagined[0].fps == 24 and run.imagined[0].action_space is None


def test_a_worker_is_asked_once_what_it_serves(wamviz: Command) -> None:
    """When it is connected; --test looks again, and takes over what has changed."""
    speaker = next(one for one in all_speakers() if one.kind == "worker")
    refused(wamviz("connect", "act", "--kind", "worker", "--url", "http://127.0.0.1:9"), "Connection refused")
    with serving(speaker.speak()) as served:
        url = f"http://127.0.0.1:{served.port}"
        assert wamviz("connect", "act", "--kind", "worker", "--url", url)[0] == 0 and served.connections == 1
        facts = next(row for row in json.loads(wamviz("models", "--json")[1]) if row["id"] == "act")
        assert facts["modes"] == ["joint", "act_only"] and facts["action_space"]["rate"] == 20
        assert served.connections == 1
        speaker.extra = {"modes": ["act_only"], "frames": 0}
        assert "a made-up policy" in wamviz("connect", "act", "--test")[1]
    facts = next(row for row in json.loads(wamviz("models", "--json")[1]) if row["id"] == "act")
    assert facts["modes"] == ["act_only"]
    listed = wamviz("connect", "--list")[1]
    assert all(len(line) < 260 for line in listed.splitlines())


def test_connections_are_listed_changed_and_forgotten(wamviz: Command) -> None:
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


def test_kinds_are_listed_with_what_they_give_back(wamviz: Command) -> None:
    status, text, _ = wamviz("connect", "--kinds")
    assert status == 0 and "DreamZero" in text and "robots: droid, libero, aloha, cosmos3-droid" in text
    assert len(json.loads(wamviz("connect", "--kinds", "--json")[1])) == text.count("gives back")


def test_a_missing_token_is_said_where_it_matters(wamviz: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the list, in the table of models, and when the model is asked."""
    monkeypatch.delenv("POLICY_TOKEN", raising=False)
    wamviz("connect", "pi05", "--kind", "openpi", "--url", "wss://robots.example", "--token-env", "POLICY_TOKEN")
    assert "cannot be used: The environment variable POLICY_TOKEN is not set" in wamviz("connect", "--list")[1]
    assert "runs here: no: The environment variable POLICY_TOKEN is not set" in wamviz("models")[1]
    refused(wamviz("connect", "pi05", "--test"), "POLICY_TOKEN is not set")


def test_bad_input_is_refused_in_one_line(wamviz: Command) -> None:
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


def test_a_server_that_is_not_there_is_kept_and_said(wamviz: Command) -> None:
    """A server may be started later; --test says how it stands now."""
    result = wamviz("connect", "pi05", "--kind", "openpi", "--url", NOWHERE, "--test")
    refused(result, f"Connection refused: {NOWHERE}")
    assert "Kept pi05" in result[1] and "pi05" in wamviz("connect", "--list")[1]
