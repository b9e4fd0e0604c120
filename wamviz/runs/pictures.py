"""Pictures of one's own as sources: each is kept under what it shows, so that a probe or a link can name it.

Contract: ``picture:NAME`` names one, NAME being of its pixels, so that nobody can guess what nobody was given. The
oldest go when there are too many; who names one then is told.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from pathlib import Path

from wamviz.core.environment import home
from wamviz.core.errors import NotFound
from wamviz.core.media import encode_png, read_image, replacing
from wamviz.core.rollout import Frames

PICTURE = "picture:"
MOST_KEPT = 500
_NAME = re.compile(rf"{PICTURE}([0-9a-f]{{32}})")


def keep_picture(frame: Frames) -> str:
    """Keep a picture (H, W, 3) uint8 and return the source that names it; the same picture has the same name."""
    data = encode_png(frame)
    name = hashlib.sha256(data).hexdigest()[:32]
    path = _folder() / f"{name}.png"
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    kept = sorted(path.parent.glob("*.png"), key=lambda one: one.stat().st_mtime)
    for old in kept[:-MOST_KEPT]:
        with suppress(FileNotFoundError):  # somebody else has just done it
            old.unlink()
    return PICTURE + name


def read_kept(source: str) -> Frames:
    """The picture (H, W, 3) uint8 that ``picture:NAME`` names.

    Raises:
        NotFound: there is none.
    """
    match = _NAME.fullmatch(source)
    path = None if match is None else _folder() / f"{match[1]}.png"
    if path is None or not path.is_file():
        raise NotFound(f"There is no picture '{source[:60]}'.", "Add it once more: only the newest are kept.")
    return read_image(path)


def _folder() -> Path:
    return home() / "pictures"
