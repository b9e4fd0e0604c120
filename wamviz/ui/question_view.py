"""The asking half of the page as data: first values, captions, episode cards, instruction chips.

Contract: pure functions from scenes and models to markup nodes and values; no component and no event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Frames
from wamviz.runs.store import Run
from wamviz.ui import choices
from wamviz.ui.library import SHIPPED
from wamviz.ui.markup import Node, h
from wamviz.ui.run_repository import TASKS
from wamviz.ui.scenes import Card, Scene, Scenes
from wamviz.ui.suggest import Length, Suggestions, suggestions, task_length

RECORDED = "what happened next was recorded"


@dataclass(frozen=True)
class First:
    """What the form holds at first paint."""

    scene: Scene
    frame: int
    picture: Frames | None
    instruction: str


def first_scene(scenes: Scenes, shown: Run | None) -> First:
    """The scene of the run on the stage if it is a shipped episode, else the first episode, else nothing."""
    index, frame = 0, 0
    if shown is not None and shown.source.startswith(f"{SHIPPED}#"):
        place, _, at = shown.source.partition("#")[2].partition("@")
        index, frame = int(place or 0), int(at or 0)
    if index not in scenes.indices:
        if not scenes.indices:
            return First(Scene(), 0, None, "")
        index, frame = scenes.indices[0], 0
    try:
        scene = scenes.episode(index)
        told = shown.instruction if shown is not None and shown.source.startswith(f"{SHIPPED}#") else scene.instruction
        return First(scene, frame, scenes.frame(scene, frame), told)
    except WamvizError:
        return First(Scene(), 0, None, "")


def caption(scenes: Scenes, scene: Scene, frame: int, model: str = "") -> list[Node]:
    """What the context frame is, in one line; carries the episode's number for the picker's highlight.

    Args:
        model: who will see it: a picture of other sides is told to be cropped before it is.
    """
    if scene.kind == "none":
        text = "Pick an episode below, or add a picture: drop it, paste it, upload it, or take it with the webcam."
        return [h("p", {"class": "wz-caption", "data-scene": "none"}, scenes.problem or text)]
    if scene.kind == "picture":
        text = f"{scene.name}: your picture. What really happens after it is not known."
        crop = cropping(scenes, scene, model)
        return [h("p", {"class": "wz-caption", "data-scene": "picture"}, text, h("b", None, crop) if crop else None)]
    what = f"Episode {scene.number}" if scene.kind == "episode" else f"Tabletop scene {scene.number}"
    if scene.kind == "episode" and not scene.shipped:
        what = f"{scene.name}, episode {scene.number}" + (f", {scene.camera}" if scene.camera else "")
    mark = str(scene.number) if scene.shipped else scene.kind
    place = h("span", None, f"Frame {frame} of {scene.frames - 1}" if scene.frames > 1 else "First frame")
    told = h("q", None, scene.instruction) if scene.instruction else None
    return [h("p", {"class": "wz-caption", "data-scene": mark}, h("b", None, what), place, told)]


def frame_slider(scene: Scene, frame: int) -> Any:
    """The slider over the frames of a scene, hidden where there is one alone."""
    if scene.frames > 1:
        return gr.update(maximum=scene.frames - 1, value=frame, visible=True)
    # Hidden, it keeps its maximum: the browser goes on sending the number that it last showed.
    return gr.update(value=frame, visible=False)


def cropping(scenes: Scenes, scene: Scene, model: str) -> str:
    """What a model that sees squares alone does not see of a picture; "" where it sees all of it."""
    caps = choices.capabilities(model or choices.default_model())
    height, width = scenes.frame(scene, 0).shape[:2]
    seen = caps.frame_size
    if seen is None or seen[0] != seen[1] or height == width:
        return ""
    side, cut = min(height, width), "left and right" if width > height else "top and bottom"
    return f"{caps.title} sees the middle {side} x {side} of {width} x {height} pixels; {cut} are cut off."


def cards(found: Sequence[Card]) -> list[Node]:
    """The episodes as buttons with pictures."""
    if not found:
        return []
    buttons = [
        h(
            "button",
            {"type": "button", "class": "wz-card", "data-pick": card.index, "title": card.instruction},
            h("img", {"src": card.picture, "alt": "", "width": 112, "height": 112}),
            h("span", {"class": "wz-sr"}, f"Episode {card.index}: {card.instruction}. "),
            h("span", {"class": "wz-kind"}, TASKS.get(card.kind, card.kind) or f"episode {card.index}"),
        )
        for card in found
    ]
    return [h("div", {"class": "wz-cards", "data-arrows": True}, buttons)]


def chips(scenes: Scenes, scene: Scene, frame: int, model: str) -> list[Node]:
    """Suggested instructions as buttons, the reference task apart from what goes beyond it."""
    caps = choices.capabilities(model)
    if not caps.uses_instruction:
        return [h("p", {"class": "wz-note"}, f"{caps.title} pays no attention to the instruction.")]
    if scene.kind == "none":
        return []
    try:
        state = scenes.world_state(scene)
    except WamvizError:
        state = None
    offered = suggestions(state, scene.instruction)
    groups = [_group(*group) for group in _groups(offered, scene.kind, state is not None) if group[2]]
    return [h("div", {"class": "wz-chipgroups"}, groups)]


def _groups(offered: Suggestions, kind: str, known: bool) -> list[tuple[str, str, tuple[str, ...]]]:
    own = (offered.recorded,) if offered.recorded else ()
    beside = "Possible in this scene" if known else "Training instructions"  # nobody knows what lies on a real table
    return [
        ("Reference task", "what the scripted expert does is known" if kind == "world" else RECORDED, own),
        (beside, "", offered.possible),
        ("Composed extension", "two tasks in one sentence, nothing recorded", offered.extensions),
    ]


def _group(title: str, note: str, texts: tuple[str, ...]) -> list[Node]:
    buttons = [h("button", {"type": "button", "class": "wz-chip", "data-pick": text}, text) for text in texts]
    return h(
        "div",
        {"class": "wz-chipgroup", "role": "group", "aria-label": title},
        h("span", {"class": "wz-chiptitle"}, title, h("small", {"class": "wz-note"}, note) if note else None),
        h("div", {"class": "wz-chips", "data-arrows": True}, buttons),
    )


def length_of(scenes: Scenes, scene: Scene, instruction: str) -> Length | None:
    """How long the task of an instruction takes in a scene; None where that is not known."""
    try:
        return task_length(scenes.world_state(scene), instruction)
    except WamvizError:
        return None


def seconds_of(scenes: Scenes, scene: Scene, instruction: str) -> float | None:
    """The same in seconds."""
    found = length_of(scenes, scene, instruction)
    return None if found is None else found.seconds


def sentences(texts: Sequence[str]) -> list[Node]:
    """Explaining lines under a control."""
    return [h("p", {"class": "wz-note"}, text) for text in texts]
