"""What the Datasets page shows, without a browser: every number stands on the page as the file has it."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from wamviz.core.errors import WamvizError
from wamviz.core.media import read_video, write_mp4
from wamviz.core.rollout import ActionSpace, Rollout
from wamviz.datasets import DatasetSchema, EpisodeSummary, LeRobotEpisode, LeRobotWriter
from wamviz.ui import clip_cache
from wamviz.ui.clip_cache import ClipCache
from wamviz.ui.library import SHIPPED, Library, Opened
from wamviz.ui.pages.datasets import episode_view as episodes
from wamviz.ui.pages.datasets import view as browsing
from wamviz.ui.plots import episode_figure
from wamviz.ui.scenes import Scenes
from wamviz.ui.serve import episode_routes

HOSTILE = "<img src=x onerror=alert(1)> {{7*6}} ${7*6}"


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(local=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """45 short episodes of a robot nobody knows, two views each; the last one's words are hostile."""
    root = tmp_path_factory.mktemp("data") / "robot"
    video = {"dtype": "video", "shape": [32, 48, 3]}
    plan = DatasetSchema(
        {
            "action": {"dtype": "float32", "shape": [2], "names": None},
            "observation.images.front": video,
            "observation.images.wrist": video,
        },
        fps=10,
        robot_type="thing",
    )
    writer = LeRobotWriter(root, plan)
    frames = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.full((4, 32, 48, 3), 50, np.uint8)
    for index in range(45):
        actions = {"action": np.full((4, 2), index, np.float32)}
        views = {"observation.images.front": frames, "observation.images.wrist": frames[::-1]}
        writer.add_episode(actions, views, HOSTILE if index == 44 else f"task {index}")
    return writer.finish()


@pytest.fixture(scope="module")
def opened(library: Library, folder: Path) -> Opened:
    return library.folder(str(folder))


def text_of(nodes: Any) -> str:
    """Everything that is shown as text, and nothing of the tags and attributes."""
    if isinstance(nodes, str):
        return nodes + " "
    inside = nodes[2:] if len(nodes) > 1 and isinstance(nodes[1], dict) else nodes
    return "".join(text_of(node) for node in inside)


def picked(parts: dict[str, Any]) -> list[int]:
    return [int(found) for found in re.findall(r'"data-pick": "(\d+)"', json.dumps(parts["listing"]))]


def test_pages_hold_every_episode_once(opened: Opened) -> None:
    pages = [browsing.list_parts(opened, "", page) for page in range(3)]
    assert [index for page in pages for index in picked(page)] == list(range(45))
    assert text_of(pages[1]["pages"]).strip() == "21 to 40 of 45"
    assert [page["previous"]["interactive"] for page in pages] == [False, True, True]
    assert [page["next"]["interactive"] for page in pages] == [True, True, False]
    assert browsing.list_parts(opened, "", 99)["page"] == 2
    assert browsing.list_parts(opened, "", -1)["page"] == 0


def test_a_search_says_how_many_it_found_and_when_it_found_none(opened: Opened) -> None:
    found = browsing.list_parts(opened, "task 4")
    assert picked(found) == [4, 14, 24, 34, 40, 41, 42, 43]
    assert "8 found in 45" in text_of(found["pages"])
    none = browsing.list_parts(opened, HOSTILE[:5] + "nothing")
    assert picked(none) == [] and "No episode" in text_of(none["listing"])


def test_words_out_of_files_are_text_and_nothing_else(opened: Opened) -> None:
    parts = browsing.episode_parts(opened, 44)
    assert HOSTILE in text_of(parts["facts"])
    for name in ("facts", "start", "meaning", "status"):
        for tag in re.findall(r'\["([^"]+)", \{', json.dumps(parts[name])):
            assert tag in {
                "dl",
                "div",
                "dt",
                "dd",
                "a",
                "p",
                "table",
                "caption",
                "thead",
                "tbody",
                "tr",
                "th",
                "td",
                "b",
            }


def test_an_unknown_robot_has_unnamed_dimensions(opened: Opened) -> None:
    shown = text_of(browsing.episode_parts(opened, 7)["meaning"])
    assert "2 unnamed dimensions" in shown and "10 actions a second" in shown
    assert "gripper is not known" in shown and "wamviz.json" in shown
    assert shown.count("not known") >= 4  # a unit and limits for each
    assert "7 to 7" in shown  # what this episode holds is known all the same


def test_the_shipped_actions_are_explained(library: Library) -> None:
    shown = text_of(browsing.episode_parts(library.at(SHIPPED), 0)["meaning"])
    assert "Steps of the hand" in shown and "0 is open, 1 is closed" in shown and "-0.06 to 0.06" in shown


