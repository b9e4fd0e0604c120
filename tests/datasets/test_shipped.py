"""The shipped episodes are what the README says: whole, of every kind, small, and executable from any frame."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from wamviz.datasets import SHIPPED, open_dataset, shipped

KINDS = {"lever", "pick", "place", "stack", "push", "lever_then_pick"}


def test_every_kind_is_there_and_every_episode_succeeded() -> None:
    dataset = shipped()
    kinds = Counter(dataset.episode(i).facts["kind"] for i in dataset.indices)
    assert len(dataset) >= 24 and set(kinds) == KINDS and min(kinds.values()) >= 3
    assert dataset.available == dataset.indices
    for i in dataset.indices:
        episode = dataset.episode(i)
        assert episode.success is True
        assert 2_000_000 <= episode.facts["seed"] < 2_100_000
        assert episode.cameras == ("exterior", "wrist") and episode.instruction


def test_it_is_small_and_says_its_licence() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) <= 12_000_000
    assert "Creative Commons Attribution 4.0" in (SHIPPED / "LICENSE").read_text()
    assert open_dataset(SHIPPED).summary()["license"] == "CC-BY-4.0"


@pytest.mark.parametrize("index", [0, 13, -1])
def test_an_episode_is_whole(index: int) -> None:
    dataset = shipped()
    episode = dataset.episode(dataset.indices[index])
    last = episode.length
    assert episode.frames("wrist", last, last + 1).shape == (1, 256, 256, 3)
    seen = episode.observation(last // 2)
    assert seen.frame.shape == (256, 256, 3) and set(seen.cameras) == {"exterior", "wrist"}
    assert seen.state is not None and seen.state.shape == (14,)
    actions, space = episode.actions, episode.action_space
    assert actions is not None and space is not None and space.kind == "ee_delta"
    assert (actions >= np.array(space.low) - 1e-6).all() and (actions <= np.array(space.high) + 1e-6).all()


def test_the_hand_is_where_the_calibration_says() -> None:
    """The hand's position, projected by the exterior camera, lies in the picture and moves as the states do."""
    episode = shipped().episode(0)
    camera, states = episode.camera_model("exterior"), episode.states
    assert camera is not None and states is not None
    pixels, depth = camera.project(states[:, :3])
    assert (depth > 0).all() and (pixels > -20).all() and (pixels < 276).all()
