"""A run as pictures for slides and papers: 1280 x 720 with the instruction, the labels and the paths burnt in.

Contract: ``slide_frames`` is what the mp4 and the gif show, ``filmstrip`` one picture in the layout of papers:
context | recorded strip over imagined strip | all paths over the context. Colours, dashes and order are the page's.
Pure functions of a run; nothing is read or written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import Camera, Frames, Rollout
from wamviz.metrics.trajectory import path_pixels
from wamviz.runs.store.run import Run

WIDTH, HEIGHT = 1280, 720  # pixels: a projector's, and what video sites call HD
MARGIN, GAP = 36, 14
PAPER, INK, SOFT, LINE = (250, 248, 243), (27, 34, 37), (92, 100, 104), (214, 208, 196)
COLOURS = {"imagined": (0, 114, 178), "recorded": (17, 17, 17), "executed": (213, 94, 0)}  # as on the page
MOST_FRAMES = 400  # of one video, 1.1 GB of pixels; above, the rate is lowered
MAX_RATE = 30.0  # frames a second
STRIP = 6  # frames in a filmstrip


@dataclass(frozen=True)
class SlidePane:
    """One rollout on a slide.

    Args:
        name: what stands above it; its colour is that of the origin.
        origin: imagined, recorded or executed.
        frames: (T, H, W, 3) uint8.
        fps: frames a second.
        path: (M, 2) the end-effector's in fractions of the frame, x to the right and y down; None where unknown.
        rate: points of the path a second.
        tint: colour in place of the origin's, where several panes share it.
    """

    name: str
    origin: str
    frames: Frames
    fps: float
    path: NDArray[np.float64] | None
    rate: float
    tint: tuple[int, int, int] | None = None

    @property
    def colour(self) -> tuple[int, int, int]:
        """Of its label and its path."""
        return self.tint or COLOURS[self.origin]


def has_video(run: Run) -> bool:
    """Whether any of its rollouts can be drawn."""
    rollouts = (run.imagined[0], run.reference, run.executed)
    return any(rollout is not None and rollout.frames is not None for rollout in rollouts)


def panes_of(run: Run) -> list[SlidePane]:
    """What can be shown side by side: sample 0, the reference, the execution.

    Raises:
        InvalidInput: the run has no video.
    """
    named: list[tuple[str, str, Rollout | None]] = [("imagined", "imagined", run.imagined[0])]
    if run.reference is not None:
        named.append(("recorded" if run.reference.origin == "recorded" else "reference", "recorded", run.reference))
    verdict = {True: ": succeeded", False: ": failed", None: ""}
    if run.executed is not None:
        named.append((f"executed in the simulator{verdict[run.executed.success]}", "executed", run.executed))
    rollouts = [rollout for _, _, rollout in named if rollout is not None]
    camera = next((rollout.camera_model for rollout in rollouts if rollout.camera_model is not None), None)
    found = []
    for name, origin, rollout in named:
        if rollout is not None and rollout.frames is not None:
            rate = float(rollout.action_space.rate if rollout.action_space is not None else rollout.fps)
            path = _path(rollout, rollout.camera_model or camera, run)
            found.append(SlidePane(name, origin, rollout.frames, float(rollout.fps), path, rate))
    if not found:
        raise InvalidInput("This run has no video.", "Its actions can be downloaded as csv or npz.")
    return found


def _path(rollout: Rollout, camera: Camera | None, run: Run) -> NDArray[np.float64] | None:
    pixels = None if camera is None else path_pixels(rollout, camera, run.state)
    if camera is None or pixels is None or not np.isfinite(pixels).all():
        return None
    return pixels / (camera.width, camera.height)


def slide_frames(run: Run, *, max_rate: float = MAX_RATE) -> tuple[Frames, float]:
    """The run as a video for slides: ((T, 720, 1280, 3) uint8, frames a second). A pane that has ended keeps its last
    frame and says so."""
    panes = panes_of(run)
    seconds = max((len(pane.frames) - 1) / pane.fps for pane in panes)
    rate = min(max_rate, max(pane.fps for pane in panes), max(1.0, (MOST_FRAMES - 1) / max(seconds, 1e-6)))
    ground, boxes = _ground(run, panes)
    count = round(seconds * rate) + 1
    frames = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)  # (T, H, W, 3)
    for k in range(count):
        sheet = ground.copy()
        draw = ImageDraw.Draw(sheet)
        for pane, box in zip(panes, boxes, strict=True):
            _pane(sheet, draw, pane, box, k / rate, panes)
        draw.rectangle((MARGIN, HEIGHT - 26, WIDTH - MARGIN, HEIGHT - 22), fill=LINE)
        done = MARGIN + (WIDTH - 2 * MARGIN) * k / max(1, count - 1)
        draw.rectangle((MARGIN, HEIGHT - 26, done, HEIGHT - 22), fill=COLOURS["imagined"])
        draw.text((WIDTH - MARGIN, HEIGHT - 34), f"{k / rate:.1f} s", INK, _font(20), anchor="rs")
        frames[k] = np.asarray(sheet)
    return frames, rate


def filmstrip(run: Run) -> Frames:
    """One picture (H, W, 3): the context, a strip a rollout over the same moments, and all paths over the context."""
    order = {"recorded": 0, "imagined": 1, "executed": 2}
    return lay_strips(run.context, sorted(panes_of(run), key=lambda pane: order[pane.origin]), *_words(run))


def lay_strips(context: Frames, panes: list[SlidePane], title: str, small: str) -> Frames:
    """The same of any panes, one below the other.

    Args:
        context: (H, W, 3); panes: one or more; title, small: what stands above them.
    """
    seconds = max((len(pane.frames) - 1) / pane.fps for pane in panes)
    moments = np.linspace(0, seconds, STRIP + 1)[1:]
    height, width = panes[0].frames.shape[1:3]
    tile = 200
    wide = round(tile * width / height)
    side = len(panes) * tile + (len(panes) - 1) * 40  # the context and the overlay are as tall as all strips
    large = round(side * width / height) if len(panes) > 1 else wide
    total = 2 * MARGIN + 2 * large + 2 * GAP + STRIP * wide + (STRIP - 1) * 4
    sheet = Image.new("RGB", (total, side + 2 * MARGIN + 110), PAPER)
    draw = ImageDraw.Draw(sheet)
    _title(draw, title, small, total)
    top = MARGIN + 110
    first = _fit(context, large, side)
    sheet.paste(first, (MARGIN, top))
    _label(draw, (MARGIN, top - 8), "context", INK)
    left = MARGIN + large + GAP
    for row, pane in enumerate(panes):
        y = top + row * (tile + 40)
        _label(draw, (left, y - 8), pane.name, pane.colour, dash=pane.origin)
        for column, moment in enumerate(moments):
            x = left + column * (wide + 4)
            sheet.paste(_fit(pane.frames[_index(pane, moment)], wide, tile), (x, y))
            if row == 0:
                draw.text((x + wide - 5, y + tile - 5), f"{moment:.1f} s", (255, 255, 255), _font(16), anchor="rs",
                          stroke_width=2, stroke_fill=(0, 0, 0))  # fmt: skip
    right = left + STRIP * wide + (STRIP - 1) * 4 + GAP
    sheet.paste(first, (right, top))
    _label(draw, (right, top - 8), "end-effector paths", INK)
    for pane in panes:
        if pane.path is not None:
            _draw_path(draw, pane, (right, top, first.width, first.height), None)
    return np.asarray(sheet)


# --- parts ----------------------------------------------------------------------------------------------------------


def _ground(run: Run, panes: list[SlidePane]) -> tuple[Image.Image, list[tuple[int, int, int, int]]]:
    """The slide without its pictures, and where they go, as (left, top, width, height)."""
    sheet = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(sheet)
    _title(draw, *_words(run), WIDTH)
    top, bottom = MARGIN + 124, HEIGHT - 56
    room = (WIDTH - 2 * MARGIN - GAP * (len(panes) - 1)) / len(panes)
    aspect = max(pane.frames.shape[2] / pane.frames.shape[1] for pane in panes)
    width = int(min(room, (bottom - top) * aspect))
    height = int(width / aspect)
    start = (WIDTH - len(panes) * width - (len(panes) - 1) * GAP) // 2
    y = top + (bottom - top - height) // 2
    boxes = [(start + k * (width + GAP), y, width, height) for k in range(len(panes))]
    for pane, (x, _, _, _) in zip(panes, boxes, strict=True):
        _label(draw, (x, y - 10), pane.name, pane.colour, dash=pane.origin)
    return sheet, boxes


def _words(run: Run) -> tuple[str, str]:
    """Instruction and settings."""
    text = f"“{run.instruction}”" if run.instruction else "no instruction"
    seed = "" if run.imagined[0].seed is None else f" · seed {run.seed}"
    return text, f"{run.model} · {run.mode.replace('_', ' ')}{seed} · wamviz"


def _title(draw: ImageDraw.ImageDraw, text: str, small: str, width: int) -> None:
    """A line that is too long becomes smaller, then ends in dots."""
    size = next((size for size in range(40, 21, -2) if draw.textlength(text, _font(size)) <= width - 2 * MARGIN), 22)
    while draw.textlength(text, _font(size)) > width - 2 * MARGIN and len(text) > 4:
        text = f"{text[:-4]} …"
    draw.text((MARGIN, MARGIN + 34), text, INK, _font(size), anchor="ls")
    draw.text((MARGIN, MARGIN + 62), small, SOFT, _font(20), anchor="ls")


def _label(draw: ImageDraw.ImageDraw, at: tuple[int, int], words: str, colour: tuple[int, int, int],
           dash: str = "") -> None:  # fmt: skip
    x, y = at
    if dash:
        _dashed(draw, [(x, y - 7), (x + 30, y - 7)], colour, dash, 4)
        x += 38
    draw.text((x, y), words, INK, _font(20), anchor="ls")


def _pane(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, pane: SlidePane, box: tuple[int, int, int, int], time: float,
    panes: list[SlidePane],
) -> None:  # fmt: skip
    left, top, width, height = box
    picture = _fit(pane.frames[_index(pane, time)], width, height)
    sheet.paste(picture, (left, top))
    for other in (*(one for one in panes if one is not pane), pane):  # its own lies on top
        if other.path is not None:
            _draw_path(draw, other, box, time if other is pane else None, faint=other is not pane)
    if time > (len(pane.frames) - 1) / pane.fps + 0.5 / pane.fps:
        draw.text((left + 10, top + height - 10), "ended", (255, 255, 255), _font(18), anchor="ls", stroke_width=2,
                  stroke_fill=(0, 0, 0))  # fmt: skip


def _draw_path(
    draw: ImageDraw.ImageDraw,
    pane: SlidePane,
    box: tuple[int, int, int, int],
    time: float | None,
    *,
    faint: bool = False,
) -> None:
    assert pane.path is not None
    left, top, width, height = box
    last = len(pane.path) if time is None else min(len(pane.path), int(np.floor(time * pane.rate + 1e-6)) + 1)
    inside = np.clip(pane.path[:last], 0.0, 1.0)  # a path that leaves the picture follows its edge
    points = [(left + x * width, top + y * height) for x, y in inside.tolist()]
    if len(points) > 1:
        if not faint:
            draw.line(points, (255, 255, 255), 6, joint="curve")
        _dashed(draw, points, pane.colour, pane.origin, 1 if faint else 3)
    if points and not faint:
        x, y = points[-1]
        draw.ellipse((x - 6, y - 6, x + 6, y + 6), pane.colour, (255, 255, 255), 2)


DASHES = {"imagined": (9.0, 6.0), "recorded": (1e9, 0.0), "executed": (2.0, 5.0)}  # pixels on, pixels off


def _dashed(
    draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], colour: tuple[int, int, int], origin: str, width: int
) -> None:
    on, off = DASHES[origin]
    gone = 0.0  # along the whole line
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        length = float(np.hypot(x1 - x0, y1 - y0))
        done = 0.0
        while done < length - 1e-9:
            phase = (gone + done) % (on + off)
            left = min(length - done, (on if phase < on else on + off) - phase)
            if phase < on:
                a, b = done / length, (done + left) / length
                line = (x0 + a * (x1 - x0), y0 + a * (y1 - y0), x0 + b * (x1 - x0), y0 + b * (y1 - y0))
                draw.line(line, colour, width)
            done += max(left, 1e-6)
        gone += length


def _index(pane: SlidePane, time: float) -> int:
    return int(np.clip(np.floor(time * pane.fps + 1e-6), 0, len(pane.frames) - 1))


def _fit(frame: Frames, width: int, height: int) -> Image.Image:
    """A frame (H, W, 3) as large as fits, on the slide's paper."""
    scale = min(width / frame.shape[1], height / frame.shape[0])
    size = max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale))
    picture = Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC)
    if picture.size == (width, height):
        return picture
    sheet = Image.new("RGB", (width, height), PAPER)
    sheet.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return sheet


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The face that Pillow brings along: the same on every machine."""
    return ImageFont.load_default(size)
