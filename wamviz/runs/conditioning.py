"""What a mode must be given beside the context: actions to obey, a video whose actions are wanted.

``resolve_conditioning`` is the one place that decides it, for the page, the HTTP API, the command line and comparisons
alike: a file or an array that was handed over, else what was recorded after the context, else, where the context is a
kept run, that run's own imagined video. What comes from a file is checked (finite, right number of columns, sane size),
every refusal says what to change, and nothing is ever unpickled.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wamviz.core.errors import Damaged, InvalidInput, NotFound, WamvizError, unknown_name
from wamviz.core.rollout import ActionSpace, Floats, Frames, Rollout, check_floats
from wamviz.models.protocol import Capabilities
from wamviz.runs.sources import Context
from wamviz.runs.store import Run

MAX_BYTES = 30_000_000
MAX_ROWS = 100_000
SUFFIXES = (".npz", ".npy", ".csv", ".json")
REQUIRED = {"forward_dynamics": "actions", "inverse_dynamics": "video"}  # mode -> what it must be given


@dataclass(frozen=True)
class Conditioning:
    """What a model is given beside the context; at most one of the two is not None.

    Attributes:
        actions: (K, A) float32, to obey.
        video: (T, H, W, 3) uint8 at the model's frame rate, context first: its actions are wanted.
        shown: the kept run and the sample whose imagined video that is, or None.
    """

    actions: Floats | None = None
    video: Frames | None = None
    shown: tuple[Run, int] | None = None


def resolve_conditioning(
    capabilities: Capabilities,
    mode: str,
    context: Context,
    *,
    actions: str | Path | Floats | None = None,
    video: str | Path | Frames | None = None,
    horizon: int | None = None,
) -> Conditioning:
    """What ``mode`` is given: the file or array handed over, else what the context itself holds.

    Args:
        actions: a file for ``read_actions`` or (K, A) numbers; taken whole.
        video: a file for ``read_clip`` or frames (T, H, W, 3) at the model's rate.
        horizon: frames to imagine; None takes as much as ``frames_at_most`` says.

    Raises:
        InvalidInput: something is handed over that the mode does not take, or nothing is there that it needs.
        WamvizError: a file cannot be read.
    """
    for name, value in (("actions", actions), ("video", video)):
        if value is not None and REQUIRED.get(mode) != name:
            taker = next(mode for mode, required in REQUIRED.items() if required == name)
            raise InvalidInput(f"Mode {mode} takes no {name}.", f"Use mode {taker}, or leave the {name} out.")
    if mode == "forward_dynamics":
        if isinstance(actions, str | Path):
            actions = read_actions(actions, capabilities.action_space)
        most = frames_at_most(capabilities, mode, horizon)
        return Conditioning(_recorded_actions(capabilities, context.reference, most) if actions is None else actions)
    if mode == "inverse_dynamics":
        if isinstance(video, str | Path):
            video = read_clip(video, capabilities.video_fps, horizon or capabilities.longest)
        if video is not None:
            return Conditioning(video=video)
        if context.run is not None:
            return _imagined_video(capabilities, context.run, context.sample, horizon)
        most = frames_at_most(capabilities, mode, horizon)
        return Conditioning(video=_recorded_video(capabilities, context.reference, most))
    return Conditioning()


def frames_at_most(capabilities: Capabilities, mode: str, horizon: int | None = None) -> int:
    """Frames at most, without the context: the horizon; without one, all that is given for a model that can go on."""
    if horizon:
        return horizon
    return capabilities.longest if mode in REQUIRED and capabilities.open_horizon else capabilities.unasked(mode)


def usable_actions(caps: Capabilities, reference: Rollout | None, horizon: int | None = None) -> int:
    """How many of the reference's actions this model takes: those of its own action space, up to the horizon (frames).

    A reference was recorded, or executed in the simulator: what the scripted expert does in a fresh scene.
    """
    space = caps.action_space
    if space is None or reference is None or reference.actions is None or reference.action_space is None:
        return 0
    if reference.action_space.names != space.names or abs(reference.action_space.rate - space.rate) > 1e-6:
        return 0
    return min(len(reference.actions), max(1, round((horizon or caps.horizon) / caps.video_fps * space.rate)))


def at_rate(frames: Frames, fps: float, wanted: float, horizon: int) -> Frames:
    """Up to ``horizon + 1`` frames of a video at ``wanted`` frames a second, nearest by time; at least 2."""
    count = min(horizon + 1, int((len(frames) - 1) / fps * wanted + 0.5) + 1)
    picks = [min(len(frames) - 1, round(k / wanted * fps)) for k in range(max(2, count))]
    return frames[picks]


def _recorded_actions(caps: Capabilities, reference: Rollout | None, most: int) -> Floats:
    count = usable_actions(caps, reference, most)
    if not count or reference is None or reference.actions is None:
        raise InvalidInput(
            "Forward dynamics needs actions to obey, and none were recorded after this frame"
            f"{_instead(caps, reference)}.",
            "Give a file of them (npz, npy, csv or json) with --actions FILE or in the page's settings, or start from "
            "an earlier frame or from a recorded episode.",
        )
    return reference.actions[:count]


def _recorded_video(caps: Capabilities, reference: Rollout | None, most: int) -> Frames:
    if reference is None or reference.frames is None or len(reference.frames) < 2:
        raise InvalidInput(
            "Inverse dynamics needs a video to explain, and none was recorded after this frame"
            f"{_instead(caps, reference)}.",
            "Give a video file with --video FILE or in the page's settings, or start from an earlier frame, from a "
            "recorded episode or from a run with an imagined video.",
        )
    return at_rate(reference.frames, reference.fps, caps.video_fps, most)


def _instead(caps: Capabilities, reference: Rollout | None) -> str:
    """What there is in place of a usable recording."""
    if reference is None or (reference.actions is None and reference.frames is None):
        return ""
    return "" if reference.actions is None else f" in the action space of {caps.title}"


def _imagined_video(caps: Capabilities, run: Run, sample: int, horizon: int | None) -> Conditioning:
    if not 0 <= sample < len(run.imagined):
        raise NotFound(f"There is no sample {sample}.", f"This run has samples 0 .. {len(run.imagined) - 1}.")
    shown = run.imagined[sample]
    if shown.frames is None or len(shown.frames) < 2:
        raise InvalidInput("This run has no imagined video.", "Give a video, or take a run that has one.")
    video = at_rate(shown.frames, shown.fps, caps.video_fps, horizon or caps.longest)
    return Conditioning(video=video, shown=(run, sample))


def read_actions(path: str | Path, space: ActionSpace | None = None) -> Floats:
    """Read actions (K, A) from an npz, npy, csv or json file.

    Args:
        path: ``.npz`` with an array ``actions``; ``.npy``; ``.csv`` with or without a header row; ``.json``
            with a list of rows or ``{"actions": [...]}``. Several samples (N, K, A) are taken only when N is 1.
        space: the model's action space; with it the number of columns is checked and the columns of a csv
            file with a header are found by name.

    Raises:
        WamvizError: no such file, unknown kind, or content that is no table of finite numbers.
    """
    file = Path(path)
    _check_file(file, "actions")
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise unknown_name("kind of actions file", suffix or file.name, SUFFIXES)
    read = {".npz": _from_numpy, ".npy": _from_numpy, ".json": _from_json, ".csv": _from_csv}[suffix]
    try:
        table = read(file, space)
    except WamvizError:
        raise
    except (ValueError, OSError, EOFError, KeyError) as error:  # what numpy, json and csv raise for torn files
        raise Damaged(f"{file.name} could not be read as {suffix[1:]}: {_first_line(error)}.") from error
    return _checked(table, file.name, space)


def read_clip(path: str | Path, fps: float, horizon: int) -> Frames:
    """Read the first ``horizon + 1`` frames (T, H, W, 3) of a video file at ``fps`` frames a second.

    Frames are matched by time, nearest first; a clip that ends earlier gives fewer frames, at least 2.
    """
    from wamviz.core.media import read_video

    _check_file(Path(path), "video")
    frames, own_fps = read_video(path)
    if int((len(frames) - 1) / own_fps * fps + 0.5) < 1:
        raise InvalidInput(
            f"{Path(path).name} shows only {len(frames)} frame(s) at {own_fps:g} frames a second.",
            f"It has to last at least {1 / fps:.2f} s.",
        )
    return at_rate(frames, own_fps, fps, horizon)


def parse_seeds(text: str) -> range:
    """Turn ``"A:B"`` (A up to but not including B) or ``"A"`` into a range of seeds.

    >>> parse_seeds("1000:1003")
    range(1000, 1003)
    """
    first, colon, last = text.partition(":")
    try:
        start = int(first)
        stop = int(last) if colon else start + 1
    except ValueError:
        raise InvalidInput(f"'{text}' is no range of seeds.", "Write A:B, e.g. 1000:1010 for ten seeds.") from None
    if not 0 <= start < stop <= 2**31:
        raise InvalidInput(f"The range of seeds '{text}' is empty or too high.", "Write A:B with 0 <= A < B <= 2^31.")
    return range(start, stop)


def _check_file(file: Path, what: str) -> None:
    if not file.is_file():
        raise NotFound(f"There is no {what} file '{file}'.")
    if file.stat().st_size == 0:
        raise Damaged(f"The {what} file '{file}' is empty.")
    if what == "actions" and file.stat().st_size > MAX_BYTES:
        raise InvalidInput(f"{file.name} is larger than {MAX_BYTES // 10**6} MB: no action chunk is.")


def _from_numpy(file: Path, space: ActionSpace | None) -> Any:
    loaded = np.load(file, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return loaded
    with loaded:
        if "actions" not in loaded:
            raise NotFound(f"{file.name} has no array 'actions'.", f"It has: {', '.join(loaded) or 'nothing'}.")
        return loaded["actions"]


def _from_json(file: Path, space: ActionSpace | None) -> Any:
    data = json.loads(file.read_text(encoding="utf-8"))
    if isinstance(data, dict):
        if "actions" not in data:
            raise NotFound(f"{file.name} has no entry 'actions'.", f"It has: {', '.join(data) or 'nothing'}.")
        data = data["actions"]
    return data


def _from_csv(file: Path, space: ActionSpace | None) -> Any:
    text = file.read_text(encoding="utf-8-sig")
    rows = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    if not rows:
        raise InvalidInput(f"{file.name} has no rows.")
    header = [cell.strip() for cell in rows[0]]
    if all(_is_number(cell) for cell in header):
        columns, body = list(range(len(header))), rows
    else:
        body = rows[1:]
        columns = _columns(header, file.name, space)
    table = []
    for number, row in enumerate(body, len(rows) - len(body) + 1):
        if len(row) == len(header) and all(not row[column].strip() for column in columns):
            continue  # a downloaded table has rows at which only another rollout acts
        try:
            table.append([float(row[column]) for column in columns])
        except (ValueError, IndexError):
            raise InvalidInput(f"{file.name}, row {number}: '{','.join(row)[:80]}' is not a row of numbers.") from None
    return table


def _columns(header: list[str], name: str, space: ActionSpace | None) -> list[int]:
    """The columns that hold the action space's dimensions, by name; all of them when no space is known."""
    if space is None:
        return list(range(len(header)))
    columns = []
    for dim, unit in zip(space.names, space.units, strict=True):
        named = [label for label in (dim, f"{dim} ({unit})", f"imagined {dim} ({unit})") if label in header]
        if not named:
            raise NotFound(f"{name} has no column '{dim}'.", f"The model needs: {', '.join(space.names)}.")
        columns.append(header.index(named[0]))
    return columns


def _checked(table: Any, name: str, space: ActionSpace | None) -> Floats:
    try:
        array = np.asarray(table, np.float64)
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"{name} does not hold a table of numbers with rows of one length.") from error
    if array.ndim == 3 and len(array) > 1:
        raise InvalidInput(
            f"{name} holds {len(array)} samples of actions; one chunk is needed.",
            "Save one of them, e.g. np.save('actions.npy', np.load(FILE)['actions'][0]).",
        )
    if array.ndim == 3:
        array = array[0]
    if array.ndim != 2 or 0 in array.shape:
        raise InvalidInput(f"{name} holds an array of shape {array.shape}; actions are rows of numbers, shape (K, A).")
    if len(array) > MAX_ROWS:
        raise InvalidInput(f"{name} holds {len(array)} actions; {MAX_ROWS} is the limit.")
    if space is not None and array.shape[1] != space.dim:
        raise InvalidInput(
            f"{name} has {array.shape[1]} numbers an action, the model takes {space.dim}.",
            f"In order: {', '.join(f'{n} ({u})' for n, u in zip(space.names, space.units, strict=True))}.",
        )
    return check_floats(array, f"The actions in {name}")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
