"""The command ``evaluate``: a model measured on tabletop scenes, as JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wamviz.cli.options import checked_model, model_options
from wamviz.cli.output import write_text
from wamviz.cli.progress import TerminalProgress
from wamviz.core.errors import InvalidInput
from wamviz.core.plain import dumps
from wamviz.runs.conditioning import parse_seeds

HELP = "Measure a model on tabletop episodes it has not seen."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    model_options(parser)
    parser.add_argument("--seeds", required=True, metavar="A:B", help="scenes A up to but not including B")
    parser.add_argument("--tasks", metavar="LIST", help="task kinds separated by commas; the natural mix by default")
    parser.add_argument("--wording", default="usual", help="how tasks are told: usual, heldout, typos or synonyms")
    parser.add_argument("--json", required=True, metavar="FILE", help="where the numbers go; - is stdout")


def run(args: argparse.Namespace) -> None:
    """Measure a model on tabletop scenes and write the numbers as JSON."""
    checked_model(args)
    seeds = parse_seeds(args.seeds)
    tasks = [task.strip() for task in args.tasks.split(",") if task.strip()] if args.tasks else None
    if args.json != "-" and Path(args.json).is_dir():
        raise InvalidInput(f"'{args.json}' is a folder.", "Name a file for --json.")

    from wamviz.runs.evaluate import evaluate as measure

    with TerminalProgress("evaluate", unit="episode") as progress:
        result = measure(
            args.model, args.mode, seeds, tasks=tasks, device=args.device, progress=progress, wording=args.wording
        )
    text = dumps(result, indent=2) + "\n"
    if args.json == "-":
        sys.stdout.write(text)
        return
    target = Path(args.json)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, text)
    print(f"{result.get('n', len(seeds))} episodes, mode {args.mode}: {target}")
