"""Read RLDS episodes (TFDS folders of TFRecord shards), without TensorFlow.

Contract: opening reads ``dataset_info.json`` and file names; an episode reads one record, its pictures are decoded one
by one. The shapes come from the data themselves, not from ``features.json``, whose descriptions are often template text
and whose ``has_image`` flags are often wrong. The rate is not in the files: known datasets have theirs, others say so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from wamviz.core.action_spaces import BRIDGE
from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.media import read_image
from wamviz.core.rollout import ActionSpace, Floats, Frames, check_floats
from wamviz.datasets.action_semantics import ActionSpaceOverride, infer_action_space
from wamviz.datasets.containers.tfrecord import Feature, read_example, record_offsets
from wamviz.datasets.files import contained, entries, read_json
from wamviz.datasets.indexed import ListedDataset
from wamviz.datasets.protocol import Numbers, RecordedEpisode, Recording

RATES = {"bridge": 5.0, "droid": 15.0, "fractal20220817": 3.0, "taco_play": 15.0, "language_table": 10.0}  # Hz
UNKNOWN_RATE = 10.0
MAX_SHARD_EPISODES = 10_000_000
PICTURE = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
STATE_KEYS = ("steps/observation/state", "steps/observation/proprio", "steps/observation/proprioception")
TEXT_KEYS = (
    "steps/language_instruction", "steps/observation/natural_language_instruction", "language_instruction",
    "steps/language_instruction_2", "steps/language_instruction_3", "steps/observation/instruction",
    "steps/observation/language_instruction", "steps/instruction", "episode_metadata/language_instruction",
    "episode_metadata/instruction",
)  # fmt: skip
BRIDGE_STATE = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")
_SHARD = re.compile(
    r"(?P<stem>.+)-(?P<split>[A-Za-z0-9_]+)\.(tfrecord|array_record)-(?P<number>\d{5,6})-of-(?P<of>\d{5,6})"
)
# As other tools than TFDS write them: train-00000-of-00004.tfrecord, data.tfrecord.
_LOOSE = re.compile(
    r"(?P<stem>)(?P<split>[\w.]*?)[-_]?(?:(?P<number>\d{1,6})(?:-of-(?P<of>\d{1,6}))?)?\.(?P<kind>tfrecords?|tfrec)"
)


@dataclass(frozen=True)
class Shard:
    """One file of a split: ``count`` episodes, None while only the file itself knows; ``path`` is None when absent."""

    split: str
    number: int
    count: int | None
    path: Path | None


class RldsDataset(ListedDataset):
    """A TFDS folder: ``dataset_info.json`` and shards named ``NAME-SPLIT.tfrecord-00000-of-00004``."""

    format = "RLDS (TFRecord)"

    def __init__(self, root: Path, name: str, override: ActionSpaceOverride) -> None:
        super().__init__(root, name, override)
        self._info = self._read_info()
        self.set_name = str(self._info.get("name") or next((m["stem"] for _, m in shard_files(root)), "") or root.name)
        if re.fullmatch(r"\d+\.\d+\.\d+", self.title):
            self.title = f"{self.set_name} {self.title}"  # the folder is only called after the version
        self._where: list[tuple[Shard, int]] = []
        self._damaged: list[str] = []
        shards = self._shards()
        for shard in shards:
            count = shard.count
            if count is None:
                try:
                    count = len(_offsets(shard.path)[0]) if shard.path else 0
                except WamvizError as error:
                    if len(shards) == 1:
                        raise
                    self._damaged.append(str(error))
                    count = 0
            self._where += [(shard, place) for place in range(count)]
        self.indices = tuple(range(len(self._where)))
        self._here = tuple(i for i, (shard, _) in enumerate(self._where) if shard.path is not None)
        known = next((rate for key, rate in RATES.items() if key in self.set_name.lower()), None)
        self.rate = override.fps or override.rate or known or UNKNOWN_RATE
        self._rate_known = bool(override.fps or override.rate or known)

    def _read_info(self) -> dict[str, Any]:
        path = self.root / "dataset_info.json"
        return read_json(contained(self.root, path)) if path.is_file() else {}

    def _shards(self) -> list[Shard]:
        """Every shard that the metadata lists or the folder holds, in order."""
        files = {(m["split"] or "all", int(m["number"] or 0)): path for path, m in shard_files(self.root)}
        for path in files.values():
            contained(self.root, path)
        shards = []
        splits = self._info.get("splits", [])
        for split in splits if isinstance(splits, list) else []:
            lengths = split.get("shardLengths") if isinstance(split, dict) else None
            if not isinstance(lengths, list):
                continue  # old versions did not tell; the files do
            for number, told in enumerate(lengths):
                if not str(told).isdigit() or int(told) > MAX_SHARD_EPISODES:
                    raise WamvizError(f"dataset_info.json says that a shard holds {told!r} episodes.")
                name = str(split.get("name"))
                shards.append(Shard(name, number, int(told), files.get((name, number))))
        if sum(shard.count or 0 for shard in shards) > MAX_SHARD_EPISODES:
            raise WamvizError("dataset_info.json lists more than 10 million episodes.")
        told_of = {shard.split for shard in shards}
        return shards + [Shard(split, number, None, path) for (split, number), path in sorted(files.items())
                         if split not in told_of]  # fmt: skip

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"{shard.split}/{shard.number}:{place}" for shard, place in self._where)

    @property
    def available(self) -> tuple[int, ...]:
        return self._here

    @property
    def missing(self) -> tuple[str, ...]:
        said = (
            ()
            if self._rate_known
            else (
                f"The rate is not in these files; {UNKNOWN_RATE:g} Hz is taken. Say it with a layout in wamviz.json.",
            )
        )
        cut = [problem for shard, place in self._where if place == 0 and shard.path for problem in _cut(shard.path)]
        return (*super().missing, *said, *self._damaged, *cut)

    def _open(self, index: int) -> RecordedEpisode:
        shard, place = self._where[index]
        assert shard.path is not None  # it is one of the available
        offsets, problems = _offsets(shard.path)
        if place >= len(offsets):
            why = " ".join(problems) or "The metadata do not belong to it."
            raise WamvizError(f"'{shard.path.name}' holds {len(offsets)} episodes, not {shard.count}.",
                              f"{why} Download it again.")  # fmt: skip
        example = read_example(shard.path, *offsets[place], place)
        views, missing = _views(example)
        steps = _steps(example, views, missing)
        space, actions, why = self._actions(example, steps, missing)
        self.meaning = why
        states = _tried(example, self._state_key(example), steps, missing)
        rewards = example.get("steps/reward")
        success = True if isinstance(rewards, np.ndarray) and len(rewards) and rewards.max() > 0 else None
        numbers = Numbers(actions, states, success)  # a reward of 0 is also what a demonstration without rewards has
        bridge = space is not None and space.names == BRIDGE.names and states is not None and states.shape[1] == 7
        return RecordedEpisode(
            Recording(
                self.title, index, _text(example), self.rate, self.source(index), steps, views, lambda: numbers, space,
                {"label": self.labels[index]}, BRIDGE_STATE if bridge else (), tuple(missing),
            )
        )  # fmt: skip

    def _state_key(self, example: dict[str, Feature]) -> str | None:
        if self.override.states:
            if self.override.states not in example:
                raise unknown_name("column for the states", self.override.states, example)
            return self.override.states
        return next((key for key in STATE_KEYS if key in example), None)

    def _actions(
        self, example: dict[str, Feature], steps: int, missing: list[str]
    ) -> tuple[ActionSpace | None, Floats | None, str]:
        """(K, A) actions, put together from their parts where the dataset keeps several."""
        told = self.override.actions
        if told is not None and told not in example:
            raise unknown_name("column for the actions", told, example)
        keys = [told] if told else ["steps/action"] if "steps/action" in example else sorted(
            key for key, value in example.items() if key.startswith("steps/action/") and isinstance(value, np.ndarray)
            and value.dtype == np.float32 and len(value) and len(value) % steps == 0
        )  # fmt: skip
        parts = [(key, part) for key in keys if (part := _tried(example, key, steps, missing)) is not None]
        if len(parts) < max(1, len(keys)):
            return None, None, "There are no actions."
        actions = np.concatenate([part for _, part in parts], axis=1)
        names: tuple[str, ...] = ()
        if len(parts) > 1:
            spread = [(key.rpartition("/")[2], part.shape[1]) for key, part in parts]
            names = tuple(f"{key}{i}" if dim > 1 else key for key, dim in spread for i in range(dim))
        if "bridge" in self.set_name.lower() and actions.shape[1] == BRIDGE.dim and told is None:
            if self.override.corrects_space:
                return self.override.applied(BRIDGE), actions, "Told by a person's layout."
            return (
                BRIDGE,
                actions,
                "Bridge's layout: deltas of the hand at 5 Hz in m and rad; gripper 1 open, 0 closed.",
            )
        space, why = infer_action_space(actions.shape[1], self.rate, names, key=keys[0], override=self.override)
        return space, actions, why

    def _camera(self, camera: str) -> dict[str, Any]:
        for index in self.available[:20]:
            episode = self.episode(index)
            if camera in episode.cameras:
                return {"shape": list(episode.frames(camera, 0, 1).shape[1:]), "codec": "pictures"}
        return {"shape": None, "codec": None}


def shard_files(root: Path) -> list[tuple[Path, re.Match[str]]]:
    """Files of a folder that are called like TFRecord shards."""
    matches = [(path, _SHARD.fullmatch(path.name)) for path in entries(root)]
    found = [(path, match) for path, match in matches if match and match[3] == "tfrecord" and path.is_file()]
    if found:
        return found
    loose = [(path, _LOOSE.fullmatch(path.name)) for path, _ in matches]
    return [(path, match) for path, match in loose if match and path.is_file()]


@lru_cache(maxsize=64)
def _offsets(path: Path) -> tuple[tuple[tuple[int, int], ...], tuple[str, ...]]:
    """Where the whole records lie, and what is wrong with the rest."""
    problems: list[str] = []
    return tuple(record_offsets(path, problems)), tuple(problems)


def _cut(path: Path) -> tuple[str, ...]:
    try:
        return _offsets(path)[1]
    except WamvizError:
        return ()  # told with its episodes


def _views(example: dict[str, Feature]) -> tuple[dict[str, Callable[[int, int], Frames]], list[str]]:
    """View -> decoder for every feature that holds pictures; a view that is one flat colour throughout is left out."""
    views: dict[str, Callable[[int, int], Frames]] = {}
    missing = []
    order = sorted(example, key=lambda key: ("depth" in key, "wrist" in key or "hand" in key, key))  # the scene first
    for key in order:
        value = example[key]
        if not key.startswith("steps/observation/") or not isinstance(value, list) or not value:
            continue
        name = key.removeprefix("steps/observation/")
        if not any(value) and "image" in name:
            missing.append(f"Camera '{name}' holds no pictures.")
        if not value[0].startswith(PICTURE):
            continue
        if np.ptp(read_image(value[0]).reshape(-1, 3), axis=0).max() == 0 and len(set(value)) == 1:
            missing.append(f"Camera '{name}' holds one flat colour: it was never recorded.")
            continue
        views[name] = _decoder(value, name)
    return views, missing


def _decoder(pictures: list[bytes], name: str) -> Callable[[int, int], Frames]:
    def decode(start: int, stop: int) -> Frames:
        frames = [read_image(data) for data in pictures[start:stop]]
        if len({frame.shape for frame in frames}) != 1:
            raise WamvizError(f"The pictures of camera '{name}' differ in size.")
        return np.stack(frames)

    return decode


def _steps(example: dict[str, Feature], views: dict[str, Any], missing: list[str]) -> int:
    """How many steps the episode has; a view with fewer pictures is taken out of ``views`` and told in ``missing``."""
    counts = {view: len(example[f"steps/observation/{view}"]) for view in views}
    for key in ("steps/is_first", "steps/is_last", "steps/reward", "steps/discount", *TEXT_KEYS):
        value = example.get(key, [])
        flag = isinstance(value, list) or key not in TEXT_KEYS  # a text may be kept letter by letter
        if key.startswith("steps/") and flag and len(value):
            steps = len(value)
            break
    else:
        if not counts:
            raise WamvizError("This record holds no steps.", "RLDS episodes keep them under 'steps/'.")
        steps = max(counts.values())
    for view, count in counts.items():
        if count < steps:
            if len(views) == 1:
                raise WamvizError(f"Camera '{view}' has {count} pictures for {steps} steps.", "The record is damaged.")
            missing.append(f"Camera '{view}' has {count} pictures for {steps} steps; it is left out.")
            del views[view]
    return steps


def _vector(example: dict[str, Feature], key: str | None, steps: int) -> Floats | None:
    """(steps, D) numbers of a feature, (steps - 1, D) where the last step has none; None when there is no feature."""
    if key is None:
        return None
    value = example[key]
    if not isinstance(value, np.ndarray):
        raise WamvizError(f"'{key}' holds texts, not numbers.", "Choose another column with a layout in wamviz.json.")
    rows = next((rows for rows in (steps, steps - 1) if rows and len(value) and len(value) % rows == 0), None)
    if rows is None:
        raise WamvizError(f"'{key}' holds {len(value)} numbers for {steps} steps.", "The record is damaged.")
    return check_floats(value.reshape(rows, -1), f"'{key}'")


def _tried(example: dict[str, Feature], key: str | None, steps: int, missing: list[str]) -> Floats | None:
    """The same; damaged numbers are told in ``missing`` and do not hide the pictures."""
    try:
        return _vector(example, key, steps)
    except WamvizError as error:
        missing.append(str(error))
        return None


def _text(example: dict[str, Feature]) -> str:
    for key in TEXT_KEYS:
        value = example.get(key)
        first = value[0] if isinstance(value, list) and value else b""
        if (
            isinstance(value, np.ndarray) and len(value) and value.dtype == np.int64
        ):  # Language-Table: letters as numbers
            letters = value[: int(np.argmax(value == 0)) if (value == 0).any() else len(value)]
            first = bytes(letters.astype(np.uint8)) if ((letters > 0) & (letters < 256)).all() else b""
        if text := first.decode("utf-8", "replace").strip():
            return text
    return ""
