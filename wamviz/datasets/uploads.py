"""What a stranger hands over, laid out as a folder that the readers can open: a zip, or videos with a table of actions.

Contract: nothing is written outside the folder that is named, nothing is followed, nothing is believed that a header
says: bytes are counted while they are unpacked. Whatever is refused leaves no folder behind, and says what to change.
"""

from __future__ import annotations

import json
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from wamviz.core.errors import Damaged, InvalidInput, Unsafe, WamvizError
from wamviz.datasets.containers.tables import SUFFIXES as TABLES
from wamviz.datasets.containers.tables import read_table
from wamviz.datasets.containers.videos import SUFFIXES as VIDEOS
from wamviz.datasets.containers.videos import open_video
from wamviz.datasets.files import inside
from wamviz.datasets.formats import format_of
from wamviz.datasets.override import SIDECAR

MOST_FILES = 20  # given at once: the views of one episode, and a table
SINGLE = (".hdf5", ".h5")  # a whole dataset in one file
_BLOCK = 1 << 20
_END, _END64 = b"PK\x05\x06", b"PK\x06\x07"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class UploadLimits:
    """What may be handed over.

    Attributes:
        files: in a zip.
        unpacked: bytes of all of them.
        directory: bytes of the zip's own table of contents, which is read whole.
        ratio: unpacked bytes for one packed; only looked at above ``plain`` bytes, since small files of zeros are fine.
        plain: see ``ratio``.
    """

    files: int = 5_000
    unpacked: int = 500_000_000
    directory: int = 4_000_000
    ratio: float = 100.0
    plain: int = 20_000_000

    def __post_init__(self) -> None:
        if min(self.files, self.unpacked, self.directory, self.ratio, self.plain) <= 0:
            raise InvalidInput("Limits of an upload must be above 0.")


def unpack(archive: Path, folder: Path, limits: UploadLimits | None = None) -> int:
    """Unpack a zip into ``folder``, which must not exist yet; returns the number of files.

    Raises:
        Damaged: no zip, or a damaged one.
        InvalidInput: encrypted, or packed in an unusual way.
        Unsafe: over the limits, or naming files outside its folder.
    """
    limits, name = limits or UploadLimits(), f"'{archive.name}'"
    _check_directory(archive, limits)
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            wanted = _checked(opened.infolist(), archive, limits)
            left = limits.unpacked
            for entry, target in ((entry, inside(folder, _name(entry))) for entry in wanted):
                target.parent.mkdir(parents=True, exist_ok=True)
                left -= _write(opened, entry, target, left, limits)
        return len(wanted)
    except WamvizError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, ValueError, struct.error) as error:
        shutil.rmtree(folder, ignore_errors=True)
        detail = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise Damaged(f"{name} is damaged or no zip ({detail}).", "Pack the folder again and retry.") from error


def lay_out(
    files: Sequence[Path],
    folder: Path,
    *,
    rate: float | None = None,
    instruction: str = "",
    columns: Mapping[str, Sequence[str]] | None = None,
    kind: str = "",
    limits: UploadLimits | None = None,
) -> Path:
    """A folder that ``open_dataset`` understands, out of uploaded files.

    Args:
        files: one zip, one HDF5 file, or videos (views of one episode) with at most one table of actions.
        folder: where to put it; must not exist yet.
        rate: actions a second, Hz; needed with a table.
        instruction: what the robot was to do in these videos.
        columns: of the table, for the ``actions`` and the ``states``; every column of numbers is an action when none
            is named.
        kind: of the actions, one of ``ACTION_KINDS``; "" is not known.
    """
    kinds, limits = {path: path.suffix.lower() for path in files}, limits or UploadLimits()
    size = sum(path.stat().st_size for path in files)
    if len(files) > MOST_FILES or size > limits.unpacked:
        raise Unsafe(
            f"{len(files)} files of {size / 1e6:.0f} MB were given.",
            f"{MOST_FILES} files and {limits.unpacked / 1e6:.0f} MB are the limits.",
        )
    odd = [path.name for path, suffix in kinds.items() if suffix not in (".zip", *SINGLE, *VIDEOS, *TABLES)]
    if not files or odd:
        problem = f"'{odd[0]}' is no dataset." if odd else "No file was chosen."
        tables = ", ".join(TABLES)
        raise InvalidInput(
            problem, f"Give one zip or HDF5 file, or videos ({', '.join(VIDEOS)}) and a table ({tables})."
        )
    whole = [path for path, suffix in kinds.items() if suffix in (".zip", *SINGLE)]
    if whole:
        if len(files) > 1:
            raise InvalidInput(
                f"'{whole[0].name}' is a whole dataset; give it alone.", "Or pack everything into one zip."
            )
        if kinds[whole[0]] == ".zip" and format_of(whole[0]) is None:
            unpack(whole[0], folder, limits)
            return folder
        folder.mkdir(parents=True)  # of an HDF5 file, and of a zip that is read as it is
        shutil.copyfile(whole[0], folder / f"dataset{kinds[whole[0]]}")
        return folder
    videos = [path for path in files if kinds[path] in VIDEOS]
    table_files = [path for path in files if kinds[path] in TABLES]
    if not videos:
        raise InvalidInput(f"'{files[0].name}' is a table without a video.", "Add the video that it belongs to.")
    if len(table_files) > 1:
        raise InvalidInput(f"{len(table_files)} tables were given.", "One table of actions belongs to one episode.")
    folder.mkdir(parents=True)
    try:
        chosen = {part: list(names) for part, names in (columns or {}).items() if names}
        sidecar: dict[str, Any] = {"columns": chosen} if chosen else {}
        if kind and kind != "unnamed":
            sidecar["layout"] = {"kind": kind}
        return _paired(videos, table_files[0] if table_files else None, folder, rate, instruction, sidecar)
    except WamvizError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _paired(
    videos: Sequence[Path], table: Path | None, folder: Path, rate: float | None, instruction: str,
    layout: Mapping[str, Any],
) -> Path:  # fmt: skip
    views: dict[str, str] = {}
    for place, path in enumerate(videos):
        stored = f"video-{place}{path.suffix.lower()}"  # our own name: theirs may be anything
        shutil.copyfile(path, folder / stored)
        views[path.stem if path.stem not in views else f"{path.stem} {place}"] = stored
    episode: dict[str, object] = {"videos": views, "instruction": instruction.strip()}
    sidecar: dict[str, Any] = {"episodes": [episode]}
    if table is not None:
        stored = f"actions{table.suffix.lower()}"
        shutil.copyfile(table, folder / stored)
        wanted = layout.get("columns", {})
        video = open_video(folder, folder / next(iter(views.values())))
        rows = len(read_table(folder / stored, wanted.get("actions"))[0])
        if rate is None:
            raise InvalidInput(
                f"How many actions a second does '{table.name}' hold?",
                f"It has {rows} rows, the video {len(video)} frames at {video.fps:g} a second: write {video.fps:g} if "
                "there is one action a frame.",
            )
        episode["actions"] = stored
        sidecar |= {**layout, "layout": {**layout.get("layout", {}), "rate": rate}}
        if "states" in wanted:
            episode["states"] = stored
    (folder / SIDECAR).write_text(json.dumps(sidecar, ensure_ascii=False), encoding="utf-8")
    return folder


