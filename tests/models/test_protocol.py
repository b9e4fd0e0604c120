"""What the protocol refuses, in words; and the registry that finds models."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import MODES, ImagineRequest, Observation
from wamviz.models import registry
from wamviz.models.baselines import COPY_LAST_FRAME, HOLD_STILL, Control, hold_still
from wamviz.models.protocol import (
    Capabilities,
    ModelEntry,
    WorldActionModel,
    changing,
    check_request,
    collect,
    frames_asked,
)

FRAME = np.random.default_rng(0).integers(0, 255, (8, 10, 3)).astype(np.uint8)
CONTEXT = Observation({"exterior": FRAME}, "pick up the orange", np.arange(14, dtype=np.float32))


def test_copy_last_frame_moves_nothing():
    """Every imagined frame is the context to the bit, and there are no actions."""
    rollout = collect(Control(COPY_LAST_FRAME), ImagineRequest(CONTEXT, "video")).rollouts[0]
    assert rollout.frames.shape == (17, 8, 10, 3) and (rollout.frames == FRAME).all() and rollout.actions is None


def test_hold_still_keeps_pose_and_gripper():
    """Zero deltas, the gripper where it is now."""
    state = np.zeros(14, np.float32)
    state[6] = 0.15  # round an orange
    closed = Observation({"exterior": FRAME}, "", state)
    actions = collect(Control(HOLD_STILL), ImagineRequest(closed, "act_only")).rollouts[0].actions
    assert (actions[:, :6] == 0).all() and (actions[:, 6] == 1).all()
    assert hold_still(HOLD_STILL.action_space, 3).shape == (3, 7)


def test_unserved_mode_names_the_served_ones():
    """The message lists what the model can do."""
    with pytest.raises(WamvizError, match="no mode 'joint'.*video"):
        check_request(COPY_LAST_FRAME, ImagineRequest(CONTEXT, "joint"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": "joiint"}, "Did you mean 'joint'"),
        ({"samples": 0}, "Samples must be"),
        ({"steps": 0}, "Steps must be"),
        ({"seed": -1}, "seed must lie"),
        ({"guidance": float("nan")}, "Guidance must be"),
        ({"horizon": 0}, "horizon must be at least 1"),
        ({"mode": "forward_dynamics"}, "needs actions"),
        ({"mode": "inverse_dynamics"}, "needs a video"),
        ({"actions": np.array([[np.nan] * 7])}, "not finite"),
    ],
)
def test_requests_are_checked_when_built(change, message):
    """A request that nobody could serve cannot be made."""
    with pytest.raises(WamvizError, match=message):
        ImagineRequest(CONTEXT, **change)


def test_wrong_action_width_names_the_dimensions():
    """forward_dynamics with six numbers an action says which seven are meant."""
    caps = Capabilities("x", "X", "", ("forward_dynamics",), HOLD_STILL.action_space, None, 5.0, 16)
    with pytest.raises(WamvizError, match="7 numbers, not 6.*gripper"):
        check_request(caps, ImagineRequest(CONTEXT, "forward_dynamics", actions=np.zeros((3, 6))))


def test_frames_asked():
    """One chunk, or what was asked; what is given is taken as it is, a horizon cuts it."""
    caps = Capabilities("x", "X", "", MODES, HOLD_STILL.action_space, None, 5.0, 16, max_horizon=64)

    def asked(mode="joint", **options):
        return frames_asked(caps, ImagineRequest(CONTEXT, mode, **options))

    assert asked() == 16 and asked(horizon=40) == 40 and asked(horizon=3) == 3
    actions, video = np.zeros((30, 7)), np.zeros((30, 4, 4, 3), np.uint8)
    assert asked("forward_dynamics", actions=actions) == 30
    assert asked("forward_dynamics", actions=actions, horizon=8) == 8
    assert asked("forward_dynamics", actions=actions, horizon=50) == 30
    assert asked("forward_dynamics", actions=np.zeros((99, 7))) == 64
    assert asked("inverse_dynamics", video=video) == 29 and asked("inverse_dynamics", video=video[:1]) == 1


def test_horizons_are_refused_and_controls_go_far():
    """A model without chunks says its limit; the controls last as long as asked."""
    caps = Capabilities("x", "X", "", ("video",), None, None, 5.0, 16)
    check_request(caps, ImagineRequest(CONTEXT, "video", horizon=16))
    with pytest.raises(WamvizError, match="at most 16 frames, not 17"):
        check_request(caps, ImagineRequest(CONTEXT, "video", horizon=17))
    still = collect(Control(HOLD_STILL), ImagineRequest(CONTEXT, "joint", horizon=40)).rollouts[0]
    assert still.frames.shape[0] == 41 and still.actions.shape == (40, 7)


def test_guidance_has_a_limit():
    """A model without guidance takes none, another no more than it says."""
    caps = Capabilities("x", "X", "", ("video",), None, None, 5.0, 16)
    with pytest.raises(WamvizError, match="X has no guidance"):
        check_request(caps, ImagineRequest(CONTEXT, "video", guidance=0.5))
    strong = replace(caps, max_guidance=5.0)
    check_request(strong, ImagineRequest(CONTEXT, "video", guidance=5.0))
    with pytest.raises(WamvizError, match="up to 5, not 6"):
        check_request(strong, ImagineRequest(CONTEXT, "video", guidance=6.0))


def test_registry_finds_built_ins_and_suggests():
    """mini-WAM and the controls are there; a near miss gets the nearest name."""
    assert list(registry.entries())[:1] == ["mini-wam"] and "hold-still" in registry.entries()
    with pytest.raises(WamvizError, match="Did you mean 'mini-wam'"):
        registry.entry("miniwam")
    assert isinstance(registry.load("hold-still"), WorldActionModel)


def test_plugin_registers_through_the_same_hook(monkeypatch):
    """An entry point's models stand beside the built-in ones, and a broken one is only warned about."""

    class Point:
        def __init__(self, value):
            self.value = value

    caps = Capabilities("theirs", "Theirs", "", ("video",), None, None, 5.0, 16)
    monkeypatch.setattr(
        "wamviz.models.baselines.extra", lambda: [ModelEntry(caps, lambda d: Control(caps))], raising=False
    )
    points = [Point("wamviz.models.baselines:extra"), Point("no_such_package:hook")]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    registry.reset()
    try:
        with pytest.warns(UserWarning, match="no_such_package"):
            found = registry.entries()
        assert {"theirs", "mini-wam", "hold-still"} <= set(found)
    finally:
        registry.reset()


def test_a_hook_that_says_so_is_asked_again_and_no_name_is_taken_twice(monkeypatch):
    """Anybody's models may come and go, as connections do; who came first keeps a name."""

    class Point:
        value = "wamviz.models.baselines:extra"

    def entry(name: str) -> ModelEntry:
        caps = Capabilities(name, name, "", ("video",), None, None, 5.0, 16)
        return ModelEntry(caps, lambda device: Control(caps))

    here = [entry("theirs"), entry("hold-still")]
    monkeypatch.setattr(registry, "entry_points", lambda group: [Point()])
    for marked in (False, True):
        hook = changing(lambda: list(here)) if marked else lambda: list(here)
        monkeypatch.setattr("wamviz.models.baselines.extra", hook, raising=False)
        registry.reset()
        try:
            with pytest.warns(UserWarning, match="'hold-still' of wamviz.models.baselines:extra is left out"):
                first = registry.entries()
            assert first["theirs"] is here[0] and first["hold-still"] is not here[1]
            here.append(entry("later"))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                registry.refresh()
            assert ("later" in registry.entries()) == marked and registry.entries()["theirs"] is here[0]
        finally:
            here.pop()
            registry.reset()
