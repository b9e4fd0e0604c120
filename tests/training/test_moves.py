"""Windows of motion and actions: rows that belong together in time, within one episode, told as a detector would."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.conftest import LENGTHS
from wamviz.models.mini.detector import facing_of
from wamviz.models.mini.raster import project
from wamviz.training.corpus import THINGS
from wamviz.training.moves import Moves

TOTAL = sum(LENGTHS)


@pytest.fixture
def data(shards) -> Moves:
    return Moves(shards, horizon=4)


def windows(data, index, exact=True, seed=0):
    return data.window(np.asarray(index), np.random.default_rng(seed), exact=exact)


def test_windows_begin_everywhere(data):
    assert len(data) == 2 * TOTAL


def test_actions_and_motion_are_of_the_same_moments(data):
    """Action k leads from step k to step k + 1; motion k is what has changed by step k + 1."""
    w = windows(data, [5])  # the second episode has nine steps
    assert w.state[0].tolist() == [5.0] * 14
    assert w.actions[0, :, 0].tolist() == [5, 6, 7, 8]
    assert w.motion[0, :, 0].tolist() == [1, 2, 3, 4]
    assert w.motion[0, :, 6].tolist() == [6, 7, 8, 9]  # the gripper as it is, not its change
    things = w.motion[0, :, 7:].unflatten(-1, (-1, 3))
    torch.testing.assert_close(things[:, 0, 0], torch.tensor([0.01, 0.02, 0.03, 0.04]), atol=1e-5, rtol=0)
    assert not things[:, :, 1:].any() and not things[:, -1].any()  # what is absent does not move


def test_an_episode_ends_with_rest(data):
    """Beyond the last step nothing changes, and the last action, which holds still, is repeated: no window crosses."""
    w = windows(data, [3, TOTAL + 3])
    for first, row in ((0, 0), (100, 1)):
        assert (w.actions[row, :, 0] - first).tolist() == [3, 4, 4, 4]
        assert w.motion[row, :, 0].tolist() == [1, 1, 1, 1]


def test_turns_take_the_short_way(shards):
    """From just below half a turn to just above it is a small turn."""
    data = Moves(shards, horizon=2)
    data.states[:, 5] = torch.linspace(3.0, 3.0 + 2 * np.pi * 3, len(data.states))
    assert windows(data, np.arange(len(data))).motion[..., 5].abs().max() <= np.pi + 1e-5


def test_exact_windows_tell_the_truth(data):
    """Places as they are, seen through their own episode's camera, words and state to all."""
    w = windows(data, [0, TOTAL])
    torch.testing.assert_close(w.places, data.positions[[0, TOTAL]], equal_nan=True)
    assert w.places[:, -1].isnan().all() and w.known.all()
    assert set(w.texts) <= {"task 0", "the task 0", "task 100", "the task 100"} and all(w.texts)
    assert w.meant.tolist() == [[1, 2], [1, 2]]
    torch.testing.assert_close(w.facing, facing_of(data.yaws[[0, TOTAL]]))
    for row, number in enumerate((0, TOTAL)):
        camera = data.cameras[data.episode[number]][None]
        image, _ = project(w.places[row : row + 1].nan_to_num(), camera)
        torch.testing.assert_close(w.image[row], image[0])


def test_told_places_are_off_by_as_much_as_is_doubted(data):
    """Errors have the doubted size, most of the time; some words and states are left out; play is never told."""
    w = windows(data, np.repeat(np.arange(TOTAL), 100), exact=False)
    off = w.places - data.positions[np.repeat(np.arange(TOTAL), 100)]
    there = ~off.isnan().any(-1)
    assert there[:, :-1].all() and not there[:, -1].any()
    ratio = (off[..., 0] / w.doubt)[there]
    assert 0.9 < ratio.abs().median() / 0.674 < 1.1  # of a normal distribution
    assert 0.002 <= w.doubt.min() and w.doubt.max() <= 0.025
    assert 0.03 < 1 - w.known.float().mean() < 0.07
    sure = w.facing[:, 4].norm(dim=-1)  # of a block
    assert sure.max() <= 1 and 0.01 < (sure == 0).float().mean() < 0.03 and sure[sure > 0].min() >= 0.5 - 1e-5
    told = [bool(text) for text in w.texts]
    play = sum(LENGTHS[:2]) * 100
    assert 0.88 < np.mean(told[:play]) < 0.92 and not any(told[play:])


