"""The worker itself, in a process of its own, and wamviz asking it. Its policy is a fake: this tests the transport."""

from __future__ import annotations

import http.client
import io
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.models.remote.servers import serving
from tests.models.remote.speakers import all_speakers
from tests.models.remote.worker_server import INFO, npz
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ImagineRequest, Observation
from wamviz.models.connections import Connection
from wamviz.models.protocol import collect
from wamviz.models.remote import worker
from wamviz.models.remote.backend import capabilities_of, completed, entry_of, probe
from wamviz.models.remote.codec import CodecLimits
from wamviz.models.remote.model import RemoteModel
from wamviz.models.remote.worker_info import described
from wamviz.models.worker import FILE, wamviz_worker

FAKE = Path(__file__).with_name("fake_policy.py")
RNG = np.random.default_rng(0)
CONTEXT = Observation({"top": RNG.integers(0, 255, (32, 48, 3)).astype(np.uint8)}, "tidy up", np.ones(8, np.float32))


@contextmanager
def running(folder: Path, *options: str, **environment: str) -> Iterator[Connection]:
    """A worker with the fake policy; yields a connection that has not asked it yet."""
    words = [sys.executable, "-W", "error", str(FAKE), str(FILE), "--port", "0", "--fps", "10", *options]
    env = {**os.environ, **environment}
    with subprocess.Popen(
        words, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        if not line.startswith("serving"):
            raise AssertionError(process.stderr.read())
        try:
            yield Connection("fake", "worker", line.split()[-1], timeout=20.0)
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with running(tmp_path_factory.mktemp("worker"), "--action-names", "x,y,z", "--action-units", "m") as connection:
        yield connection


def model(connection: Connection, **options) -> RemoteModel:
    made = completed(connection)
    return RemoteModel(made, capabilities_of(made), beat=0.01, **options)


def test_connecting_asks_once_what_is_served(fake: Connection) -> None:
    """From then on it is known without asking: modes, cameras, meaning and rate of the actions, steps."""
    with pytest.raises(WamvizError, match="not asked yet"):
        entry_of(fake)
    known = entry_of(completed(fake)).capabilities
    assert known.modes == ("joint", "act_only") and known.cameras == ("top",) and known.default_steps == 5
    assert known.action_space is not None and known.action_space.names == ("x", "y", "z")
    assert known.action_space.units == ("m",) * 3 and known.action_space.rate == 10
    assert known.horizon == 3 and known.video_fps == 5 and known.deterministic
    assert "a fake policy" in probe(completed(fake)) and "6 actions of 3 numbers" in probe(completed(fake))


def test_the_same_seed_brings_the_same_rollout(fake: Connection) -> None:
    """Sample i of a fan has the seed + i, and asked alone it is the same one."""
    three = collect(model(fake), ImagineRequest(CONTEXT, "joint", seed=7, samples=3)).rollouts
    alone = collect(model(fake), ImagineRequest(CONTEXT, "joint", seed=8)).rollouts[0]
    assert np.array_equal(three[1].actions, alone.actions) and three[1].seed == alone.seed == 8
    assert not np.array_equal(three[0].actions, three[1].actions)
    assert np.isclose(alone.frame_times[-1], alone.action_times[-1])
    assert (alone.frames[0] == CONTEXT.frames["top"]).all(), "pictures arrive as they were sent"


def test_steps_reach_the_policy_and_are_told(fake: Connection) -> None:
    events = list(model(fake).imagine(ImagineRequest(CONTEXT, "act_only", steps=3)))
    assert events[-1].rollouts[0].frames is None
    assert any("step 2 of 3" in event.note for event in events[:-1])


def test_hanging_up_stops_the_work(fake: Connection) -> None:
    """The worker is free for the next question, which would wait for ever otherwise."""
    stream = model(fake).imagine(ImagineRequest(replace(CONTEXT, instruction="wait"), "joint"))
    assert next(event for event in stream if "step 0 of 5" in event.note)
    stream.close()
    assert len(collect(model(fake), ImagineRequest(CONTEXT, "joint")).rollouts) == 1


def test_a_second_question_waits_for_its_turn(fake: Connection) -> None:
    first = model(fake).imagine(ImagineRequest(replace(CONTEXT, instruction="wait"), "joint"))
    assert next(event for event in first if "step 0 of 5" in event.note)
    second = model(fake).imagine(ImagineRequest(CONTEXT, "joint"))
    assert next(event for event in second if "another question" in event.note)
    first.close()
    assert list(second)[-1].rollouts


def test_a_failing_policy_is_told_and_the_worker_goes_on(fake: Connection) -> None:
    with pytest.raises(WamvizError, match="The server said: KeyError: 'no such thing'"):
        collect(model(fake), ImagineRequest(replace(CONTEXT, instruction="fail"), "joint"))
    assert collect(model(fake), ImagineRequest(CONTEXT, "joint")).rollouts


def test_a_token_is_wanted_where_the_worker_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, "--token-env", "WORKER_TOKEN", WORKER_TOKEN="hush") as connection:
        with pytest.raises(WamvizError, match="wants a token"):
            completed(connection)
        monkeypatch.setenv("MINE", "wrong")
        with pytest.raises(WamvizError, match="wants a token"):
            completed(replace(connection, token_env="MINE"))
        monkeypatch.setenv("MINE", "hush")
        made = completed(replace(connection, token_env="MINE"))
        assert "hush" not in json.dumps(made.to_json())
        assert collect(entry_of(made).load("cpu"), ImagineRequest(CONTEXT, "joint")).rollouts


