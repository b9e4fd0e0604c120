"""The context of a SOURCE that a visitor's page names.

Contract: folders and files of this machine are for those who sit at it; everything else all may name.
"""

from __future__ import annotations

import re

from wamviz.core.errors import InvalidInput
from wamviz.runs.pictures import PICTURE
from wamviz.runs.sources import FORMS, Context, resolve
from wamviz.ui.library import place_of
from wamviz.ui.run_repository import RunRepository
from wamviz.ui.scenes import Scenes

RUN = re.compile(r"[0-9a-f]{16}")


def find_context(source: str, scenes: Scenes, here: bool, repository: RunRepository | None = None) -> Context:
    """An episode of a dataset that is open or can be opened, a tabletop scene, a kept run, or a file.

    Args:
        here: whether the visitor sits at this machine.
        repository: where runs are looked for; without it they are files of this machine.

    Raises:
        WamvizError: there is none, or it is not for this visitor.
    """
    text = (source or "").strip()
    if not text:
        raise InvalidInput("There is no context frame.", f"Name a source: {FORMS}.")
    if "#" in text:
        scenes.library.allow(place_of(text)[0], here)
        return scenes.context(*scenes.at(text))
    if text.startswith(("tabletop:", PICTURE)):
        return resolve(text)
    if repository is not None and RUN.fullmatch(text):
        return resolve(str(repository.folder(text)))
    scenes.library.allow(text, here)
    return resolve(text)
