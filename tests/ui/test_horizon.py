"""How long a rollout becomes: until the task is done, or as many frames as were asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.ui.test_stage_values import CAPABILITIES
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ImagineRequest, Observation, WorldState
from wamviz.datasets import shipped
from wamviz.models import registry
from wamviz.models.protocol import open_ended
from wamviz.runs.conditioning import resolve_conditioning
from wamviz.runs.imagine import unusual_horizon
from wamviz.ui import choices, run_actions
from wamviz.ui.scenes import Scenes
from wamviz.ui.suggest import task_length

OPEN = replace(CAPABILITIES, modes=("joint", "act_only"), horizon=4, open_horizon=16, max_horizon=32)
SEEN = Observation({"exterior": np.zeros((8, 8, 3), np.uint8)}, instruction="wave")


def asked(mode: str = "joint", horizon: int | None = None) -> ImagineRequest:
    return ImagineRequest(SEEN, mode, horizon=horizon)


def test_frames_that_were_asked_for_are_another_question_than_until_it_is_done() -> None:
    """One chunk is not "until it is done", even where that takes a chunk: they are two runs."""
    assert open_ended(OPEN, asked()) and not open_ended(OPEN, asked(horizon=4))
    assert not open_ended(CAPABILITIES, asked())
    assert [unusual_horizon(OPEN, asked(horizon=frames)) for frames in (None, 4, 6)] == [None, 4, 6]
    assert [unusual_horizon(CAPABILITIES, asked(horizon=frames)) for frames in (None, 4)] == [None, None]
    assert unusual_horizon(OPEN, asked("act_only", 4)) is None
    assert (OPEN.unasked("joint"), OPEN.unasked("act_only"), CAPABILITIES.unasked("joint")) == (16, 4, 4)


def test_the_slider_says_what_0_means() -> None:
    assert choices.first_horizon("mini-wam") == 0
    assert "0: until it is done, 64 at most" in choices.horizon_label("mini-wam")
    assert choices.first_horizon("hold-still") == 16 and "0: one chunk" in choices.horizon_label("hold-still")


@pytest.mark.parametrize(
    ("mode", "horizon", "frames"), [("joint", 0, 64), ("joint", 8, 8), ("forward_dynamics", 0, 128)]
)
def test_at_0_the_recording_stands_beside_all_of_it(mode: str, horizon: int, frames: int) -> None:
    try:
        scenes = Scenes(shipped())
    except WamvizError as error:
        pytest.skip(str(error))
    scene = scenes.episode(9)
    form = dict(instruction="wait", mode=mode, seed=0, samples=1, steps=8, horizon=horizon)
    context, options = run_actions.read_form(scene, 0, form, registry.entry("mini-wam").capabilities, scenes)
    assert options["horizon"] == (horizon or None)
    assert context.reference is not None and context.reference.frames is not None
    recorded = min(frames, scene.frames - 1)
    assert len(context.reference.frames) == recorded + 1
    if mode == "forward_dynamics":
        caps = registry.entry("mini-wam").capabilities
        given = resolve_conditioning(caps, mode, context, horizon=options["horizon"])
        assert given.actions is not None and len(given.actions) == recorded


def test_the_horizon_follows_the_instruction_and_says_what_the_task_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole chunks that cover the task, as far as the model goes; a model that ends by itself is left to itself."""
    chunks = replace(CAPABILITIES, model_id="c", horizon=16, max_horizon=64)
    monkeypatch.setattr(choices, "capabilities", lambda _: chunks)
    assert [choices.suggested_horizon("c", seconds) for seconds in (None, 3.2, 4.2, 8.2, 99.0)] == [16, 16, 32, 48, 64]
    assert choices.horizon_words("c", 16, "stack", 9.0).endswith("up to 9.0 s, 45 frames. 16 frames may be too few.")
    assert choices.horizon_words("c", 48, "stack", 9.0).endswith("48 frames are enough.")
    assert choices.horizon_words("c", 16, "", None) == ""
    assert choices.settings_title("c", 16, None) == "Settings · 16 frames"
    assert choices.settings_title("c", 16, 9.0) == "Settings · 16 frames, the task needs about 45"


def test_two_tasks_in_one_sentence_take_longer_than_one() -> None:
    scene = WorldState("tabletop", 1_000_000, np.zeros(0))
    one, both = (
        task_length(scene, "push the toaster lever"),
        task_length(scene, "push the lever, then pick up the orange"),
    )
    assert one is not None and one.kind == "lever"
    assert both is None or both.seconds > one.seconds  # where the scene has an orange
    assert task_length(scene, "sing a song") is None
    assert task_length(None, "push the toaster lever") is None and task_length(scene, " ") is None


def test_a_file_of_actions_is_described_before_anybody_uploads_one() -> None:
    words = choices.given_words("mini-wam", "forward_dynamics", None)
    for part in ("7 numbers", "dx (m)", "drz (rad)", "gripper is 1 closed, 0 open", "5 a second", ".npy", ".csv"):
        assert part in words
    assert "usually" in choices.steps_label("mini-wam")
