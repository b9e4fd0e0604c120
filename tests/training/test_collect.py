"""Collecting episodes: allowed seeds, a recipe that depends on the seed alone, shards that come back."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.errors import WamvizError
from wamviz.training.budget import Deadline, OutOfTime
from wamviz.training.collect import collect, read_shard, style_of
from wamviz.training.scenes import read_scenes


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


@pytest.mark.slow
def test_shards_repeat_and_resume(tmp_path):
    """The same seeds give the same bits, and what is there is not recorded again."""
    first = collect(tmp_path / "a", range(40, 42), workers=1, size=32)
    again = collect(tmp_path / "b", range(40, 42), workers=1, size=32)
    a, b = read_shard(first[0]), read_shard(again[0])
    assert (
        np.array_equal(a.actions, b.actions) and np.array_equal(a.frames, b.frames) and a.instructions == b.instructions
    )
    assert a.starts[-1] == len(a.frames) == len(a.states) == len(a.actions)
    stamp = first[0].stat().st_mtime_ns
    assert collect(tmp_path / "a", range(40, 42), workers=1, size=32)[0].stat().st_mtime_ns == stamp
    scenes = read_scenes(first[0])
    assert len(scenes.positions) == len(a.frames) and len(scenes.own) == 2


@pytest.mark.slow
def test_collecting_stops_at_the_deadline(tmp_path):
    """What is recorded by then is kept; a second call goes on."""

    class Now(Deadline):
        def check(self) -> None:
            raise OutOfTime

    with pytest.raises(OutOfTime):
        collect(tmp_path, range(40, 41), workers=1, size=32, deadline=Now())
    assert len(collect(tmp_path, range(40, 41), workers=1, size=32)) == 1 and not list(tmp_path.glob("*.tmp*"))
