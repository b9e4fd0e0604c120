"""Files of strangers' datasets: found inside their folder only, read with limits, refused in plain words.

Contract: every reader opens a dataset's files through ``inside`` (a name from metadata to a path) and ``contained``
(that path, links followed, still lies in the folder). JSON is read with a size limit and never gives a surprise type.
"""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from wamviz.core.errors import Damaged, NotFound, Unsafe
from wamviz.core.media import file_size

MAX_JSON_BYTES = 200_000_000  # the largest list of episodes seen has 30 MB
MAX_DEPTH = 3  # folders below the one that is named, when a dataset is looked for
MAX_ENTRIES = 2_000  # of a folder, when a dataset is looked for
# Half of a letter: JSON may say it, but no text with it can be written anywhere.
_LONE = re.compile(r"(?i)\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f])|(?<!\\ud[89ab][0-9a-f]{2})\\ud[c-f][0-9a-f]{2}")


def inside(root: Path, relative: str) -> Path:
    """``root / relative``, refused when it would lie outside ``root``; links are not looked at."""
    parts = (*PurePosixPath(relative).parts, *PureWindowsPath(relative).parts)
    if not relative or ".." in parts or PurePosixPath(relative).is_absolute() or PureWindowsPath(relative).anchor:
        raise Unsafe(f"The dataset names a file outside its own folder: '{relative}'.", "It is not safe to open.")
    if any(ord(character) < 32 for character in relative):
        raise Unsafe("The dataset names a file with control characters.", "It is not safe to open.")
    if len(relative) > 1024 or any(len(part.encode("utf-8", "replace")) > 255 for part in parts):
        raise Unsafe(f"The dataset names a file with too long a name: '{relative[:40]} ...'.")
    return root / relative


def contained(root: Path, path: Path) -> Path:
    """``path``, refused when a link on the way leads out of ``root``.

    A hub's download cache keeps ``snapshots/REVISION`` as links into ``blobs`` beside it; those two belong together.
    """
    real, home = os.path.realpath(path), _home(root)
    if not any(real == place or real.startswith(place + os.sep) for place in home):
        raise Unsafe(
            f"'{path.name}' is a link that leads out of the dataset's folder '{root.name}'.", "It is not safe to open."
        )
    return path


@lru_cache(maxsize=64)
def _home(root: Path) -> tuple[str, ...]:
    real = Path(os.path.realpath(root))
    if real.parent.name == "snapshots" and (real.parent.parent / "blobs").is_dir():
        shared = real.parents[2] / "blobs"  # where the hub's own tool keeps what several repositories have in common
        own = (str(real), str(real.parent.parent / "blobs"))
        return (*own, str(shared)) if (shared / ".huggingface-shared-blobs").is_file() else own
    return (str(real),)


def read_json(path: Path, limit: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """A JSON object, or ``Damaged`` naming the file."""
    try:
        value = json.loads(_LONE.sub(r"\\ufffd", _text(path, limit)))
    except (ValueError, RecursionError) as error:
        raise Damaged(f"'{path.name}' cannot be read as JSON ({error}).") from error
    if not isinstance(value, dict):
        raise Damaged(f"'{path.name}' must hold a JSON object, not {type(value).__name__}.")
    return value


def read_json_lines(path: Path, limit: int = MAX_JSON_BYTES) -> Iterator[dict[str, Any]]:
    """One JSON object a line; empty lines are passed over."""
    text = _text(path, limit)
    text = _LONE.sub(r"\\ufffd", text) if "\\ud" in text or "\\uD" in text else text
    lines = text.split("\n")
    try:  # all at once is twice as fast; a list of 100,000 episodes is read in a moment
        values = json.loads(f"[{','.join(line for line in lines if line and not line.isspace())}]")
        if all(type(value) is dict for value in values):
            yield from values
            return
    except (ValueError, RecursionError):
        pass  # which line it was is found below
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Damaged(f"'{path.name}', line {number}, cannot be read as JSON ({error}).") from error
        if not isinstance(value, dict):
            raise Damaged(f"'{path.name}', line {number}, must hold a JSON object.")
        yield value


def _text(path: Path, limit: int) -> str:
    try:
        if not path.is_file():
            raise FileNotFoundError(path)
        size = path.stat().st_size
        if size > limit:
            raise Unsafe(f"'{path.name}' has {size / 1e6:.0f} MB.", f"{limit / 1e6:.0f} MB is the limit.")
        file_size(path)  # a pointer of Git LFS says so itself
        data = path.read_bytes()
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16")
        # What is no UTF-8 is shown as a mark: an old letter in one instruction must not hide a whole dataset.
        return data.decode("utf-8-sig", errors="replace")
    except FileNotFoundError as error:
        raise NotFound(f"'{path.name}' is missing.") from error
    except UnicodeDecodeError as error:
        raise Damaged(f"'{path.name}' cannot be read as JSON: it is no UTF-8 text.") from error  # damaged UTF-16
    except OSError as error:
        raise Damaged(f"'{path.name}' cannot be read ({error.strerror or error}).") from error


def entries(folder: Path) -> list[Path]:
    """What a folder holds, by name, hidden things left out; at most ``MAX_ENTRIES``."""
    try:
        with os.scandir(folder) as scan:
            names = [entry.name for entry, _ in zip(scan, range(MAX_ENTRIES), strict=False)]
    except OSError as error:
        raise Damaged(f"The folder '{folder.name}' cannot be read ({error.strerror or error}).") from error
    return [folder / name for name in sorted(names) if not name.startswith(".")]
