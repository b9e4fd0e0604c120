"""What a checkpoint's own files say of its size, its length and its rate, before the row of its kind is fallen back on.

Contract: reads JSON of the checkpoint's folder where it is on this machine, else its name on the hub; loads nothing and
asks nobody. Where neither says anything, the row holds. Sources: the model cards and configurations of Wan-AI's,
THUDM's and Stability AI's checkpoints, diffusers#12006, CogVideo#578.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from wamviz.models.connections import Connection
from wamviz.models.diffusion.checkpoints import INDEX, folder_of
from wamviz.models.diffusion.kinds import PipelineKind

Read = Callable[[str], dict[str, Any]]  # a JSON file of the checkpoint by its path in it; {} where it is not


def own_recipe(kind: PipelineKind, connection: Connection) -> PipelineKind:
    """The kind with the sizes, lengths and rates of this checkpoint."""
    adapt = _RECIPES.get(kind.name)
    if adapt is None or not connection.url.startswith(("/", "file:", "hub:")):
        return kind
    folder = folder_of(connection.url)

    def read(name: str) -> dict[str, Any]:
        return _json(folder / name) if folder is not None else {}

    return replace(kind, **adapt(read, connection.url.rpartition("/")[2]))


def _wan(read: Read, name: str) -> dict[str, Any]:
    """TI2V-5B gives its first frame a noise level of its own and has a coarser autoencoder; others go by their name."""
    index, vae, transformer = read(INDEX), read("vae/config.json"), read("transformer/config.json")
    fine = index.get("expand_timesteps") or (not index and "TI2V-5B" in name)
    patch = transformer.get("patch_size")
    blocks = patch[1] if isinstance(patch, list) and len(patch) == 3 and all(type(n) is int for n in patch) else 2
    spatial = vae.get("scale_factor_spatial")
    found: dict[str, Any] = {}
    if isinstance(spatial, int) and 1 <= spatial <= 64 and 1 <= blocks <= 8:
        found["multiple"] = spatial * blocks
    elif "Wan2.1" in name or "A14B" in name:
        found["multiple"] = 16
    if fine:
        return {**found, "size": (704, 1280), "frames": 121, "fps": 24.0}
    return {**found, "size": (720, 1280)} if "720P" in name.upper() else found


def _cogvideox(read: Read, name: str) -> dict[str, Any]:
    """1.5 puts two latent frames into one patch, runs at 16 Hz, and does not say its size in its configuration."""
    config = read("transformer/config.json")
    if config.get("patch_size_t") or (not config and "1.5" in name):
        return {"size": (768, 1360), "frames": 81, "fps": 16.0}
    height, width, frames = (config.get(f"sample_{name}") for name in ("height", "width", "frames"))
    if not all(isinstance(number, int) and 1 <= number <= 512 for number in (height, width, frames)):
        return {}
    assert height is not None and width is not None
    return {"size": (8 * height, 8 * width), "frames": frames}  # eight pixels a latent one


def _svd(read: Read, name: str) -> dict[str, Any]:
    """The first release makes 14 frames, xt 25."""
    frames = read("unet/config.json").get("num_frames")
    return {"frames": frames} if isinstance(frames, int) and 2 <= frames <= 1025 else {}


_RECIPES: dict[str, Callable[[Read, str], dict[str, Any]]] = {"wan": _wan, "cogvideox": _cogvideox, "svd": _svd}


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