def test_other_tasks_of_the_scene_can_be_asked(data):
    """Then they are what is said and meant, in every episode, play as well; what is not said means nothing."""
    w = data.window(np.arange(TOTAL), np.random.default_rng(0), exact=True, asked=True)
    assert set(w.texts) == {"q"} and w.meant.tolist() == [[3, 4]] * TOTAL
    own = windows(data, np.arange(TOTAL))
    assert ((own.meant >= 0).all(1) == torch.tensor([bool(text) for text in own.texts])).all()


def test_a_pressed_lever_need_not_be_touched_again(data):
    """Once it is down, the words mean what comes after it."""
    data.own = [[("push the lever, then pick", 0, 2)] if told else told for told in data.own]
    data.positions[:, 0, 2] = 0.1
    data.positions[8:14, 0, 2] = 0.05  # pressed from the fourth step of the second episode on
    first = windows(data, np.arange(5, 14)).meant[:, 0].tolist()
    assert first == [0, 0, 0, 2, 2, 2, 2, 2, 2]


def test_the_last_action_is_the_one_before(data):
    """Of the same episode, at rest where it begins; often it is not told, and never where a recovery begins."""
    index = np.repeat(np.arange(TOTAL), 60)
    w = windows(data, index, exact=False)
    told = ~w.last_action.isnan().any(1).numpy()
    assert 0.65 < told.mean() < 0.75
    first = index == data.begin[index]
    np.testing.assert_array_equal(w.last_action[told & ~first, 0], index[told & ~first] - 1)
    assert not w.last_action[told & first].any() and (told & first).any()
    data.rested[:] = False
    again = windows(data, index, exact=False)
    assert again.last_action[first].isnan().all() and not again.last_action[~first].isnan().all()


def test_the_response_is_fitted_to_how_the_arm_moves(shards):
    """An arm that does 0.6, then 0.9, then all of a step is found to do so."""
    data = Moves(shards, horizon=4)
    rng = np.random.default_rng(0)
    steps = torch.tensor(rng.normal(0, 0.03, (len(data.actions), 6)), dtype=torch.float32)
    done = torch.zeros(len(steps), 6)
    for step in range(len(steps)):
        for back, share in enumerate((0.6, 0.3, 0.1)):
            source = step - 1 - back
            if source >= data.begin[step]:
                done[step] += share * steps[source]
    for begin in np.unique(data.begin):
        rows = data.begin == begin
        data.states[rows, :6] = done[rows].cumsum(0)
    data.actions[:, :6] = steps
    expected = torch.tensor([0.6, 0.9, 1.0, 1.0, 1.0])
    torch.testing.assert_close(data.response(4), expected[:, None].expand(5, 6), atol=1e-3, rtol=0)


def test_the_same_chance_gives_the_same_windows(data):
    one, again, other = (windows(data, np.arange(8), exact=False, seed=s) for s in (1, 1, 2))
    torch.testing.assert_close(one.places, again.places, equal_nan=True)
    assert one.texts == again.texts and not torch.equal(one.doubt, other.doubt)


def test_statistics_are_of_all_steps(data):
    """Means over every step of every shard, and no spread of zero."""
    data.states[:, 3] = 0
    facts = data.statistics()
    assert facts["state_mean"][0] == pytest.approx(float(data.states[:, 0].mean()), rel=1e-5)
    assert facts["state_std"][3] == pytest.approx(1e-3) and len(facts["state_std"]) == 14
    assert len(THINGS) == data.positions.shape[1]


def test_windows_are_drawn_more_often_where_there_is_little_room(data):
    """Each step can be drawn; those with something high near what is to be grasped, more than their share."""
    assert 0 < len(data.crowded) < len(data)
    data_share = len(data.crowded) / len(data)
    drawn = data.draw(np.random.default_rng(0), 4000)
    assert drawn.min() >= 0 and drawn.max() < len(data) and len(np.unique(drawn)) > 0.9 * len(data)
    assert np.isin(drawn, data.crowded).mean() > data_share + 0.2 * (1 - data_share)
    assert (drawn - data.begin[drawn] < 3).mean() > 0.15  # where a hand turns, if it does
    for step in data.crowded[:3]:
        _, first, second = data.own[data.episode[step]][0]
        target = first if first > 0 else second
        away = (data.positions[step, 1:4, :2] - data.positions[step, target, :2]).norm(dim=-1)
        assert ((away > 0) & (away < 0.15)).any()
