"""What the user set for a model, read from text, checked and given names.

Contract: ``read`` turns a connection's settings into frozen ``Options`` or raises ``WamvizError`` saying what is
allowed; nothing is loaded, no file but the statistics is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from wamviz.core.errors import WamvizError, unknown_name
from wamviz.models.connections import Connection
from wamviz.models.diffusion.domains import TIERS, VIEWS, Domain, domain_of
from wamviz.models.diffusion.kinds import PipelineKind

DTYPES = ("auto", "bf16", "fp16", "fp32")
OFFLOADS = ("none", "model", "group", "sequential")
FITS = ("aspect", "pad", "stretch")
NORMALISATIONS = ("minmax", "quantiles", "meanstd")
MOST_FRAMES = 1025
THRESHOLDS = {"sea": 0.25, "first-block": 0.05}  # diffusers' own defaults


@dataclass(frozen=True)
class Options:
    """How one connection runs its model; see ``PipelineKind.settings`` for what each means.

    Attributes:
        size: (H, W) of the video, ``kind.size`` unless set; for Cosmos3 the tier decides.
        frames: of one model call, the context included.
        camera: which of the context's cameras is taken, "" for the main one.
        domain: of Cosmos3, None for a video backbone.
        tier: 0 for the smallest one that holds the context.
        previews: a picture after every so many steps; 0 for none.
    """

    dtype: str = "auto"
    offload: str = "none"
    tiling: bool = False
    cache: str = "none"
    cache_threshold: float = 0.0
    size: tuple[int, int] = (480, 832)
    fit: str = "aspect"
    frames: int = 81
    fps: float = 16.0
    steps: int = 50
    guidance: float = 5.0
    negative: str = ""
    flow_shift: float | None = None
    guard: bool = True
    camera: str = ""
    domain: Domain | None = None
    view: str = ""
    tier: int = 0
    previews: int = 0
    statistics: str = ""
    normalised: str = "minmax"


def read(kind: PipelineKind, connection: Connection) -> Options:
    """The options of a connection.

    Raises:
        WamvizError: a setting that the kind does not have, or a value that it cannot have.
    """
    chosen = connection.settings
    for name in chosen:
        if name not in kind.settings:
            raise unknown_name(f"setting of kind {kind.name}", name, kind.settings)
    _nothing_of_servers(connection)
    domain = domain_of(chosen.get("domain", "bridge_orig_lerobot")) if kind.acts else None
    rate = domain.rate if domain else kind.fps
    chunk = int(_number(chosen, "chunk", domain.chunk, 1, 512, whole=True)) if domain else 0
    if chunk % kind.stride:
        raise WamvizError(f"A chunk must be a multiple of {kind.stride} actions, not {chunk}.", _near(chunk, kind, 0))
    frames = chunk + 1 if domain else int(_number(chosen, "frames", kind.frames, 2, MOST_FRAMES, whole=True))
    if (frames - 1) % kind.stride:
        raise WamvizError(f"Kind {kind.name} imagines 1 + a multiple of {kind.stride} frames, not {frames}.",
                          _near(frames - 1, kind, 1))  # fmt: skip
    cache = _choice(chosen, "cache", ("none", *kind.caches), "none")
    tier = chosen.get("tier", "auto")
    if tier != "auto" and tier not in map(str, TIERS):
        raise unknown_name("tier", tier, ("auto", *map(str, TIERS)))
    shift = _number(chosen, "flow_shift", kind.flow_shift or 0.0, 0, 100)
    return Options(
        dtype=_choice(chosen, "dtype", DTYPES, "auto"),
        offload=_choice(chosen, "offload", OFFLOADS, "none"),
        tiling=_choice(chosen, "tiling", ("on", "off"), "off") == "on",
        cache=cache,
        cache_threshold=_number(chosen, "cache_threshold", THRESHOLDS.get(cache, 0.0), 0, 100),
        size=_size(chosen.get("size", ""), kind),
        fit=_choice(chosen, "fit", FITS, kind.fit),
        frames=frames,
        fps=_number(chosen, "fps", connection.rate or rate, 0.1, 240),
        steps=int(_number(chosen, "steps", kind.steps, 1, 200, whole=True)),
        guidance=_number(chosen, "guidance", kind.guidance, 1, 20),
        negative=chosen.get("negative", ""),
        flow_shift=shift or None,
        guard=_choice(chosen, "safety", ("on", "off"), "on") == "on",
        camera=connection.views.get("context", ""),
        domain=domain,
        view=_choice(chosen, "view", VIEWS, domain.view) if domain else "",
        tier=0 if tier == "auto" else int(tier),
        previews=int(_number(chosen, "previews", 0, 0, 200, whole=True)),
        statistics=chosen.get("statistics", ""),
        normalised=_choice(chosen, "normalised", NORMALISATIONS, "minmax"),
    )


def _nothing_of_servers(connection: Connection) -> None:
    for option, value in (
        ("--robot", connection.robot),
        ("--token-env", connection.token_env),
        ("--ca", connection.ca_file),
        ("--state", connection.state),
    ):
        if value:
            instead = "Say whose actions are meant with --set domain=DOMAIN." if option == "--robot" else ""
            raise WamvizError(f"Kind {connection.kind} runs here and takes no {option}.", instead)
    for view in connection.views:
        if view != "context":
            raise unknown_name(f"view of kind {connection.kind}", view, ("context",))


def _choice(settings: Mapping[str, str], name: str, allowed: tuple[str, ...], usual: str) -> str:
    value = settings.get(name, usual)
    if value not in allowed:
        raise unknown_name(f"value of '{name}'", value, allowed)
    return value


def _number(
    settings: Mapping[str, str], name: str, usual: float, low: float, high: float, whole: bool = False
) -> float:
    text = settings.get(name, str(usual))
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high or (whole and value != int(value)):
        what = "a whole number" if whole else "a number"
        raise WamvizError(f"'{name}' must be {what} in {low:g} .. {high:g}, not '{text[:40]}'.")
    return value


def _size(text: str, kind: PipelineKind) -> tuple[int, int]:
    if not text:
        return kind.size
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None:
        raise WamvizError(f"'{text[:40]}' is no size.", f"Write HEIGHTxWIDTH, e.g. {kind.size[0]}x{kind.size[1]}.")
    height, width = int(match[1]), int(match[2])
    step = kind.multiple
    if height % step or width % step or not (height and width):
        near = [max(step, round(side / step) * step) for side in (height, width)]
        raise WamvizError(
            f"The sides of kind {kind.name} are multiples of {step}; {text} is not.", f"Nearest: {near[0]}x{near[1]}."
        )
    return height, width


def _near(count: int, kind: PipelineKind, plus: int) -> str:
    below = max(1, count // kind.stride) * kind.stride
    return f"Nearest: {below + plus} or {below + kind.stride + plus}."
