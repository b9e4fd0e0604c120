"""The command ``execute``: a model acts in the tabletop, closed loop."""

from __future__ import annotations

import argparse

from wamviz.cli.options import check_folder, checked_model, model_options
from wamviz.cli.output import print_folder
from wamviz.cli.progress import TerminalProgress
from wamviz.core.errors import InvalidInput
from wamviz.models import registry

HELP = "Let a model act in the tabletop."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    model_options(parser)
    parser.add_argument("--seed", type=int, required=True, metavar="S", help="seed of the scene")
    parser.add_argument("--instruction", metavar="TEXT", help="what the robot is told; the scene's task by default")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for rollout.mp4, .npz and .json")


def run(args: argparse.Namespace) -> None:
    """Closed loop: imagine a chunk, execute the first actions of it, look again."""
    capabilities = checked_model(args)
    if "tabletop" not in capabilities.worlds:
        runnable = [name for name, entry in registry.entries().items() if "tabletop" in entry.capabilities.worlds]
        raise InvalidInput(
            f"The actions of {capabilities.title} cannot be executed in the tabletop.",
            f"Models that can: {', '.join(runnable) or 'none'}.",
        )
    out = check_folder(args.out)
    from wamviz.worlds.tabletop.contract import check_seed

    check_seed(args.seed)  # before the model is loaded

    from wamviz.runs.closed_loop import loop_run, run_closed_loop, write_loop

    model = registry.load(args.model, args.device)
    with TerminalProgress("execute", unit="action") as progress:
        loop = run_closed_loop(model, args.seed, args.instruction, args.mode, progress=progress)
    rollout = loop.executed
    if (out / "rollout.json").exists():
        print(f"Replacing the run that was in {args.out}.")
    write_loop(out, loop_run(model, args.mode, loop))
    verdict = {True: "success", False: "no success", None: "success cannot be told"}[rollout.success]
    taken = 0 if rollout.actions is None else len(rollout.actions)
    print(
        f"Scene {args.seed}, '{rollout.instruction}': {verdict} after {taken} actions ({args.model}, mode {args.mode})"
    )
    if rollout.meta.get("note"):
        print(f"Note: {rollout.meta['note']}")
    print_folder(out)
