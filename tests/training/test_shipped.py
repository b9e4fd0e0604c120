"""The shipped episodes follow a rule: the first that succeed of each kind, in the order of their seeds."""

from __future__ import annotations

import pytest

from wamviz.core.errors import WamvizError
from wamviz.training.shipped import SEEDS, WANTED, main, select
from wamviz.worlds.tabletop import TASK_MIX


def test_every_kind_is_wanted_and_seeds_are_those_set_aside() -> None:
    assert set(WANTED) == {kind for kind, share in TASK_MIX.items() if share} and sum(WANTED.values()) >= 24
    assert (SEEDS.start, SEEDS.stop) == (2_000_000, 2_100_000)


def test_the_first_of_a_kind_is_taken() -> None:
    taken, failed = select({"push": 1}, SEEDS[:8])
    again, _ = select({"push": 1}, SEEDS[:8])
    assert len(taken) == 1 and taken == again
    assert all(entry["kind"] == "push" and entry["seed"] < taken[0] for entry in failed)


def test_too_few_seeds_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WamvizError, match="Still missing: {'push': [23]}"):
        select({"push": 3}, SEEDS[:1])
    capsys.readouterr()  # the progress bar


def test_help_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0 and "assets/episodes" in capsys.readouterr().out
