"""The command ``compare``: the same question to several models or modes, side by side.

Contract: every run is kept and written to a folder of its own under ``--out``; ``comparison.json`` there holds all of
them with latency and real-time factor. A candidate that fails is told, and only when all fail does the command.
"""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING

from wamviz.cli.options import SOURCE_HELP, check_folder
from wamviz.cli.output import write_text
from wamviz.cli.progress import TerminalProgress, fetching
from wamviz.core.errors import Unavailable
from wamviz.core.plain import dumps
from wamviz.core.rollout import Preview

if TYPE_CHECKING:
    from wamviz.runs.comparison import Outcome

HELP = "Ask several models or modes the same, side by side."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("candidates", nargs="+", metavar="MODEL[:MODE]", help="two to four, e.g. mini-wam:act_only")
    parser.add_argument("--context", required=True, metavar="SOURCE", help=SOURCE_HELP)
    parser.add_argument("--instruction", metavar="TEXT", help="what the robot is told; the source's own by default")
    parser.add_argument("--seed", type=int, default=0, help="sampling seed, the same for all")
    parser.add_argument("--samples", type=int, default=1, metavar="N", help="how many rollouts each")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long each imagines; its own chunk by default")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for comparison.json and a folder a run")


def run(args: argparse.Namespace) -> None:
    """Ask every candidate and print a line for each."""
    from wamviz.runs.comparison import check_seconds, compare_models, read
    from wamviz.runs.sources import resolve
    from wamviz.runs.store import Store, write_run

    candidates = read(args.candidates)
    check_seconds(args.seconds)
    out = check_folder(args.out)
    with fetching(args.context) as fetched:
        context = resolve(args.context, args.instruction, fetched)
    stream = compare_models(
        candidates, context, seed=args.seed, samples=args.samples, seconds=args.seconds, device=args.device
    )
    outcomes: list[Outcome] = []
    with contextlib.closing(stream):  # type: ignore[type-var]
        for candidate in candidates:
            with TerminalProgress(candidate.title) as progress:
                for _, event in stream:
                    if isinstance(event, Preview):
                        progress(event.step, event.steps, event.note)
                        continue
                    outcomes.append(event)
                    if event.run is not None:
                        progress(event.run.steps or 1, event.run.steps or 1, "done")
                        write_run(out / f"{len(outcomes)}-{candidate.model}-{candidate.mode}", event.run)
                        Store().save(event.run)
                    break
    if all(one.run is None for one in outcomes):
        raise Unavailable(
            "None of them could imagine this.", " ".join(f"{o.candidate.title}: {o.error}" for o in outcomes)
        )
    facts = {"instruction": context.instruction, "seed": args.seed, "contenders": [one.to_json() for one in outcomes]}
    write_text(out / "comparison.json", dumps(facts, indent=2) + "\n")
    for one in outcomes:
        print(line(one))
    print(f"  {out / 'comparison.json'}")


def line(one: Outcome) -> str:
    """One outcome in a line: latency, real-time factor, and the first numbers that it has."""
    from wamviz.metrics import brief_lines

    if one.run is None:
        return f"{one.candidate.title}: failed. {one.error}"
    parts = [f"run {one.run.id}"]
    if one.latency_s is not None and one.real_time_factor is not None:
        parts.append(f"{one.latency_s:.2f} s, {one.real_time_factor:.1f} times real time")
    parts += brief_lines(one.run.metrics)  # baselines beside them: models of other sizes have others
    return f"{one.candidate.title}: {', '.join(parts)}"
