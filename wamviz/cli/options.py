"""Arguments that several commands share, and the checks of them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from wamviz.core.devices import pick
from wamviz.core.errors import InvalidInput, Unavailable
from wamviz.core.rollout import MODES
from wamviz.models import registry
from wamviz.models.protocol import Capabilities

SOURCE_HELP = (
    "an image or video file, tabletop:SEED[@STEP], DATASET_DIR#EPISODE[@FRAME], "
    "hub:OWNER/NAME[@REVISION]#EPISODE[@FRAME], or a run id"
)


def model_options(parser: argparse.ArgumentParser) -> None:
    """Which model, in which mode, on which device."""
    parser.add_argument("--model", default="mini-wam", metavar="ID", help="see `wamviz models`")
    parser.add_argument("--mode", metavar="MODE", help=f"{', '.join(MODES)}; the model's first by default")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")


def checked_model(args: argparse.Namespace) -> Capabilities:
    """Everything about model, mode and device that can be refused at once."""
    entry = registry.entry(args.model)
    if args.mode is None:
        args.mode = entry.capabilities.modes[0]
    entry.capabilities.check_mode(args.mode)
    missing = entry.missing()
    if missing:
        raise Unavailable(f"{entry.capabilities.title} cannot run here: {missing}")
    if args.device != "auto":
        pick(args.device)
    return entry.capabilities


def check_folder(text: str) -> Path:
    """The folder ``text`` if files can be put there, before hours of work go into them; it is not created yet."""
    folder = Path(text).expanduser()
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"'{folder}' is a file.", "Name a folder for --out.")
    standing = next(parent for parent in [folder, *folder.absolute().parents] if parent.exists())
    if not standing.is_dir() or not os.access(standing, os.W_OK | os.X_OK):
        raise Unavailable(f"Nothing can be written under '{standing}'.", "Name another folder for --out.")
    return folder
