"""The context picture on its way to the browser: the pixels that were given, written once."""

from __future__ import annotations

import numpy as np
from PIL import Image

from wamviz.ui.context_image import ContextImage, kept_png

FRAME = np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8)


def test_the_same_picture_is_not_written_again(tmp_path):
    """A second time it is the very file of the first; another picture is another file; nothing is left over."""
    first = kept_png(FRAME, tmp_path)
    inode = first.stat().st_ino
    assert kept_png(FRAME.copy(), tmp_path) == first and first.stat().st_ino == inode
    assert kept_png(255 - FRAME, tmp_path) != first
    assert np.array_equal(np.asarray(Image.open(first)), FRAME)
    assert sorted(file.name for file in tmp_path.rglob("*") if file.is_file()) == ["image.png"] * 2


def test_the_field_gives_the_picture_or_nothing():
    field = ContextImage()
    shown = field.postprocess(FRAME)
    assert shown is not None and np.array_equal(np.asarray(Image.open(shown.path)), FRAME)
    assert field.postprocess(None) is None


def test_what_the_page_showed_is_never_taken_for_an_upload():
    """The browser sends it once more when it is taken away."""
    field = ContextImage()
    shown = field.postprocess(FRAME)
    assert field.preprocess(shown) is None and field.preprocess(None) is None
    added = shown.model_copy(update={"orig_name": "image.png"})  # a pasted picture is called so
    assert field.preprocess(added) == (shown.path, "image.png")
