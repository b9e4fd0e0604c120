"""Action forms: all latents lose nothing, fewer lose more, and a larger patch hears less of the noise."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.lessons import Lab
from wamviz.lessons.experiments.action_forms import chunk_of, learn_latents, through_latents, through_patches
from wamviz.lessons.paths import gap, walked


def test_more_latents_lose_less_and_all_of_them_nothing() -> None:
    context = next(iter(Lab().contexts(1)))
    chunk, scale = chunk_of(context), context.reference.action_space.scale  # type: ignore[union-attr]
    middle, parts = learn_latents({context.observation.source})
    assert parts.shape[1] == chunk.size and np.allclose(parts @ parts.T, np.eye(len(parts)), atol=1e-6)
    lost = [
        gap(walked(through_latents(chunk, middle, parts[:n], scale)), walked(chunk)) for n in (1, 8, 64, len(parts))
    ]
    assert lost[0] > lost[1] > lost[2] >= lost[3] and lost[3] < 0.01


def test_the_noise_of_a_patch_shrinks_with_its_side() -> None:
    chunk, rng = np.zeros((16, 7)), np.random.default_rng(0)
    assert through_patches(chunk, 2, 0.0, rng) == pytest.approx(chunk)
    one, eight = (through_patches(chunk, side, 0.4, rng).std() for side in (1, 8))
    assert eight == pytest.approx(one / 8, rel=0.25)


def test_every_scene_that_is_asked_for_has_a_whole_chunk() -> None:
    chunks = [chunk_of(context) for context in Lab().contexts(15, actions=16)]
    assert len(chunks) == 15 and {chunk.shape for chunk in chunks} == {(16, 7)}
