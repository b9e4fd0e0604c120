"""Rollouts as ``.npz`` archives and JSON: bit-equal, without pickle, and suspicious of what it reads.

Contract: ``write_arrays`` / ``read_arrays`` keep a dict of arrays; ``rollout_facts`` / ``rollout_from`` turn a
``Rollout`` into JSON-ready facts plus arrays and back; ``write_rollout`` / ``read_rollout`` keep one rollout
in one file that needs no other. JSON never holds NaN or infinity: they become null. Nothing here knows runs.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, InvalidInput, WamvizError
from wamviz.core.media import replacing
from wamviz.core.plain import dumps, jsonable
from wamviz.core.rollout import ActionSpace, Camera, Rollout

ARRAYS_LIMIT = 2**31  # bytes in one archive once unpacked: 16 samples of 49 frames at 480x832 are 0.94 GB
JSON_LIMIT = 16 * 2**20  # bytes of JSON text
NUMBER_LIST = re.compile(r"\[\n([^\[\]{}\"]*)\]")  # a list of numbers over many lines (text never holds a bare newline)
ARRAY_NAMES = frozenset({"frames", "actions", "states", "video_fps", "action_fps", "facts"})


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``; raises ``WamvizError`` when it is missing, too large or something else."""
    try:
        if path.stat().st_size > JSON_LIMIT:
            raise Damaged(f"{path.name} is larger than {JSON_LIMIT >> 20} MB.")
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda name: None)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Damaged(f"{path.name} cannot be read: {error}.") from None
    if not isinstance(found, dict):
        raise Damaged(f"{path.name} holds no JSON object.")
    return found


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write ``value`` as JSON text in one step, a list of numbers on one line."""
    text = dumps(value, indent=1, ensure_ascii=False)
    text = NUMBER_LIST.sub(lambda found: "[" + " ".join(found[1].split()) + "]", text)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays as a compressed ``.npz`` in one step.

    zlib's first level: a third of the time of numpy's own choice, and frames hardly shrink further.
    """
    plain = {name: np.asanyarray(array) for name, array in arrays.items()}
    if sum(array.nbytes for array in plain.values()) > ARRAYS_LIMIT:
        raise InvalidInput(
            f"This rollout is larger than {ARRAYS_LIMIT >> 30} GB of frames.", "Ask for fewer samples or frames."
        )
    with replacing(path) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, array in plain.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)


def read_arrays(path: Path, only: tuple[str, ...] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of ``path``, or those named in ``only``.

    Raises:
        WamvizError: it is missing, torn, too large or holds what no rollout has.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > ARRAYS_LIMIT:
                raise Damaged(f"{path.name} unpacks to more than {ARRAYS_LIMIT >> 30} GB.")
            strangers = {member.filename.removesuffix(".npy") for member in members} - ARRAY_NAMES
            if strangers:
                raise Damaged(f"{path.name} holds an array '{min(strangers)[:40]}', which is none of a rollout's.")
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files if only is None or name in only}
    except WamvizError:
        raise
    # A damaged archive raises whatever the parser stumbled over (zlib.error derives from Exception itself).
    except Exception as error:
        raise Damaged(f"{path.name} cannot be read: {error}.") from error


def rollout_facts(rollout: Rollout) -> dict[str, Any]:
    """Everything of a rollout but its arrays, JSON-ready."""
    return {
        "origin": rollout.origin,
        "fps": rollout.fps,
        "action_space": None if rollout.action_space is None else rollout.action_space.to_json(),
        "instruction": rollout.instruction,
        "camera": rollout.camera,
        "camera_model": None if rollout.camera_model is None else rollout.camera_model.to_json(),
        "success": rollout.success,
        "seed": rollout.seed,
        "meta": jsonable(rollout.meta),
    }


def rollout_arrays(rollout: Rollout) -> dict[str, NDArray[Any]]:
    """The arrays of one rollout under the names of design §7; an array that it does not have is left out."""
    arrays: dict[str, NDArray[Any]] = {"video_fps": np.float64(rollout.fps)}  # type: ignore[dict-item]
    if rollout.frames is not None:
        arrays["frames"] = rollout.frames
    if rollout.actions is not None:
        arrays["actions"] = rollout.actions
    if rollout.states is not None:
        arrays["states"] = rollout.states
    if rollout.action_space is not None:
        arrays["action_fps"] = np.float64(rollout.action_space.rate)  # type: ignore[assignment]
    return arrays


def rollout_from(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Rollout:
    """The rollout that ``facts`` and ``arrays`` describe; raises ``WamvizError`` when they describe none."""
    try:
        space, camera, meta = facts.get("action_space"), facts.get("camera_model"), facts.get("meta") or {}
        if not isinstance(meta, dict):
            raise TypeError("meta is no object")
        seed, success = facts.get("seed"), facts.get("success")
        return Rollout(
            origin=str(facts["origin"]),
            frames=arrays.get("frames"),
            fps=float(facts["fps"]),
            actions=arrays.get("actions"),
            action_space=None if space is None else ActionSpace(**_known(ActionSpace, space)),
            states=arrays.get("states"),
            instruction=str(facts.get("instruction", "")),
            camera=str(facts.get("camera", "")),
            camera_model=None if camera is None else Camera(**_known(Camera, camera)),
            success=None if success is None else bool(success),
            seed=None if seed is None else int(seed),
            meta=meta,
        )
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        if isinstance(error, WamvizError):
            raise
        raise Damaged(f"These are not the facts of a rollout: {type(error).__name__} {error}.") from None


def _known(kind: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Only the fields that ``kind`` has: a later version may have written more."""
    return {name: facts[name] for name in kind.__dataclass_fields__ if name in facts}


def write_rollout(path: Path, rollout: Rollout, extra: Mapping[str, Any]) -> None:
    """Write one rollout into one ``.npz`` that needs no other file; ``extra`` is kept beside its facts."""
    facts = dumps({**rollout_facts(rollout), **extra})
    write_arrays(path, {**rollout_arrays(rollout), "facts": np.array(facts)})


def read_rollout(path: Path) -> tuple[Rollout, dict[str, Any]]:
    """The rollout in ``path`` and all of its facts; raises ``WamvizError`` when there is none."""
    arrays = read_arrays(path)
    facts = _facts(path, arrays)
    return rollout_from(facts, arrays), facts


def read_facts(path: Path) -> dict[str, Any]:
    """Only the facts of the rollout in ``path``; its frames stay unread."""
    return _facts(path, read_arrays(path, only=("facts",)))


def _facts(path: Path, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    try:
        facts = json.loads(str(arrays["facts"]))
    except (KeyError, ValueError, RecursionError) as error:
        raise Damaged(f"{path.name} says nothing of its rollout: {error}.") from None
    if not isinstance(facts, dict):
        raise InvalidInput(f"{path.name} says nothing of its rollout.")
    return facts
