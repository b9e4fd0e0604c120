"""LeRobot datasets on the hub, opened by name: ``hub:OWNER/NAME[@REVISION]``.

Contract: nothing is asked before such a name is given, see ``core.hub``. It fetches the metadata, then the rows and
videos of one episode. What is opened is pinned to a commit. Decoding is left to ``lerobot``.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from wamviz.core.errors import InvalidInput, Unsafe, WamvizError
from wamviz.core.hub import PREFIX, HubName, Progress, RepoKind, Repository, repository
from wamviz.datasets.formats.lerobot import LeRobotDataset
from wamviz.datasets.override import ActionSpaceOverride

FORM = f"{PREFIX}OWNER/NAME[@REVISION]#EPISODE[@FRAME]"
# What opening needs; stats are left where they are. The lists of episodes come last: once they are whole, all is.
FIRST = re.compile(r"meta/(tasks\.(parquet|jsonl)|modality\.json|wamviz\.json)")
LISTS = re.compile(r"meta/(episodes/.+\.parquet|episodes\.jsonl)")
MOST_LISTS = 5_000  # files of meta/episodes; 100,000 episodes have about 20
_NAME = re.compile(r"hub:([\w.-]{1,96}/[\w.-]{1,96})(?:@([\w./-]{1,200}))?")
_KIND = RepoKind(
    "dataset",
    "LeRobot dataset",
    "meta/info.json",
    "Datasets of LeRobot v2.0, v2.1 and v3.0 can be opened by name; download others and give the folder.",
)


def parse_name(text: str) -> HubName:
    """The dataset that ``hub:OWNER/NAME[@REVISION]`` names; nothing is asked.

    >>> parse_name("hub:lerobot/pusht@v3.0")
    HubName(repo='lerobot/pusht', revision='v3.0')
    """
    match = _NAME.fullmatch(text.strip())
    if match is None or any(part in ("..", ".") for part in re.split("/", f"{match[1]}/{match[2] or ''}")):
        raise InvalidInput(f"'{text[:80]}' names no dataset on the hub.", f"Write {FORM}.")
    return HubName(match[1], match[2] or "main")


def open_hub(
    text: str, episode: int | None = None, progress: Progress | None = None, override: ActionSpaceOverride | None = None
) -> LeRobotDataset:
    """Open a dataset of the hub: its metadata and, where one is named, the files of one episode.

    Args:
        text: ``hub:OWNER/NAME[@REVISION]``.
        episode: whose rows and videos are fetched as well.
        progress: called while a file comes in; what it raises ends the download, which a later call goes on with.
        override: a person's correction of what the numbers mean.

    Raises:
        WamvizError: no such dataset, revision or episode; no access; no LeRobot dataset; no network and no copy here.
    """
    with repository(parse_name(text), _KIND, progress) as there:
        dataset = _metadata(there, override)
        if episode is not None:
            for file in dataset.files_of(episode):
                there.fetch(file, needed=False)  # a camera may be declared and have no files; the reader says so
            dataset = _opened(there.folder, HubName(there.name.repo, there.commit), override)
        return dataset


def _metadata(there: Repository, override: ActionSpaceOverride | None) -> LeRobotDataset:
    """The dataset with all of its metadata, called by its commit."""
    name = HubName(there.name.repo, there.commit)
    with suppress(WamvizError):  # what is missing or cut short is fetched below
        dataset = _opened(there.folder, name, override)
        if len(dataset) == dataset.info.get("total_episodes"):
            there.keep_name()
            return dataset
    if not there.offline:
        listed: list[str] = []
        for file, _ in there.sizes("meta"):
            listed.append(file)
            if len(listed) > MOST_LISTS:
                raise Unsafe(f"'{name.repo}' has more than {MOST_LISTS} files of metadata.")
        for file in (*filter(FIRST.fullmatch, sorted(listed)), *filter(LISTS.fullmatch, sorted(listed))):
            there.fetch(file)
    there.keep_name()
    return _opened(there.folder, name, override)


def reopen(dataset: LeRobotDataset, override: ActionSpaceOverride) -> LeRobotDataset:
    """A dataset of the hub with a person's correction, from what is here of it; nothing is asked."""
    return _opened(dataset.root, parse_name(dataset.name), override)


def _opened(folder: Path, name: HubName, override: ActionSpaceOverride | None) -> LeRobotDataset:
    dataset = LeRobotDataset(folder, name=str(name), override=override)
    dataset.absent = "Not downloaded yet; choosing it fetches its files."
    if "title" not in dataset.manifest:
        dataset.title = name.repo  # the folder is called like the commit
    return dataset
