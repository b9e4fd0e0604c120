"""The context picture: Gradio's image field, minus its decoding.

Contract: what a visitor adds arrives as a path and is judged by ``media.read_image`` alone, so that a text file
named .png or a 40-megapixel photograph gives our sentence instead of a stack trace, and nothing shown is lost.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.data_classes import ImageData

from wamviz.core.media import encode_png
from wamviz.core.rollout import Frames

OURS = "shown by the page"  # the name of a picture that no visitor added; no picture's file is called so


class ContextImage(gr.Image):
    """A gr.Image whose value going in is ``(path, name)`` and coming out (H, W, 3) uint8 or None."""

    is_template = True  # the browser draws it as the image field that it is

    def __init__(self, value: Frames | None = None, **kwargs: Any) -> None:
        super().__init__(value=value, type="filepath", format="png", **kwargs)

    def get_block_name(self) -> str:
        """The browser knows it as an image."""
        return "image"

    def get_config(self, cls: type | None = None) -> dict[str, Any]:
        """Everything that the image field's own constructor takes; Gradio would look at ours alone."""
        return {**super().get_config(gr.Image)}

    def preprocess(self, payload: ImageData | None) -> tuple[str, str] | None:  # type: ignore[override]
        """The uploaded file, unopened; None for what the page itself showed.

        The field's cross sends the picture that it takes away once more, as if it had just been added.
        """
        if payload is None or payload.path is None or payload.orig_name == OURS:
            return None
        return payload.path, payload.orig_name or ""

    def postprocess(self, value: Frames | None) -> ImageData | None:  # type: ignore[override]
        """Frames only; what the page shows never comes straight from a visitor's file."""
        if value is None:
            return None
        return ImageData(path=str(kept_png(np.asarray(value, np.uint8), Path(self.GRADIO_CACHE))), orig_name=OURS)


def kept_png(frame: Frames, cache: Path) -> Path:
    """A frame (H, W, 3) uint8 as a PNG in Gradio's cache, written at most once and whole.

    Gradio's own writer writes over the file of the same picture; a browser that is just loading it after a quick second
    click then gets half of it.
    """
    data = encode_png(frame)
    path = cache.resolve() / hashlib.sha256(data).hexdigest() / "image.png"
    if path.exists():
        os.utime(path)  # in use again: not yet to be forgotten
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
    os.replace(file.name, path)
    return path
