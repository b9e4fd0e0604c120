"""How the registry learns of mini-WAM: its capabilities are read from the checkpoint's JSON, without torch."""

from __future__ import annotations

import importlib.util
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from wamviz.models.baselines import TABLETOP_ACTIONS
from wamviz.models.protocol import Capabilities, ModelEntry, WorldActionModel
from wamviz.rollout import MODES

MODEL_ID = "mini-wam"
CHUNKS = 8  # of the longest rollout


def checkpoint() -> Path:
    """The folder of the embedded weights; ``WAMVIZ_CHECKPOINT`` names another one."""
    default = Path(__file__).resolve().parents[3] / "checkpoints" / MODEL_ID
    return Path(os.environ.get("WAMVIZ_CHECKPOINT", default))


@cache
def _config(folder: Path) -> dict[str, Any]:
    file = folder / "transformer" / "config.json"
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError):
        return {}


def capabilities() -> Capabilities:
    """What mini-WAM can do, from its configuration (or the defaults while there is no checkpoint)."""
    config = _config(checkpoint())
    return Capabilities(
        model_id=MODEL_ID,
        title="mini-WAM",
        description="The embedded world-action model: one small checkpoint that answers every mode on a laptop.",
        modes=MODES,
        action_space=TABLETOP_ACTIONS,
        frame_size=(256, 256),
        video_fps=5.0,
        horizon=int(config.get("horizon", 16)),
        default_steps=8,
        max_steps=64,
        max_samples=16,
        worlds=("tabletop",),
        extras={
            "paradigm": "joint prediction; the other formulations by choice of noise levels",
            "action_integration": "action tokens",
            "architecture": "mixture of transformers",
            "licence": "Apache-2.0",
            "knows": "measured",
        },
        max_guidance=5.0,
        until_done=True,
        max_horizon=CHUNKS * int(config.get("horizon", 16)),
    )


def missing() -> str | None:
    """None when it can run here, else what is missing and how to get it."""
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("diffusers") is None:
        return "torch and diffusers are not installed; run `pip install -r requirements.txt`."
    if not (checkpoint() / "model_index.json").is_file():
        return f"no weights in {checkpoint().name}/; run `make train` or restore the folder from the repository."
    return None


def load(device: str) -> WorldActionModel:
    """Load the pipeline onto a device (``auto`` picks the best one)."""
    from wamviz.models.mini.wam import MiniWAM

    return MiniWAM(checkpoint(), capabilities(), device)


def register_models() -> list[ModelEntry]:
    """mini-WAM, for the registry."""
    return [ModelEntry(capabilities(), load, missing)]
