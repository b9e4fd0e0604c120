"""Which device imagines: the fastest one that is here, unless the user names one.

Contract: a device is ``"cuda"``, ``"mps"`` or ``"cpu"`` (``"cuda:1"`` names a card). torch is imported only
when a function is called, so that the app starts without it. It knows no model.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from typing import Any, TypeVar

from wamviz.errors import WamvizError, unknown_name

KINDS = ("cuda", "mps", "cpu")
F = TypeVar("F", bound=Callable[..., Any])


def available() -> tuple[str, ...]:
    """The kinds of device that work here, fastest first; the last is always ``"cpu"``."""
    import torch

    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def pick(device: str = "auto") -> str:
    """Return the device to use for ``device``: itself when it works here, the fastest one for ``"auto"``.

    Raises:
        WamvizError: no such kind of device, or none of it in this machine.

    >>> pick("cpu")
    'cpu'
    """
    kind, _, index = device.partition(":")
    if kind not in ("auto", *KINDS) or (index and not (kind == "cuda" and index.isdecimal())):
        raise unknown_name("device", device, ("auto", *KINDS))
    if device == "cpu":
        return device
    here = available()
    if kind == "auto":
        return here[0]
    if kind not in here:
        raise WamvizError(f"There is no {kind} device here.", f"Use auto or one of: {', '.join(here)}.")
    if index:
        import torch

        if int(index) >= torch.cuda.device_count():
            raise WamvizError(f"There is no {device} here.", f"This machine has {torch.cuda.device_count()} card(s).")
    return device


def describe(device: str = "auto") -> str:
    """A few words for people, e.g. ``"CPU, 2 cores"`` or ``"NVIDIA H100, 80 GB"``."""
    chosen = pick(device)
    if chosen.startswith("cuda"):
        import torch

        card = torch.cuda.get_device_properties(torch.device(chosen))
        return f"{card.name}, {card.total_memory / 1e9:.0f} GB"
    if chosen == "mps":
        return f"Apple GPU ({platform.machine()})"
    return f"CPU, {cores()} core{'s' if cores() != 1 else ''}"


def cores() -> int:
    """How many cores this process may use, which in a container is less than the machine has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows do not say
        return os.cpu_count() or 1


def on_gpu(seconds: int = 60) -> Callable[[F], F]:
    """Decorator for the function that imagines: borrows the card on a ZeroGPU Space, does nothing elsewhere."""
    if os.environ.get("SPACES_ZERO_GPU"):
        try:
            import spaces
        except ImportError:
            return lambda function: function
        decorate: Callable[[F], F] = spaces.GPU(duration=seconds)
        return decorate
    return lambda function: function
