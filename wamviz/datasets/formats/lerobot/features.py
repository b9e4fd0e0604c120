"""What the columns of a LeRobot dataset are: views, actions, states, and what their numbers mean.

``meta/info.json`` declares them, ``meta/modality.json`` (GR00T) and ``meta/wamviz.json`` say more, and the first
parquet file shows what nobody declared. A person's override wins over all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from wamviz.core.errors import Damaged, WamvizError, unknown_name
from wamviz.core.rollout import ActionSpace
from wamviz.datasets.action_semantics import infer_action_space, modality_names
from wamviz.datasets.containers.parquet import is_numeric, read_rows, schema_of, width_of
from wamviz.datasets.containers.pictures import is_pictures
from wamviz.datasets.files import contained, read_json
from wamviz.datasets.formats.lerobot import layout
from wamviz.datasets.formats.lerobot.layout import camera_name, dimension_names, dimensions, first_key
from wamviz.datasets.override import ActionSpaceOverride

ACTION_KEYS = ("action", "actions")
STATE_KEYS = ("observation.state", "state", "observation.states")
# Where there is none of these: datasets that keep a column for each part (arm, hand ...), which belong side by side.
SPLIT = {"actions": ("action.", "actions."), "states": ("observation.state.", "observation.states.", "state.")}
VIEWS = ("video", "image")


class Features:
    """The columns of one dataset.

    Args:
        root: the dataset's folder.
        info: what ``meta/info.json`` holds.
        fps: rows a second, Hz.
        override: a person's correction.
        first_data: finds the first parquet file that is here, or None.

    Attributes:
        declared: feature -> what ``meta/info.json`` says of it.
        manifest: what ``meta/wamviz.json`` holds, empty where there is none.
        notes: what was odd, in plain sentences; some are only known once ``modality`` was asked for.
    """

    def __init__(
        self,
        root: Path,
        info: Mapping[str, Any],
        fps: float,
        override: ActionSpaceOverride,
        first_data: Callable[[], Path | None],
    ) -> None:
        self.root, self.fps, self.override = root, fps, override
        self.robot = str(info.get("robot_type") or "")
        self.declared = declared_features(root, info)
        self.manifest = read_optional_json(root, layout.MANIFEST)
        self.notes: list[str] = []
        self._first_data = first_data

    @cached_property
    def cameras(self) -> dict[str, str]:
        """View name -> feature, the main view first and depth last."""
        found: dict[str, str] = {}
        for name, feature in self.declared.items():
            if feature.get("dtype") in VIEWS:  # two that would be called alike are both shown
                names = (camera_name(name), name, f"{name} ({len(found) + 1})")
                found[next(free for free in names if free not in found)] = name
        if not found:
            found = {camera_name(n): n for n, f in self._undeclared.items() if f["dtype"] == "image"}
        main = self.manifest.get("main_camera")
        return dict(sorted(found.items(), key=lambda item: (item[0] != main, layout.is_depth(self.of(item[1])))))

    def of(self, name: str) -> dict[str, Any]:
        """What is known of a feature, declared or not."""
        return self.declared[name] if name in self.declared else self._undeclared[name]

    @cached_property
    def _undeclared(self) -> dict[str, dict[str, Any]]:
        """What the rows hold and ``meta/info.json`` does not list, by the first file that is here."""
        out: dict[str, dict[str, Any]] = {}
        try:
            path = self._first_data()
            if path is None:
                return {}
            schema = schema_of(contained(self.root, path))
            for name in schema.names:
                kind = schema.field(name).type
                if name in self.declared or name in layout.DEFAULT_FEATURES:
                    continue
                if is_pictures(kind):
                    out[name] = {"dtype": "image", "shape": None}
                elif is_numeric(kind) and name in (*ACTION_KEYS, *STATE_KEYS):
                    row = read_rows(path, [name], np.zeros(1, np.int64)).column(name)
                    out[name] = {"dtype": "float32", "shape": [width_of(row)]}
        except WamvizError:
            return {}  # a damaged file says so itself when its episode is opened
        return out

    @cached_property
    def modality(self) -> dict[str, Any]:
        """GR00T's ``meta/modality.json``, or nothing where there is none or it cannot be read, which is noted."""
        try:
            return read_optional_json(self.root, "meta/modality.json")
        except WamvizError as error:
            self.notes.append(f"{error.message} The dimensions have no names from it.")
            return {}

    def keys(self, part: str) -> tuple[str, ...]:
        """The columns that hold the ``actions`` or the ``states``; an override wins. () when there are none."""
        wanted = getattr(self.override, part)
        if wanted is not None:
            if wanted not in self.declared:
                raise unknown_name(f"column for the {part}", wanted, self.declared)
            return (str(wanted),)
        usual = ACTION_KEYS if part == "actions" else STATE_KEYS
        key = first_key(self.declared, usual)
        if key is None:
            split = [n for n, f in self.declared.items() if n.startswith(SPLIT[part]) and is_vector(f)]
            if split:
                return tuple(split)
            key = first_key(self._undeclared, usual)
        return () if key is None else (key,)

    def names_of_part(self, part: str) -> tuple[str, ...]:
        """What the dataset calls the numbers of the ``actions`` or ``states``, or () when it does not."""
        keys = self.keys(part)
        if len(keys) == 1:
            return self.names_of(keys[0], "action" if part == "actions" else "state")
        names: list[str] = []
        for key in keys:  # told apart by their columns
            dim, inner = dimensions(self.of(key)), self.names_of(key, "")
            short = key.removeprefix(next(prefix for prefix in SPLIT[part] if key.startswith(prefix)))
            stems = inner or (("",) if dim == 1 else tuple(map(str, range(dim))))
            names += [f"{short}.{stem}" if inner else f"{short}{stem}" for stem in stems]
        return tuple(names)

    def names_of(self, key: str, part: str) -> tuple[str, ...]:
        """What the dataset calls the dimensions of a vector column, or () when it does not."""
        feature = self.of(key)
        dim = dimensions(feature)
        names = dimension_names(feature, dim, "")
        generic = all(name.strip("_").isdigit() or name.startswith("motor_") for name in names)
        better = modality_names(self.modality, part, dim) if generic else ()
        return better or (() if names == tuple(map(str, range(dim))) else names)

    @cached_property
    def action_space(self) -> tuple[ActionSpace | None, str]:
        """What the actions are declared to mean, and how that is known: a person's word, the manifest's, a robot's."""
        kept = self.manifest.get("action_space")
        if kept:
            try:
                return self.override.applied(ActionSpace(**kept)), f"Written in {layout.MANIFEST}."
            except TypeError as error:
                raise Damaged(f"The action space in {layout.MANIFEST} cannot be read ({error}).") from error
        keys = self.keys("actions")
        if not keys:
            return None, "There are no actions."
        dim, key = sum(dimensions(self.of(key)) for key in keys), keys[0] if len(keys) == 1 else ""
        shape, names = self.override.select("actions", np.zeros((1, dim)), self.names_of_part("actions"))
        space, why = infer_action_space(
            shape.shape[1], self.fps, names, robot=self.robot, key=key, override=self.override
        )
        if len(keys) > 1:
            why = f"Put together from the columns {', '.join(keys)}; choose one with a layout's 'actions'. {why}"
        elif key not in self.declared:
            why = f"Column '{key}' is not listed in meta/info.json. {why}"
        return space, why


def declared_features(root: Path, info: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The features that ``meta/info.json`` lists, or ``Damaged``."""
    features = info.get("features")
    if not isinstance(features, dict) or not all(isinstance(feature, dict) for feature in features.values()):
        raise Damaged(f"meta/info.json of '{root.name}' lists no features.")
    return features


def read_optional_json(root: Path, name: str) -> dict[str, Any]:
    """An optional JSON file of the dataset."""
    path = root / name
    return read_json(contained(root, path)) if path.exists() else {}


def is_vector(feature: Mapping[str, Any]) -> bool:
    """Whether a feature is declared as numbers."""
    return str(feature.get("dtype", "")).startswith(("float", "int", "uint", "double"))
