"""Episodes: alignment, repeatability, styles, honest flags."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import ACTION_SPACE, STYLES, TabletopEnv, record_episode

SEED = 1_000_012


@pytest.mark.parametrize("style", STYLES)
def test_the_same_call_gives_the_same_bits(env: TabletopEnv, style: str) -> None:
    first = record_episode(env, SEED, style=style, max_steps=25)
    again = record_episode(TabletopEnv(render=False), SEED, style=style, max_steps=25)
    for name in ("actions", "states", "snapshots"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert (first.task, first.instruction, first.success) == (again.task, again.instruction, again.success)


@pytest.mark.parametrize("style", STYLES)
def test_recorded_actions_played_back_give_the_recorded_states(env: TabletopEnv, style: str) -> None:
    """Row k of the actions leads from row k of the states to row k + 1, to the last bit."""
    episode = record_episode(env, SEED, style=style, max_steps=25)
    assert len(episode.states) == len(episode.snapshots) == len(episode.actions) + 1
    assert (episode.actions >= np.float32(ACTION_SPACE.low)).all()
    assert (episode.actions <= np.float32(ACTION_SPACE.high)).all()
    other = TabletopEnv(render=False)
    np.testing.assert_array_equal(other.restore(SEED, episode.snapshots[0]).state, episode.states[0])
    for k, action in enumerate(episode.actions):
        obs, *_, info = other.step(action)
        assert info["clipped"] == []
        np.testing.assert_array_equal(obs.state, episode.states[k + 1])


def test_styles_differ_and_play_has_no_goal(env: TabletopEnv) -> None:
    expert, perturbed, play = (record_episode(env, SEED, style=style) for style in STYLES)
    assert expert.task == perturbed.task and expert.instruction == perturbed.instruction != ""
    assert not np.array_equal(expert.actions, perturbed.actions)
    assert (play.task, play.instruction, play.success) == (None, "", None)
    assert 30 <= len(play.actions) <= 50
    steps = np.linalg.norm(np.diff(play.actions[:, :3], axis=0), axis=1)
    assert np.median(steps) < 0.025  # smooth
    assert expert.mujoco_version == mujoco.__version__


def test_failures_are_kept_and_flagged(env: TabletopEnv) -> None:
    cut_short = record_episode(env, SEED, "pick", max_steps=3)
    assert cut_short.success is False and len(cut_short.actions) == 3


def test_frames_of_each_camera_belong_to_the_states(seeing_env: TabletopEnv) -> None:
    episode = record_episode(seeing_env, SEED, "lever", max_steps=4)
    assert list(episode.frames) == ["exterior", "wrist"] and list(episode.cameras) == ["exterior", "wrist"]
    for name, frames in episode.frames.items():
        assert frames.shape == (5, 96, 96, 3)
        shown = seeing_env.restore(SEED, episode.snapshots[2]).frames[name]
        np.testing.assert_array_equal(frames[2], shown)


def test_held_out_phrasings_tell_the_same_task(env: TabletopEnv) -> None:
    usual = record_episode(env, SEED, "pick", max_steps=1)
    other = record_episode(env, SEED, "pick", max_steps=1, split="heldout")
    assert usual.task is not None and other.task is not None
    assert replace(usual.task, instruction="") == replace(other.task, instruction="")


def test_wrong_requests_are_refused(env: TabletopEnv) -> None:
    with pytest.raises(WamvizError, match="perturbed"):
        record_episode(env, SEED, style="perturbd")
    with pytest.raises(WamvizError, match="task kind"):
        record_episode(env, SEED, kind="juggle")
    with pytest.raises(WamvizError, match="seed"):
        record_episode(env, -1)
    with pytest.raises(WamvizError, match="step"):
        record_episode(env, SEED, max_steps=0)
    with pytest.raises(WamvizError, match="actions need"):
        episode = record_episode(env, SEED, max_steps=2)
        replace(episode, snapshots=episode.snapshots[:-1])
