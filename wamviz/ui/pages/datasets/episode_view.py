"""Words about datasets and their episodes, as markup nodes.

Contract: pure functions; texts out of files become text nodes, whatever they hold. What is not known is said to be not
known; nothing is guessed here that the reader did not say.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import numpy as np

from wamviz.core.rollout import ActionSpace, Floats
from wamviz.datasets import Episode, EpisodeSummary
from wamviz.ui import run_view
from wamviz.ui.library import SHIPPED, Opened
from wamviz.ui.markup import Node, h

KIND_WORDS = {
    "ee_delta": "steps of the hand: how far it moves and turns with one action",
    "ee_pose": "poses of the hand: where it is told to be",
    "joint_position": "joint positions: where each joint is told to be",
    "joint_velocity": "joint velocities: how fast each joint is told to move",
    "unnamed": "unnamed dimensions: the dataset does not say what these numbers mean",
}
SUCCESS = {True: "succeeded", False: "did not succeed", None: "not recorded"}
LONGEST_NOTE = 300  # letters of a sentence about what is missing


def listing(lines: Sequence[EpisodeSummary], key: str, query: str = "") -> list[Node]:
    """One page of a dataset's episodes as buttons with first frames; a plain sentence when there are none."""
    if not lines:
        text = f"No episode is called '{query.strip()}'." if query.strip() else "This dataset holds no episodes."
        return [h("p", {"class": "wz-empty"}, text)]
    return [h("ul", {"class": "wz-episodes", "data-arrows": True}, [_row(line, key) for line in lines])]


def _row(line: EpisodeSummary, key: str) -> list[Node]:
    picture: Node = h("span", {"class": "wz-nopicture", "aria-hidden": "true"}, "no picture")
    if line.pictured:
        source = f"episodes/{key}/{line.index}/0.jpg"
        picture = h("img", {"src": source, "alt": "", "width": 56, "height": 56, "loading": "lazy"})
    facts = [f"Episode {line.index}", line.label, length_words(line.frames, line.fps)]
    badge = None
    if line.success is not None:
        kind = "wz-good" if line.success else "wz-warm"
        badge = h("span", {"class": f"wz-badge {kind}"}, SUCCESS[line.success])
    missing = h("small", {"class": "wz-note wz-lacks"}, line.missing[:LONGEST_NOTE]) if line.missing else None
    words = h(
        "span",
        {"class": "wz-runwords"},
        h("b", None, line.instruction or "no instruction"),
        h("small", {"class": "wz-note"}, " · ".join(fact for fact in facts if fact)),
        badge,
        missing,
    )
    button = {"type": "button", "class": "wz-episode", "data-pick": line.index}
    return h("li", None, h("button", button, picture, words))


def length_words(frames: int | None, fps: float | None) -> str:
    """How long an episode is.

    >>> length_words(42, 5.0), length_words(7, None), length_words(None, None)
    ('42 frames, 8.4 s at 5 a second', '7 frames', '')
    """
    if frames is None:
        return ""
    count = f"{frames:,} frame{'' if frames == 1 else 's'}"
    return count if not fps else f"{count}, {run_view.seconds(frames / fps)} at {fps:g} a second"


def page_words(found: int, page: int, size: int, total: int) -> list[Node]:
    """Which part of the list is shown."""
    if not found:
        return []
    first, last = page * size + 1, min(found, (page + 1) * size)
    of = f"{found:,}" if found == total else f"{found:,} found in {total:,}"
    return [h("p", {"class": "wz-note"}, f"{first:,} to {last:,} of {of}")]


def about(opened: Opened) -> list[Node]:
    """A dataset in a few lines: what it is, how large, what is missing."""
    facts = opened.dataset.summary()
    here, total = facts["available"], facts["episodes"]
    count = f"{total:,} episode{'' if total == 1 else 's'}" + (f", {here:,} of them here" if here != total else "")
    parts = [str(facts["format"]), count]
    if facts["frames"] is not None and facts["fps"]:
        parts.append(f"{facts['frames']:,} frames, {run_view.seconds(facts['seconds'])}")
    if facts["robot"]:
        parts.append(f"robot: {facts['robot']}")
    where = {"s": "Shipped with wamviz.", "u": "Uploaded; kept for a day."}.get(
        "s" if opened.place == SHIPPED else "u" if opened.folder is not None else "", opened.place
    )
    return [
        h("p", {"class": "wz-dataset"}, h("b", None, str(facts["title"])), h("small", {"class": "wz-note"}, where)),
        h("p", {"class": "wz-note"}, " · ".join(parts)),
        *notes(facts["missing"]),
    ]


def notes(sentences: Sequence[str]) -> list[Node]:
    """What is missing or odd, as a short list; nothing when nothing is."""
    shown = [sentence[:LONGEST_NOTE] for sentence in dict.fromkeys(sentences) if sentence][:12]
    return [h("ul", {"class": "wz-notes"}, [h("li", None, sentence) for sentence in shown])] if shown else []


