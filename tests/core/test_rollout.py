"""The nouns: they refuse what cannot be, say why, and keep time as the alignment rules say."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamviz.core.action_spaces import OSC_POSE, TABLETOP_ACTIONS
from wamviz.core.errors import NotFound, WamvizError
from wamviz.core.rollout import (
    MODES,
    ActionSpace,
    Imagined,
    ImagineRequest,
    Observation,
    Rollout,
    check_floats,
    check_frames,
)

FRAME = np.zeros((4, 6, 3), np.uint8)
VIDEO = np.zeros((3, 4, 6, 3), np.uint8)
CONTEXT = Observation({"front": FRAME, "wrist": FRAME + 1})


@pytest.mark.parametrize(
    ("frames", "shape"),
    [(VIDEO.astype(np.float32), "float32"), (VIDEO[..., :2], r"\(3, 4, 6, 2\)"), (VIDEO[:0], r"\(0, 4, 6, 3\)"),
     (FRAME, r"\(T, H, W, 3\), not uint8 \(4, 6, 3\)"), ("film", "not <U4")],
)  # fmt: skip
def test_frames_have_to_be_pictures(frames: object, shape: str) -> None:
    with pytest.raises(WamvizError, match=shape):
        check_frames(frames)
    assert check_frames(VIDEO) is VIDEO and check_frames(FRAME, ndim=3) is FRAME


@pytest.mark.parametrize(
    ("values", "why"),
    [([1, 2], r"Rows must have shape \(rows, 2\), not \(2,\)"), ([[1, 2, 3]], r"\(rows, 2\), not \(1, 3\)"),
     ([[0, 0], [0, np.nan]], "row 1, column 1"), ([[1e300, 0]], "row 0, column 0")],
)  # fmt: skip
def test_numbers_have_to_be_a_finite_table(values: object, why: str) -> None:
    with pytest.raises(WamvizError, match=why):
        check_floats(values, "Rows", 2)
    assert check_floats([[1, 2]], "Rows").dtype == np.float32


@pytest.mark.parametrize(
    ("change", "why"),
    [({"kind": "ee_dleta"}, "Did you mean 'ee_delta'"), ({"units": ("m",)}, "7 names, 1 units"),
     ({"names": (), "units": ()}, "one unit a name"), ({"rate": 0}, "above 0 Hz, not 0"), ({"rate": np.nan}, "above 0"),
     ({"gripper_index": 7}, "7 lies outside 0..6"), ({"gripper_index": -1}, "outside"), ({"low": None}, "both"),
     ({"low": (0,) * 6, "high": (1,) * 6}, "7 numbers"), ({"low": (1,) * 7, "high": (1,) * 7}, "below its high")],
)  # fmt: skip
def test_an_action_space_that_cannot_be_is_refused(change: dict, why: str) -> None:
    with pytest.raises(WamvizError, match=why):
        replace(TABLETOP_ACTIONS, **change)


def test_an_action_space_survives_json_and_knows_its_scale() -> None:
    assert ActionSpace(**json.loads(json.dumps(TABLETOP_ACTIONS.to_json()))) == TABLETOP_ACTIONS
    assert TABLETOP_ACTIONS.dim == 7
    np.testing.assert_allclose(TABLETOP_ACTIONS.scale, [0.06] * 3 + [0.4] * 3 + [0.5])
    assert replace(TABLETOP_ACTIONS, low=None, high=None).scale.tolist() == [1] * 7


def test_an_open_gripper_is_the_end_that_is_not_closed() -> None:
    assert TABLETOP_ACTIONS.gripper_open == 0 and OSC_POSE.gripper_open == -1
    assert replace(TABLETOP_ACTIONS, gripper_closed=0.0).gripper_open == 1
    assert replace(TABLETOP_ACTIONS, gripper_closed=0.0, low=None, high=None).gripper_open == 1
    assert replace(TABLETOP_ACTIONS, gripper_index=None).gripper_open == 0


def test_an_observation_shows_its_first_camera() -> None:
    assert CONTEXT.main_camera == "front" and CONTEXT.frame is FRAME
    assert Observation({"a": FRAME}, state=[1, 2]).state.dtype == np.float32
    with pytest.raises(WamvizError, match="at least one camera"):
        Observation({})
    with pytest.raises(WamvizError, match="camera 'side'"):
        Observation({"front": FRAME, "side": FRAME[..., 0]})
    with pytest.raises(WamvizError, match="The state holds a value that is not finite"):
        Observation({"front": FRAME}, state=np.array([0, np.inf]))
    assert CONTEXT.previous_action is None
    assert Observation({"front": FRAME}, previous_action=[0.5]).previous_action.dtype == np.float32
    with pytest.raises(WamvizError, match="The previous action holds a value that is not finite"):
        Observation({"front": FRAME}, previous_action=np.array([0, np.nan]))


@given(frames=st.integers(1, 9), actions=st.integers(1, 9), fps=st.floats(0.5, 60), rate=st.floats(0.5, 60))
def test_frame_zero_is_the_context_and_every_action_takes_a_step(
    frames: int, actions: int, fps: float, rate: float
) -> None:
    space = replace(TABLETOP_ACTIONS, rate=rate)
    rollout = Rollout("recorded", np.zeros((frames, 2, 2, 3), np.uint8), fps, np.zeros((actions, 7)), space)
    np.testing.assert_allclose(rollout.frame_times, [t / fps for t in range(frames)])
    np.testing.assert_allclose(rollout.action_times, [(k + 1) / rate for k in range(actions)])
    assert rollout.duration == pytest.approx(max((frames - 1) / fps, actions / rate))
    assert rollout.actions is not None and rollout.actions.dtype == np.float32


def test_what_a_rollout_lacks_takes_no_time() -> None:
    seen = Rollout("executed", VIDEO, 2.0)
    assert seen.duration == 1 and seen.action_times.shape == (0,)
    acted = Rollout("imagined", None, 5.0, np.zeros((4, 7)), TABLETOP_ACTIONS)
    assert acted.duration == pytest.approx(0.8) and acted.frame_times.shape == (0,)
    none = Rollout("imagined", VIDEO[:1], 5.0, np.zeros((0, 7)), TABLETOP_ACTIONS)
    assert none.duration == 0


@pytest.mark.parametrize(
    ("fields", "why"),
    [({"origin": "dreamt"}, "Unknown origin"), ({"fps": 0}, "above 0"), ({"fps": float("nan")}, "above 0"),
     ({"frames": None}, "frames or actions"), ({"actions": np.zeros((2, 7))}, "must say their action space"),
     ({"actions": np.zeros((2, 6)), "action_space": TABLETOP_ACTIONS}, r"\(rows, 7\), not \(2, 6\)"),
     ({"states": np.zeros(3)}, "States must have shape"), ({"success": "yes"}, "true, false or None, not 'yes'")],
)  # fmt: skip
def test_a_rollout_that_cannot_be_is_refused(fields: dict, why: str) -> None:
    with pytest.raises(WamvizError, match=why):
        Rollout(**{"origin": "recorded", "frames": VIDEO, "fps": 5.0, **fields})


def test_success_is_a_plain_bool() -> None:
    """numpy's own cannot be written as JSON."""
    assert Rollout("executed", VIDEO, 5.0, success=np.bool_(True)).success is True
    assert Rollout("executed", VIDEO, 5.0).success is None


