"""What the stage is told: small, honest, JSON-ready."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wamviz.core.action_spaces import OSC_POSE, TABLETOP_ACTIONS
from wamviz.core.rollout import ActionSpace, Camera, Observation, Preview, Rollout, WorldState
from wamviz.models.protocol import Capabilities
from wamviz.runs.comparison import Candidate, Outcome
from wamviz.runs.sources import Context
from wamviz.runs.store import Run
from wamviz.ui.stage import VIEWS, Stage, empty_value, preview_value, several_value, stage_value, strip
from wamviz.ui.stage.component import FOLDER
from wamviz.ui.stage.messages import Progress, StageValue, to_json
from wamviz.ui.wire import unpack

SPACE = ActionSpace(("dx", "dy", "dz"), ("m", "m", "m"), "ee_delta", 5.0)
POSE = np.eye(4)
POSE[2, 3] = -1.0  # one metre before the plane z = 0, so pixel = 32 + 64 * metres
CAMERA = Camera("front", 64, 64, np.array([[64.0, 0, 32], [0, 64, 32], [0, 0, 1]]), POSE)
CAPABILITIES = Capabilities("m", "M", "A model.", ("joint",), SPACE, (64, 64), 5.0, 4)


def url(name: str) -> str:
    return f"runs/0123456789abcdef/{name}"


def rollout(origin: str, *, steps: int = 4, frames: bool = True, **given: object) -> Rollout:
    pictures = np.zeros((steps + 1, 64, 64, 3), np.uint8) if frames else None
    actions = np.tile(np.float32([0.1, 0.0, 0.0]), (steps, 1))
    plain = {"actions": actions, "action_space": SPACE, "camera_model": CAMERA}
    return Rollout(origin, pictures, 5.0, **{**plain, **given})  # type: ignore[arg-type]


def run(**given: object) -> Run:
    plain: dict[str, object] = {
        "id": "0123456789abcdef",
        "created": "2026-01-01T00:00:00+00:00",
        "model": "m",
        "weights_digest": "",
        "mode": "joint",
        "instruction": "wave",
        "seed": 7,
        "steps": None,
        "samples": 1,
        "source": "",
        "imagined": (rollout("imagined"),),
        "context": np.zeros((64, 64, 3), np.uint8),
        "state": np.zeros(3, np.float32),
    }
    return Run(**{**plain, **given})  # type: ignore[arg-type]


def test_a_value_is_small_json() -> None:
    """Gradio compares values as text at every update, and sends them with every page."""
    full = run(reference=rollout("recorded"), executed=rollout("executed", success=True))
    assert len(json.dumps(to_json(stage_value(full, url)), allow_nan=False)) < 3000


def test_every_pane_has_clips_or_says_why_not() -> None:
    values = [
        stage_value(run(), url),
        stage_value(run(imagined=(rollout("imagined", frames=False),)), url),
        stage_value(run(executed=rollout("executed")), url),
        preview_value(Preview(0, 8), CAPABILITIES),
        empty_value(),
    ]
    for value in values:
        assert set(value.panes) == {"imagined", "recorded", "executed"}
        for pane in value.panes.values():
            assert pane.missing or pane.samples
            assert all(getattr(clip, "src", "") or getattr(clip, "strip", "") or clip.missing for clip in pane.samples)


def test_a_server_that_sent_no_video_is_not_called_a_mode_without_one() -> None:
    """Mode joint imagines a video; where none came back, the pane says that and no more."""
    bare = (rollout("imagined", frames=False),)
    for mode, says in {"joint": "came back without a video", "act_only": "Mode act only imagines actions only"}.items():
        pane = stage_value(run(imagined=bare, mode=mode), url).panes["imagined"]
        assert says in pane.samples[0].missing


def test_actions_of_another_robot_do_not_ask_to_be_acted_out() -> None:
    """The pane says what the button says: seven numbers are not enough to be the tabletop's."""
    first = Rollout("imagined", None, 20.0, np.zeros((4, 7)), OSC_POSE)
    value = stage_value(run(imagined=(first,), world_state=WorldState("tabletop", 2_000_000)), url)
    assert "0.05 m" in value.panes["executed"].missing


def test_a_seed_that_was_not_told_is_not_shown() -> None:
    """Of a server that draws its own numbers, samples are numbered and no seed is claimed."""
    value = stage_value(run(imagined=(rollout("imagined"), rollout("imagined"))), url)
    assert [clip.label for clip in value.panes["imagined"].samples] == ["sample 1", "sample 2"]
    assert value.detail.endswith("seed not told")


