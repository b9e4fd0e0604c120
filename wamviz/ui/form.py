"""The asking half of the page as data: first values, captions, episode cards, instruction chips.

Contract: pure functions from scenes and models to markup nodes and values; no component and no event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Frames
from wamviz.runs.store import Run
from wamviz.ui import choices, present
from wamviz.ui.library import SHIPPED
from wamviz.ui.markup import Node, h
from wamviz.ui.scenes import Card, Scene, Scenes
from wamviz.ui.shelf import TASKS, Shelf
from wamviz.ui.suggest import Suggestions, suggestions

RECORDED = "what happened next was recorded"
EXAMPLE_RULE = (
    "The first shipped episode of each task, imagined once with seed 0 and run in the simulator; shown as it came out."
)


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


def caption(scenes: Scenes, scene: Scene, frame: int) -> list[Node]:
    """What the context frame is, in one line; carries the episode's number for the picker's highlight."""
    if scene.kind == "none":
        text = "Pick an episode below, or add a picture: drop it, paste it, upload it, or take it with the webcam."
        return [h("p", {"class": "wz-caption", "data-scene": "none"}, scenes.problem or text)]
    if scene.kind == "picture":
        text = f"{scene.name}: your picture. What really happens after it is not known."
        return [h("p", {"class": "wz-caption", "data-scene": "picture"}, text)]
    what = f"Episode {scene.number}" if scene.kind == "episode" else f"Tabletop scene {scene.number}"
    if scene.kind == "episode" and not scene.shipped:
        what = f"{scene.name}, episode {scene.number}" + (f", {scene.camera}" if scene.camera else "")
    mark = str(scene.number) if scene.shipped else scene.kind
    place = h("span", None, f"Frame {frame} of {scene.frames - 1}" if scene.frames > 1 else "First frame")
    told = h("q", None, scene.instruction) if scene.instruction else None
    return [h("p", {"class": "wz-caption", "data-scene": mark}, h("b", None, what), place, told)]


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


def examples(shelf: Shelf) -> list[Node]:
    """The shipped examples as buttons, with the rule that chose them; the page's script marks the one on the stage."""
    if not shelf.examples:
        return []
    buttons = [
        h("button", {"type": "button", "class": "wz-chip wz-example", "data-pick": run_id}, TASKS[task])
        for task, run_id in shelf.examples.items()
    ]
    group = {"class": "wz-chips", "role": "group", "aria-label": "Examples", "data-arrows": True}
    return [
        h("div", {"class": "wz-examples"}, h("span", {"class": "wz-chiptitle"}, "Examples"), h("div", group, buttons)),
        h("p", {"class": "wz-note"}, EXAMPLE_RULE),
    ]


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
    beside = "Possible in this scene" if known else "Words it was taught"  # nobody knows what lies on a real table
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


def first_settings(model: str) -> dict[str, float]:
    """Where the settings of a model stand before anybody moves them."""
    caps = choices.capabilities(model)
    return {"horizon": choices.first_horizon(model), "steps": max(1, caps.default_steps), "guidance": 1.0}


def sentences(texts: Sequence[str]) -> list[Node]:
    """Explaining lines under a control."""
    return [h("p", {"class": "wz-note"}, text) for text in texts]


def why(reason: str) -> list[Node]:
    """Why the actions cannot be acted out; the page's script reads the mark and greys the button."""
    return [h("p", {"class": "wz-note wz-why", "data-off": True}, reason)] if reason else []


def first_status(shown: Run | None, scenes: Scenes) -> list[Node]:
    """The status before anything was pressed: what is on the stage, and what to do."""
    if scenes.problem and shown is None:
        return present.status("idle", "Ready.", f"{scenes.problem} Add a picture of your own to start.")
    if shown is None:
        return present.status("idle", "Ready.", "Pick a context, say what to do, and press Imagine.")
    if choices.capabilities(shown.model).control:
        text = f"The example shown was made by a control ({shown.model}), not by a model that learned."
        return present.status("idle", text, "Press Imagine to make your own.")
    return present.status("idle", "The example shown was imagined earlier.", "Press Imagine to make one now.")
