"""``python -m wamviz.training``: what ``make train`` runs. Interrupt it at any time; the same command goes on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wamviz.errors import WamvizError


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, train, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m wamviz.training", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("work/training"), help="episodes, latents, resumable state")
    parser.add_argument("--out", type=Path, default=Path("checkpoints/mini-wam"), help="the pipeline folder to write")
    parser.add_argument("--episodes", type=int, default=3000)
    parser.add_argument("--held-out", type=int, default=100)
    parser.add_argument("--vae-minutes", type=float, default=14)
    parser.add_argument("--sight-minutes", type=float, default=20)
    parser.add_argument("--wam-minutes", type=float, default=90)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--peak", type=float, default=1.5e-3, help="highest learning rate")
    parser.add_argument("--workers", type=int, default=2, help="recording processes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--graded", type=int, default=60, help="unseen episodes to measure on at the end; 0 for none")
    options = vars(parser.parse_args(arguments))
    try:
        from wamviz.training.pipeline import Recipe, run

        print(f"mini-WAM: {run(Recipe(**options))}")
    except WamvizError as error:
        print(f"wamviz: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
