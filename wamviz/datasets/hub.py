"""LeRobot datasets on the hub, opened by name: ``hub:OWNER/NAME[@REVISION]``.

Contract: the only place that asks a network, and only when such a name was given. It fetches the metadata, then the
rows and videos of one episode, into the hub's own cache, where a second opening finds them without any network.
``HF_ENDPOINT``, ``HF_HUB_CACHE``, ``HF_TOKEN`` and a person's ``HF_HUB_OFFLINE`` hold as everywhere. What is opened is
pinned to a commit. Everything that can go wrong ends in one ``WamvizError``. Decoding is left to ``lerobot``.
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
from wamviz.core.errors import WamvizError
from wamviz.datasets.lerobot import LeRobotDataset
from wamviz.datasets.meaning import Layout

PREFIX = "hub:"
FORM = "hub:OWNER/NAME[@REVISION]#EPISODE[@FRAME]"
INFO = "meta/info.json"
# What opening needs; stats are left where they are. The lists of episodes come last: once they are whole, all is.
FIRST = re.compile(r"meta/(tasks\.(parquet|jsonl)|modality\.json|wamviz\.json)")
LISTS = re.compile(r"meta/(episodes/.+\.parquet|episodes\.jsonl)")
MOST_LISTS = 5_000  # files of meta/episodes; 100,000 episodes have about 20
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"hub:([\w.-]{1,96}/[\w.-]{1,96})(?:@([\w./-]{1,200}))?")
_SECONDS = 10.0  # until a server that does not answer counts as none

Progress = Callable[[int, int, str], None]  # kB here, kB in all (0: not known), file


@dataclass(frozen=True)
class HubName:
    """A dataset on the hub.

    Attributes:
        repo: ``OWNER/NAME``.
        revision: a branch, a tag or a commit.
    """

    repo: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"{PREFIX}{self.repo}@{self.revision}"


def parse(text: str) -> HubName:
    """The dataset that ``hub:OWNER/NAME[@REVISION]`` names; nothing is asked.

    >>> parse("hub:lerobot/pusht@v3.0")
    HubName(repo='lerobot/pusht', revision='v3.0')
    """
    match = _NAME.fullmatch(text.strip())
    if match is None or any(part in ("..", ".") for part in re.split("/", f"{match[1]}/{match[2] or ''}")):
        raise WamvizError(f"'{text[:80]}' names no dataset on the hub.", f"Write {FORM}.")
    return HubName(match[1], match[2] or "main")


def open_hub(
    text: str, episode: int | None = None, progress: Progress | None = None, told: Layout | None = None
) -> LeRobotDataset:
    """Open a dataset of the hub: its metadata and, where one is named, the files of one episode.

    Args:
        text: ``hub:OWNER/NAME[@REVISION]``.
        episode: whose rows and videos are fetched as well.
        progress: called while a file comes in; what it raises ends the download, which a later call goes on with.
        told: a person's correction of what the numbers mean.

    Raises:
        WamvizError: no such dataset, revision or episode; no access; no LeRobot dataset; no network and no copy here.
    """
    name = parse(text)
    with _asked_for(), _explained(name):
        there = _Remote(name, progress, told)
        dataset = there.metadata()
        if episode is not None:
            for file in dataset.files_of(episode):
                there.fetch(file, needed=False)  # a camera may be declared and have no files; the reader says so
            dataset = there.opened()
        return dataset


class _Remote:
    """One dataset at one commit, in the hub's cache."""

    def __init__(self, name: HubName, progress: Progress | None, told: Layout | None = None) -> None:
        from huggingface_hub import constants

        self.name, self.progress, self.told = name, progress, told
        # Read now and not when the package was first imported.
        self.endpoint = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
        self.cache = os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE
        self.offline = offline()
        self.commit = self._commit()
        self.folder = Path(self.fetch(INFO)).parents[1]

    def _commit(self) -> str:
        """The commit that the revision is now; without a network, the one it was when it was last here."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
        from huggingface_hub.errors import OfflineModeIsEnabled

        repo, revision = self.name.repo, self.name.revision
        here = try_to_load_from_cache(repo, INFO, cache_dir=self.cache, revision=revision, repo_type="dataset")
        known = Path(here).parents[1].name if isinstance(here, str) else None
        if known is not None and (self.offline or _COMMIT.fullmatch(revision)):
            return known
        if self.offline:
            raise OfflineModeIsEnabled("not in the cache")
        url = hf_hub_url(repo, INFO, repo_type="dataset", revision=revision, endpoint=self.endpoint)
        try:
            found = get_hf_file_metadata(url, timeout=_SECONDS, endpoint=self.endpoint).commit_hash
        except Exception as error:
            if known is None or not _is_network(error):
                raise
            self.offline = True
            return known
        if found is None or _COMMIT.fullmatch(found) is None:
            raise WamvizError(f"'{self.endpoint}' does not answer as the hub does.", "Check HF_ENDPOINT.")
        return found

    def fetch(self, file: str, *, needed: bool = True) -> str:
        """The path of a file in the cache, downloaded where it is not there yet; "" for one that is not needed."""
        from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download, try_to_load_from_cache
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

        if not needed:
            place = {"cache_dir": self.cache, "revision": self.commit, "repo_type": "dataset"}
            if try_to_load_from_cache(self.name.repo, file, **place) is _CACHED_NO_EXIST:
                return ""  # asked before: this commit will never have it
        try:
            return str(
                hf_hub_download(
                    self.name.repo,
                    file,
                    repo_type="dataset",
                    revision=self.commit,
                    cache_dir=self.cache,
                    endpoint=self.endpoint,
                    local_files_only=self.offline,
                    tqdm_class=_bar(self.progress),
                )
            )
        except EntryNotFoundError as error:
            if needed or isinstance(error, LocalEntryNotFoundError):
                raise
            return ""

    def metadata(self) -> LeRobotDataset:
        """The dataset with all of its metadata."""
        with suppress(WamvizError):  # what is missing or cut short is fetched below
            dataset = self.opened()
            if len(dataset) == dataset.info.get("total_episodes"):
                self._link_revision()
                return dataset
        if not self.offline:
            listed = self._listed()
            for file in (*filter(FIRST.fullmatch, listed), *filter(LISTS.fullmatch, listed)):
                self.fetch(file)
        self._link_revision()
        return self.opened()

    def _listed(self) -> list[str]:
        """The names of the files below ``meta``, in order."""
        from huggingface_hub import HfApi

        names: list[str] = []
        tree = HfApi(endpoint=self.endpoint).list_repo_tree(
            self.name.repo, "meta", recursive=True, revision=self.commit, repo_type="dataset"
        )
        for entry in tree:
            names.append(str(entry.path))
            if len(names) > MOST_LISTS:
                raise WamvizError(f"'{self.name.repo}' has more than {MOST_LISTS} files of metadata.")
        return sorted(names)

    def _link_revision(self) -> None:
        """Note which commit a branch or tag is, as the hub's own tool does, so that its name works without network."""
        if _COMMIT.fullmatch(self.name.revision) or self.offline:
            return
        note = self.folder.parents[1] / "refs" / self.name.revision
        with suppress(OSError):  # a cache that cannot be written still holds the dataset
            note.parent.mkdir(parents=True, exist_ok=True)
            if not note.is_file() or note.read_text() != self.commit:
                note.write_text(self.commit)

    def opened(self) -> LeRobotDataset:
        """The dataset as far as it is here, called by its commit."""
        return _opened(self.folder, HubName(self.name.repo, self.commit), self.told)


