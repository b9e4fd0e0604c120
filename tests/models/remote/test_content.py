"""Where on a returned picture lies what was sent: whatever a server does to fit it into its model's size."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.core.media import resize
from wamviz.models.remote.content import Content, find_content

RNG = np.random.default_rng(0)


def picture(height: int, width: int) -> np.ndarray:
    """Something with structure: large patches, so that shrinking it leaves something to be seen."""
    return resize(RNG.integers(0, 255, (9, 12, 3)).astype(np.uint8), height, width)


def filled(inner: np.ndarray, height: int, width: int, how: str = "reflect", centred: bool = False) -> np.ndarray:
    """A picture within a larger one, as a server sends it back."""
    below, right = height - inner.shape[0], width - inner.shape[1]
    top, left = (below // 2, right // 2) if centred else (0, 0)
    return np.pad(inner, ((top, below - top), (left, right - left), (0, 0)), how)


def place(content: Content) -> tuple[int, int, int, int]:
    return content.top, content.left, content.height, content.width


@pytest.mark.parametrize(
    ("sent", "came", "expected"),
    [
        ((540, 640), (544, 736), (0, 0, 540, 640)),  # Cosmos3 on DROID: 96 columns and 4 rows of mirror image
        ((256, 512), (192, 320), (0, 0, 160, 320)),  # on LIBERO's two views, where the filling is not taken off
        ((480, 640), (544, 736), (0, 0, 480, 640)),  # never enlarged
        ((270, 320), (270, 320), (0, 0, 270, 320)),
    ],
)
def test_what_was_filled_in_is_found(sent, came, expected):
    context = picture(*sent)
    scale = min(came[0] / sent[0], came[1] / sent[1], 1.0)
    inner = resize(context, round(sent[0] * scale), round(sent[1] * scale))
    found = find_content(filled(inner, *came)[None], context)
    assert place(found) == expected and found.psnr > 40 and found.notes == ()


@pytest.mark.parametrize("prior", ["whole", "filled"])
def test_the_first_frame_overrules_what_a_server_is_thought_to_do(prior):
    """Centred, stretched or enlarged: the picture says which."""
    context = picture(120, 160)
    centred = filled(context, 160, 240, "constant", centred=True)
    assert place(find_content(centred[None], context, prior)) == (20, 40, 120, 160)
    stretched = resize(context, 160, 160)
    assert place(find_content(stretched[None], context, prior)) == (0, 0, 160, 160)
    enlarged = filled(resize(context, 240, 320), 240, 400)
    assert place(find_content(enlarged[None], context, prior)) == (0, 0, 240, 320)


def test_a_picture_of_the_same_proportions_is_whole():
    context = picture(540, 640)
    assert place(find_content(resize(context, 270, 320)[None], context)) == (0, 0, 270, 320)


def test_a_first_frame_that_says_nothing_leaves_what_is_known():
    """A grey frame is everywhere equally unlike the context; and that is said."""
    found = find_content(np.full((2, 544, 736, 3), 128, np.uint8), picture(540, 640))
    assert place(found) == (0, 0, 540, 640) and "hardly like the context" in found.notes[0]
