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
from numpy.typing import NDArray

from wamviz.core.action_spaces import BRIDGE, DROID_POSE
from wamviz.core.errors import Damaged, Unsafe, WamvizError, unknown_name
from wamviz.core.rollout import ActionSpace, Frames
from wamviz.datasets.action_semantics import BY_OVERRIDE, infer_action_space
from wamviz.datasets.containers.pictures import depth_note, is_packed_picture, stack_pictures, unpack_picture
from wamviz.datasets.containers.tfrecord import Feature, read_example, record_offsets
from wamviz.datasets.files import contained, entries, read_json
from wamviz.datasets.format import DatasetFormat
from wamviz.datasets.indexed import IndexedDataset
from wamviz.datasets.override import ActionSpaceOverride
from wamviz.datasets.recording import EpisodeNumbers, Recording, View
from wamviz.datasets.rows import Reals, as_reals, hold_pictures

RATES = {"bridge": 5.0, "droid": 15.0, "fractal20220817": 3.0, "taco_play": 15.0, "language_table": 10.0}  # Hz
UNKNOWN_RATE = 10.0
MAX_SHARD_EPISODES = 10_000_000
STATE_KEYS = ("steps/observation/state", "steps/observation/proprio", "steps/observation/proprioception")
TEXT_KEYS = (
    "steps/language_instruction", "steps/observation/natural_language_instruction", "language_instruction",
    "steps/language_instruction_2", "steps/language_instruction_3", "steps/observation/instruction",
    "steps/observation/language_instruction", "steps/instruction", "episode_metadata/language_instruction",
    "episode_metadata/instruction",
)  # fmt: skip
DROID_STATE = ("steps/observation/cartesian_position", "steps/observation/gripper_position")
POSE_STATE = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")
# A sign in a dataset's name, what its actions mean, and how that is known.
KNOWN = (
    ("bridge", BRIDGE, "Bridge's layout: deltas of the hand at 5 Hz in m and rad; gripper 1 open, 0 closed."),
    (
        "droid",
        DROID_POSE,
        "DROID's layout: poses of the hand at 15 Hz in m and rad (droid#77); gripper 0 open, 1 closed.",
    ),
)
Example = dict[str, Feature]
_SHARD = re.compile(
    r"(?P<stem>.+)-(?P<split>[A-Za-z0-9_]+)\.(tfrecord|array_record)-(?P<number>\d{5,6})-of-(?P<of>\d{5,6})"
)
# As other tools than TFDS write them: train-00000-of-00004.tfrecord, data.tfrecord.
_LOOSE = re.compile(
    r"(?P<stem>)(?P<split>[\w.]*?)[-_]?(?:(?P<number>\d{1,6})(?:-of-(?P<of>\d{1,6}))?)?\.(?P<kind>tfrecords?|tfrec)"
)


@dataclass(frozen=True)
class RecordShard:
    """One file of a split: ``count`` episodes, None while only the file itself knows; ``path`` is None when absent."""

    split: str
    number: int
    count: int | None
    path: Path | None


