"""``python -m wamviz.training``: what ``make train`` runs. Interrupt it at any time; the same command goes on.

Imports little: every recording process reads this file again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wamviz.core.errors import unknown_name
from wamviz.training.command import GOES_ON, run_command
from wamviz.training.recipe import PRESETS, Recipe

OPTIONS: dict[str, tuple[type, str]] = {
    "episodes": (int, "with pictures, for training"),
    "moves": (int, "episodes without pictures, for deciding and foreseeing"),
    "held_out": (int, "episodes for the curves"),
    "views": (int, "frames drawn an episode"),
    "painter_minutes": (float, "of drawing what happens"),
    "detector_minutes": (float, "of finding what is there"),
    "denoiser_minutes": (float, "of deciding what to do and foreseeing what moves"),
    "recoveries": (int, "episodes in which the expert takes over from the model; 0 for none"),
    "recovery_minutes": (float, "of learning from those as well"),
    "batch": (int, "contexts a step of the denoiser"),
    "pictures": (int, "frames a step of painter and detector"),
    "peak": (float, "highest learning rate of the denoiser"),
    "workers": (int, "recording processes"),
    "seed": (int, "of everything"),
    "device": (str, "auto, cpu, cuda, mps"),
    "graded": (int, "unseen episodes to measure on at the end; 0 for none"),
    "limit": (float, "minutes after which to stop; the same command goes on"),
    "overlap": (bool, "train on what is there while the rest is recorded; --no-overlap records all of it first"),
    "parts": (Path, "a folder for the weights once more, as one archive in at most 8 files of 16 MiB"),
}


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, train, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m wamviz.training", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("work/training"), help="episodes, resumable state")
    parser.add_argument("--out", type=Path, default=Path("checkpoints/mini-wam"), help="the pipeline folder to write")
    parser.add_argument("--preset", default="cpu", help=f"defaults of the rest: {', '.join(PRESETS)}")
    for name, (kind, words) in OPTIONS.items():
        how = {"action": argparse.BooleanOptionalAction} if kind is bool else {"type": kind}
        parser.add_argument(f"--{name.replace('_', '-')}", help=words, default=None, **how)  # type: ignore[arg-type]
    options = vars(parser.parse_args(arguments))

    def train() -> None:
        preset = options.pop("preset")
        if preset not in PRESETS:
            raise unknown_name("preset", preset, PRESETS)
        recipe = Recipe(**PRESETS[preset] | {name: value for name, value in options.items() if value is not None})
        from wamviz.training.pipeline import run

        print(f"mini-WAM: {run(recipe)}")

    return run_command(train, stopped=f"stopped; {GOES_ON}")


if __name__ == "__main__":
    sys.exit(main())
