"""What all look-ups on the hub share: a name, leave to ask, a commit, a progress bar, and errors in plain words.

Contract: the hub is asked only inside ``asking``, which is entered only for a name that somebody gave
(``hub:OWNER/NAME[@REVISION]``). ``HF_ENDPOINT``, ``HF_HUB_CACHE``, ``HF_TOKEN`` and a person's ``HF_HUB_OFFLINE`` hold
as everywhere. Everything that can go wrong ends in one ``WamvizError``. What is fetched is the caller's business.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from wamviz.core.environment import offline
from wamviz.core.errors import WamvizError

PREFIX = "hub:"
COMMIT = re.compile(r"[0-9a-f]{40}")
SECONDS = 10.0  # until a server that does not answer counts as none
LOGIN = "`hf auth login`, or HF_TOKEN"

Progress = Callable[[int, int, str], None]  # kB here, kB in all (0: not known), file


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
class Words:
    """What differs between the errors of those who ask.

    Attributes:
        what: ``dataset`` or ``model``.
        revision: what to do about a revision that is not there.
        absent: the error where the repository lacks a file that has to be there.
        unreachable: the error where nobody answers, or asking is forbidden.
    """

    what: str
    revision: str
    absent: Callable[[HubName], WamvizError]
    unreachable: Callable[[HubName], WamvizError]


def endpoint() -> str:
    """The hub's address, read now and not when its package was first imported."""
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def cache_folder() -> str:
    """The hub's own cache, likewise."""
    from huggingface_hub import constants

    return os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE


def commit_of(name: HubName, file: str, repo_type: str) -> str:
    """The commit that a revision is now; asks for the head of one ``file``."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    address = endpoint()
    url = hf_hub_url(name.repo, file, repo_type=repo_type, revision=name.revision, endpoint=address)
    found = get_hf_file_metadata(url, timeout=SECONDS, endpoint=address).commit_hash
    if found is None or COMMIT.fullmatch(found) is None:
        raise WamvizError(f"'{address}' does not answer as the hub does.", "Check HF_ENDPOINT.")
    return found


def progress_bar(progress: Progress | None, before: int = 0, total: int = 0) -> Any:
    """What the hub's tool takes for a progress bar: it tells ``progress`` and draws nothing.

    Args:
        progress: told of every step.
        before: bytes that were here before this file.
        total: bytes of all files; this file's own where it is 0.
    """
    from tqdm import tqdm

    class Told(tqdm):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(disable=True)
            self.all = total or int(options.get("total") or 0)
            self.here = before + int(options.get("initial") or 0)
            self.file = str(options.get("desc") or "")

        def update(self, n: float | None = 1) -> None:
            self.here += int(n or 0)
            if progress is not None:
                progress(self.here // 1000, max(self.all, self.here) // 1000, self.file)

    return Told


_lock = threading.Lock()
_asking: list[tuple[bool, bool]] = []  # an entry a block that asks; the first holds what was set before


@contextmanager
def asking() -> Iterator[None]:
    """Let the hub's tool ask inside the block: wamviz keeps it offline for all who did not give a name.

    The tool reads its variables when it is imported, so what it has read is changed for as long as somebody asks. Files
    come by plain HTTPS, which needs no second service beside the hub.
    """
    try:
        from huggingface_hub import constants
    except ImportError as error:
        raise WamvizError("Names of the hub need a package.", "Run: python -m pip install huggingface_hub") from error
    with _lock:
        before = (constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET)
        _asking.append(_asking[0] if _asking else before)
        constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET = offline(), True
    try:
        yield
    finally:
        with _lock:
            before = _asking.pop()
            if not _asking:
                constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET = before


@contextmanager
def explained(name: HubName, words: Words) -> Iterator[None]:
    """Turn what the hub's tool raises into one sentence, and what to do about it."""
    from huggingface_hub import errors

    try:
        yield
    except WamvizError:
        raise
    except errors.GatedRepoError as error:
        hint = f"Accept its terms on its page on the hub, then log in ({LOGIN})."
        raise WamvizError(f"'{name.repo}' is gated, and you have no access yet.", hint) from error
    except errors.RepositoryNotFoundError as error:
        hint = f"Check OWNER/NAME; a private one needs you to log in ({LOGIN})."
        raise WamvizError(f"The hub has no {words.what} '{name.repo}' that you may see.", hint) from error
    except errors.RevisionNotFoundError as error:
        raise WamvizError(f"'{name.repo}' has no revision '{name.revision}'.", words.revision) from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise words.unreachable(name) from error
    except errors.EntryNotFoundError as error:
        raise words.absent(name) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise WamvizError(f"The hub refuses access to '{name.repo}' ({status}).", f"Log in ({LOGIN}).") from error
        raise WamvizError(f"The hub answered {status} for '{name.repo}'.", "Try again later.") from error
    except Exception as error:
        if is_network(error):
            raise words.unreachable(name) from error
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            hint = "Check that the disk has room; HF_HUB_CACHE names another folder for downloads."
            raise WamvizError(f"'{name.repo}' cannot be kept: {reason}.", hint) from error
        raise


def is_network(error: BaseException) -> bool:
    """Whether nobody answered: the tool's HTTP library has changed its name before, so its errors are known by it."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, ConnectionError | TimeoutError) or bool(kinds & {"TransportError", "NetworkError"})
