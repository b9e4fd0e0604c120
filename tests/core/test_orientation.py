"""Which way round a picture is, and bringing it the other way round."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.orientation import ORIENTATIONS, reorient

PICTURE = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)


def test_turning_a_simulator_s_picture_mirrors_what_flipping_its_rows_gives():
    """The difference between LIBERO's demonstrations as they are shown and as its policies saw them."""
    raw = PICTURE
    shown, fed = raw[:, ::-1], raw[:, ::-1, ::-1]
    assert (reorient(raw, "upside down", "upright") == shown).all()
    assert (reorient(shown, "upright", "mirrored") == fed).all()
    assert (reorient(raw, "upside down", "mirrored") == fed).all()


@pytest.mark.parametrize("now", ORIENTATIONS)
@pytest.mark.parametrize("wanted", ORIENTATIONS)
def test_there_and_back_is_the_picture(now, wanted):
    assert (reorient(reorient(PICTURE, now, wanted), wanted, now) == PICTURE).all()


def test_an_unknown_orientation_is_refused():
    with pytest.raises(WamvizError, match="Unknown orientation of a picture 'mirored'.*mirrored"):
        reorient(PICTURE, "upright", "mirored")
