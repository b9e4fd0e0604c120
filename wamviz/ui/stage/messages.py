"""What Python tells the stage: one frozen dataclass a message, plain JSON on the wire.

Contract: pictures travel as addresses of a run's files (or, for a preview, as one small JPEG), never as pixels in
JSON; paths are fractions of the frame (x to the right, y down) so that they fit every size. Where a clip is missing
the message carries the reason in words. ``wamviz.ui.stage.typedefs`` writes the scripts' side of this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, TypeAlias

from wamviz.core.plain import jsonable

View: TypeAlias = Literal["side-by-side", "onion-skin", "wipe", "difference", "samples"]
VIEWS: tuple[View, ...] = ("side-by-side", "onion-skin", "wipe", "difference", "samples")
ORIGINS = ("imagined", "recorded", "executed")
CHUNK = 8  # frames of one Shift+arrow where the model does not say how long its chunks are

Point: TypeAlias = tuple[float, float]
Path: TypeAlias = tuple[Point, ...]


@dataclass(frozen=True)
class FileClip:
    """A video file on this server.

    Args:
        src: its address.
        key: changes with its content, where the address does not.
        frames: how many it has.
        fps: frames a second.
        width: of a frame, in pixels.
        height: of a frame, in pixels.
        label: of the sample, for people.
        path: the end-effector's, in fractions of the frame; null where it is not known.
        rate: points of the path a second.
    """

    src: str
    key: str
    frames: int
    fps: float
    width: int
    height: int
    label: str
    path: Path | None
    rate: float


@dataclass(frozen=True)
class StripClip:
    """All frames in one picture, row by row.

    Args:
        strip: the picture, as a data URL.
        columns: frames in a row of it.
        frames: how many there are.
        fps: frames a second.
        width: of a frame, in pixels.
        height: of a frame, in pixels.
        label: of the sample, for people.
        path: the end-effector's, in fractions of the frame; null where it is not known.
        rate: points of the path a second.
    """

    strip: str
    columns: int
    frames: int
    fps: float
    width: int
    height: int
    label: str
    path: Path | None
    rate: float


@dataclass(frozen=True)
class UnseenClip:
    """A rollout that has no video.

    Args:
        missing: why it has none.
        frames: how many it would have.
        fps: frames a second.
        label: of the sample, for people.
        path: the end-effector's, in fractions of the frame; null where it is not known.
        rate: points of the path a second.
    """

    missing: str
    frames: int
    fps: float
    label: str
    path: Path | None
    rate: float


Clip: TypeAlias = FileClip | StripClip | UnseenClip


@dataclass(frozen=True)
class Pane:
    """One pane of the stage.

    Args:
        name: its title.
        samples: what it shows, one of them at a time.
        missing: why it shows nothing.
        verdict: what came of it.
        weights: size and origin of the model's weights, or "".
        live: its model imagines now.
    """

    name: str
    samples: tuple[Clip, ...] = ()
    missing: str = ""
    verdict: str = ""
    weights: str = ""
    live: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a model that imagines has come.

    Args:
        step: done so far.
        steps: in all.
        eta: seconds left, null while unknown.
        note: what it does before its first step.
    """

    step: int
    steps: int
    eta: float | None
    note: str


@dataclass(frozen=True)
class Ranked:
    """A sample's place among the others, the best first.

    Args:
        sample: which one, from 0.
        why: what a judge found, in words.
    """

    sample: int
    why: str


@dataclass(frozen=True)
class StageValue:
    """All that the stage shows.

    Args:
        panes: by their names in the page: imagined, recorded and executed, or recorded and contender-1 to -4.
        run: id of the run, several divided by commas, or null.
        instruction: what was asked for.
        detail: model, mode and seed, in words.
        note: a remark below.
        frame: where to stand; null leaves it to the stage.
        view: which view; null leaves it to the stage.
        sample: which sample, from 0; null leaves it to the stage.
        autoplay: start playing, unless the user asked for reduced motion.
        chunk: frames of one Shift+arrow.
        preview: a run that forms, or null.
        ranking: all samples, the best first, where a judge has put them in order.
    """

    panes: Mapping[str, Pane]
    run: str | None = None
    instruction: str = ""
    detail: str = ""
    note: str = ""
    frame: int | None = None
    view: View | None = None
    sample: int | None = None
    autoplay: bool = False
    chunk: int = CHUNK
    preview: Progress | None = None
    ranking: tuple[Ranked, ...] = ()


MESSAGES = (FileClip, StripClip, UnseenClip, Pane, Progress, Ranked, StageValue)


def to_json(message: Any) -> Any:
    """A message as the browser gets it: dicts, lists and plain values.

    >>> to_json(Progress(3, 8, None, "video"))
    {'step': 3, 'steps': 8, 'eta': None, 'note': 'video'}
    """
    if is_dataclass(message):
        return {each.name: to_json(getattr(message, each.name)) for each in fields(message)}
    if isinstance(message, Mapping):
        return {name: to_json(part) for name, part in message.items()}
    if isinstance(message, (tuple, list)):
        return [to_json(part) for part in message]
    return jsonable(message)


def view_or_none(name: str | None) -> View | None:
    """The view of that name; None where there is none such."""
    return next((view for view in VIEWS if view == name), None)
