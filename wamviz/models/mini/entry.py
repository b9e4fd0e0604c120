"""How the registry learns of mini-WAM: its capabilities are read from the checkpoint's JSON, without torch."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from wamviz.core.action_spaces import TABLETOP_ACTIONS
from wamviz.core.rollout import MODES
from wamviz.models.protocol import Capabilities, ModelEntry, WorldActionModel

MODEL_ID = "mini-wam"
CHUNKS = 8  # of the longest rollout
OPEN_CHUNKS = 4  # at most, of a rollout that goes on until the task is done


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


def digest_of(folder: Path) -> str:
    """SHA-256 over every weight and configuration file of a pipeline, 16 hex digits, without the reports."""
    total = hashlib.sha256()
    for file in [folder / "model_index.json", *sorted(folder.glob("*/*"))]:
        if file.suffix in (".safetensors", ".json"):
            total.update(file.relative_to(folder).as_posix().encode())
            total.update(file.read_bytes())
    return total.hexdigest()[:16]


@cache
def weights_digest(folder: Path) -> str:
    """``digest_of`` a folder that does not change; "" where there are no weights."""
    try:
        return digest_of(folder)
    except OSError:
        return ""


@cache
def origin(folder: Path) -> str:
    """Size and origin of the weights in ``folder`` in a line, from its ``training.json``; only what that says."""
    try:
        facts = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return origin_words(facts) if isinstance(facts, dict) else ""


def origin_words(facts: dict[str, Any]) -> str:
    """What ``training.json`` says of its ``parameters``, ``hardware`` and ``hours``, as far as it does.

    >>> origin_words({"parameters": 5_212_345, "hardware": "2 CPU cores", "hours": 4.0})
    '5 M parameters, trained on 2 CPU cores for 4 hours'
    >>> origin_words({"hours": 0.15}), origin_words({"batch": 48})
    ('trained for 9 minutes', '')
    """
    count, hours, hardware = facts.get("parameters"), facts.get("hours"), facts.get("hardware")
    trained = f" on {hardware}" if isinstance(hardware, str) and hardware.strip() else ""
    if isinstance(hours, int | float) and not isinstance(hours, bool) and 0 < hours < 1e6:
        trained += f" for {_lasting(float(hours))}"
    size = ""
    if isinstance(count, int) and not isinstance(count, bool) and count > 0:
        size = f"{count / 1e6:.0f} M parameters" if count >= 1e6 else f"{count:,} parameters"
    return ", ".join(part for part in (size, f"trained{trained}" if trained else "") if part)


def _lasting(hours: float) -> str:
    if hours < 0.95:
        minutes = max(1, round(60 * hours))
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    text = f"{hours:.1f}".removesuffix(".0") if hours < 10 else f"{hours:.0f}"
    return f"{text} hour{'' if text == '1' else 's'}"


def capabilities() -> Capabilities:
    """What mini-WAM can do, from its configuration (or the defaults while there is no checkpoint)."""
    config = _config(checkpoint())
    horizon = int(config.get("horizon", 16))
    known = {"origin": origin(checkpoint()), "weights_digest": weights_digest(checkpoint())}
    return Capabilities(
        model_id=MODEL_ID,
        title="mini-WAM",
        description="The embedded world-action model: one small checkpoint that answers every mode on a laptop.",
        modes=MODES,
        action_space=TABLETOP_ACTIONS,
        frame_size=(256, 256),
        video_fps=5.0,
        horizon=horizon,
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
            **{name: text for name, text in known.items() if text},
        },
        max_guidance=5.0,
        max_horizon=CHUNKS * horizon,
        open_horizon=OPEN_CHUNKS * horizon,
        drivable=True,
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
