"""The small form for a video and its table: which columns are the actions, which are the states, what rate fits.

Contract: pure functions over uploaded files; they are described and nothing is decided for the visitor. A file that
cannot be read is told in a sentence, under the list of files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from wamviz.core.errors import WamvizError
from wamviz.core.media import count_frames, video_info
from wamviz.datasets.containers.tables import SUFFIXES as TABLES
from wamviz.datasets.containers.tables import columns_of
from wamviz.datasets.containers.videos import SUFFIXES as VIDEOS
from wamviz.ui.markup import Node, h

MOST_COLUMNS = 300  # that a menu offers


def described(files: Sequence[str] | None) -> tuple[Any, Any, Any, Any]:
    """What is said about the uploaded files, and the menus of columns for the actions, the states and their kind."""
    paths = [Path(path) for path in files or []]
    table = next((path for path in paths if path.suffix.lower() in TABLES), None)
    hidden = gr.update(visible=False, choices=[], value=[])
    if table is None:
        return [], hidden, hidden, gr.update(visible=False)
    try:
        columns = columns_of(table)
    except WamvizError as error:
        return [h("p", {"class": "wz-note wz-lacks"}, str(error))], hidden, hidden, gr.update(visible=False)
    names = [name for name, shape in columns.items() if shape is not None and name][:MOST_COLUMNS]
    menu = gr.update(visible=bool(names), choices=names, value=[])
    return words(table.name, columns, _video(paths)), menu, menu, gr.update(visible=True)


def words(name: str, columns: dict[str, tuple[int, int] | None], video: tuple[int, float] | None) -> list[Node]:
    """A table in a sentence: its rows and columns, and which rate would be one action a frame.

    >>> words("a.csv", {"vx": (8, 1), "note": None}, (9, 5.0))[0][2][:30]
    'a.csv: 8 rows. Columns: vx. No'
    """
    known = {column: shape for column, shape in columns.items() if shape is not None}
    rows = sorted({shape[0] for shape in known.values()})
    shown = ", ".join(f"{column} ({width})" if width > 1 else column for column, (_, width) in known.items() if column)
    text = f"{name}: {' or '.join(map(str, rows[:3])) or 'no'} rows."
    text += f" Columns: {shown}." if shown else " It has no names of columns."
    texts = [column for column, shape in columns.items() if shape is None]
    if texts:
        text += f" Not numbers: {', '.join(texts[:10])}."
    if video is not None:
        frames, fps = video
        text += f" The video has {frames} frames at {fps:g} a second: one action a frame would be {fps:g} a second."
    return [h("p", {"class": "wz-note"}, text)]


def _video(paths: Sequence[Path]) -> tuple[int, float] | None:
    """Frames and rate of the first video that can be read; a damaged one says so when it is opened."""
    for path in paths:
        if path.suffix.lower() in VIDEOS:
            try:
                return count_frames(path), video_info(path).fps
            except WamvizError:
                continue
    return None