@pytest.mark.parametrize(
    ("fields", "why"),
    [({"mode": "dream"}, "Unknown mode"), ({"seed": -1}, "2147483647, not -1"), ({"seed": 2**31}, "seed"),
     ({"samples": 0}, "1 .. 64"), ({"samples": 65}, "65"), ({"steps": 0}, "1 .. 200"), ({"steps": 201}, "201"),
     ({"guidance": -0.1}, "0 .. 20"), ({"guidance": 20.1}, "20.1"), ({"guidance": float("nan")}, "nan"),
     ({"horizon": 0}, "at least 1 frame"), ({"mode": "forward_dynamics"}, "needs actions.*--actions FILE"),
     ({"mode": "inverse_dynamics"}, "needs a video.*--video FILE"), ({"video": FRAME}, "The video must be"),
     ({"actions": [1.0]}, "Actions must have shape")],
)  # fmt: skip
def test_a_request_that_cannot_be_is_refused(fields: dict, why: str) -> None:
    with pytest.raises(WamvizError, match=why):
        ImagineRequest(CONTEXT, **fields)


def test_the_ends_of_every_range_are_allowed() -> None:
    given_both = {"actions": np.zeros((2, 7)), "video": VIDEO}
    for mode in MODES:
        request = ImagineRequest(CONTEXT, mode, **given_both)
        assert request.mode == mode and request.actions is not None and request.actions.dtype == np.float32
    for fields in ({"seed": 0}, {"seed": 2**31 - 1}, {"samples": 64}, {"steps": 1}, {"steps": 200}, {"guidance": 0},
                   {"guidance": 20}, {"horizon": 1}):  # fmt: skip
        ((name, value),) = fields.items()
        assert getattr(ImagineRequest(CONTEXT, **fields), name) == value
    with pytest.raises(NotFound):
        ImagineRequest(CONTEXT, "")


def test_a_stream_ends_with_what_was_imagined() -> None:
    rollout = Rollout("imagined", VIDEO, 5.0)
    assert Imagined((rollout,)).rollouts == (rollout,)
    for rollouts in ((), (rollout, replace(rollout, origin="recorded"))):
        with pytest.raises(WamvizError, match="origin 'imagined'"):
            Imagined(rollouts)


def test_actions_are_clipped_to_the_limits_that_are_known() -> None:
    """Float32, whatever came; nothing is cut where nobody knows the limits."""
    space = ActionSpace(("x", "gripper"), ("m", "1"), "ee_delta", 5.0, low=(-0.1, 0.0), high=(0.1, 1.0))
    actions = np.array([[0.5, -1.0], [-0.5, 2.0], [0.05, 0.5]])
    wanted = np.array([[0.1, 0.0], [-0.1, 1.0], [0.05, 0.5]], np.float32)
    assert space.clip(actions).dtype == np.float32 and np.array_equal(space.clip(actions), wanted)
    assert np.array_equal(replace(space, low=None, high=None).clip(actions), actions.astype(np.float32))
