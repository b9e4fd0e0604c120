"""What a connection to Veo may set, and what its videos cost.

Contract: loads nothing. Facts are those of Google's documentation of the Gemini API for video: clips of 4, 6 or 8
seconds at 24 frames a second, sharper ones than 720p only with 8 seconds. A price is told with its source and day, or
not at all; ``--set price=`` takes the user's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.models.remote.robots import Robot, RobotView

URL = "https://generativelanguage.googleapis.com"
FPS = 24.0
LONGEST_SIDE = 640  # pixels of what is kept: a clip of 8 s is then 130 MB in memory, not 530
SECONDS = ("4", "6", "8")
RESOLUTIONS = ("720p", "1080p", "4k")
SHAPES = {"16:9": (720, 1280), "9:16": (1280, 720)}  # (H, W) of the picture that is sent
SETTINGS = {
    "model": "which Veo, e.g. veo-3.1-fast-generate-preview; usually veo-3.1-generate-preview",
    "seconds": "length of a clip: 4, 6 or 8; usually 8",
    "resolution": f"720p, 1080p or 4k (these with 8 s only); usually 720p; frames are kept at {LONGEST_SIDE} pixels",
    "aspect": "16:9 or 9:16; usually what the context is nearer to",
    "negative": "what the video should not show, in words",
    "price": "USD a second on your own price list, to reckon with that",
}
# USD a second by resolution: Google's price list, as two transcriptions of it give it for this day. The lists for the
# faster models disagree, so that no number is told for them.
PRICE_LIST, PRICES_AS_OF = "ai.google.dev/gemini-api/docs/pricing", "2026-10-07"
PRICES = {"veo-3.1-generate-preview": {"720p": 0.40, "1080p": 0.40, "4k": 0.60}}
SCENE = Robot(
    "scene", "Any scene",
    (RobotView("image", "exterior", None, "as it is"),),
    (), None, chunk=0, modes=("video",), frames=8 * 24 - 1, video_fps=FPS,
)  # fmt: skip


@dataclass(frozen=True)
class VeoOptions:
    """The settings of one connection.

    Attributes:
        model: as Google names it.
        seconds: of a clip.
        resolution: as Google names it.
        aspect: ``"16:9"``, ``"9:16"``, or "" for what is nearer to the context.
        negative: what not to show, or "".
        price: USD a second as the user says, or None.
    """

    model: str = "veo-3.1-generate-preview"
    seconds: int = 8
    resolution: str = "720p"
    aspect: str = ""
    negative: str = ""
    price: float | None = None

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> VeoOptions:
        """The options that these settings mean, or ``WamvizError`` with what is allowed."""
        model = settings.get("model", cls.model)
        if re.fullmatch(r"veo-[a-z0-9.-]{1,80}", model) is None:  # it becomes part of an address
            raise InvalidInput(
                f"'{model[:80]}' is no name of a Veo.", f"Write e.g. {cls.model}; connect --test lists what there is."
            )
        found = {name: settings[name] for name in ("resolution", "aspect", "negative") if name in settings}
        for name, allowed in (("resolution", RESOLUTIONS), ("aspect", tuple(SHAPES))):
            if name in found and found[name] not in allowed:
                raise unknown_name(name, found[name], allowed)
        seconds = settings.get("seconds", "8")
        if seconds not in SECONDS:
            raise InvalidInput(f"Veo makes clips of {', '.join(SECONDS)} seconds, not of '{seconds[:20]}'.")
        options = cls(model, int(seconds), price=_price(settings.get("price")), **found)
        if options.resolution != "720p" and options.seconds != 8:
            raise InvalidInput(
                f"Veo makes {options.resolution} only of 8 seconds.", "Set resolution=720p, or seconds=8."
            )
        return options


def _price(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        price = float(text)
    except ValueError:
        price = -1.0
    if not 0 <= price <= 100:
        raise InvalidInput(f"'{text[:20]}' is no price of a second in USD.", "Write e.g. --set price=0.15.")
    return price


def adapt_robot(robot: Robot, settings: Mapping[str, str]) -> Robot:
    """The robot with the length of its clips."""
    return replace(robot, frames=round(VeoOptions.of(settings).seconds * FPS) - 1)


def cost(settings: Mapping[str, str], samples: int) -> str:
    """What ``samples`` clips will cost, in a sentence; a number only where it is known from somewhere."""
    options = VeoOptions.of(settings)
    what = f"{samples} video{'s' if samples > 1 else ''} of {options.seconds} s by {options.model}"
    listed = PRICES.get(options.model, {}).get(options.resolution)
    price = listed if options.price is None else options.price
    if price is None:
        return f"Google bills every second of video: {what}. For the price see {PRICE_LIST}."
    source = f"{PRICE_LIST} as of {PRICES_AS_OF}; it may have changed" if options.price is None else "your own price"
    return f"Google bills {what}: {samples * options.seconds * price:.2f} USD at {price:.2f} USD a second ({source})."
