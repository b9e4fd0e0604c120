"""LeRobot datasets on the hub, opened by name: ``hub:OWNER/NAME[@REVISION]``.

Contract: a network is asked only when such a name was given (``core.hub`` says how). It fetches the metadata, then the
rows and videos of one episode, into the hub's own cache, where a second opening finds them without any network.
``HF_ENDPOINT``, ``HF_HUB_CACHE``, ``HF_TOKEN`` and a person's ``HF_HUB_OFFLINE`` hold as everywhere. What is opened is
pinned to a commit. Everything that can go wrong ends in one ``WamvizError``. Decoding is left to ``lerobot``.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from wamviz.core.environment import offline
from wamviz.core.errors import WamvizError
from wamviz.core.hub import (
    COMMIT,
    HubName,
    Progress,
    Words,
    asking,
    cache_folder,
    commit_of,
    endpoint,
    explained,
    is_network,
    progress_bar,
)
from wamviz.datasets.lerobot import LeRobotDataset
from wamviz.datasets.meaning import Layout

FORM = "hub:OWNER/NAME[@REVISION]#EPISODE[@FRAME]"
INFO = "meta/info.json"
# What opening needs; stats are left where they are. The lists of episodes come last: once they are whole, all is.
FIRST = re.compile(r"meta/(tasks\.(parquet|jsonl)|modality\.json|wamviz\.json)")
LISTS = re.compile(r"meta/(episodes/.+\.parquet|episodes\.jsonl)")
MOST_LISTS = 5_000  # files of meta/episodes; 100,000 episodes have about 20
_NAME = re.compile(r"hub:([\w.-]{1,96}/[\w.-]{1,96})(?:@([\w./-]{1,200}))?")


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
    with asking(), explained(name, _WORDS):
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
        self.name, self.progress, self.told = name, progress, told
        self.endpoint, self.cache = endpoint(), cache_folder()
        self.offline = offline()
        self.commit = self._commit()
        self.folder = Path(self.fetch(INFO)).parents[1]

    def _commit(self) -> str:
        """The commit that the revision is now; without a network, the one it was when it was last here."""
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import OfflineModeIsEnabled

        repo, revision = self.name.repo, self.name.revision
        here = try_to_load_from_cache(repo, INFO, cache_dir=self.cache, revision=revision, repo_type="dataset")
        known = Path(here).parents[1].name if isinstance(here, str) else None
        if known is not None and (self.offline or COMMIT.fullmatch(revision)):
            return known
        if self.offline:
            raise OfflineModeIsEnabled("not in the cache")
        try:
            return commit_of(self.name, INFO, "dataset")
        except Exception as error:
            if known is None or not is_network(error):
                raise
            self.offline = True
            return known

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
                    tqdm_class=progress_bar(self.progress),
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
        if COMMIT.fullmatch(self.name.revision) or self.offline:
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


def _not_here(name: HubName) -> WamvizError:
    if offline():
        hint = "Unset HF_HUB_OFFLINE to download it once."
        return WamvizError(f"What is asked of '{name}' is not in the cache, and HF_HUB_OFFLINE forbids asking.", hint)
    hint = "Check the network and HF_ENDPOINT; what was opened before works without."
    return WamvizError(f"The hub cannot be reached, and what is asked of '{name}' is not in the cache.", hint)


def _no_dataset(name: HubName) -> WamvizError:
    hint = "Datasets of LeRobot v2.0, v2.1 and v3.0 can be opened by name; download others and give the folder."
    return WamvizError(f"'{name.repo}' is no LeRobot dataset: it has no {INFO}.", hint)


_WORDS = Words(
    "dataset",
    "Give a branch, a tag or a whole commit, or leave @REVISION out for 'main'.",
    absent=_no_dataset,
    unreachable=_not_here,
)
