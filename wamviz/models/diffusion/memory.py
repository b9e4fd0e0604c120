"""Memory that ran out, turned into advice: which setting would need less, worked out from what was asked.

Nothing here imports torch. ``wamviz.core.devices.ran_out_of_memory`` recognises the errors.
"""

from __future__ import annotations

import gc
import sys

from wamviz.core.errors import Unavailable
from wamviz.models.diffusion.kinds import PipelineKind
from wamviz.models.diffusion.options import Options


def advice(
    name: str,
    kind: PipelineKind,
    options: Options,
    device: str,
    dtype: str,
    loading: bool,
    size: tuple[int, int] | None = None,
) -> Unavailable:
    """What to change, most helpful first, as commands that can be typed.

    Args:
        name: of the connection.
        dtype: that it ran in.
        loading: whether it ran out while loading, where the size of the video does not matter.
        size: (H, W) that it worked at, where that is known.
    """
    height, width = size or options.size
    sets: list[str] = []
    if dtype == "fp32":
        sets.append("dtype=bf16" if device != "mps" else "dtype=fp16")
    if device.startswith("cuda"):
        following = {"none": "model", "model": "group", "group": "sequential"}.get(options.offload)
        if following:
            sets.append(f"offload={following}")
    if not loading:
        if not options.tiling:
            sets.append("tiling=on")
        if kind.acts:
            if options.tier != 256 and height * width > 256 * 256:
                sets.append("tier=256")
            fewer = (options.frames - 1) // 2 // kind.stride * kind.stride
            if fewer >= kind.stride:
                sets.append(f"chunk={fewer}")
        else:
            if kind.sized and not _fixed(kind):
                smaller = [
                    max(kind.multiple, int(side * 0.7) // kind.multiple * kind.multiple) for side in options.size
                ]
                if tuple(smaller) != options.size:
                    sets.append(f"size={smaller[0]}x{smaller[1]}")
            fewer = (options.frames - 1) // 2 // kind.stride * kind.stride + 1
            if fewer > kind.stride:
                sets.append(f"frames={fewer}")
    where = "this machine" if device == "cpu" else f"the device {device}"
    settings = f"{options.frames} frames of {height} x {width}, {dtype}, offload {options.offload}"
    doing = f"loading in {dtype}, offload {options.offload}" if loading else settings
    command = " ".join(f"--set {one}" for one in sets)
    hint = f"Try one or more of: connect {name} {command}" if sets else "Use a smaller checkpoint or a larger device."
    return Unavailable(f"The memory of {where} ran out ({doing}).", hint)


def _fixed(kind: PipelineKind) -> bool:
    return kind.name == "cogvideox"  # its positions are learned for one size


def free() -> None:
    """Give back what nobody holds any more."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