def _check_directory(archive: Path, limits: UploadLimits) -> None:
    """Refuse a table of contents that would not fit, before anything reads it."""
    name = f"'{archive.name}'"
    try:
        with archive.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 65_557))  # the longest comment, and the record before it
            tail = file.read()
    except OSError as error:
        raise InvalidInput(f"{name} cannot be read ({error.strerror or error}).") from error
    end = tail.rfind(_END)
    if end < 0 or len(tail) < end + 22:
        raise Damaged(f"{name} is no zip, or it is cut short.", "Pack the folder again and retry.")
    entries, directory = struct.unpack("<HI", tail[end + 10 : end + 16])
    if tail[max(0, end - 20) : end].startswith(_END64) or entries > limits.files or directory > limits.directory:
        raise Unsafe(f"{name} holds too many files.", f"{limits.files} is the limit; open the folder itself instead.")


def _checked(entries: Sequence[zipfile.ZipInfo], archive: Path, limits: UploadLimits) -> list[zipfile.ZipInfo]:
    """The files to unpack, once all of them were judged by what the zip says."""
    name, wanted, seen = f"'{archive.name}'", [], set()
    if len(entries) > limits.files:
        raise Unsafe(f"{name} holds {len(entries)} files.", f"{limits.files} is the limit.")
    for entry in entries:
        path = _name(entry)
        inside(Path("."), path)  # also folders and files that are left out must not point outside
        if entry.flag_bits & 0x1:
            raise InvalidInput(f"{name} is encrypted.", "Pack it without a password.")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise Unsafe(f"'{path}' in {name} is a link or a device.", "It is not safe to unpack; pack plain files.")
        parts = PurePosixPath(path).parts
        if entry.is_dir() or kind == stat.S_IFDIR or parts[0] == "__MACOSX" or parts[-1] == ".DS_Store":
            continue
        if entry.compress_type not in _METHODS:
            raise InvalidInput(f"{name} is packed in an unusual way.", "Pack it as an ordinary zip (deflate).")
        if path.casefold() in seen:
            raise Unsafe(f"{name} holds '{path}' twice.", "It is not safe to unpack.")
        seen.add(path.casefold())
        wanted.append(entry)
    total = sum(entry.file_size for entry in wanted)
    if total > limits.unpacked:
        raise _too_large(name, total, limits)
    if total > limits.plain and total > limits.ratio * archive.stat().st_size:
        raise Unsafe(
            f"{name} would unpack to {total / archive.stat().st_size:.0f} times its size.", "It is not safe to unpack."
        )
    return wanted


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, left: int, limits: UploadLimits) -> int:
    """Unpack one file of at most ``left`` bytes; returns how many it had."""
    written = 0
    with opened.open(entry) as source, target.open("xb") as out:
        while block := source.read(_BLOCK):
            written += len(block)
            if written > left:
                raise _too_large(f"'{Path(opened.filename or '').name}'", limits.unpacked + 1, limits)
            out.write(block)
    return written


def _too_large(name: str, size: int, limits: UploadLimits) -> Unsafe:
    return Unsafe(
        f"{name} unpacks to {size / 1e6:.0f} MB.",
        f"{limits.unpacked / 1e6:.0f} MB is the limit; open the folder itself instead.",
    )


def _name(entry: zipfile.ZipInfo) -> str:
    return entry.filename.rstrip("/")
