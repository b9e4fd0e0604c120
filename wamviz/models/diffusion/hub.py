"""Weights fetched from the hub by name, once, when somebody says so.

Contract: the only place of this package that asks a network. It resolves a revision to its commit, reads that commit's
index and list of files, and fetches the parts that the index names, safetensors and text alone, into the hub's own
cache. ``HF_ENDPOINT``, ``HF_HUB_CACHE``, ``HF_TOKEN`` and a person's ``HF_HUB_OFFLINE`` hold as everywhere. Everything
that can go wrong ends in one ``WamvizError``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wamviz.core.environment import offline
from wamviz.core.errors import WamvizError
from wamviz.models.diffusion.checkpoints import INDEX, HubName
from wamviz.models.diffusion.kinds import KINDS, Kind

Progress = Callable[[int, int, str], None]  # kB here, kB in all, file
TEXT = (".json", ".txt", ".model", ".jinja")
_VARIANT = re.compile(r"\.(fp16|bf16|fp32|non_ema|ema)[.-]")  # a second copy of the same weights
_SECONDS = 10.0
_lock = threading.Lock()


def fetch(name: HubName, kind: Kind, progress: Progress | None = None) -> str:
    """Fetch a checkpoint into the hub's cache and return its commit.

    Raises:
        WamvizError: no such checkpoint or revision; another kind; no access, network or room.
    """
    with _asked_for(), _explained(name):
        from huggingface_hub import HfApi, constants

        endpoint = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
        cache = os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE
        commit = _commit(name, endpoint)
        index = json.loads(Path(_file(name.repo, INDEX, commit, endpoint, cache)).read_text("utf-8"))
        if not isinstance(index, dict):
            raise ValueError("no dictionary")
        pipeline = str(index.get("_class_name"))
        if pipeline not in kind.accepts:  # before any gigabyte is fetched
            fits = [other.name for other in KINDS.values() if pipeline in other.accepts]
            hint = f"Use --kind {fits[0]}." if fits else f"Kind {kind.name} runs {' or '.join(kind.accepts)}."
            raise WamvizError(f"'{name}' holds a {pipeline[:60]}, which kind {kind.name} does not run.", hint)
        parts = [part for part, told in index.items() if isinstance(told, list) and told[1:] and told[1] is not None]
        tree = HfApi(endpoint=endpoint).list_repo_tree(name.repo, recursive=True, revision=commit)
        sizes = {str(entry.path): int(getattr(entry, "size", 0) or 0) for entry in tree if hasattr(entry, "size")}
        wanted = chosen(sizes, parts)
        total = sum(sizes[file] for file in wanted)
        _check_room(name, total, Path(cache))
        before = 0
        for file in wanted:
            _file(name.repo, file, commit, endpoint, cache, _bar(progress, before, total))
            before += sizes[file]
            if progress is not None:
                progress(before // 1000, max(1, total // 1000), file)
    return commit


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


def _commit(name: HubName, endpoint: str) -> str:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(name.repo, INDEX, revision=name.revision, endpoint=endpoint)
    found = get_hf_file_metadata(url, timeout=_SECONDS, endpoint=endpoint).commit_hash
    if found is None or re.fullmatch(r"[0-9a-f]{40}", found) is None:
        raise WamvizError(f"'{endpoint}' does not answer as the hub does.", "Check HF_ENDPOINT.")
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


def _bar(progress: Progress | None, before: int, total: int) -> Any:
    """What the hub's tool takes for a progress bar: it tells ``progress`` how much is here, and draws nothing."""
    from tqdm import tqdm

    class Told(tqdm):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(disable=True)
            self.here = before + int(options.get("initial") or 0)
            self.file = str(options.get("desc") or "")

        def update(self, n: float | None = 1) -> None:
            self.here += int(n or 0)
            if progress is not None:
                progress(self.here // 1000, max(self.here, total, 1000) // 1000, self.file)

    return Told


@contextmanager
def _asked_for() -> Iterator[None]:
    """Let the hub's tool ask inside the block; it reads its variables when it is imported, see ``environment``."""
    from huggingface_hub import constants

    names = ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_XET")
    with _lock:
        before = {name: getattr(constants, name) for name in names}
        constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET = offline(), True
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(constants, name, value)


@contextmanager
def _explained(name: HubName) -> Iterator[None]:
    """Turn what the hub's tool raises into one sentence, and what to do about it."""
    from huggingface_hub import errors

    login = "`hf auth login`, or HF_TOKEN"
    try:
        yield
    except WamvizError:
        raise
    except errors.GatedRepoError as error:
        hint = f"Accept its terms on its page on the hub, then log in ({login})."
        raise WamvizError(f"'{name.repo}' is gated, and you have no access yet.", hint) from error
    except errors.RepositoryNotFoundError as error:
        hint = f"Check OWNER/NAME; a private one needs you to log in ({login})."
        raise WamvizError(f"The hub has no model '{name.repo}' that you may see.", hint) from error
    except errors.RevisionNotFoundError as error:
        hint = "Give a branch, a tag or a whole commit."
        raise WamvizError(f"'{name.repo}' has no revision '{name.revision}'.", hint) from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        if offline():
            hint = "Unset HF_HUB_OFFLINE to download it once."
            raise WamvizError(f"HF_HUB_OFFLINE forbids asking the hub for '{name}'.", hint) from error
        raise _unreachable(name) from error
    except errors.EntryNotFoundError as error:
        hint = "Many models have a second repository for diffusers, often with -Diffusers at the end of its name."
        raise WamvizError(f"'{name}' is no checkpoint of diffusers: it has no {INDEX}.", hint) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        hint = f"Log in ({login})." if status in (401, 403) else "Try again later."
        raise WamvizError(f"The hub answered {status} for '{name.repo}'.", hint) from error
    except Exception as error:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if isinstance(error, ConnectionError | TimeoutError) or kinds & {"TransportError", "NetworkError"}:
            raise _unreachable(name) from error
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            raise WamvizError(
                f"'{name.repo}' cannot be kept: {reason}.", "HF_HUB_CACHE names another folder."
            ) from error
        if isinstance(error, ValueError):
            raise WamvizError(f"The {INDEX} of '{name}' cannot be read.") from error
        raise


def _unreachable(name: HubName) -> WamvizError:
    hint = "Check the network and HF_ENDPOINT; what was fetched before is kept, and fetching goes on from there."
    return WamvizError(f"The hub cannot be reached for '{name}'.", hint)
