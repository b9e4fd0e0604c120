"""Every format that can be read, one module each, and the one of them that a folder has.

A format is a module of this folder with ``FORMAT``, a ``DatasetFormat``; the folder is searched, and nothing else lists
the formats (docs/extending.md). ``find_dataset`` looks at names and first bytes only, at most three folders deep, and
returns the one dataset that is there. Two are told apart by name; none is answered with what was found instead.
"""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from wamviz.core.errors import InvalidInput, NotFound, WamvizError
from wamviz.datasets.files import MAX_DEPTH, entries
from wamviz.datasets.format import DatasetFormat
from wamviz.datasets.formats.unreadable import name_unreadable


def _discover() -> tuple[DatasetFormat, ...]:
    """The ``FORMAT`` of every module in this folder, in the order in which they are asked."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    formats = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return tuple(sorted(formats, key=lambda one: -one.priority))


FORMATS: tuple[DatasetFormat, ...] = _discover()
MOST_FOLDERS = 200  # that are looked into


def format_of(path: Path) -> DatasetFormat | None:
    """The format of a folder or file itself, or None."""
    return next((candidate for candidate in FORMATS if candidate.recognizes(path)), None)


def find_dataset(path: Path) -> tuple[Path, DatasetFormat]:
    """The dataset at ``path``, or the only one in the folders below it.

    Raises:
        NotFound: there is none, or one of a kind that cannot be read here.
        InvalidInput: there are several.
    """
    kind = format_of(path)
    if kind is not None:
        return path, kind
    unreadable = name_unreadable(path, whole=True)
    if unreadable is not None:
        raise unreadable
    found: list[tuple[Path, DatasetFormat]] = []
    level, looked = [path], 0
    for _ in range(MAX_DEPTH):
        below = []
        for folder in level:
            for child in entries(folder) if folder.is_dir() else ():
                if not (child.is_dir() or child.suffix == ".zip") or child.is_symlink() or looked >= MOST_FOLDERS:
                    continue
                looked += 1
                kind = format_of(child)
                if kind is not None:
                    found.append((child, kind))
                elif child.is_dir():
                    below.append(child)
        level = below
    if len(found) == 1:
        return found[0]
    name = path.name or str(path)
    if found:
        listed = ", ".join(f"{folder.relative_to(path)} ({kind.title})" for folder, kind in found[:8])
        raise InvalidInput(f"'{name}' holds {len(found)} datasets: {listed}.", "Name one of them.")
    raise _nothing(path, name)


def _nothing(path: Path, name: str) -> WamvizError:
    """What was found instead of a dataset, and what each format would need."""
    unreadable = name_unreadable(path)
    if unreadable is not None:
        return unreadable
    kinds = Counter("folders" if p.is_dir() else p.suffix or "files without a suffix" for p in entries(path))
    held = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(6)) or "nothing"
    needs = "; ".join(f"{kind.title}: {kind.requires}" for kind in FORMATS)
    missing = "it has no meta/info.json and nothing else that is known"
    if any((path / part).exists() for part in ("videos", "data")) and not (path / "meta").exists():
        missing = "it has the data of a LeRobot dataset, but its meta folder is missing"
    elif (path / "annotation").is_dir():
        missing = "its annotation folder holds no JSON files"
    elif (path / "dataset_info.json").is_file():
        missing = "it has dataset_info.json, but no .tfrecord files"
    return NotFound(
        f"'{name}' is not a dataset that can be read here: {missing}. It holds: {held}.", f"Readable are {needs}."
    )
