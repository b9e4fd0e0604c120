"""The picture of imagined beside recorded frames."""

from __future__ import annotations

import numpy as np

from wamviz.training.sample_grid import GAP, TITLE, draw_strip


def test_both_rows_are_shown_unchanged():
    """Every frame lies where its moment and its kind belong, to the pixel."""
    rng = np.random.default_rng(0)
    recorded, imagined = rng.integers(0, 255, (2, 3, 32, 40, 3)).astype(np.uint8)
    page = draw_strip(recorded, imagined, "take the mug")
    for row, frames in enumerate((recorded, imagined)):
        for column, frame in enumerate(frames):
            y, x = TITLE + row * (32 + GAP), column * (40 + GAP)
            assert np.array_equal(page[y : y + 32, x : x + 40], frame)
    assert page[:TITLE].min() < 255  # the sentence is there