def again(dataset: LeRobotDataset, told: Layout) -> LeRobotDataset:
    """A dataset of the hub with a person's correction, from what is here of it; nothing is asked."""
    return _opened(dataset.root, parse(dataset.name), told)


def _opened(folder: Path, name: HubName, told: Layout | None) -> LeRobotDataset:
    dataset = LeRobotDataset(folder, name=str(name), told=told)
    dataset.absent = "Not downloaded yet; choosing it fetches its files."
    if "title" not in dataset.manifest:
        dataset.title = name.repo  # the folder is called like the commit
    return dataset


def _bar(progress: Progress | None) -> Any:
    """What the hub's tool takes for a progress bar: it tells ``progress`` and draws nothing."""
    from tqdm import tqdm

    class Told(tqdm):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(disable=True)
            self.all, self.here = int(options.get("total") or 0), int(options.get("initial") or 0)
            self.file = str(options.get("desc") or "")

        def update(self, n: float | None = 1) -> None:
            self.here += int(n or 0)
            if progress is not None:
                progress(self.here // 1000, max(self.all, self.here) // 1000, self.file)

    return Told


_lock = threading.Lock()


@contextmanager
def _asked_for() -> Iterator[None]:
    """Let the hub's tool ask inside the block: wamviz keeps it offline for all who did not give a name.

    The tool reads its variables when it is imported, so what it has read is changed for the time of the block. Files
    come by plain HTTPS, which needs no second service beside the hub.
    """
    try:
        from huggingface_hub import constants
    except ImportError as error:
        raise WamvizError("Names of the hub need a package.", "Run: python -m pip install huggingface_hub") from error
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
        raise WamvizError(f"The hub has no dataset '{name.repo}' that you may see.", hint) from error
    except errors.RevisionNotFoundError as error:
        hint = "Give a branch, a tag or a whole commit, or leave @REVISION out for 'main'."
        raise WamvizError(f"'{name.repo}' has no revision '{name.revision}'.", hint) from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise _not_here(name) from error
    except errors.EntryNotFoundError as error:
        hint = "Datasets of LeRobot v2.0, v2.1 and v3.0 can be opened by name; download others and give the folder."
        raise WamvizError(f"'{name.repo}' is no LeRobot dataset: it has no {INFO}.", hint) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise WamvizError(f"The hub refuses access to '{name.repo}' ({status}).", f"Log in ({login}).") from error
        raise WamvizError(f"The hub answered {status} for '{name.repo}'.", "Try again later.") from error
    except Exception as error:
        if _is_network(error):
            raise _not_here(name) from error
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            hint = "Check that the disk has room; HF_HUB_CACHE names another folder for downloads."
            raise WamvizError(f"'{name.repo}' cannot be kept: {reason}.", hint) from error
        raise


def _not_here(name: HubName) -> WamvizError:
    if offline():
        hint = "Unset HF_HUB_OFFLINE to download it once."
        return WamvizError(f"What is asked of '{name}' is not in the cache, and HF_HUB_OFFLINE forbids asking.", hint)
    hint = "Check the network and HF_ENDPOINT; what was opened before works without."
    return WamvizError(f"The hub cannot be reached, and what is asked of '{name}' is not in the cache.", hint)


def _is_network(error: BaseException) -> bool:
    """Whether nobody answered: the tool's HTTP library has changed its name before, so its errors are known by it."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, ConnectionError | TimeoutError) or bool(kinds & {"TransportError", "NetworkError"})