def test_another_policy_behind_the_same_address_is_not_read_as_the_first(fake: Connection) -> None:
    """Numbers are not read with another policy's meaning."""
    old = completed(fake)
    facts = json.loads(old.settings["info"])
    stale = replace(old, settings={"info": json.dumps({**facts, "title": "what was there before"}, sort_keys=True)})
    with pytest.raises(WamvizError, match="serves something else.*connect fake --test"):
        collect(entry_of(stale).load("cpu"), ImagineRequest(CONTEXT, "joint"))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "how fast it acts: give --fps"),
        (("--fps", "10", "--action-names", "x,y"), "3 numbers; 2 names"),
        (("--fps", "10", "--token-env", "NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE is not set"),
        (("--dataset", "nowhere"), "No such file"),
    ],
)
def test_a_worker_that_cannot_start_says_why(tmp_path: Path, options: tuple[str, ...], why: str) -> None:
    words = [sys.executable, str(FAKE), str(FILE), "--port", "0", *options]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and why in done.stderr and "Traceback" not in done.stderr


def test_rate_and_names_come_from_the_data_set(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    facts = {"fps": 50, "features": {"action": {"names": {"motors": ["a", "b", "c"]}}}}
    (tmp_path / "meta" / "info.json").write_text(json.dumps(facts))
    told = wamviz_worker.argparse.Namespace(
        fps=None, dataset=str(tmp_path), action_names="", action_units="", action_kind="unnamed"
    )
    found = wamviz_worker._meaning(told, 3, None)
    assert found == {"names": ["a", "b", "c"], "units": [""] * 3, "kind": "unnamed", "rate": 50.0}


def test_steps_are_counted_where_the_policy_takes_them() -> None:
    """Before each call, never beyond the number of steps; hanging up ends the loop; afterwards nothing is left."""

    class Model:
        def step(self, x: int) -> int:
            return x + 1

    policy, heard = Model(), []
    policy.model = policy
    undo = wamviz_worker._counted(policy, "model.step", 2, lambda *told: heard.append(told))
    assert [policy.step(x) for x in range(3)] == [1, 2, 3]
    assert heard == [("imagining", 0, 2), ("imagining", 1, 2), ("imagining", 2, 2)]
    undo()
    assert policy.step(1) == 2 and len(heard) == 3 and "step" not in vars(policy)

    def gone(*told: object) -> None:
        raise wamviz_worker.Gone

    wamviz_worker._counted(policy, "model.step", 2, gone)
    with pytest.raises(wamviz_worker.Gone):
        policy.step(1)


def test_a_video_of_several_views_is_cut_apart() -> None:
    video = np.concatenate([np.full((2, 4, 6, 3), index, np.uint8) for index in range(3)], axis=2)
    cut = wamviz_worker._side_by_side(video, ["a", "b", "c"])
    assert all((cut[name] == index).all() and cut[name].shape == (2, 4, 6, 3) for index, name in enumerate("abc"))


# --- what comes from elsewhere is judged, on both sides ---


def post(connection: Connection, body: bytes, path: str = "/imagine", **headers: str) -> tuple[int, bytes]:
    link = http.client.HTTPConnection(connection.url.partition("//")[2], timeout=20)
    link.request("POST", path, body, {"Content-Type": wamviz_worker.CONTENT, **headers})
    answer = link.getresponse()
    status, data = answer.status, answer.read()
    link.close()
    return status, data


def request(arrays: bytes, **header) -> bytes:
    told = json.dumps({"mode": "joint", "instruction": "", "seed": 0, "steps": None, **header}).encode()
    return struct.pack(">I", len(told)) + told + arrays


VIEW = np.zeros((32, 48, 3), np.uint8)
STATE = np.zeros(8, np.float32)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"x", "header needs"),
        (request(npz(**{"view/top": VIEW}, state=STATE), seed="no"), "header needs"),
        (request(npz(**{"view/top": VIEW}, state=STATE), mode="video"), "no mode 'video'"),
        (request(b"PK-no-zip"), "sent as npz"),
        (request(npz(state=STATE)), "View 'top' is missing"),
        (request(npz(**{"view/top": VIEW.astype(np.float32)}, state=STATE)), "View 'top' is missing or no uint8"),
        (request(npz(**{"view/top": VIEW}, state=STATE[:3])), "state is missing"),
        (request(npz(**{"view/top": VIEW}, state=np.array([{}], object))), "sent as npz"),
    ],
)
def test_a_bad_request_is_refused_in_words(fake: Connection, body: bytes, why: str) -> None:
    status, data = post(fake, body)
    assert status == 200 and why in json.loads(data)["error"]


