"""The command ``generate``: expert episodes as a LeRobot v3.0 dataset."""

from __future__ import annotations

import argparse

from wamviz.cli.options import check_folder
from wamviz.cli.progress import TerminalProgress
from wamviz.core.errors import InvalidInput
from wamviz.runs.conditioning import parse_seeds

HELP = "Record expert episodes as a LeRobot v3.0 dataset."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--seeds", required=True, metavar="A:B", help="scenes A up to but not including B")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the dataset")
    parser.add_argument("--workers", type=int, metavar="N", help="processes; one a core by default")


def run(args: argparse.Namespace) -> None:
    """Record expert episodes as a LeRobot v3.0 dataset."""
    seeds = parse_seeds(args.seeds)
    if args.workers is not None and args.workers < 1:
        raise InvalidInput(f"--workers {args.workers} records nothing.", "Give 1 or more.")
    out = check_folder(args.out)

    from wamviz.core.devices import cores
    from wamviz.training.generate import generate as record

    with TerminalProgress("generate", unit="episode") as progress:
        record(seeds, out, workers=args.workers or cores(), progress=progress)
    print(f"{len(seeds)} episodes in {out}")
