"""What has to be said to the libraries before they are imported: no telemetry, no look-ups, nothing leaves the machine.

Contract: ``prepare()`` is called first by every way in (``app.py``, the command line, the tests). It only
fills in what the user has not set, so ``HF_HUB_OFFLINE=0 python app.py`` goes online on request. It imports
nothing heavy and knows no model, world or page.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

OURS = "On"  # as true to the libraries as 1, and nobody types it: so ``hub:`` can tell our default from a person's word
QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",  # read when gradio is imported, not when it is launched
    "HF_HUB_OFFLINE": OURS,  # weights come from this checkout; a hub is asked only by those who say so
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",  # transformers asks it too; wamviz has one progress line of its own
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TOKENIZERS_PARALLELISM": "false",  # a forked worker would print a warning into the user's terminal
    "DIFFUSERS_VERBOSITY": "error",
    "TRANSFORMERS_VERBOSITY": "error",
}


def prepare() -> None:
    """Set the quiet defaults, and load the ZeroGPU shim first where a Space asks for it."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if os.environ.get("SPACES_ZERO_GPU"):
        with contextlib.suppress(ImportError):
            import spaces  # noqa: F401  (it patches torch, so it has to come before torch)


def offline() -> bool:
    """Whether the person at the keyboard forbids every look-up, even one that was asked for by name (``hub:``)."""
    setting = os.environ.get("HF_HUB_OFFLINE", "")
    return setting != OURS and setting.strip().lower() in ("1", "on", "yes", "true")


def home() -> Path:
    """Where wamviz keeps what it makes: ``$WAMVIZ_HOME``, else ``wamviz`` in the user's cache folder."""
    chosen = os.environ.get("WAMVIZ_HOME")
    if chosen:
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "wamviz"