def test_the_addresses_are_the_files_of_a_run() -> None:
    two = (rollout("imagined", seed=7), rollout("imagined", seed=8))
    value = stage_value(run(imagined=two, reference=rollout("recorded"), executed=rollout("executed")), url)
    names = [clip.src for pane in value.panes.values() for clip in pane.samples]
    assert names == [url(name) for name in ("rollout.mp4", "rollout-1.mp4", "reference.mp4", "executed.mp4")]
    assert [clip.label for clip in value.panes["imagined"].samples] == ["seed 7", "seed 8"]


def test_a_path_is_in_fractions_of_the_frame_and_starts_at_the_state() -> None:
    """Four steps of 0.1 m to the right from the middle: 6.4 of 64 pixels each."""
    clip = stage_value(run(), url).panes["imagined"].samples[0]
    assert clip.path == ((0.5, 0.5), (0.6, 0.5), (0.7, 0.5), (0.8, 0.5), (0.9, 0.5))
    assert clip.rate == 5.0


def test_a_path_ends_before_it_leaves_the_camera_behind() -> None:
    """Points behind a camera have no place in its picture."""
    back = np.tile(np.float32([0.0, 0.0, -0.4]), (4, 1))
    clip = stage_value(run(imagined=(rollout("imagined", actions=back),)), url).panes["imagined"].samples[0]
    assert len(clip.path) == 3


@pytest.mark.parametrize("missing", [{"camera_model": None}, {"actions": None, "action_space": None}])
def test_an_unknown_path_is_none(missing: dict[str, None]) -> None:
    value = stage_value(run(imagined=(rollout("imagined", **missing),)), url)
    assert value.panes["imagined"].samples[0].path is None


def test_only_what_was_read_from_a_file_is_called_recorded() -> None:
    assert stage_value(run(reference=rollout("recorded")), url).panes["recorded"].name == "recorded"
    assert stage_value(run(reference=rollout("executed")), url).panes["recorded"].name == "reference"


def test_the_reason_for_no_execution_fits() -> None:
    def reason(**given: object) -> str:
        return str(stage_value(run(**given), url).panes["executed"].missing)

    own = Rollout("imagined", None, 5.0, np.zeros((4, 7)), TABLETOP_ACTIONS)
    assert "Run in simulator" in reason(world_state=WorldState("tabletop", 1), imagined=(own,))
    assert "cannot be executed" in reason()
    assert "no actions" in reason(imagined=(rollout("imagined", actions=None, action_space=None),))
    assert stage_value(run(), url, executed_reason="Later.").panes["executed"].missing == "Later."


@pytest.mark.parametrize("view, told", [("wipe", "wipe"), ("nonsense", None), (None, None)])
def test_a_view_that_does_not_exist_leaves_the_users(view: str | None, told: str | None) -> None:
    assert stage_value(run(), url, view=view).view == told
    assert told is None or told in VIEWS


def test_the_key_follows_the_content() -> None:
    """An executed clip keeps its address when it is executed again."""
    pictures = np.zeros((5, 64, 64, 3), np.uint8)
    keys = set()
    for level in (0, 255):
        other = replace(rollout("executed"), frames=pictures + np.uint8(level))
        keys.add(stage_value(run(executed=other), url).panes["executed"].samples[0].key)
    assert len(keys) == 2


def test_a_chunk_is_told_in_frames() -> None:
    long = rollout("imagined", steps=20, meta={"chunk": 10})
    assert stage_value(run(imagined=(long,)), url).chunk == 10
    slow = Rollout("imagined", np.zeros((11, 8, 8, 3), np.uint8), 2.5, long.actions, SPACE, meta={"chunk": 10})
    assert stage_value(run(imagined=(slow,)), url).chunk == 5


