"""The ``picture`` part: physics of the same actions, judged beside, and reported with its controls."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Rollout, WorldState
from wamviz.metrics.picture import Picture
from wamviz.runs.picture import (
    ACTIONS_DRAWN,
    JudgedPicture,
    Physics,
    actions_behind,
    frames_at,
    hold_still,
    judge,
    report,
)
from wamviz.worlds.tabletop import ACTION_SPACE, SEGMENTS, TabletopEnv, TabletopEpisode, record_episode

SEED = 1_000_003


@pytest.fixture(scope="module")
def episode() -> TabletopEpisode:
    """An expert's pick at the size at which pictures are compared."""
    return record_episode(TabletopEnv(128, ("exterior",)), SEED, kind="pick")


def test_physics_gives_the_recorded_frames_again(episode: TabletopEpisode) -> None:
    """The same state and actions give the same pixels; what the expert lifted has moved; the rest is not drawn."""
    physics, state = Physics(), WorldState("tabletop", SEED, episode.snapshots[0])
    played = physics.play(state, episode.actions)
    frames = episode.frames["exterior"]
    np.testing.assert_array_equal(played.frames, frames[1:])
    np.testing.assert_array_equal(played.context, frames[0])
    np.testing.assert_allclose(played.path, episode.states[:, :3], atol=1e-6)
    assert episode.task is not None and SEGMENTS.index(episode.task.target) in played.moved
    some = physics.play(state, episode.actions, (3, 5))
    np.testing.assert_array_equal(some.frames, frames[[3, 5]])
    np.testing.assert_array_equal(some.masks, played.masks[[2, 4]])
    assert some.moved == () and len(some.path) == len(episode.actions) + 1  # nothing is lifted by the fifth action
    assert list(physics.moments(33, 48)) == list(range(33, 49))
    assert list(Physics(256).moments(33, 48)) == list(range(34, 49, 2))
    for wrong in ((0,), (len(episode.actions) + 1,), ()):
        with pytest.raises(WamvizError, match="moments"):
            physics.play(state, episode.actions, wrong)
    with pytest.raises(WamvizError):
        physics.play(replace(state, world="kitchen"), episode.actions)
    physics.close()


def test_the_true_future_is_judged_perfect(episode: TabletopEpisode) -> None:
    """Recorded frames as if they were imagined: sharp as real, the arm and the lifted thing found where they are."""
    physics = Physics()
    played = physics.play(WorldState("tabletop", SEED, episode.snapshots[0]), episode.actions)
    physics.close()
    frames = episode.frames["exterior"]
    found = judge(Rollout("imagined", frames, 5.0, episode.actions, ACTION_SPACE), played)
    assert found is not None and found.moving_psnr == 60 and found.sharpness == pytest.approx(1)
    assert found.arm_iou is not None and found.arm_iou > 0.93 and found.objects_moved == 1
    copied = judge(
        Rollout("imagined", np.repeat(frames[:1], len(frames), 0), 5.0, episode.actions, ACTION_SPACE), played
    )
    assert copied is not None and copied.objects_moved == 0 and copied.arm_iou < found.arm_iou
    assert judge(Rollout("imagined", frames[:3], 5.0, episode.actions, ACTION_SPACE), played) is None


def test_frames_belong_to_moments_by_time() -> None:
    frames = np.arange(7, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    assert frames_at(Rollout("imagined", frames, 5.0), (1, 6))[:, 0, 0, 0].tolist() == [1, 6]
    assert frames_at(Rollout("imagined", frames, 15.0), (1, 2))[:, 0, 0, 0].tolist() == [3, 6]
    assert frames_at(Rollout("imagined", frames, 5.0), (7,)) is None
    assert frames_at(Rollout("imagined", frames, 4.0), (1,)) is None


def test_a_video_belongs_to_its_actions_or_to_those_it_was_drawn_from() -> None:
    video, actions = np.zeros((3, 2, 2, 3), np.uint8), np.ones((2, 7), np.float32)
    assert actions_behind(Rollout("imagined", video, 5.0)) is None
    np.testing.assert_array_equal(actions_behind(Rollout("imagined", video, 5.0, actions, ACTION_SPACE)), actions)
    told = Rollout("imagined", video, 5.0, meta={ACTIONS_DRAWN: actions.tolist()})
    np.testing.assert_array_equal(actions_behind(told), actions)
    held = hold_still(np.full((2, 7), 0.5, np.float32), 4)
    assert held.shape == (4, 7) and held[2:, :6].max() == 0 and (held[2:, 6] == 0.5).all()
    assert len(hold_still(held, 3)) == 3


def picture(**values: float) -> Picture:
    return Picture(**{"psnr": 20.0, "copy_psnr": 18.0, **values})


def test_the_report_counts_episodes_once_and_objects_each() -> None:
    """Means over episodes with intervals; objects weigh as many as they are; what nobody has is None."""
    rows = [
        JudgedPicture(1, 0, picture(moving_psnr=14, copy_moving_psnr=10, sharpness=0.2, objects_moved=1.0, objects=1)),
        JudgedPicture(1, 16, picture(moving_psnr=16, copy_moving_psnr=10, sharpness=0.4, objects_moved=0.5, objects=2)),
        JudgedPicture(2, 0, picture(sharpness=0.9)),
        JudgedPicture(3, 0, picture(moving_psnr=13, copy_moving_psnr=12, sharpness=0.6, objects_moved=0.0, objects=1)),
    ]
    found = report(rows)
    assert found is not None and json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["n"] == 3 and found["stretches"] == 4
    assert found["sharpness"] == pytest.approx(0.6) and found["moving_gain_db"] == 3
    low, high = found["sharpness_ci95"]
    assert 0.3 <= low < 0.6 < high <= 0.9
    assert found["objects_moved"] == 0.5 and found["arm_iou"] is None and found["arm_iou_ci95"] is None
    assert found["by_episode"]["seed"] == [1, 2, 3] and found["by_episode"]["moving_gain_db"] == [5, None, 1]
    assert report([]) is None
