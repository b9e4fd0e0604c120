"""Which device imagines: the fastest one that is here, unless the user names one.

Contract: a device is ``"cuda"``, ``"mps"`` or ``"cpu"`` (``"cuda:1"`` names a card). torch is imported only
when a function is called, so that the app starts without it. It knows no model.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from wamviz.core.errors import Unavailable, unknown_name

KINDS = ("cuda", "mps", "cpu")
F = TypeVar("F", bound=Callable[..., Any])

# What allocators of the CPU and of MPS say, which have no error class of their own.
_ALLOCATORS = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory", "buffer size")


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
        raise Unavailable(f"There is no {kind} device here.", f"Use auto or one of: {', '.join(here)}.")
    if index:
        import torch

        if int(index) >= torch.cuda.device_count():
            raise Unavailable(f"There is no {device} here.", f"This machine has {torch.cuda.device_count()} card(s).")
    return device


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether this is memory that ran out: a card's own error, an allocator's words, or Python's."""
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _ALLOCATORS)


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


@dataclass(frozen=True)
class Machine:
    """What this machine has to run a model on, found without torch.

    Attributes:
        memory_gb: main memory that this process may use; 0 where the system does not say.
        cards: (name, GB) of each NVIDIA card.
        apple: whether it is an Apple GPU, which shares the main memory.
    """

    memory_gb: float
    cards: tuple[tuple[str, float], ...] = ()
    apple: bool = False

    @property
    def card_gb(self) -> float:
        """Memory of the largest card, the Apple GPU's included; 0 where there is none."""
        return max((size for _, size in self.cards), default=self.memory_gb if self.apple else 0.0)

    @property
    def words(self) -> str:
        """For people, e.g. ``"no GPU, 24 GB of memory"``."""
        memory = f", {self.memory_gb:.0f} GB of memory" if self.memory_gb else ""
        if self.cards:
            named = ", ".join(f"{name} with {size:.0f} GB" for name, size in self.cards)
            return f"{named}{memory}"
        return f"an Apple GPU{memory}" if self.apple else f"no GPU{memory}"


@cache
def machine() -> Machine:
    """This machine. Asked once: the driver's tool takes a moment, and cards do not come and go."""
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return Machine(_memory_gb(), _cards(), apple)


def _memory_gb() -> float:
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (AttributeError, ValueError, OSError):  # Windows
        return 0.0
    try:
        allowed = float(Path("/sys/fs/cgroup/memory.max").read_text("ascii")) / 1e9
    except (OSError, ValueError):  # no container, or no limit
        return total
    return min(total, allowed)


def _cards() -> tuple[tuple[str, float], ...]:
    """NVIDIA's cards as the driver's own tool lists them; none where it is not there or the user hides them."""
    tool = shutil.which("nvidia-smi")
    if tool is None or os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return ()
    command = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        listing = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    found = []
    for line in listing.splitlines():
        name, _, mebibytes = line.rpartition(",")
        if mebibytes.strip().isdecimal():
            found.append((name.strip(), int(mebibytes) * 2**20 / 1e9))
    return tuple(found)


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
