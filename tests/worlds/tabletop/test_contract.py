"""What goes in is checked; random streams of one seed do not share their draws."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.core.action_spaces import TABLETOP_ACTIONS
from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import ACTION_SPACE, STATE_NAMES, TabletopEnv, TabletopObservation
from wamviz.worlds.tabletop.contract import check_action, check_seed, stream


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "7", None, True, float("nan")])
def test_bad_seeds_are_refused(env: TabletopEnv, seed: object) -> None:
    with pytest.raises(WamvizError, match="seed"):
        env.reset(seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [0, 7, 2**63 - 1, np.int64(5)])
def test_whole_numbers_are_seeds(seed: int) -> None:
    assert check_seed(seed) == seed and type(check_seed(seed)) is int


def test_actions_are_converted_and_kept() -> None:
    action = check_action([1, 2, 3, 4, 5, 6, 7])
    assert action.dtype == np.float64 and action.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert ACTION_SPACE is TABLETOP_ACTIONS


def test_streams_depend_on_seed_and_purpose_alone() -> None:
    draws = {(seed, which): stream(seed, which).random() for seed in (0, 1, 2**40) for which in range(4)}
    assert len(set(draws.values())) == len(draws)
    assert draws[1, 2] == stream(1, 2).random()


def test_a_state_has_fourteen_numbers() -> None:
    assert TabletopObservation().state.shape == (len(STATE_NAMES),) == (14,)
    with pytest.raises(WamvizError, match="14 numbers"):
        TabletopObservation(state=np.zeros(13, np.float32))
