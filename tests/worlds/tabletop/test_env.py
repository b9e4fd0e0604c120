"""The environment: same bits, exact snapshots, refusals, limits."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import ACTION_SPACE, STATE_NAMES, TabletopEnv

SEED = 1_000_010


def _wander(seed: int, count: int = 14) -> np.ndarray:
    """Random actions that reach the table, (count, 7) float32."""
    rng = np.random.default_rng(seed)
    actions = rng.uniform(ACTION_SPACE.low, ACTION_SPACE.high, (count, 7)) * [0.6, 0.6, 1, 0.3, 0.3, 1, 1]
    actions[:, 2] = -np.abs(actions[:, 2])
    return actions.astype(np.float32)


def _run(env: TabletopEnv, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """States (K, 14) and the final snapshot."""
    states = [env.step(action)[0].state for action in actions]
    return np.array(states), env.snapshot()


def test_same_seed_same_bits_in_fresh_environments(env: TabletopEnv) -> None:
    """States and the whole physics agree to the last bit, whatever the environment did before."""
    env.reset(SEED + 1)
    env.step(np.zeros(7))
    results = []
    for world in (env, TabletopEnv(render=False)):
        first = world.reset(SEED)[0].state
        states, snapshot = _run(world, _wander(1))
        results.append((first, states, snapshot))
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cut", [0, 5, 11])
def test_going_on_from_a_snapshot_gives_the_same_bits(env: TabletopEnv, cut: int) -> None:
    """Restored into another environment that was in another scene, the future is bit-identical."""
    actions = _wander(2)
    env.reset(SEED)
    _run(env, actions[:cut])
    snapshot, here = env.snapshot(), env.position("orange")
    states, end = _run(env, actions[cut:])

    other = TabletopEnv(render=False)
    other.reset(SEED + 3)
    other.restore(SEED, snapshot)
    np.testing.assert_array_equal(other.snapshot(), snapshot)
    np.testing.assert_array_equal(other.position("orange"), here)
    assert other.steps == cut
    again, end_again = _run(other, actions[cut:])
    np.testing.assert_array_equal(again, states)
    np.testing.assert_array_equal(end_again, end)


def test_restore_without_snapshot_is_reset(env: TabletopEnv) -> None:
    state = env.reset(SEED)[0].state
    env.step([0, 0, -0.05, 0, 0, 0, 1])
    np.testing.assert_array_equal(env.restore(SEED).state, state)


def test_different_seeds_give_different_scenes(env: TabletopEnv) -> None:
    scenes = []
    for seed in range(SEED, SEED + 6):
        env.reset(seed)
        scenes.append((env.layout.toaster.x, env.look.camera_position, env.present))
    assert len({scene[0] for scene in scenes}) == 6 and len({scene[1] for scene in scenes}) == 6


def test_the_state_means_what_its_names_say(env: TabletopEnv) -> None:
    state = env.reset(SEED)[0].state
    assert state.shape == (len(STATE_NAMES),) and state.dtype == np.float32
    np.testing.assert_allclose(state[:3], env.ee_position(), atol=1e-6)
    np.testing.assert_allclose(state[3:6], 0, atol=0.02)  # straight down
    assert state[6] == pytest.approx(0, abs=0.02)  # open
    for _ in range(4):
        env.step([0, 0, 0, 0, 0, 0.2, 1])
    for _ in range(2):  # the joints follow the command a little later
        state = env.step([0, 0, 0, 0, 0, 0, 1])[0].state
    assert state[6] == pytest.approx(1, abs=0.05)  # closed on nothing
    np.testing.assert_allclose(state[3:6], [0, 0, 0.8], atol=0.05)


def test_actions_move_the_hand_by_what_they_say(env: TabletopEnv) -> None:
    """Deltas add up without drift: out and back again ends where it began."""
    start = env.reset(SEED)[0].state[:3]
    for _ in range(4):
        out = env.step([0.02, -0.03, 0.01, 0, 0, 0, 0])[0].state[:3]
    np.testing.assert_allclose(out - start, [0.08, -0.12, 0.04], atol=0.02)
    for _ in range(4):
        env.step([-0.02, 0.03, -0.01, 0, 0, 0, 0])
    for _ in range(3):
        back = env.step(np.zeros(7))[0].state[:3]
    np.testing.assert_allclose(back, start, atol=0.004)


def test_an_observation_tells_the_action_before(seeing_env: TabletopEnv) -> None:
    """None at the start and after a snapshot is brought back; else the one that was carried out, within its limits."""
    seeing_env.reset(1_000_003)
    assert seeing_env.observation().previous_action is None
    seeing_env.step(np.array([1.0, 0, 0, 0, 0, 0, 0]))
    told = seeing_env.observation().previous_action
    assert told is not None and told[0] == seeing_env.action_space.high[0]
    seeing_env.restore(1_000_003, seeing_env.snapshot())
    assert seeing_env.observation().previous_action is None


def test_large_actions_are_clipped_and_named(env: TabletopEnv) -> None:
    start = env.reset(SEED)[0].state[:3]
    obs, reward, terminated, truncated, info = env.step([1.0, 0, 0, 0, -9, 0, 3])
    assert info["clipped"] == ["dx", "dry", "gripper"]
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert np.linalg.norm(obs.state[:3] - start) < 0.08
    assert env.step(np.array(ACTION_SPACE.high, np.float32))[-1]["clipped"] == []


@pytest.mark.parametrize("direction", [[1, 0, 0], [-1, 0, -1], [0, 1, -1], [0, -1, 1]])
def test_pushing_against_every_wall_leaves_the_physics_sound(env: TabletopEnv, direction: list[float]) -> None:
    """Thirty full-speed actions out of the workspace, turning all the while: finite, in reach, and no wind-up."""
    env.reset(SEED)
    push = np.array([*np.array(direction) * 0.06, 0.1, -0.1, 0.4, 0.5])
    for _ in range(30):
        obs = env.step(push)[0]
    assert np.isfinite(obs.state).all()
    assert 0.15 < obs.state[0] < 0.9 and abs(obs.state[1]) < 0.65 and -0.02 < obs.state[2] < 0.85
    target, _ = env.commanded_pose()
    assert np.linalg.norm(target - env.ee_position()) < 0.08


@pytest.mark.parametrize(
    ("action", "why"),
    [([0] * 6, "shape"), (np.zeros((1, 7)), "shape"), ([0, np.nan, 0, 0, 0, 0, 0], "dy"), ("left", "7 numbers"),
     ([0, 0, 0, 0, 0, 0, np.inf], "gripper")],
)  # fmt: skip
def test_bad_actions_are_refused_and_change_nothing(env: TabletopEnv, action: object, why: str) -> None:
    env.reset(SEED)
    before = env.snapshot()
    with pytest.raises(WamvizError, match=why):
        env.step(action)
    np.testing.assert_array_equal(env.snapshot(), before)


def test_misuse_is_explained(env: TabletopEnv) -> None:
    fresh = TabletopEnv(render=False)
    with pytest.raises(WamvizError, match="reset"):
        fresh.step(np.zeros(7))
    with pytest.raises(WamvizError, match="exterior"):
        TabletopEnv(cameras=("exteriour",), render=False)
    env.reset(SEED)
    with pytest.raises(WamvizError, match="orange"):
        env.position("orang")
    with pytest.raises(WamvizError, match="does not render"):
        env.observation()
    with pytest.raises(WamvizError, match="snapshot"):
        env.restore(SEED, np.zeros(5))
    with pytest.raises(WamvizError, match="snapshot"):
        env.restore(SEED, np.full_like(env.snapshot(), np.nan))
