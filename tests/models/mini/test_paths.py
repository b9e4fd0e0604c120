"""Modes as paths through two noise levels."""

from __future__ import annotations

import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import MODES
from wamviz.models.mini.paths import falling, noise_path


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("steps", [1, 2, 5, 8])
def test_paths_start_noisy_and_end_clean(mode, steps):
    """Levels never rise, one at a time falls, and whatever is denoised starts at pure noise and ends clean."""
    path = noise_path(mode, steps)
    assert all((a == c) != (b == d) for (a, b), (c, d) in zip(path, path[1:], strict=False))
    for part in (0, 1):
        levels = [p[part] for p in path]
        assert levels == sorted(levels, reverse=True)
        if levels[0] != levels[-1]:
            assert levels[0] == 1.0 and levels[-1] == 0.0


def test_given_and_left_out_parts_stay():
    """Given actions and given motion are clean throughout; acting alone never looks at motion."""
    assert {a for _, a in noise_path("forward_dynamics", 4)} == {0.0}
    assert {m for m, _ in noise_path("inverse_dynamics", 4)} == {0.0}
    assert {m for m, _ in noise_path("act_only", 4)} == {1.0}


def test_actions_are_decided_before_motion_is_foreseen():
    """The actions are clean before motion begins to be, which takes half the steps."""
    path = noise_path("joint", 8)
    assert all(a == 0 for m, a in path if m < 1) and len(path) - 1 == 8 + 4
    assert noise_path("video", 8) == noise_path("imagine_then_act", 8) == path


def test_falling_is_even():
    assert falling(4) == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_unknown_modes_name_the_nearest():
    with pytest.raises(WamvizError, match="Did you mean 'joint'"):
        noise_path("joiint", 2)