class RldsDataset(IndexedDataset):
    """A TFDS folder: ``dataset_info.json`` and shards named ``NAME-SPLIT.tfrecord-00000-of-00004``."""

    format = "RLDS (TFRecord)"

    def __init__(self, root: Path, name: str, override: ActionSpaceOverride) -> None:
        super().__init__(root, name, override)
        self._info = self._read_info()
        self.set_name = str(self._info.get("name") or next((m["stem"] for _, m in shard_files(root)), "") or root.name)
        if re.fullmatch(r"\d+\.\d+\.\d+", self.title):
            self.title = f"{self.set_name} {self.title}"  # the folder is only called after the version
        self._where: list[tuple[RecordShard, int]] = []
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

    def _shards(self) -> list[RecordShard]:
        """Every shard that the metadata lists or the folder holds, in order."""
        files = {(m["split"] or "all", int(m["number"] or 0)): path for path, m in shard_files(self.root)}
        for path in files.values():
            contained(self.root, path)
        shards = []
        splits = self._info.get("splits", [])
        for split in splits if isinstance(splits, list) else []:
            lengths = split.get("shardLengths") if isinstance(split, dict) else None
            if not isinstance(lengths, list):
                continue  # old versions did not say; the files do
            for number, count in enumerate(lengths):
                if not str(count).isdigit() or int(count) > MAX_SHARD_EPISODES:
                    raise Damaged(f"dataset_info.json says that a shard holds {count!r} episodes.")
                name = str(split.get("name"))
                shards.append(RecordShard(name, number, int(count), files.get((name, number))))
        if sum(shard.count or 0 for shard in shards) > MAX_SHARD_EPISODES:
            raise Unsafe("dataset_info.json lists more than 10 million episodes.")
        listed = {shard.split for shard in shards}
        return shards + [RecordShard(split, number, None, path) for (split, number), path in sorted(files.items())
                         if split not in listed]  # fmt: skip

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"{shard.split}/{shard.number}:{place}" for shard, place in self._where)

    @property
    def available(self) -> tuple[int, ...]:
        return self._here

    @property
    def missing(self) -> tuple[str, ...]:
        refused = (
            ()
            if self._rate_known
            else (
                f"The rate is not in these files; {UNKNOWN_RATE:g} Hz is taken. Say it with a layout in wamviz.json.",
            )
        )
        cut = [problem for shard, place in self._where if place == 0 and shard.path for problem in _cut(shard.path)]
        return (*super().missing, *refused, *self._damaged, *cut)

    def _read(self, index: int) -> Recording:
        shard, place = self._where[index]
        assert shard.path is not None  # it is one of the available
        offsets, problems = _offsets(shard.path)
        if place >= len(offsets):
            why = " ".join(problems) or "The metadata do not belong to it."
            raise Damaged(f"'{shard.path.name}' holds {len(offsets)} episodes, not {shard.count}.",
                          f"{why} Record or download it again.")  # fmt: skip
        example = read_example(shard.path, *offsets[place], place)
        views, missing = _views(example)
        steps = _steps(example, views, missing)
        numbers = self._numbers(example, steps, missing)
        texts = _texts(example, steps)
        return Recording(
            steps, self.rate, views, numbers, texts[0] if texts else "", texts if len(set(texts)) > 1 else (),
            missing=tuple(missing),
        )  # fmt: skip

    def _numbers(self, example: Example, steps: int, missing: list[str]) -> EpisodeNumbers:
        """The actions, put together from their parts where the dataset keeps several, and the states."""
        keys = self._action_keys(example, steps)
        parts = [(key, part) for key in keys if (part := _vector(example, key, steps, missing)) is not None]
        states, state_names = self._states(example, steps, missing)
        rewards = example.get("steps/reward")
        success, scalars = None, dict[str, Reals]()
        if isinstance(rewards, np.ndarray) and len(rewards) == steps:
            scored = np.asarray(rewards, np.float64)
            success = True if np.nanmax(scored) > 0 else None  # 0 is also what demonstrations without rewards have
            scalars = {"reward": scored} if np.ptp(scored) > 0 else {}
        if len(parts) < max(1, len(keys)):
            return EpisodeNumbers(states=states, state_names=state_names, success=success, scalars=scalars)
        actions = np.concatenate([part for _, part in parts], axis=1)
        names: tuple[str, ...] = ()
        if len(parts) > 1:
            spread = [(key.rpartition("/")[2], part.shape[1]) for key, part in parts]
            names = tuple(f"{key}{i}" if dim > 1 else key for key, dim in spread for i in range(dim))
        actions, names = self.override.select("actions", actions, names)
        space, known_by = self._space(actions.shape[1], names, keys[0])
        if space.names == BRIDGE.names and states is not None and states.shape[1] == len(POSE_STATE):
            state_names = POSE_STATE
        return EpisodeNumbers(actions, space, known_by, states, state_names, success, scalars)

    def _action_keys(self, example: Example, steps: int) -> list[str]:
        wanted = self.override.actions
        if wanted is not None:
            if wanted not in example:
                raise unknown_name("column for the actions", wanted, example)
            return [wanted]
        if "steps/action" in example:
            return ["steps/action"]
        return sorted(
            key for key, value in example.items()
            if key.startswith("steps/action/") and isinstance(value, np.ndarray)
            and value.dtype == np.float32 and len(value) and len(value) % steps == 0
        )  # fmt: skip

    def _space(self, dim: int, names: tuple[str, ...], key: str) -> tuple[ActionSpace, str]:
        """What the actions of a known dataset mean, else what their names say."""
        name, chosen = self.set_name.lower(), self.override.actions is not None or self.override.columns is not None
        for sign, space, why in KNOWN:
            if sign in name and dim == space.dim and not chosen:
                return (self.override.applied(space), BY_OVERRIDE) if self.override.corrects_space else (space, why)
        return infer_action_space(dim, self.rate, names, key=key, override=self.override)

    def _states(self, example: Example, steps: int, missing: list[str]) -> tuple[Reals | None, tuple[str, ...]]:
        wanted = self.override.states
        if wanted is not None and wanted not in example:
            raise unknown_name("column for the states", wanted, example)
        keys = [wanted] if wanted else next(([key] for key in STATE_KEYS if key in example), [])
        names: tuple[str, ...] = ()
        if not keys and all(key in example for key in DROID_STATE):
            keys, names = list(DROID_STATE), POSE_STATE
        parts = [_vector(example, key, steps, missing) for key in keys]
        good = [part for part in parts if part is not None]
        if not good or len(good) < len(parts):
            return None, ()
        states = np.concatenate(good, axis=1)
        return self.override.select("states", states, names if len(names) == states.shape[1] else ())


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
        return ()  # said with its episodes