@given(count=st.integers(1, 40), height=st.integers(2, 40), width=st.integers(2, 40))
def test_a_strip_holds_every_frame_in_its_place(count: int, height: int, width: int) -> None:
    frames = np.zeros((count, height, width, 3), np.uint8)
    frames += (np.arange(count) * 255 // max(1, count - 1)).astype(np.uint8)[:, None, None, None]
    clip = strip(frames, 5.0)
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(clip.strip.split(",")[1]))))
    for k in range(count):
        row, column = divmod(k, clip.columns)
        middle = sheet[row * height + height // 2, column * width + width // 2]
        assert np.abs(middle.astype(int) - frames[k, 0, 0]).max() < 40  # JPEG blocks reach over small frames


def test_a_strip_of_many_large_frames_stays_small() -> None:
    clip = strip(np.zeros((300, 256, 256, 3), np.uint8), 5.0)
    assert clip.frames == 300
    assert clip.width * clip.height * 300 <= 1_500_000


def test_a_preview_shows_samples_and_the_reference_beside() -> None:
    reference = rollout("recorded", states=np.tile(np.float32([0.0, 0.1, 0.0]), (5, 1)))
    context = Context(Observation({"front": np.zeros((64, 64, 3), np.uint8)}, "wave"), reference)
    frames = np.zeros((6, 5, 64, 64, 3), np.uint8)
    value = preview_value(Preview(3, 8, frames, note="video"), CAPABILITIES, context, eta=1.25)
    assert value.preview == Progress(3, 8, 1.25, "video")
    assert len(value.panes["imagined"].samples) == 4
    assert value.panes["recorded"].samples[0].path[0] == (0.5, 0.6)
    assert value.instruction == "wave"


def test_the_templates_are_static() -> None:
    """Gradio runs placeholders as scripts, and the style sheet and the markup pass through its template engine."""
    for name in ("stage.html", "stage.css"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert not [mark for mark in ("{{", "${", "`", "\\", "<script", "@children") if mark in text]
    assert "@keyframes" not in (FOLDER / "stage.css").read_text(encoding="utf-8")  # cannot be nested under the id


def test_the_component_takes_values_and_gives_none_back() -> None:
    stage = Stage(plots=["a"])
    assert unpack(stage.postprocess(None)) == to_json(empty_value())
    assert unpack(stage.postprocess(StageValue({}, run="a")))["run"] == "a"
    assert stage.preprocess({"forged": True}) is None
    assert stage.props == {"plots": ["a"]}


def test_no_stub_files_appear_beside_the_sources(root: Path) -> None:
    """Gradio writes .pyi files for components that declare events."""
    assert not list((root / "wamviz" / "ui" / "stage").glob("*.pyi"))


# --- several models side by side -------------------------------------------------------------------------------------


def candidate(k: int = 1) -> Candidate:
    return Candidate("hold-still", ("joint", "act_only")[k % 2])


def address(run_id: str):
    return lambda name: f"runs/{run_id}/{name}"


def test_several_models_have_a_pane_each_and_the_others_none():
    """A pane a candidate, named by its title, with its own file and how quick it was; unused ones are absent."""
    outcomes = [
        Outcome(candidate(0), run(timings={"total": 0.4})),
        Outcome(candidate(1), error="The server is asleep."),
    ]
    value = several_value(outcomes, [one.candidate for one in outcomes], None, address)
    panes = value.panes
    assert set(panes) == {"recorded", "contender-1", "contender-2"} and json.dumps(to_json(value))
    assert panes["contender-1"].samples[0].src == "runs/0123456789abcdef/rollout.mp4"
    assert panes["contender-1"].verdict == "0.40 s, 2.0x real time"
    assert panes["contender-2"].samples == () and "asleep" in panes["contender-2"].missing
    assert value.run == "0123456789abcdef" and value.preview is None


def test_while_one_imagines_the_next_waits():
    """The live pane shows the preview, the others what they have; nothing is called a run yet."""
    frames = np.zeros((1, 5, 64, 64, 3), np.uint8)
    preview = Preview(2, 6, frames)
    candidates = [candidate(0), candidate(1)]
    value = several_value([preview, None], candidates, None, address, instruction="wave")
    assert value.panes["contender-1"].live and value.panes["contender-1"].samples[0].frames == 5
    assert "turn" in value.panes["contender-2"].missing and not value.panes["contender-2"].live
    assert value.preview == Progress(2, 6, None, "") and value.run is None


def test_the_longest_recording_stands_beside_them():
    """Runs of different lengths have recordings of different lengths; the longest covers them all."""
    short = run(id="a" * 16, reference=rollout("recorded", steps=2))
    long = run(id="b" * 16, reference=rollout("recorded", steps=4))
    outcomes = [Outcome(candidate(0), short), Outcome(candidate(1), long)]
    value = several_value(outcomes, [one.candidate for one in outcomes], None, address)
    assert value.panes["recorded"].samples[0].src == f"runs/{'b' * 16}/reference.mp4"
