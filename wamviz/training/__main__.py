"""``python -m wamviz.training``: what ``make train`` runs. Interrupt it at any time; the same command goes on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.signals import terminable
from wamviz.training.budget import OutOfTime
from wamviz.training.pipeline import PRESETS, Recipe, run

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
}


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, train, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m wamviz.training", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("work/training"), help="episodes, resumable state")
    parser.add_argument("--out", type=Path, default=Path("checkpoints/mini-wam"), help="the pipeline folder to write")
    parser.add_argument("--preset", default="cpu", help=f"defaults of the rest: {', '.join(PRESETS)}")
    for name, (kind, words) in OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=words)
    options = vars(parser.parse_args(arguments))
    try:
        preset = options.pop("preset")
        if preset not in PRESETS:
            raise unknown_name("preset", preset, PRESETS)
        with terminable():
            print(f"mini-WAM: {run(Recipe(**PRESETS[preset] | {k: v for k, v in options.items() if v is not None}))}")
    except OutOfTime:
        print("the limit is reached; the same command goes on from here", file=sys.stderr)
        return 75  # EX_TEMPFAIL of sysexits.h: try again
    except WamvizError as error:
        print(f"wamviz: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
