"""A context of any shape goes into a model's shape whole, and what comes back lies over the recording."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamviz.models.diffusion.framing import framing, within

SIDES = st.integers(16, 400)


@given(SIDES, SIDES, st.sampled_from(["aspect", "pad", "stretch"]), st.sampled_from([8, 16, 32]))
def test_sizes_are_legal_and_the_shape_comes_back(height, width, fit, multiple):
    """The model's sides are whole blocks; what comes back has the context's shape within a pixel."""
    made = framing((height, width), (160, 256), multiple, fit)
    assert made.model[0] % multiple == 0 and made.model[1] % multiple == 0
    assert made.inner[0] <= made.model[0] and made.inner[1] <= made.model[1]
    assert fit == "aspect" or made.model == (160, 256)
    out = made.unfit(np.zeros((2, *made.model, 3), np.uint8)).shape
    assert abs(out[2] - out[1] * width / height) <= 1


@given(SIDES, SIDES)
def test_aspect_keeps_about_the_model_s_pixels(height, width):
    """A frame of any usual shape is neither blown up nor starved."""
    made = framing((height, width), (480, 832), 16, "aspect")
    if 0.4 < height / width < 2.5:
        assert 0.8 < made.model[0] * made.model[1] / (480 * 832) < 1.2


@pytest.mark.parametrize("fit", ["aspect", "pad", "stretch"])
def test_a_thing_stays_where_it_was(fit):
    """A white square is found again at the place where the recording has it."""
    frame = np.zeros((90, 160, 3), np.uint8)
    frame[45:60, 40:60] = 255
    made = framing((90, 160), (128, 128), 16, fit)
    back = made.unfit(made.fit(frame)[None])[0]
    rows, columns = np.nonzero(back[..., 0] > 127)
    assert np.allclose([rows.mean() / back.shape[0], columns.mean() / back.shape[1]], [52 / 90, 49.5 / 160], atol=0.02)


def test_borders_are_black_and_are_cut_off():
    """Nothing of them is left in what comes back."""
    made = framing((90, 160), (128, 128), 16, "pad")
    fitted = made.fit(np.full((90, 160, 3), 200, np.uint8))
    assert (fitted[made.inner[0] :] == 0).all() and (made.unfit(fitted[None]) == 200).all()
    assert "90 x 160, was fitted into 128 x 128 with black borders" in made.words


@given(SIDES, SIDES)
def test_within_never_enlarges_beyond_a_block(height, width):
    """Cosmos3's canvases hold a context as it is or smaller, in whole latents."""
    made = within((height, width), (192, 320), 16)
    assert made.model[0] % 16 == 0 and made.model[1] % 16 == 0
    assert made.model[0] <= min(192, height + 16) and made.model[1] <= min(320, width + 16)
