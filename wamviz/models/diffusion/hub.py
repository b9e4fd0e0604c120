"""Weights fetched from the hub by name, once, when somebody says so.

Contract: the only place of this package that asks a network, by way of ``core.hub``. It reads a commit's index and
list of files, and fetches the parts that the index names, safetensors and text alone.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from wamviz.core.errors import WamvizError
from wamviz.core.hub import HubName, Progress, RepoKind, repository
from wamviz.models.diffusion.checkpoints import INDEX
from wamviz.models.diffusion.kinds import KINDS, PipelineKind

TEXT = (".json", ".txt", ".model", ".jinja")
_VARIANT = re.compile(r"\.(fp16|bf16|fp32|non_ema|ema)[.-]")  # a second copy of the same weights
_KIND = RepoKind(
    "model",
    "checkpoint of diffusers",
    INDEX,
    "Many models have a second repository for diffusers, often with -Diffusers at the end of its name.",
)


def fetch(name: HubName, kind: PipelineKind, progress: Progress | None = None) -> str:
    """Fetch a checkpoint into the hub's cache and return its commit.

    Raises:
        WamvizError: no such checkpoint or revision; another kind; no access, network or room.
    """
    with repository(name, _KIND, progress) as there:
        parts = _parts(there.folder / INDEX, name, kind)  # before any gigabyte is fetched
        sizes = dict(there.sizes())
        wanted = chosen(sizes, parts)
        total = sum(sizes[file] for file in wanted)
        _check_room(name, total, Path(there.cache))
        before = 0
        for file in wanted:
            there.fetch(file, before=before, total=max(1000, total))
            before += sizes[file]
            if progress is not None:
                progress(before // 1000, max(1, total // 1000), file)
        return there.commit


def _parts(path: Path, name: HubName, kind: PipelineKind) -> list[str]:
    """The parts that an index names, when it is one of the kind's."""
    try:
        index = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise WamvizError(f"The {INDEX} of '{name}' cannot be read.") from error
    if not isinstance(index, dict):
        raise WamvizError(f"The {INDEX} of '{name}' cannot be read.")
    pipeline = str(index.get("_class_name"))
    if pipeline not in kind.accepts:
        fits = [other.name for other in KINDS.values() if pipeline in other.accepts]
        hint = f"Use --kind {fits[0]}." if fits else f"Kind {kind.name} runs {' or '.join(kind.accepts)}."
        raise WamvizError(f"'{name}' holds a {pipeline[:60]}, which kind {kind.name} does not run.", hint)
    return [
        part
        for part, declared in index.items()
        if isinstance(declared, list) and declared[1:] and declared[1] is not None
    ]


def chosen(sizes: dict[str, int], parts: list[str]) -> list[str]:
    """The files to fetch: of each part its text and its safetensors, one variant of them; the index is there already.

    Single files at the top are left: those of LTX-Video alone are many times the size of its parts.
    """
    found = []
    for part in parts:
        inside = [file for file in sorted(sizes) if file.startswith(f"{part}/") and file.count("/") == 1]
        weights = [file for file in inside if file.endswith((".safetensors", ".safetensors.index.json"))]
        plain = [file for file in weights if not _VARIANT.search(file)]
        found += [file for file in inside if file.endswith(TEXT) and not file.endswith(".safetensors.index.json")]
        found += plain or weights
    return found


def _check_room(name: HubName, total: int, cache: Path) -> None:
    standing = next(parent for parent in [cache, *cache.absolute().parents] if parent.exists())
    free = shutil.disk_usage(standing).free
    if total > free:
        raise WamvizError(
            f"'{name}' needs {total / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free.",
            "HF_HUB_CACHE names another folder for downloads.",
        )
