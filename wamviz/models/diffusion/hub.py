"""Weights fetched from the hub by name, once, when somebody says so.

Contract: the only place of this package that asks a network, as ``core.hub`` does. It resolves a revision to its
commit, reads that commit's index and list of files, and fetches the parts that the index names, safetensors and text
alone, into the hub's own cache. Everything that can go wrong ends in one ``WamvizError``.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from wamviz.core.environment import offline
from wamviz.core.errors import WamvizError
from wamviz.core.hub import HubName, Progress, Words, asking, cache_folder, commit_of, endpoint, explained, progress_bar
from wamviz.models.diffusion.checkpoints import INDEX
from wamviz.models.diffusion.kinds import KINDS, Kind

TEXT = (".json", ".txt", ".model", ".jinja")
_VARIANT = re.compile(r"\.(fp16|bf16|fp32|non_ema|ema)[.-]")  # a second copy of the same weights


def fetch(name: HubName, kind: Kind, progress: Progress | None = None) -> str:
    """Fetch a checkpoint into the hub's cache and return its commit.

    Raises:
        WamvizError: no such checkpoint or revision; another kind; no access, network or room.
    """
    with asking(), explained(name, _WORDS):
        from huggingface_hub import HfApi

        address, cache = endpoint(), cache_folder()
        commit = commit_of(name, INDEX, "model")
        index = _index(name, Path(_file(name.repo, INDEX, commit, address, cache)))
        pipeline = str(index.get("_class_name"))
        if pipeline not in kind.accepts:  # before any gigabyte is fetched
            fits = [other.name for other in KINDS.values() if pipeline in other.accepts]
            hint = f"Use --kind {fits[0]}." if fits else f"Kind {kind.name} runs {' or '.join(kind.accepts)}."
            raise WamvizError(f"'{name}' holds a {pipeline[:60]}, which kind {kind.name} does not run.", hint)
        parts = [part for part, told in index.items() if isinstance(told, list) and told[1:] and told[1] is not None]
        tree = HfApi(endpoint=address).list_repo_tree(name.repo, recursive=True, revision=commit)
        sizes = {str(entry.path): int(getattr(entry, "size", 0) or 0) for entry in tree if hasattr(entry, "size")}
        wanted = chosen(sizes, parts)
        total = sum(sizes[file] for file in wanted)
        _check_room(name, total, Path(cache))
        before = 0
        for file in wanted:
            _file(name.repo, file, commit, address, cache, progress_bar(progress, before, max(total, 1000)))
            before += sizes[file]
            if progress is not None:
                progress(before // 1000, max(1, total // 1000), file)
    return commit


def _index(name: HubName, path: Path) -> dict[str, Any]:
    try:
        index = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise WamvizError(f"The {INDEX} of '{name}' cannot be read.") from error
    if not isinstance(index, dict):
        raise WamvizError(f"The {INDEX} of '{name}' cannot be read.")
    return index


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


def _file(repo: str, file: str, commit: str, endpoint: str, cache: str, bar: Any = None) -> str:
    from huggingface_hub import hf_hub_download

    return str(hf_hub_download(repo, file, revision=commit, cache_dir=cache, endpoint=endpoint, tqdm_class=bar))


def _check_room(name: HubName, total: int, cache: Path) -> None:
    standing = next(parent for parent in [cache, *cache.absolute().parents] if parent.exists())
    free = shutil.disk_usage(standing).free
    if total > free:
        raise WamvizError(
            f"'{name}' needs {total / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free.",
            "HF_HUB_CACHE names another folder for downloads.",
        )


def _unreachable(name: HubName) -> WamvizError:
    if offline():
        hint = "Unset HF_HUB_OFFLINE to download it once."
        return WamvizError(f"HF_HUB_OFFLINE forbids asking the hub for '{name}'.", hint)
    hint = "Check the network and HF_ENDPOINT; what was fetched before is kept, and fetching goes on from there."
    return WamvizError(f"The hub cannot be reached for '{name}'.", hint)


def _no_checkpoint(name: HubName) -> WamvizError:
    hint = "Many models have a second repository for diffusers, often with -Diffusers at the end of its name."
    return WamvizError(f"'{name}' is no checkpoint of diffusers: it has no {INDEX}.", hint)


_WORDS = Words("model", "Give a branch, a tag or a whole commit.", absent=_no_checkpoint, unreachable=_unreachable)
