"""Formats that robots' data come in and that cannot be read here: known by name, with what converts them.

Most keep pickles, which run whatever their maker wrote into them, or need a library of their own. The converters are
those of the formats' own projects or of LeRobot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wamviz.core.errors import InvalidInput, WamvizError
from wamviz.datasets.files import MAX_DEPTH, entries

MOST_LOOKED_AT = 400  # files and folders


@dataclass(frozen=True)
class UnreadableFormat:
    """A format that is only recognized.

    Attributes:
        title: what people call it.
        sign: whether a file or folder belongs to it, by its name.
        why: what stands in the way.
        convert: what makes of it a dataset that can be read.
        whole: whether what can be read in such a folder is only a part of its episodes.
    """

    title: str
    sign: Callable[[Path], bool]
    why: str
    convert: str
    whole: bool = False

    def __post_init__(self) -> None:
        if not self.convert:
            raise InvalidInput(f"'{self.title}' needs a way out.")


def _suffix(*suffixes: str) -> Callable[[Path], bool]:
    return lambda path: path.is_file() and path.name.lower().endswith(suffixes)


UNREADABLE = (
    UnreadableFormat(
        "BridgeData V2, raw",
        lambda path: path.name in ("policy_out.pkl", "obs_dict.pkl", "agent_data.pkl"),
        "it keeps its numbers in pickles, which are never opened",
        "Take the RLDS version (bridge_dataset), or convert it with rail-berkeley's bridge_data_v2/data_processing.",
        whole=True,
    ),
    UnreadableFormat(
        "AgiBot World",
        lambda path: path.name == "proprio_stats.h5" or (path.name == "task_info" and path.is_dir()),
        "its rows, videos and tasks lie in three trees",
        "Convert it with LeRobot's examples/port_datasets or OpenDriveLab's agibot_to_lerobot.",
        whole=True,
    ),
    UnreadableFormat(
        "MCAP",
        _suffix(".mcap"),
        "its messages are described by schemas of their own",
        "Convert it to LeRobot or MP4 and CSV with the mcap command line (mcap convert) and ros2's rosbag tools.",
    ),
    UnreadableFormat(
        "a ROS bag",
        _suffix(".bag", ".db3"),
        "its messages are described by the robot's own packages",
        "Convert it to LeRobot, or to one MP4 a camera and a CSV, with the rosbags package.",
    ),
    UnreadableFormat(
        "RLDS in ArrayRecord files",
        lambda path: ".array_record-" in path.name,
        "ArrayRecord needs its own library",
        "Prepare the dataset again with tfds and file_format='tfrecord'.",
    ),
    UnreadableFormat(
        "LeRobot v1",
        lambda path: path.name == "meta_data" and path.is_dir(),
        "versions before 2.0 keep their rows in another form",
        "Convert it with lerobot's convert_dataset_v1_to_v2.",
    ),
    UnreadableFormat(
        "ZED recordings",
        _suffix(".svo", ".svo2"),
        "only the ZED SDK decodes them",
        "Convert them to MP4 with droid's scripts/convert/svo_to_mp4.py.",
    ),
    UnreadableFormat(
        "WebDataset",
        lambda path: path.is_file() and path.suffix == ".tar",
        "what a sample means is not in the archive",
        "Unpack the archives, and say with wamviz.json which video and table belong together.",
    ),
    UnreadableFormat(
        "pickles",
        _suffix(".pkl", ".pickle", ".pt", ".pth"),
        "opening one runs whatever its maker wrote into it",
        "Write the numbers as .npz or .csv and the pictures as MP4, and put them together with wamviz.json.",
    ),
)


def name_unreadable(path: Path, whole: bool = False) -> WamvizError | None:
    """The error for a folder of a known format that cannot be read here, or None for any other.

    Args:
        whole: look only for formats of which a part could be taken for a dataset of its own.
    """
    held = list(_below(path))
    for kind in UNREADABLE:
        if whole and not kind.whole:
            continue
        sign = next((one for one in held if kind.sign(one)), None)
        if sign is not None:
            where = sign.relative_to(path).as_posix() if sign != path else path.name
            return InvalidInput(
                f"'{path.name or path}' is {kind.title} ('{where}'), which cannot be read here: {kind.why}.",
                kind.convert,
            )
    return None


def _below(path: Path) -> Iterator[Path]:
    """A file or folder and what lies in it, breadth first, at most a few levels deep."""
    level, seen = [path], 0
    yield path
    for _ in range(MAX_DEPTH + 3):  # Bridge's raw data lie six folders deep
        below = []
        for folder in level:
            if not folder.is_dir() or folder.is_symlink():
                continue
            for child in entries(folder):
                if seen >= MOST_LOOKED_AT:
                    return
                seen += 1
                yield child
                below.append(child)
        level = below
