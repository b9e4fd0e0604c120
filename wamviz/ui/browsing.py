"""What the Datasets page shows, as named parts; no layout and no event.

Contract: pure functions from an opened dataset to dicts of parts (see ``datasets_wiring`` for what they become). An
episode of which something is missing or damaged shows the rest, and says what is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import gradio as gr

from wamviz import figures
from wamviz.camera import TURNS
from wamviz.compare.trajectory import ee_path, tool_path
from wamviz.datasets import Episode
from wamviz.errors import WamvizError
from wamviz.rollout import Rollout
from wamviz.ui import correction, episodes, present
from wamviz.ui.footage import clip_shape
from wamviz.ui.library import Opened
from wamviz.ui.markup import Node
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
        return {**parts, **nothing(missing), "status": present.status("warm", missing)}
    space = _tried(lambda: opened.dataset.episode(chosen).action_space, [])
    return {**parts, **correction.fields(space), **episode_parts(opened, chosen, camera, frame)}


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
    if first is not None:
        shape = clip_shape(episode, first)
        frame = min(max(0, frame), shape.frames - 1)
        view = episode.cameras.index(camera)
        stage = episode_value(
            rollout, f"episodes/{opened.key}/{index}/{view}.mp4", shape.frames, shape.width, shape.height,
            fps=episode.fps, instruction=episode.instruction or "no instruction", frame=frame,
            detail=f"{episode.dataset_title} · episode {index} · {camera}",
        )  # fmt: skip
        if shape.frames < episode.frame_count:
            played = f"The first {shape.frames:,} of {episode.frame_count:,} frames are played here"
            lacking.append(f"{played}; the Imagine page reaches all of them.")
    clip = next(iter(stage["panes"]["recorded"]["samples"]), None)
    if clip is not None and clip["path"] is None and camera in episode.calibration:
        lacking.append(f"Camera '{camera}' is calibrated, but no path is drawn on it: {_no_path(rollout)}.")
    reason = "" if first is not None else "There is no picture here that a model could start from."
    status = present.status("warm", "Take note:", " ".join(lacking)) if lacking else []
    return {
        "index": index,
        "camera": gr.update(choices=list(episode.cameras), value=camera or None, visible=len(episode.cameras) > 1),
        "stage": stage,
        "start": episodes.start(opened.place, index, camera, frame, reason),
        "meaning": episodes.meaning(episode.action_space, actions, _known_by(opened)),
        "facts": episodes.facts(episode, actions, states, success),
        "status": status,
    }


def recorded(episode: Episode, camera: str) -> Rollout | None:
    """An episode's numbers as a rollout without frames; None when it has no actions or they cannot be read."""
    try:
        actions, states = episode.actions, episode.states
        if actions is None:
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


def plot_parts(opened: Opened, index: int, theme: str) -> Parts:
    """The action plot of an episode in the visitor's colours."""
    theme = theme if theme in figures.THEMES else "light"
    episode = opened.dataset.episode(index)
    rollout = recorded(episode, next(iter(episode.cameras), ""))
    return {"plot": figures.episode_figure(rollout, theme)}


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
    return present.status("busy", f"{what} …")
