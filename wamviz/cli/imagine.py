"""The command ``imagine``: rollouts from one context.

Contract: whatever can be refused is refused before any long work starts; progress is shown on stderr, what was made on
stdout. The work itself lives in ``runs``.
"""

from __future__ import annotations

import argparse
import contextlib

from wamviz.cli.options import SOURCE_HELP, check_folder, checked_model, model_options
from wamviz.cli.output import print_folder
from wamviz.cli.progress import TerminalProgress, fetching
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Preview

HELP = "Imagine rollouts from a context."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    model_options(parser)
    parser.add_argument("--context", required=True, metavar="SOURCE", help=SOURCE_HELP)
    parser.add_argument("--instruction", metavar="TEXT", help="what the robot is told; the source's own by default")
    parser.add_argument("--seed", type=int, default=0, help="sampling seed; sample i uses seed + i")
    parser.add_argument("--samples", type=int, default=1, metavar="N", help="how many rollouts")
    parser.add_argument("--steps", type=int, metavar="N", help="denoising steps; the model's default if not given")
    horizon = "frames to imagine in all; if not given, until the task is done (mini-WAM) or one chunk"
    parser.add_argument("--horizon", type=int, metavar="N", help=horizon)
    parser.add_argument("--guidance", type=float, default=1.0, metavar="G", help="weight of the words; 1 as trained")
    parser.add_argument("--actions", metavar="FILE", help="npz, npy, csv or json to obey; else those recorded")
    clip = "a clip, context first, to infer actions from (inverse_dynamics); else a run's own or the recorded one"
    parser.add_argument("--video", metavar="FILE", help=clip)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for rollout.mp4, .npz and .json")


def run(args: argparse.Namespace) -> None:
    """Imagine rollouts from one context and write the files of the run."""
    checked_model(args)
    out = check_folder(args.out)

    from wamviz.metrics import brief_lines
    from wamviz.runs.imagine import imagine_run
    from wamviz.runs.sources import resolve
    from wamviz.runs.store import Store, write_run

    with fetching(args.context) as fetched:
        context = resolve(args.context, args.instruction, fetched)
    stream = imagine_run(
        args.model,
        context,
        mode=args.mode,
        seed=args.seed,
        samples=args.samples,
        steps=args.steps,
        actions=args.actions,
        video=args.video,
        horizon=args.horizon,
        guidance=args.guidance,
        device=args.device,
        truth=True,
    )
    run = None
    with TerminalProgress("imagine") as progress, contextlib.closing(stream):  # type: ignore[type-var]
        for event in stream:
            if isinstance(event, Preview):
                progress(event.step, event.steps, event.note)
            else:
                run = event
                progress(run.steps or 1, run.steps or 1, "done")
    if run is None:
        raise WamvizError(f"Model '{args.model}' stopped without a rollout.")
    replaced = (out / "rollout.json").exists()
    write_run(out, run)
    Store().save(run)
    if replaced:
        print(f"Replaced the run that was in {args.out}.")
    print(f"Run {run.id}: {run.model}, mode {run.mode}, seed {run.seed}, {run.samples} sample(s)")
    for note in run.notes:
        print(f"Note: {note}")
    for line in brief_lines(run.metrics):
        print(f"  {line}")
    print_folder(out)