def _views(example: Example) -> tuple[dict[str, View], list[str]]:
    """Every feature that holds pictures; a view that is one flat colour throughout is left out."""
    views: dict[str, View] = {}
    missing = []
    order = sorted(example, key=lambda key: ("depth" in key, "wrist" in key or "hand" in key, key))  # the scene first
    for key in order:
        value = example[key]
        if not key.startswith("steps/observation/") or not isinstance(value, list) or not value:
            continue
        name = key.removeprefix("steps/observation/")
        first = next((item for item in value if item), b"")
        if not first:
            missing += [f"Camera '{name}' holds no pictures: all {len(value)} of its values are empty."] * (
                "image" in name
            )
            continue
        if not is_packed_picture(first):
            if not _is_text(first):
                missing.append(
                    f"'{name}' holds {len(first)} bytes a step in a form that is not known; it is not shown."
                )
            continue
        picture = unpack_picture(first)
        if picture.dtype == np.uint8 and np.ptp(picture.reshape(-1, 3), axis=0).max() == 0 and len(set(value)) == 1:
            missing.append(f"Camera '{name}' holds one flat colour: it was never recorded.")
            continue
        shown, gaps = hold_pictures(np.array([bool(item) for item in value]))
        notes = (depth_note(picture, name), gaps)
        missing += [f"Camera '{name}': {note}" for note in notes if note]
        views[name] = View(_decoder([value[row] for row in shown], name), picture.shape[1], picture.shape[0])
    return views, missing


def _is_text(data: bytes) -> bool:
    try:
        return data.decode("utf-8").isprintable() or len(data) < 100
    except UnicodeDecodeError:
        return False


def _decoder(pictures: list[bytes], name: str) -> Callable[[int, int], Frames]:
    def decode(start: int, stop: int) -> Frames:
        return stack_pictures([unpack_picture(data) for data in pictures[start:stop]], name)

    return decode


def _steps(example: Example, views: dict[str, View], missing: list[str]) -> int:
    """How many steps the episode has; a view with fewer pictures is taken out of ``views``, which ``missing`` says."""
    counts = {view: len(example[f"steps/observation/{view}"]) for view in views}
    for key in ("steps/is_first", "steps/is_last", "steps/reward", "steps/discount", *TEXT_KEYS):
        value = example.get(key, [])
        flag = isinstance(value, list) or key not in TEXT_KEYS  # a text may be kept letter by letter
        if key.startswith("steps/") and flag and len(value):
            steps = len(value)
            break
    else:
        if not counts:
            raise Damaged("This record holds no steps.", "RLDS episodes keep them under 'steps/'.")
        steps = max(counts.values())
    for view, count in counts.items():
        if count < steps:
            if len(views) == 1:
                raise Damaged(f"Camera '{view}' has {count} pictures for {steps} steps.", "The record is damaged.")
            missing.append(f"Camera '{view}' has {count} pictures for {steps} steps; it is left out.")
            del views[view]
    return steps


def _vector(example: Example, key: str, steps: int, missing: list[str]) -> Reals | None:
    """(steps, D) numbers of a feature, (steps - 1, D) where the last step has none; None, with the reason in
    ``missing``, for anything else: damaged numbers do not hide the pictures."""
    value = example[key]
    if not isinstance(value, np.ndarray):
        missing.append(f"'{key}' holds texts, not numbers. Choose another column with a layout in wamviz.json.")
        return None
    rows = next((rows for rows in (steps, steps - 1) if rows and len(value) and len(value) % rows == 0), None)
    if rows is None:
        missing.append(f"'{key}' holds {len(value)} numbers for {steps} steps. The record is damaged.")
        return None
    return as_reals(value.reshape(rows, -1), f"'{key}'")


def _texts(example: Example, steps: int) -> tuple[str, ...]:
    """What the robot was to do: one text, or one a step where they are kept so."""
    for key in TEXT_KEYS:
        value = example.get(key)
        if isinstance(value, np.ndarray) and len(value) and value.dtype == np.int64:
            text = _from_letters(value.astype(np.int64))
            if text:
                return (text,)
        if isinstance(value, list):
            texts = tuple(item.decode("utf-8", "replace").strip() for item in value)
            if any(texts):
                return texts if len(texts) == steps else texts[:1]
    return ()


def _from_letters(value: NDArray[np.int64]) -> str:
    """A text kept as the numbers of its letters, as Language-Table does: those of the first step."""
    letters = value[: int(np.argmax(value == 0)) if (value == 0).any() else len(value)]
    good = ((letters > 0) & (letters < 256)).all()
    return bytes(letters.astype(np.uint8)).decode("utf-8", "replace").strip() if good else ""


FORMAT = DatasetFormat(
    "RLDS",
    "NAME-SPLIT.tfrecord-00000-of-00001 or NAME.tfrecord",
    lambda path: path.is_dir() and bool(shard_files(path)),
    RldsDataset,
)
