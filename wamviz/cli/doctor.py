"""The command ``doctor``: what works on this machine, what is missing, and how to get it.

Contract: ``examine()`` never raises and never changes anything; each ``Check`` is a fact that was tried out
here (a frame was really encoded, the world really rendered), not a guess from a version number.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from wamviz.core.environment import OURS, home, offline
from wamviz.core.errors import WamvizError
from wamviz.core.plain import dumps

PACKAGES = (
    "torch",
    "gradio",
    "diffusers",
    "transformers",
    "accelerate",
    "ftfy",
    "mujoco-core",
    "plotly",
    "av",
    "pyarrow",
    "numpy",
)
INSTALL = "make install, or: python -m pip install -r requirements.txt"
DISK_NEEDED = 1_000_000_000  # bytes: a few hundred kept runs
HELP = "Say what works here, what is missing and how to get it."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> None:
    """Check this machine."""
    checks = examine()
    if args.json:
        print(dumps([check.to_json() for check in checks], indent=2))
        return
    width = max(len(check.name) for check in checks)
    for check in checks:
        print(f"{check.mark}  {check.name.ljust(width)}  {check.found}")
        if check.fix:
            print(f"    {' ' * width}  -> {check.fix}")
    missing = sum(not check.ok for check in checks)
    print(f"{missing} thing(s) missing; the arrows say how to get them." if missing else "Everything needed is here.")


@dataclass(frozen=True)
class Check:
    """One thing that was tried.

    Attributes:
        name: e.g. ``"renderer"``.
        ok: whether it works.
        found: what was found, in words.
        fix: how to get it, empty when nothing is missing.
        needed: False for a part without which the rest works.
    """

    name: str
    ok: bool
    found: str
    fix: str = ""
    needed: bool = True

    @property
    def mark(self) -> str:
        """A word for the first column, the same width each."""
        return "ok     " if self.ok else ("MISSING" if self.needed else "without")

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {"name": self.name, "ok": self.ok, "found": self.found, "fix": self.fix, "needed": self.needed}


def examine() -> list[Check]:
    """Every check, in the order in which a newcomer needs them."""
    parts: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("python", _python),
        ("packages", _packages),
        ("device", _device),
        ("renderer", _renderer),
        ("video", _video),
        ("weights", _weights),
        ("lpips", _lpips),
        ("segmenter", _segmenter),
        ("episodes", _episodes),
        ("disk", _disk),
        ("network", _network),
    )
    return [_tried(name, check) for name, check in parts]


def _tried(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except ImportError as error:
        return Check(name, False, f"{error.name or error} is not installed", INSTALL)
    except Exception as error:  # the doctor reports; it does not fall ill itself
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return Check(name, False, reason, getattr(error, "hint", ""))


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("python", True, found)


def _packages() -> Check:
    found, absent = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            absent.append(name)
    if absent:
        return Check("packages", False, f"without {', '.join(absent)}", INSTALL)
    return Check("packages", True, ", ".join(found))


def _device() -> Check:
    from wamviz.core.devices import describe, pick

    return Check("device", True, f"{pick()}: {describe()}")


def _renderer() -> Check:
    from wamviz.worlds.tabletop import gl

    name = gl.renderer_name()
    if name is not None:
        return Check("renderer", True, name)
    tried = "; ".join(f"{backend}: {state}" for backend, state in gl.probe().items())
    return Check("renderer", False, f"{tried} (physics works without)", gl.INSTALL_HINT)


def _video() -> Check:
    """Encode six frames as every rollout is encoded, and decode them again."""
    import numpy as np

    from wamviz.core.media import read_video, write_mp4

    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    frames = np.broadcast_to(ramp[None, None, :, None], (6, 48, 64, 3))  # (T, H, W, 3)
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "probe.mp4"
        write_mp4(clip, np.ascontiguousarray(frames), 5)
        back, _ = read_video(clip)
    if back.shape != frames.shape or np.abs(back.astype(int) - frames).mean() > 8:
        return Check("video", False, "H.264 came back changed", "python -m pip install --force-reinstall av")
    return Check("video", True, "H.264 written and read through PyAV")


def _weights() -> Check:
    from wamviz.models import registry

    lines = {name: entry.missing() for name, entry in registry.entries().items() if not entry.capabilities.control}
    runnable = [name for name, missing in lines.items() if missing is None]
    if runnable:
        others = "".join(f"; cannot: {name}: {missing}" for name, missing in lines.items() if missing)
        return Check("models", True, f"can run here: {', '.join(runnable)}{others}")
    reasons = "; ".join(f"{name}: {missing}" for name, missing in lines.items())
    return Check("models", False, reasons or "none registered", "git pull, or train it: make train")


def _lpips() -> Check:
    from wamviz.metrics.perceptual_weights import VARIABLE, weights_for

    try:
        return Check("lpips", True, f"weights understood: {weights_for().name}, which {VARIABLE} names")
    except WamvizError as error:
        return Check("lpips", False, error.message, error.hint, needed=False)


def _segmenter() -> Check:
    from wamviz.metrics.segmenter import segment_classes, segmenter_missing

    if (reason := segmenter_missing()) is None:
        return Check("segmenter", True, f"tells {len(segment_classes())} classes apart in a picture of the tabletop")
    found = f"{reason} Arm and objects of imagined frames are not judged."
    return Check("segmenter", False, found, "git pull, or train it: python -m wamviz.training.segmenter", needed=False)


def _episodes() -> Check:
    from wamviz.datasets import shipped

    return Check("episodes", True, f"{len(shipped())} shipped episodes")


def _disk() -> Check:
    folder = home()
    standing = next(parent for parent in [folder, *folder.absolute().parents] if parent.exists())
    free = shutil.disk_usage(standing).free
    found = f"{free / 1e9:.1f} GB free for runs in {folder}"
    if not os.access(standing, os.W_OK):
        return Check("disk", False, f"{folder} cannot be written", "Set WAMVIZ_HOME to a folder of yours.")
    if free < DISK_NEEDED:
        return Check("disk", False, found, "Delete old runs, or set WAMVIZ_HOME to a larger disk.")
    return Check("disk", True, found)


def _network() -> Check:
    setting = os.environ.get("HF_HUB_OFFLINE", OURS)
    if setting == OURS:
        return Check("network", True, "asked only for a name of the hub (hub:OWNER/NAME)")
    return Check("network", True, "never asked (HF_HUB_OFFLINE is on)" if offline() else "hub look-ups allowed")
