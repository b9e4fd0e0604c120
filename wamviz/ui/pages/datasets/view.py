"""What the Datasets page shows, as named parts; no layout and no event.

Contract: pure functions from an opened dataset to dicts of parts (see ``events`` for what they become). An
episode of which something is missing or damaged shows the rest, and says what is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import gradio as gr

from wamviz.core.camera import TURNS
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Floats, Rollout
from wamviz.datasets import Episode
from wamviz.metrics.trajectory import ee_path, tool_path
from wamviz.ui import clip_cache, plots, run_view
from wamviz.ui.clip_cache import Shape, clip_shape
from wamviz.ui.library import Opened
from wamviz.ui.markup import Node
from wamviz.ui.pages.datasets import action_space_form as correction
from wamviz.ui.pages.datasets import episode_view as episodes
from wamviz.ui.stage import episode_value

Parts = dict[str, Any]
T = TypeVar("T")
PAGE = 20  # episodes; each costs a look at its files and one first frame


def list_parts(opened: Opened, query: str = "", page: int = 0) -> Parts:
    """One page of what a search finds; a page behind the last one is the last."""
    found = opened.catalogue.find(query)
    last = max(0, (len(found) - 1) // PAGE)
    page = min(max(0, page), last)
    lines = opened.catalogue.lines(found[page * PAGE : (page + 1) * PAGE])
    return {
        "listing": episodes.listing(lines, opened.key, query),
        "pages": episodes.page_words(len(found), page, PAGE, len(opened.dataset)),
        "page": page,
        "previous": gr.update(interactive=page > 0, visible=last > 0),
        "next": gr.update(interactive=page < last, visible=last > 0),
    }


def dataset_parts(opened: Opened, index: int | None = None, camera: str = "", frame: int = 0) -> Parts:
    """A dataset that was just opened, with one of its episodes (the first that is here) on the stage."""
    parts = {"place": opened.place, "query": "", "about": episodes.about(opened), **list_parts(opened)}
    chosen = opened.catalogue.first if index is None else index
    if chosen is None:
        missing = "The files of this dataset's episodes are not here."
        return {**parts, **nothing(missing), "status": run_view.status("warm", missing)}
    space = _tried(lambda: opened.dataset.episode(chosen).action_space, [])
    if index is not None:
        return {**parts, **correction.fields(space), **episode_parts(opened, chosen, camera, frame)}
    problems: list[str] = []
    for other in opened.catalogue.find()[:PAGE]:  # a damaged first episode must not hide the dataset
        shown = _tried(lambda other=other: episode_parts(opened, other, camera, frame), problems)  # type: ignore[misc]
        if shown is not None:
            space = _tried(lambda other=other: opened.dataset.episode(other).action_space, [])  # type: ignore[misc]
            return {**parts, **correction.fields(space), **shown}
    return {**parts, **nothing(problems[0]), "status": run_view.status("warm", "Take note:", problems[0])}


def episode_parts(opened: Opened, index: int, camera: str = "", frame: int = 0) -> Parts:
    """An episode on the stage, seen by ``camera`` (its main one when it has no such view).

    Raises:
        WamvizError: no such episode, or nothing of it can be read.
    """
    episode = opened.dataset.episode(index)
    lacking = list(episode.missing)
    camera = camera if camera in episode.cameras else next(iter(episode.cameras), "")
    actions = _tried(lambda: episode.actions, lacking)
    states = _tried(lambda: episode.states, lacking)
    success = _tried(lambda: episode.success, lacking)
    first = _tried(lambda: episode.frames(camera, stop=1)[0], lacking) if camera else None
    rollout = recorded(episode, camera)
    stage = episode_value(
        rollout, "", 0, 0, 0, instruction=episode.instruction,
        missing=" ".join(lacking) or "This episode has no video here.",
    )  # fmt: skip
    shape = None if first is None else clip_shape(episode, first, frame)
    start = 0 if shape is None else shape.start
    if shape is not None:
        frame = min(max(0, frame), episode.frame_count - 1)
        view = episode.cameras.index(camera)
        part = f"-{start}" if start else ""
        stage = episode_value(
            recorded(episode, camera, shape), f"episodes/{opened.key}/{index}/{view}{part}.mp4",
            shape.frames, shape.width, shape.height,
            fps=episode.fps, instruction=episode.instruction or "no instruction", frame=frame - start,
            detail=f"{episode.dataset_title} · episode {index} · {camera}",
        )  # fmt: skip
    clip = next(iter(stage.panes["recorded"].samples), None)
    if clip is not None and clip.path is None and camera in episode.calibration:
        lacking.append(f"Camera '{camera}' is calibrated, but no path is drawn on it: {_no_path(rollout)}.")
    reason = "" if first is not None else "There is no picture here that a model could start from."
    status = run_view.status("warm", "Take note:", " ".join(dict.fromkeys(lacking))) if lacking else []
    return {
        "index": index,
        "camera": gr.update(choices=list(episode.cameras), value=camera or None, visible=len(episode.cameras) > 1),
        "stage": stage,
        "start": episodes.start(opened.place, index, camera, frame, reason, start),
        "offset": start,
        **_part_of(episode, shape),
        "meaning": episodes.meaning(episode.action_space, actions, _known_by(opened)),
        "facts": episodes.facts(episode, actions, states, success),
        "status": status,
    }


def _part_of(episode: Episode, shape: Shape | None) -> Parts:
    """Which part of a long episode is shown, and the way to the others; nothing where it is shown whole."""
    total = episode.frame_count
    if shape is None or shape.frames >= total:
        return {"parts": gr.update(visible=False), "part": []}
    end = shape.start + shape.frames
    number, count = shape.start // shape.span + 1, -(-total // shape.span)
    return {
        "parts": gr.update(visible=True),
        "part": episodes.part_words(number, count, shape.start, end, total),
        "earlier": gr.update(interactive=shape.start > 0),
        "later": gr.update(interactive=end < total),
    }


def turned(opened: Opened, index: int, camera: str, offset: int, by: int) -> Parts:
    """The part of a long episode before (``by`` -1) or after (1) the one that begins at frame ``offset``."""
    episode = opened.dataset.episode(index)
    camera = camera if camera in episode.cameras else next(iter(episode.cameras), "")
    span = clip_shape(episode, episode.frames(camera, stop=1)[0]).span
    return episode_parts(opened, index, camera, min(max(0, offset + by * span), episode.frame_count - 1))


def recorded(episode: Episode, camera: str, shape: Shape | None = None) -> Rollout | None:
    """An episode's numbers (of one part of it) as a rollout without frames; None when it has no actions or they cannot
    be read."""
    try:
        actions, states, space = episode.actions, episode.states, episode.action_space
        if actions is None or space is None:
            return None
        if shape is not None and shape.frames < episode.frame_count:
            first, last = (
                round(frame * space.rate / episode.fps) for frame in (shape.start, shape.start + shape.frames)
            )
            actions, states = actions[first:last], None if states is None else states[first : last + 1]
            if not len(actions):
                return None
        return Rollout(
            "recorded",
            None,
            episode.fps,
            actions,
            episode.action_space,
            states,
            instruction=episode.instruction,
            camera=camera,
            # A moving camera's calibration holds for one frame only; a path drawn with it would lie.
            camera_model=episode.camera_model(camera) if camera and not episode.camera_moves(camera) else None,
            success=episode.success,
            meta={"source": episode.source, "state_names": list(episode.state_names)},
        )
    except WamvizError:
        return None


def plot_parts(opened: Opened, index: int, theme: str, offset: int = 0) -> Parts:
    """The action plot of the part of an episode that begins at frame ``offset``, in the visitor's colours."""
    theme = theme if theme in plots.THEMES else "light"
    episode = opened.dataset.episode(index)
    camera, shape = next(iter(episode.cameras), ""), None
    if camera and episode.frame_count > min(clip_cache.MOST_FRAMES, 150):  # a short one is never in parts
        first = _tried(lambda: episode.frames(camera, stop=1)[0], [])
        shape = None if first is None else clip_shape(episode, first, offset)
    figure = plots.episode_figure(recorded(episode, camera, shape), theme)
    rate = episode.fps if episode.action_space is None else episode.action_space.rate
    columns = _tried(lambda: _columns(episode, rate, shape), []) or {}
    seconds = max([len(column) / rate for column in columns.values()], default=0.0)
    title = "columns of the dataset"
    if len(columns) > plots.extra_lanes.MOST_LANES:
        title += f" (the first {plots.extra_lanes.MOST_LANES} of {len(columns)})"
    return {"plot": plots.add_lanes(figure, plots.scalar_lanes(columns, rate), title, theme, seconds)}


