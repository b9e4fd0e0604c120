"""Datasets of the hub by name, against a hub on this machine: what is asked, what is kept, what is said."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import close_session

from tests.datasets import hub_server, makers
from wamviz import cli
from wamviz.core.errors import WamvizError
from wamviz.core.hub import HubName
from wamviz.datasets import DatasetSchema, LeRobotWriter, open_dataset
from wamviz.datasets.hub import open_hub, parse_name
from wamviz.datasets.writer import lerobot as lerobot_writer
from wamviz.runs.sources import resolve

COMMIT, REPO = hub_server.COMMIT, hub_server.REPO
NAME = f"hub:{REPO}"


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory, plan: DatasetSchema, made: Any) -> Path:
    """The small dataset with a file of its own for nearly every episode."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lerobot_writer.layout, "DATA_FILE_MB", 0.001)
        patch.setattr(lerobot_writer.layout, "VIDEO_FILE_MB", 0.001)
        patch.setattr(lerobot_writer, "EPISODES_A_FILE", 3)
        writer = LeRobotWriter(tmp_path_factory.mktemp("hub") / "small", plan)
        for one in made:
            writer.add_episode(one.rows, one.frames, one.task, one.meta)
        return writer.finish({"closing_row": True, "main_camera": "exterior"})


@pytest.fixture
def hub(split: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A hub, asked by nobody yet, and an empty cache."""
    root = tmp_path / "served"
    shutil.copytree(split, root)
    with hub_server.the_only_hub(root, monkeypatch, tmp_path / "cache") as served:
        yield served


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it: from then on nothing can be reached."""

    def cut() -> None:
        def refused(*args: object, **options: object) -> None:
            raise ConnectionRefusedError("no network")

        close_session()  # a connection that stands would go on working
        monkeypatch.setattr(socket.socket, "connect", refused)

    return cut


def test_names() -> None:
    assert parse_name("hub:lerobot/pusht") == HubName("lerobot/pusht")
    assert parse_name("hub:a/b.c-d@refs/pr/1") == HubName("a/b.c-d", "refs/pr/1")
    for wrong in ("hub:", "hub:pusht", "hub:a/b/c", "hub:a/b@", "hub:../b", "hub:a/b@../../x", "hub:a/b c"):
        with pytest.raises(WamvizError, match="names no dataset on the hub"):
            parse_name(wrong)


def test_metadata_alone_is_fetched_when_no_episode_is_named(hub: Any) -> None:
    dataset = open_hub(NAME)
    assert len(dataset) == 4 and dataset.available == () and dataset.title == REPO
    assert dataset.name == f"{NAME}@{COMMIT}"
    assert all(file.startswith("meta/") for file in hub.sent()) and "meta/stats.json" not in hub.sent()


def test_an_episode_costs_its_own_files_and_no_others(hub: Any, split: Path, made: Any) -> None:
    dataset = open_hub(NAME, 1)
    wanted = open_dataset(split).files_of(1)  # type: ignore[attr-defined]
    assert sorted(file for file in hub.sent() if not file.startswith("meta/")) == sorted(wanted)
    assert len(wanted) == 3 and 1 in dataset.available
    for file in wanted:
        assert (dataset.root / file).read_bytes() == (split / file).read_bytes()
    ours, theirs = dataset.episode(1), open_dataset(split).episode(1)
    assert ours.instruction == made[1].task and np.array_equal(ours.frames("wrist"), theirs.frames("wrist"))
    assert ours.actions is not None and np.array_equal(ours.actions, made[1].rows["action"][:-1])


def test_a_second_opening_needs_no_network(hub: Any, no_network: Callable[[], None]) -> None:
    for name in (NAME, f"{NAME}@v3.0"):
        open_hub(name, 2)
    asked = len(hub.asked)
    assert np.array_equal(open_hub(f"{NAME}@{COMMIT}", 2).episode(2).frames(), open_hub(NAME, 2).episode(2).frames())
    assert {method for method, _ in hub.asked[asked:]} == {"HEAD"}  # where "main" is now; a pinned commit asks nothing
    no_network()
    for name in (NAME, f"{NAME}@v3.0", f"{NAME}@{COMMIT}"):
        assert open_hub(name, 2).episode(2).frame_count > 0
    with pytest.raises(WamvizError, match="cannot be reached"):
        open_hub(NAME, 0)


def test_a_person_can_forbid_every_look_up(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    open_hub(NAME, 0)
    asked = len(hub.asked)
    for word in ("1", "true", "ON"):
        monkeypatch.setenv("HF_HUB_OFFLINE", word)
        assert open_hub(NAME, 0).episode(0).frame_count == 6
        for name, episode in ((NAME, 3), ("hub:somebody/else", 0)):
            with pytest.raises(WamvizError, match="HF_HUB_OFFLINE forbids asking.*Unset HF_HUB_OFFLINE"):
                open_hub(name, episode)
    assert len(hub.asked) == asked


def test_the_tool_is_as_offline_afterwards_as_before(hub: Any) -> None:
    from huggingface_hub import constants

    before = (constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET)
    open_hub(NAME)
    with pytest.raises(WamvizError):
        open_hub("hub:somebody/else")
    assert (constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET) == before
    assert before[0] is True


def test_revisions_are_pinned(hub: Any) -> None:
    assert open_hub(f"{NAME}@refs/convert/lerobot").name == f"{NAME}@{COMMIT}"
    assert not any("main" in path for _, path in hub.asked)


@pytest.mark.parametrize(
    ("name", "refusal", "says"),
    [
        ("hub:somebody/else", None, r"no dataset 'somebody/else'.*Check OWNER/NAME"),
        (f"{NAME}@v9", None, r"no revision 'v9'.*branch, a tag"),
        (NAME, (401, "RepoNotFound"), r"no dataset 'somebody/small' that you may see.*log in"),
        (NAME, (401, "GatedRepo"), r"is gated.*Accept its terms.*hf auth login"),
        (NAME, (403, "GatedRepo"), r"is gated.*Accept its terms.*hf auth login"),
        (NAME, (403, ""), r"refuses access to 'somebody/small' \(403\).*Log in"),
        (NAME, (500, ""), r"answered 500.*later"),
    ],
)
def test_refusals_teach(hub: Any, name: str, refusal: tuple[int, str] | None, says: str) -> None:
    hub.refuse = refusal
    with pytest.raises(WamvizError, match=says) as caught:
        open_hub(name, 0)
    assert caught.value.hint and len(hub.asked) == 1


def test_a_token_opens_what_is_gated_and_stays_with_the_hub(hub: Any) -> None:
    hub.token = "hf_of_the_tests"
    assert open_hub(NAME, 0).episode(0).frame_count == 6  # the server checks that the other address sees no token
    assert any(path.startswith("/cdn/") for _, path in hub.asked)


def test_what_is_no_lerobot_dataset(hub: Any) -> None:
    (hub.root / "meta/info.json").unlink()
    with pytest.raises(WamvizError, match="no LeRobot dataset: it has no meta/info.json"):
        open_hub(NAME)


def test_an_episode_that_is_not_there(hub: Any) -> None:
    with pytest.raises(WamvizError, match=r"no episode 9.*0 \.\. 3"):
        open_hub(NAME, 9)


def test_a_declared_camera_without_files_is_said_and_asked_for_once(hub: Any) -> None:
    for file in (hub.root / "videos/observation.images.wrist").rglob("*.mp4"):
        file.unlink()
    episode = open_hub(NAME, 0).episode(0)
    assert episode.cameras == ("exterior",) and "wrist" in episode.missing[0]
    asked = len(hub.asked)
    open_hub(NAME, 0)
    assert {path.rpartition("meta")[2] for _, path in hub.asked[asked:]} <= {"/info.json", "%2Finfo.json"}


def test_a_download_that_was_cut_short_goes_on(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = hub.root / "meta/episodes/chunk-000/file-001.parquet"
    kept = lists.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("wamviz.datasets.hub.LISTS", re.compile("meta/episodes/chunk-000/file-000.parquet"))
        assert len(open_hub(NAME)) == 3
    assert len(open_hub(NAME)) == 4 and lists.read_bytes() == kept


def test_version_2_by_name(hub: Any, tmp_path: Path) -> None:
    shutil.rmtree(hub.root)
    made = makers.make_v2(hub.root)
    index = open_dataset(made).indices[0]
    assert np.array_equal(open_hub(NAME, index).episode(index).frames(), open_dataset(made).episode(index).frames())


def test_progress_tells_kilobytes_and_the_file(hub: Any) -> None:
    told: list[tuple[int, int, str]] = []
    open_hub(NAME, 0, lambda *step: told.append(step))
    assert told and all(0 <= here <= whole for here, whole, _ in told)
    assert any(file.endswith("info.json") for _, _, file in told)


def test_other_sources_ask_nothing(hub: Any, small: Path, no_network: Callable[[], None]) -> None:
    no_network()
    assert resolve(f"{small}#0@1").instruction
    assert hub.asked == []


def test_a_context_and_its_reference_by_name(hub: Any, made: Any) -> None:
    context = resolve(f"{NAME}#1@4")
    assert context.observation.source == f"{NAME}@{COMMIT}#1@4"  # what a run keeps is pinned
    assert context.reference is not None and context.reference.frames is not None
    assert len(context.reference.frames) == len(made[1].rows["action"]) - 4
    with pytest.raises(WamvizError, match=rf"dataset of 4 episodes.*{NAME}#0 \.\. {NAME}#3"):
        resolve(NAME)
    with pytest.raises(WamvizError, match="no place in a dataset"):
        resolve(f"{NAME}#first")


def test_inspect_by_name(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inspect", NAME, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["episodes"] == 4 and "download: kB" in err
    assert cli.main(["inspect", f"{NAME}#3", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["frames"] == 8
    assert cli.main(["inspect", "hub:somebody/else#0"]) == 2
    assert "no dataset 'somebody/else'" in capsys.readouterr().err