def test_the_stage_gets_the_clip_that_the_page_serves(library: Library, opened: Opened) -> None:
    made = ClipCache(library)
    client = TestClient(Starlette(routes=episode_routes(made)))
    for camera, first in (("front", 0), ("wrist", 150)):
        stage = browsing.episode_parts(opened, 3, camera, frame=2)["stage"]
        clip = stage.panes["recorded"].samples[0]
        answer = client.get(f"/{clip.src}")
        assert answer.status_code == 200 and answer.headers["content-type"] == "video/mp4"
        view = opened.dataset.episode(3).cameras.index(camera)
        frames, fps = read_video(made.clip(opened.key, 3, view))
        assert (len(frames), frames.shape[2], frames.shape[1], fps) == (4, clip.width, clip.height, clip.fps)
        assert abs(int(frames[0].mean()) - first) < 4
        assert stage.frame == 2


def test_nothing_but_pictures_of_open_datasets_is_served(library: Library, opened: Opened) -> None:
    client = TestClient(Starlette(routes=episode_routes(ClipCache(library))))
    assert client.get(f"/episodes/{opened.key}/0/0.jpg").content.startswith(b"\xff\xd8")
    assert b"picture" in client.get(f"/episodes/{opened.key}/999/0.jpg").content
    for path in (f"{'0' * 16}/0/0.mp4", f"{opened.key}/999/0.mp4", f"{opened.key}/0/9.mp4", "../../etc/passwd",
                 f"{opened.key}/0/0.mp4/x", f"{opened.key}/..%2f..%2f0/0.mp4"):  # fmt: skip
        answer = client.get(f"/episodes/{path}")
        assert answer.status_code == 404 and "/" not in answer.text.removesuffix("/")


