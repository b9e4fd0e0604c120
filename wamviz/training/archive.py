"""A folder of weights as one tar in parts of limited size, for where only a few small files can be taken along.

``cat mini-wam.tar.* | tar -x -C FOLDER`` puts it back: no program of wamviz's is needed for that.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from wamviz.core.errors import WamvizError

PART = 16 * 2**20  # bytes of a part, at most
PARTS = 8  # parts, at most
NAME = "mini-wam.tar"
_OTHERS = ("README.md", "evaluation.json")  # in the folder, but not of this training


def split_archive(folder: Path, out: Path, size: int = PART, most: int = PARTS) -> list[Path]:
    """Write everything that training left in ``folder`` into parts under ``out``, which lose their older namesakes.

    Args:
        size: bytes of a part, at most; most: parts, at most.

    Raises:
        WamvizError: the folder needs more parts than that.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(folder.iterdir()):
            if path.name not in _OTHERS:
                tar.add(path, path.name, filter=_anonymous)
    whole = packed.getbuffer()
    count = -(-len(whole) // size)
    if count > most:
        raise WamvizError(f"'{folder.name}' takes {count} parts of {size / 2**20:g} MiB, and {most} are allowed.")
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob(f"{NAME}.*"):
        old.unlink()
    parts = [out / f"{NAME}.{number:02d}" for number in range(count)]
    for number, part in enumerate(parts):
        part.write_bytes(whole[number * size : (number + 1) * size])
    return parts


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the user's name and with the usual rights, whoever trained."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry
