"""The hub, asked only when a person has named something there: one client for datasets and for checkpoints.

Contract: files come one by one into the hub's own cache, where a second opening finds them without any network, and all
of them from the commit that the first one is at. ``HF_ENDPOINT``, ``HF_HUB_CACHE``, ``HF_TOKEN`` and a person's
``HF_HUB_OFFLINE`` hold as everywhere. Everything that can go wrong ends in one ``WamvizError``. It loads nothing before
it is used. ``snapshot_download`` is not used: it lists a whole repository first (a dataset may have hundreds of
thousands of files), and its threads finish their files before an interrupted download ends.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wamviz.core.environment import offline
from wamviz.core.errors import InvalidInput, NotFound, Unavailable, WamvizError

PREFIX = "hub:"
Progress = Callable[[int, int, str], None]  # kB here, kB in all (0: not known), file
_LOGIN = "`hf auth login`, or HF_TOKEN"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SECONDS = 10.0  # until a server that does not answer counts as none


@dataclass(frozen=True)
class HubName:
    """Something on the hub.

    Attributes:
        repo: ``OWNER/NAME``.
        revision: a branch, a tag or a commit.
    """

    repo: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"{PREFIX}{self.repo}@{self.revision}"


@dataclass(frozen=True)
class RepoKind:
    """What is looked for in a repository.

    Attributes:
        repo_type: as the hub calls it, ``dataset`` or ``model``.
        title: what it is, for people.
        first: the file that every one of them has.
        hint: what to do about a repository without that file.
    """

    repo_type: str
    title: str
    first: str
    hint: str


@contextmanager
def repository(name: HubName, kind: RepoKind, progress: Progress | None = None) -> Iterator[Repository]:
    """Ask the hub for what is named, inside the block; its first file is there already.

    Raises:
        WamvizError: from the block: no such repository or revision; no access; no network and no copy here.
    """
    with _asking(), _explained(name, kind):
        yield Repository(name, kind, progress)


_lock = threading.Lock()
_set_before: list[tuple[bool, bool]] = []  # an entry a block that asks; the first holds what was set before


@contextmanager
def _asking() -> Iterator[None]:
    """Let the hub's tool ask inside the block: wamviz keeps it offline for all who did not give a name.

    The tool reads its variables when it is imported, so what it has read is changed for as long as somebody asks. Files
    come by plain HTTPS, which needs no second service beside the hub.
    """
    try:
        from huggingface_hub import constants
    except ImportError as error:
        raise Unavailable("Names of the hub need a package.", "Run: python -m pip install huggingface_hub") from error
    with _lock:
        before = constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET
        _set_before.append(_set_before[0] if _set_before else before)
        constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET = offline(), True
    try:
        yield
    finally:
        with _lock:
            before = _set_before.pop()
            if not _set_before:
                constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET = before


class Repository:
    """One repository at one commit, in the hub's cache: ``folder`` is where, ``commit`` which."""

    def __init__(self, name: HubName, kind: RepoKind, progress: Progress | None) -> None:
        from huggingface_hub import constants

        self.name, self.kind, self.progress = name, kind, progress
        # Read now and not when the package was first imported.
        self.endpoint = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
        self.cache = os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE
        self.offline = offline()
        self.commit = self._commit()
        self.folder = Path(self.fetch(kind.first)).parents[kind.first.count("/")]

    def _commit(self) -> str:
        """The commit that the revision is now; without a network, the one it was when it was last here."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
        from huggingface_hub.errors import OfflineModeIsEnabled

        repo, first, revision, sort = self.name.repo, self.kind.first, self.name.revision, self.kind.repo_type
        here = try_to_load_from_cache(repo, first, cache_dir=self.cache, revision=revision, repo_type=sort)
        known = Path(here).parents[first.count("/")].name if isinstance(here, str) else None
        if known is not None and (self.offline or _COMMIT.fullmatch(revision)):
            return known
        if self.offline:
            raise OfflineModeIsEnabled("not in the cache")
        url = hf_hub_url(repo, first, repo_type=sort, revision=revision, endpoint=self.endpoint)
        try:  # asked once: the tool's downloads would try a hub that does not answer again and again
            found = get_hf_file_metadata(url, timeout=_SECONDS, endpoint=self.endpoint).commit_hash
        except Exception as error:
            if known is None or not _is_network(error):
                raise
            self.offline = True
            return known
        if found is None or _COMMIT.fullmatch(found) is None:
            raise Unavailable(f"'{self.endpoint}' does not answer as the hub does.", "Check HF_ENDPOINT.")
        return found

    def keep_name(self) -> None:
        """Note which commit a branch or tag is, as the hub's own tool does, so that its name works without network."""
        if _COMMIT.fullmatch(self.name.revision) or self.offline:
            return
        note = self.folder.parents[1] / "refs" / self.name.revision
        with suppress(OSError):  # a cache that cannot be written still holds the files
            note.parent.mkdir(parents=True, exist_ok=True)
            if not note.is_file() or note.read_text() != self.commit:
                note.write_text(self.commit)

    def fetch(self, file: str, *, needed: bool = True, before: int = 0, total: int = 0) -> str:
        """The path of a file in the cache, downloaded where it is not there yet; "" for one that is not needed.

        Args:
            before, total: bytes of other files that came before it, and of all, for ``progress``.
        """
        from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download, try_to_load_from_cache
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

        place: dict[str, Any] = {"cache_dir": self.cache, "revision": self.commit, "repo_type": self.kind.repo_type}
        if not needed and try_to_load_from_cache(self.name.repo, file, **place) is _CACHED_NO_EXIST:
            return ""  # asked before: this commit will never have it
        place |= {"endpoint": self.endpoint, "local_files_only": self.offline}
        try:
            return str(hf_hub_download(self.name.repo, file, tqdm_class=_bar(self.progress, before, total), **place))
        except EntryNotFoundError as error:
            if needed or isinstance(error, LocalEntryNotFoundError):
                raise
            return ""

    def sizes(self, folder: str | None = None) -> Iterator[tuple[str, int]]:
        """The name and the bytes of every file below a folder, asked for page by page."""
        from huggingface_hub import HfApi

        tree = HfApi(endpoint=self.endpoint).list_repo_tree(
            self.name.repo, folder, recursive=True, revision=self.commit, repo_type=self.kind.repo_type
        )
        for entry in tree:
            if hasattr(entry, "size"):
                yield str(entry.path), int(entry.size or 0)


def _bar(progress: Progress | None, before: int, total: int) -> Any:
    """What the hub's tool takes for a progress bar: it tells ``progress`` and draws nothing."""
    from tqdm import tqdm

    class Told(tqdm):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(disable=True)
            self.here = before + int(options.get("initial") or 0)
            self.all = total or before + int(options.get("total") or 0)
            self.file = str(options.get("desc") or "")

        def update(self, n: float | None = 1) -> None:
            self.here += int(n or 0)
            if progress is not None:
                progress(self.here // 1000, max(self.all, self.here) // 1000, self.file)

    return Told


@contextmanager
def _explained(name: HubName, kind: RepoKind) -> Iterator[None]:
    """Turn what the hub's tool raises into one sentence, and what to do about it."""
    from huggingface_hub import errors

    try:
        yield
    except WamvizError:
        raise
    except errors.GatedRepoError as error:
        hint = f"Accept its terms on its page on the hub, then log in ({_LOGIN})."
        raise Unavailable(f"'{name.repo}' is gated, and you have no access yet.", hint) from error
    except errors.RepositoryNotFoundError as error:
        hint = f"Check OWNER/NAME; a private one needs you to log in ({_LOGIN})."
        raise NotFound(f"The hub has no {kind.repo_type} '{name.repo}' that you may see.", hint) from error
    except errors.RevisionNotFoundError as error:
        hint = "Give a branch, a tag or a whole commit; 'main' is the usual one."
        raise NotFound(f"'{name.repo}' has no revision '{name.revision}'.", hint) from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise _not_here(name) from error
    except errors.EntryNotFoundError as error:
        raise InvalidInput(f"'{name.repo}' is no {kind.title}: it has no {kind.first}.", kind.hint) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise Unavailable(f"The hub refuses access to '{name.repo}' ({status}).", f"Log in ({_LOGIN}).") from error
        raise Unavailable(f"The hub answered {status} for '{name.repo}'.", "Try again later.") from error
    except Exception as error:
        if _is_network(error):
            raise _not_here(name) from error
        if isinstance(error, OSError):
            hint = "Check that the disk has room; HF_HUB_CACHE names another folder for downloads."
            raise Unavailable(f"'{name.repo}' cannot be kept: {error.strerror or error}.", hint) from error
        raise


def _not_here(name: HubName) -> WamvizError:
    if offline():
        hint = "Unset HF_HUB_OFFLINE to download it once."
        return Unavailable(f"What is asked of '{name}' is not in the cache, and HF_HUB_OFFLINE forbids asking.", hint)
    hint = "Check the network and HF_ENDPOINT; what was fetched before is kept, and works without."
    return Unavailable(f"The hub cannot be reached for what is not in the cache of '{name}'.", hint)


def _is_network(error: BaseException) -> bool:
    """Whether nobody answered: the tool's HTTP library has changed its name before, so its errors are known by it."""
    names = {cls.__name__ for cls in type(error).__mro__}
    return isinstance(error, ConnectionError | TimeoutError) or bool(names & {"TransportError", "NetworkError"})