def facts(episode: Episode, actions: Floats | None, states: Floats | None, success: bool | None) -> list[Node]:
    """What is known of the episode on the stage."""
    space = episode.action_space
    rate = "" if space is None else f" at {space.rate:g} a second"
    names = ", ".join(episode.state_names) or "what they mean is not known"
    calibrated = [camera for camera in episode.cameras if episode.camera_model(camera) is not None]
    pairs = [
        ("Instruction", episode.instruction or "none recorded"),
        ("Video", f"{length_words(episode.frame_count, episode.fps)}; cameras: {', '.join(episode.cameras) or 'none'}"),
        ("Actions", "none" if actions is None else f"{len(actions):,}{rate}"),
        ("States", "none" if states is None else f"{len(states):,} rows of {states.shape[1]} numbers: {names}"),
        ("Success", SUCCESS[success]),
        ("Calibrated", ", ".join(calibrated) or "no camera, so no path is drawn on the picture"),
        *[(str(name), str(value)) for name, value in episode.facts.items() if _short(value)],
    ]
    rows = [h("div", None, h("dt", None, name), h("dd", None, text)) for name, text in pairs]
    return [h("dl", {"class": "wz-facts"}, rows)]


def _short(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and len(str(value)) <= 80


def meaning(space: ActionSpace | None, actions: Floats | None, known_by: str) -> list[Node]:
    """What the numbers of an action mean: kind, rate, gripper, and a row a dimension with its unit and its range."""
    if space is None:
        return [h("p", {"class": "wz-empty"}, "There are no actions here.")]
    gripper = "Which of them is a gripper is not known."
    if space.gripper_index is not None:
        name = space.names[space.gripper_index]
        gripper = f"'{name}' is the gripper: {space.gripper_open:g} is open, {space.gripper_closed:g} is closed."
    text = f"{space.dim} {KIND_WORDS[space.kind]}." if space.kind == "unnamed" else f"{_upper(KIND_WORDS[space.kind])}."
    rate = f"{space.rate:g} actions a second."
    head = ("Name", "Unit", "Limits", "In this episode")
    rows = [
        h(
            "tr",
            None,
            h("th", {"scope": "row"}, name),
            h("td", None, unit_words(unit)),
            h("td", {"class": "wz-number"}, _limits(space, k)),
            h("td", {"class": "wz-number"}, _seen(actions, k)),
        )
        for k, (name, unit) in enumerate(zip(space.names, space.units, strict=True))
    ]
    table = h(
        "table",
        {"class": "wz-table wz-wide"},
        h("caption", {"class": "wz-sr"}, "What each number of an action means"),
        h("thead", None, h("tr", None, [h("th", {"scope": "col"}, title) for title in head])),
        h("tbody", None, rows),
    )
    frame = {"class": "wz-scroll", "tabindex": "0", "role": "region", "aria-label": "Dimensions of an action"}
    return [
        h("p", {"class": "wz-lead"}, h("b", None, text), f" {rate} {gripper}"),
        h("p", {"class": "wz-note"}, f"How this is known: {known_by}") if known_by else h("span"),
        h("div", frame, table),
    ]


def unit_words(unit: str) -> str:
    """A unit for people.

    >>> unit_words("m"), unit_words("1"), unit_words("")
    ('m', 'none (a plain number)', 'not known')
    """
    return {"": "not known", "1": "none (a plain number)"}.get(unit, unit)


def _limits(space: ActionSpace, k: int) -> str:
    if space.low is None or space.high is None:
        return "not known"
    return f"{space.low[k]:g} to {space.high[k]:g}"


def _seen(actions: Floats | None, k: int) -> str:
    if actions is None or not len(actions):
        return "nothing"
    column = actions[:, k].astype(np.float64)
    return f"{column.min():.3g} to {column.max():.3g}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def part_words(number: int, count: int, start: int, end: int, total: int) -> list[Node]:
    """Which part of a long episode is on the stage.

    >>> part_words(2, 3, 1500, 3000, 4000)[0][3]
    'frames 1,500 to 2,999 of 4,000; the first one here is counted as 0.'
    """
    words = f"frames {start:,} to {end - 1:,} of {total:,}; the first one here is counted as 0."
    return [h("p", {"class": "wz-note"}, f"Part {number} of {count}: ", words)]


def start(place: str, index: int, camera: str, frame: int, reason: str = "", offset: int = 0) -> list[Node]:
    """The way to the Imagine page; the page's script puts the shown frame in. With ``reason``, why there is none.

    Args:
        offset: the episode's frame with which the part on the stage begins.
    """
    mark = {"data-episode": index}
    if reason:
        return [h("p", {"class": "wz-note", **mark}, reason)]
    source = f"{place}#{index}"
    address = f"./?context={quote(f'{source}@{frame}', safe='')}" + (
        f"&camera={quote(camera, safe='')}" if camera else ""
    )
    link = {"class": "wz-start", "href": address, "data-source": source, "data-camera": camera or None, **mark}
    link["data-offset"] = offset or None
    return [h("a", {**link, "data-testid": "imagine-from-here"}, "Imagine from this frame")]