def _columns(episode: Episode, rate: float, shape: Shape | None) -> dict[str, Floats]:
    """The scalar columns of an episode, of the part that is shown."""
    if shape is None or shape.frames >= episode.frame_count:
        return dict(episode.scalars)
    first, last = (round(frame * rate / episode.fps) for frame in (shape.start, shape.start + shape.frames))
    return {name: column[first : last + 1] for name, column in episode.scalars.items()}


def _no_path(rollout: Rollout | None) -> str:
    """Why the path of the hand is not known to a calibrated camera."""
    if rollout is None:
        return "there are no actions"
    if ee_path(rollout) is None:
        return "neither states nor actions say where the hand is"
    tool = rollout.camera_model.tool if rollout.camera_model is not None else None
    if tool is not None and tool_path(rollout, tool) is None:
        count = TURNS[tool.turn]
        return f"the states do not say how the hand is turned ({tool.turn}, {count} numbers after x, y, z)"
    return "it lies behind the camera"


def nothing(missing: str) -> Parts:
    """A stage without an episode."""
    return {
        "index": None,
        "offset": 0,
        "parts": gr.update(visible=False),
        "part": [],
        "camera": gr.update(choices=[], value=None, visible=False),
        "stage": episode_value(None, "", 0, 0, 0, missing=missing),
        "start": [],
        "meaning": [],
        "facts": [],
    }


def _known_by(opened: Opened) -> str:
    """The sentence that says how the meaning of the actions is known."""
    return str(opened.dataset.summary().get("actions_known_by") or "")


def _tried(read: Callable[[], T], problems: list[str]) -> T | None:
    """What ``read`` returns, or None, with its complaint added to ``problems``."""
    try:
        return read()
    except WamvizError as error:
        problems.append(str(error))
        return None


def busy(what: str) -> list[Node]:
    """The status while something is opened."""
    return run_view.status("busy", f"{what} …")
