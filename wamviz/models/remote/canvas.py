"""The video that DreamZero writes on its server, found in a folder and cut to the view that is shown.

Contract: nothing outside the named folder is read, symbolic links out of it included; only an mp4 that appeared since
the question was asked counts, and only once it is whole. Its frames keep the rate that the file says. Layout, from
dreamzero ``groot/vla/model/dreamzero/transform/dreamzero_cotrain.py`` and vllm-omni ``robot/transform/droid.py``: each
view is cropped to its middle 95 % and scaled to one size; on a canvas of two by two the wrist view, twice as wide, lies
above the two exterior ones. Written by ``socket_test_optimized_AR.py`` when it forgets: on a reset or a new session.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path

from wamviz.core.errors import Damaged, NotFound, WamvizError
from wamviz.core.media import read_video, resize
from wamviz.core.rollout import Frames
from wamviz.models.remote.asking import MAX_FRAMES, PolicyRequest
from wamviz.models.remote.kinds import is_set
from wamviz.models.remote.robots import RobotView

WAIT_S = 15.0  # the file is there when the reset is answered; a shared disk may show it later
LOOK_S = 0.25
MIDDLE = 0.95
CROPPED = f"DreamZero sees and imagines the middle {100 * MIDDLE:g} % of each picture."
_FILES = 10_000
Seen = dict[Path, tuple[int, int]]


def folder_of(request: PolicyRequest) -> Path | None:
    """The folder that the user named, None where none was named.

    Raises:
        WamvizError: it is no folder.
    """
    settings = request.connection.settings
    if not is_set(settings, "videos"):
        return None
    named = settings["videos"]
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise NotFound(
            f"There is no folder '{named[:200]}' with DreamZero's videos here.",
            "Its server says when it starts where 'Videos will be saved to'; name that folder, or a mounted copy, with "
            "connect --set videos=FOLDER.",
        )
    return folder


def seen(folder: Path) -> Seen:
    """The mp4 files of a folder and of two levels below it, with the time and the size of each."""
    found: Seen = {}
    inside = folder.resolve()
    listed = (path for form in ("*.mp4", "*/*.mp4", "*/*/*.mp4") for path in folder.glob(form))
    for path in islice(listed, _FILES):
        try:
            real = path.resolve()
            facts = real.stat()
        except OSError:  # it went away while it was looked at
            continue
        if real.is_relative_to(inside) and real.is_file():
            found[real] = (facts.st_mtime_ns, facts.st_size)
    return found


async def film(folder: Path, before: Seen) -> tuple[Frames, float, str] | str:
    """Await the newest video that is not in ``before``: its frames, its rate and its name; else why there is none."""
    why, last = "", before
    end = asyncio.get_running_loop().time() + WAIT_S
    while True:
        now = seen(folder)
        new = [path for path, facts in now.items() if before.get(path) != facts]
        if new:
            path = max(new, key=lambda one: now[one][0])
            if last.get(path) == now[path]:  # it no longer grows
                try:
                    frames, fps = read_video(path, max_frames=MAX_FRAMES)
                except WamvizError as error:
                    why = f"The video that the server wrote cannot be read: {error.message}"
                else:
                    if len(frames) > 1:
                        return frames, fps, path.name
                    why = "The video that the server wrote has a single frame."
        if asyncio.get_running_loop().time() >= end:
            return why or f"No video appeared in the named folder within {WAIT_S:g} s; is it the server's own?"
        last = now
        await asyncio.sleep(LOOK_S)


def cut(video: Frames, request: PolicyRequest) -> tuple[Frames, str]:
    """The shown view out of the canvas (T, H, W, 3), in its camera's proportions and without borders; that camera.

    Raises:
        WamvizError: the views are not those of the known layout, or the canvas is too small for them.
    """
    views = request.robot.views
    outer = [view for view in views if view.role == "exterior"]
    if len(views) != 3 or len(outer) != 2:
        raise Damaged("How the server lays out its views is known for one wrist and two exterior ones only.")
    upper, half = video.shape[1] // 2, video.shape[2] // 2
    if min(upper, half) < 2:
        raise Damaged(f"The server's video is only {video.shape[1]} x {video.shape[2]} pixels.")
    view = request.shown
    if view.role == "wrist":
        part = video[:, :upper]
    else:
        part = video[:, upper:, :half] if view is outer[0] else video[:, upper:, half:]
    camera = request.cameras[view.key]
    tall, wide = request.imagine.observation.frames[camera].shape[:2]
    # The middle of a middle: what the crop takes away is the same share of the picture and of its borders.
    shares = zip(part.shape[1:3], _filled(tall, wide, view), strict=True)
    rows, columns = (max(1, round(side * share)) for side, share in shares)
    top, left = (part.shape[1] - rows) // 2, (part.shape[2] - columns) // 2
    inner = part[:, top : top + rows, left : left + columns]
    return resize(inner, rows, max(1, round(rows * wide / tall))), camera


def _filled(tall: int, wide: int, view: RobotView) -> tuple[float, float]:
    """Which share of a view's rows and columns the picture fills, between the borders that it was sent with."""
    if view.size is None or view.fit != "pad":
        return 1.0, 1.0
    shrink = max(tall / view.size[0], wide / view.size[1])
    return int(tall / shrink) / view.size[0], int(wide / shrink) / view.size[1]
