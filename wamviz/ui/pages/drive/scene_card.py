"""A tabletop scene as a picture with its tasks, for the form in which a model drives."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from typing import Any

from wamviz.core.errors import WamvizError
from wamviz.ui.markup import Node, h
from wamviz.ui.pictures import thumbnail
from wamviz.ui.run_actions import whole

SEED = 2_000_100
OFFERED = 5  # tasks


def scene_card(seed: Any) -> list[Node]:
    """The picture of a scene, its own task, and further ones as buttons; a sentence where there is no such scene."""
    try:
        picture, own, further = look(whole(seed, "seed of the scene"))
    except WamvizError as error:
        return [h("p", {"class": "wz-note"}, str(error))]
    chips = [h("button", {"type": "button", "class": "wz-chip", "data-pick": text}, text) for text in (own, *further)]
    return [
        h(
            "div",
            {"class": "wd-scene"},
            h("img", {"src": picture, "alt": f"Its own task: {own}", "width": 148, "height": 148}),
            h("div", {"class": "wz-chips", "role": "group", "aria-label": "Tasks", "data-arrows": True}, chips),
        )
    ]


@lru_cache(maxsize=32)
def look(seed: int) -> tuple[str, str, tuple[str, ...]]:
    """The picture of a scene, the task that its seed draws, and others that are possible in it."""
    from wamviz.worlds.tabletop import TabletopEnv, suggestions, task_for_seed

    with contextlib.closing(TabletopEnv(size=192, cameras=("exterior",))) as env:
        env.reset(seed)
        own = task_for_seed(env).instruction
        further = tuple(text for text in suggestions(env) if text != own)[:OFFERED]
        return thumbnail(env.render("exterior")), own, further