def test_a_first_frame_is_decoded_once(library: Library, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    made, calls = ClipCache(library), []
    monkeypatch.setattr(clip_cache, "jpeg", lambda *args: calls.append(1) or b"x")
    assert made.thumbnail(opened.key, 1) == made.thumbnail(opened.key, 1) == b"x"
    assert len(calls) == 1


def test_a_long_recording_is_played_as_far_as_the_page_says(
    library: Library, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_cache, "MOST_FRAMES", 3)
    parts = browsing.episode_parts(opened, 0)
    assert parts["stage"].panes["recorded"].samples[0].frames == 3
    assert "Part 1 of 2" in text_of(parts["part"]) and "0 to 2 of 4" in text_of(parts["part"])
    made = ClipCache(library)
    assert len(read_video(made.clip(opened.key, 0))[0]) == 3


def test_every_part_of_a_long_recording_can_be_seen(
    library: Library, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second part holds the frames after the first, its own actions, and the way to the Imagine page counts on."""
    whole = opened.dataset.episode(0)
    client = TestClient(Starlette(routes=episode_routes(ClipCache(library))))
    monkeypatch.setattr(clip_cache, "MOST_FRAMES", 3)
    parts = browsing.turned(opened, 0, "", 0, 1)
    clip = parts["stage"].panes["recorded"].samples[0]
    assert clip.frames == 1 and clip.src.endswith("/0/0-3.mp4") and parts["offset"] == 3
    assert "frames 3 to 3 of 4" in text_of(parts["part"]) and '"data-offset": "3"' in json.dumps(parts["start"])
    assert parts["later"]["interactive"] is False and parts["earlier"]["interactive"] is True
    assert browsing.turned(opened, 0, "", 3, 1)["offset"] == 3 and browsing.turned(opened, 0, "", 3, -1)["offset"] == 0
    assert browsing.episode_parts(opened, 0, "", 3)["stage"].frame == 0
    assert client.get("/" + clip.src).status_code == 200
    assert client.get("/" + clip.src.replace("-3.mp4", "-4.mp4")).status_code == 404
    made = ClipCache(library)
    shown = read_video(made.clip(opened.key, 0, 0, 3))[0]
    assert np.abs(shown[0].astype(int) - whole.frames(start=3)[0]).mean() < 12
    first, rest = (browsing.plot_parts(opened, 0, "light", offset)["plot"] for offset in (0, 3))
    assert len(first.data[0].x) > len(rest.data[0].x)


def test_a_recording_that_breaks_off_is_shown_up_to_there(
    library: Library, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = LeRobotEpisode._decode

    def torn(self: LeRobotEpisode, camera: str, start: int, stop: int) -> Any:
        if stop > 3:
            raise WamvizError("The file is cut short.")
        return real(self, camera, start, stop)

    monkeypatch.setattr(LeRobotEpisode, "_decode", torn)
    assert len(clip_cache._scaled(opened.dataset.episode(0), "front")) == 3


def test_a_damaged_first_episode_hides_nothing(library: Library, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "robot"
    shutil.copytree(folder, copy)
    dataset = library.folder(str(copy)).dataset
    real = type(dataset).episode

    class Torn(type(dataset)):  # type: ignore[misc]
        def episode(self, index: int) -> Any:
            if index == 0:
                raise WamvizError("Episode 0 is damaged.")
            return real(self, index)

    dataset.__class__ = Torn
    parts = browsing.dataset_parts(Opened("robot", dataset))
    assert parts["index"] == 1 and "Episode 0 is damaged" in text_of(parts["listing"])


def test_a_partial_dataset_shows_the_rest(library: Library, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "robot"
    shutil.copytree(folder, copy)
    shutil.rmtree(copy / "data")
    shutil.rmtree(copy / "videos/observation.images.front")
    parts = browsing.dataset_parts(library.folder(str(copy)))
    assert parts["camera"]["choices"] == [("wrist", "wrist")] or parts["camera"]["choices"] == ["wrist"]
    assert "no actions" in text_of(parts["status"]) and "front" in text_of(parts["status"])
    assert parts["stage"].panes["recorded"].samples
    assert "Imagine from this frame" in text_of(parts["start"])
    assert "no actions here" in text_of(parts["meaning"])
    shutil.rmtree(copy / "videos")
    parts = browsing.dataset_parts(library.folder(str(copy)))
    assert parts["index"] is None and "not here" in text_of(parts["status"])
    assert len(picked(parts)) == 20  # the list stays


def test_a_damaged_video_leaves_the_numbers(library: Library, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "robot"
    shutil.copytree(folder, copy)
    for video in copy.rglob("*.mp4"):
        video.write_bytes(video.read_bytes()[:200])
    parts = browsing.episode_parts(library.folder(str(copy)), 5)
    assert parts["stage"].panes["recorded"].samples == ()
    assert "5 to 5" in text_of(parts["meaning"])
    assert "no picture" in text_of(parts["start"])


def test_the_link_carries_frame_state_instruction_and_what_followed(library: Library) -> None:
    """What the Imagine page makes of it is what the episode itself says of that frame."""
    scenes = Scenes(library=library)
    episode = library.at(SHIPPED).dataset.episode(4)
    for camera in ("", "wrist"):
        scene, frame = scenes.at(f"{SHIPPED}#4@6", camera)
        context = scenes.context(scene, frame)
        seen = episode.observation(6)
        np.testing.assert_array_equal(context.observation.frame, seen.frames[camera or "exterior"])
        np.testing.assert_array_equal(context.observation.state, seen.state)
        assert context.instruction == episode.instruction
        assert context.observation.source == f"{SHIPPED}#4@6" and context.observation.world_state is not None
        assert context.reference is not None and context.reference.camera == (camera or "exterior")
        np.testing.assert_array_equal(context.reference.actions, episode.actions[6:])


@pytest.mark.parametrize(
    "source, camera, why",
    [
        (f"{SHIPPED}#4@99999", "", "no frame 99999"),
        (f"{SHIPPED}#99999@0", "", "no episode 99999"),
        (f"{SHIPPED}#4@0", "ceiling", "Unknown camera"),
        ("upload:0123456789abcdef#0@0", "", "upload it again"),
        ("nonsense", "", "DATASET#EPISODE@FRAME"),
    ],
)
def test_a_link_to_nowhere_says_so(library: Library, source: str, camera: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Scenes(library=library).at(source, camera)


def test_an_upload_goes_the_same_way(library: Library, tmp_path: Path) -> None:
    write_mp4(tmp_path / "run.mp4", np.zeros((6, 32, 48, 3), np.uint8), 5.0)
    (tmp_path / "acts.csv").write_text("vx\n" + "1\n" * 5, encoding="utf-8")
    given = library.upload([tmp_path / "run.mp4", tmp_path / "acts.csv"], rate=5, instruction="go on")
    scene, frame = Scenes(library=library).at(f"{given.place}#0@2")
    context = Scenes(library=library).context(scene, frame)
    assert context.instruction == "go on" and context.reference is not None
    assert str(tmp_path) not in str(context.reference.meta) and context.observation.source == f"{given.place}#0@2"


def test_every_nth_action_of_a_very_long_episode_is_drawn() -> None:
    space = ActionSpace(("a0",), ("",), "unnamed", 50.0)
    long = Rollout("recorded", None, 50.0, np.arange(6001, dtype=np.float32)[:, None], space)
    figure = episode_figure(long)
    line = next(trace for trace in figure.data if trace.meta["role"] == "line")
    assert len(line.x) <= 1502 and "of 6001 actions" in figure.layout.annotations[0].text
    at = {round(x, 6): y for x, y in zip(line.x, line.y, strict=True)}
    assert at[round(10 / 50 * 5, 6)] == pytest.approx(49)  # the action that ends after one second is number 49
    assert episode_figure(replace(long, actions=long.actions[:10])).data
    assert "no actions" in episode_figure(None).layout.annotations[0].text


def test_a_line_without_facts_says_only_what_is_known() -> None:
    shown = text_of(episodes.listing([EpisodeSummary(3, missing="Its files are not here.")], "0" * 16))
    assert shown.split() == "no picture no instruction Episode 3 Its files are not here.".split()
