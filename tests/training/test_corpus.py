"""Collecting episodes: allowed seeds, a recipe that depends on the seed alone, shards that come back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.conftest import SEEDS, SIDE, VIEWS, StopAfter
from wamviz.core.errors import WamvizError
from wamviz.training.budget import OutOfTime
from wamviz.training.corpus import (
    OTHER_VIEWS,
    QUESTIONS,
    TELLINGS,
    THINGS,
    choose_steps,
    collect,
    draw_other_view,
    read_shard,
    style_of,
)
from wamviz.worlds.tabletop import TabletopEnv
from wamviz.worlds.tabletop.objects import MOVABLE, SEGMENTS


@pytest.mark.parametrize(
    "seeds", [range(9_000_000, 9_000_001), range(2_000_000, 2_000_001), range(999_999, 1_000_001), range(0)]
)
def test_other_seeds_are_refused(tmp_path, seeds):
    """Shipped and outside-check seeds never become training data, nor does a range across two uses."""
    with pytest.raises(WamvizError, match="not for training"):
        collect(tmp_path, seeds)


def test_styles_are_mostly_expert():
    """Three quarters of all seeds are plain expert episodes; the style is a function of the seed."""
    styles = [style_of(seed) for seed in range(1600)]
    assert styles == [style_of(seed) for seed in range(1600)]
    assert abs(styles.count("expert") / 1600 - 0.75) < 0.02 and {"perturbed", "play"} < set(styles)


@given(st.integers(0, 10**6), st.integers(1, 80), st.integers(0, 20))
def test_drawn_steps_begin_and_end_with_the_episode(seed, steps, views):
    """In order, each once, the first and the last among them, as many as asked where there are as many."""
    chosen = choose_steps(seed, steps, views)
    assert np.array_equal(chosen, choose_steps(seed, steps, views))
    if views == 0:
        assert len(chosen) == 0
        return
    assert chosen[0] == 0 and chosen[-1] == steps - 1 and (np.diff(chosen) > 0).all()
    assert len(chosen) == min(max(views, 2), steps)


def test_other_views_are_as_rare_as_said():
    """About the stated share of seeds is seen from elsewhere, always from the same place, looking at the table."""
    views = [draw_other_view(seed) for seed in range(2000)]
    moved = [view for view in views if view is not None]
    assert abs(len(moved) / 2000 - OTHER_VIEWS) < 0.04
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(views, map(draw_other_view, range(50)), strict=False) if a)
    for position, target, fov in moved:
        assert position[2] > 0.4 and 36 <= fov <= 46 and np.abs(target - [0.42, 0, 0.1]).max() <= 0.04


@pytest.mark.slow
def test_a_shard_holds_what_the_simulator_says(recorded):
    """Episodes one after another; actions end at rest; drawn steps within the episode they belong to."""
    shard = read_shard(recorded[0])
    assert shard.seeds.tolist() == list(SEEDS) and shard.starts[-1] == len(shard.states) == len(shard.actions)
    assert shard.frames.shape[1:] == (SIDE, SIDE, 3) and shard.styles == [style_of(seed) for seed in SEEDS]
    for number, (start, stop) in enumerate(zip(shard.starts, shard.starts[1:], strict=False)):
        assert not shard.actions[stop - 1, :6].any() and shard.actions[stop - 1, 6] == shard.actions[stop - 2, 6]
        shown = shard.shown[(shard.shown >= start) & (shard.shown < stop)]
        assert np.array_equal(shown - start, choose_steps(int(shard.seeds[number]), stop - start, VIEWS))
        assert len(shard.own[number]) == (0 if shard.styles[number] == "play" else TELLINGS)
        assert len(shard.questions[number]) == QUESTIONS
        assert all(0 <= first < len(THINGS) and 0 <= then < len(THINGS) for _, first, then in shard.own[number])


@pytest.mark.slow
def test_views_project_right(recorded):
    """Frames are the simulator's, and cameras show things where they are, from the usual place and from elsewhere."""
    shard, env = read_shard(recorded[0]), TabletopEnv(size=SIDE, render=False)
    assert [draw_other_view(seed) is None for seed in SEEDS] == [True, False, True]
    for number, seed in enumerate(SEEDS):
        env.reset(seed)
        if (other := draw_other_view(seed)) is not None:
            env.move_camera(*other)
        start = shard.starts[number]
        frame = shard.frames[int(np.searchsorted(shard.shown, start))]
        assert np.array_equal(frame, env.render())
        assert shard.lights[number] == pytest.approx(env.look.key_position, abs=1e-6)
        segments = env.segment("exterior", SIDE)
        for i, name in enumerate(THINGS[1:], 1):
            place = shard.positions[start, i]
            assert np.isnan(place).any() == (name not in env.present)
            seen = np.argwhere(segments == SEGMENTS.index(name))
            if name in ("mug", "bowl") or len(seen) < 20:  # their place is their foot
                continue
            h = shard.cameras[number] @ [*place, 1]
            assert np.abs(seen.mean(0)[::-1] + 0.5 - h[:2] / h[2] * SIDE).max() < 3, name
    env.close()
    assert THINGS[1:] == MOVABLE


@pytest.mark.slow
def test_shards_repeat_and_a_stop_loses_nothing(recorded, tmp_path):
    """The same seed gives the same bits again; what is there by the deadline is kept and not recorded again."""
    options = {"workers": 1, "size": SIDE, "views": VIEWS}
    with pytest.raises(OutOfTime):
        collect(tmp_path, SEEDS[:1], deadline=StopAfter(0), **options)
    (path,) = tmp_path.iterdir()
    stamp = path.stat().st_mtime_ns
    assert collect(tmp_path, SEEDS[:1], **options) == [path] and path.stat().st_mtime_ns == stamp
    alone, whole = read_shard(path), read_shard(recorded[0])
    count, frames = len(alone.states), len(alone.frames)
    assert np.array_equal(alone.frames, whole.frames[:frames]) and np.array_equal(alone.shown, whole.shown[:frames])
    for name in ("states", "actions", "positions", "yaws"):
        assert np.array_equal(getattr(alone, name), getattr(whole, name)[:count], equal_nan=True)
    assert alone.own[0] == whole.own[0] and alone.questions[0] == whole.questions[0]
