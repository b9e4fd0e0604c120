"""LeRobot v2.0, v2.1 and v3.0: ``dataset`` is what the rest of wamviz knows, ``layout`` is shared with the writer."""

from __future__ import annotations

from wamviz.datasets.format import DatasetFormat
from wamviz.datasets.formats.lerobot.dataset import LeRobotDataset
from wamviz.datasets.formats.lerobot.episode import LeRobotEpisode

FORMAT = DatasetFormat(
    "LeRobot v2.0, v2.1, v3.0",
    "meta/info.json",
    lambda path: (path / "meta/info.json").is_file(),
    LeRobotDataset,
    20,
)

__all__ = ["FORMAT", "LeRobotDataset", "LeRobotEpisode"]