def test_a_page_of_a_browser_cannot_ask(fake: Connection) -> None:
    """It may send text or forms unasked, and neither is taken; nor is a page whose name was bound to this machine."""
    body = request(npz(**{"view/top": VIEW}, state=STATE))
    assert post(fake, body)[0] == 200 and post(fake, body, Host="evil.example:8765")[0] == 403
    assert post(fake, b"{}", **{"Content-Type": "text/plain"})[0] == 400
    assert post(fake, b"{}", path="/anything")[0] == 404


def test_only_this_machine_is_listened_to(fake: Connection) -> None:
    assert fake.url.startswith("http://127.0.0.1:")
    port = int(fake.url.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):  # another address of this machine
        http.client.HTTPConnection("127.0.0.2", port, timeout=5).request("GET", "/info")


def bomb() -> bytes:
    """An npz of a few kilobytes that unpacks to 80 MB."""
    packed = io.BytesIO()
    np.savez_compressed(packed, actions=np.zeros((10_000_000, 2), np.float32))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (npz(actions=np.array([{}], object)), "no npz of plain numbers"),
        (b"PK\x03\x04", "no npz of plain numbers"),
        (bomb(), "more than 1 MB"),
    ],
)
def test_a_reply_s_arrays_are_judged_before_they_are_opened(data: bytes, why: str) -> None:
    with pytest.raises(WamvizError, match=why):
        worker.unpacked(data, CodecLimits(message_bytes=1_000_000))


@pytest.mark.parametrize(
    "change",
    [
        {"wamviz_worker": 2}, {"modes": []}, {"modes": ["dream"]}, {"chunk": 0}, {"chunk": "x"}, {"frames": -1},
        {"actions": {}}, {"actions": {**INFO["actions"], "rate": 0}}, {"actions": {**INFO["actions"], "units": []}},
        {"views": [{"key": "top", "size": [1, 1]}]}, {"state": {"key": "state", "count": 0}},
        {"policy": None, "views": 3},
    ],
)  # fmt: skip
def test_a_description_that_cannot_be_is_refused(change: dict) -> None:
    with pytest.raises(WamvizError):
        described(json.dumps({**INFO, **change}))


def test_what_was_stretched_is_unstretched() -> None:
    """The made-up video is square, as it was sent; the camera is 16:9, and so is what is shown."""
    speaker = next(one for one in all_speakers() if one.kind == "worker")
    with serving(speaker.speak()) as served:
        rollout = collect(speaker.model(served), ImagineRequest(speaker.context, "joint")).rollouts[0]
    assert rollout.frames.shape[1:3] == (64, 114) and rollout.camera == "top"
