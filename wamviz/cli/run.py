"""The commands that make something: ``imagine``, ``execute``, ``evaluate`` and ``generate``.

Contract: each function takes parsed arguments, shows progress on stderr, prints on stdout what it made, and
raises ``WamvizError`` for bad input before any long work starts. The work itself lives in the rooms.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from wamviz.cli.progress import Progress, fetching
from wamviz.core.devices import pick
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Preview
from wamviz.models import registry
from wamviz.models.protocol import Capabilities, needs_words
from wamviz.runs.conditioning import parse_seeds, read_actions, read_clip


def imagine(args: argparse.Namespace) -> None:
    """Imagine rollouts from one context and write the files of the run."""
    capabilities = _checked_model(args)
    out = check_folder(args.out)
    if args.actions and args.mode != "forward_dynamics":
        raise WamvizError(f"Mode {args.mode} takes no actions.", "Use --mode forward_dynamics, or leave --actions out.")
    if args.video and args.mode != "inverse_dynamics":
        raise WamvizError(f"Mode {args.mode} takes no video.", "Use --mode inverse_dynamics, or leave --video out.")
    actions = read_actions(args.actions, capabilities.action_space) if args.actions else None
    longest = max(1, args.horizon or capabilities.longest)
    video = read_clip(args.video, capabilities.video_fps, longest) if args.video else None

    from wamviz.runs.imagine import imagine_run
    from wamviz.runs.infer_actions import explain_run
    from wamviz.runs.sources import kept_run, kind_of, resolve
    from wamviz.runs.store import Store, write_run

    if args.mode == "inverse_dynamics" and video is None and kind_of(args.context) == "run":
        stream = explain_run(kept_run(args.context), args.model, seed=args.seed, device=args.device)
    else:
        with fetching(args.context) as fetched:
            context = resolve(args.context, args.instruction, fetched)
        if needs_words(capabilities, args.mode) and not context.instruction:
            raise WamvizError(
                f"'{args.context}' names no instruction.", "Say what the robot should do: --instruction TEXT"
            )
        stream = imagine_run(
            args.model,
            context,
            mode=args.mode,
            seed=args.seed,
            samples=args.samples,
            steps=args.steps,
            actions=actions,
            video=video,
            horizon=args.horizon,
            guidance=args.guidance,
            device=args.device,
        )
    run = None
    with Progress("imagine") as progress, contextlib.closing(stream):  # type: ignore[type-var]
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
    for line in _metric_lines(run.metrics):
        print(line)
    print_folder(out)


def execute(args: argparse.Namespace) -> None:
    """Closed loop: imagine a chunk, execute the first actions of it, look again."""
    capabilities = _checked_model(args)
    if "tabletop" not in capabilities.worlds:
        runnable = [name for name, entry in registry.entries().items() if "tabletop" in entry.capabilities.worlds]
        raise WamvizError(
            f"The actions of {capabilities.title} cannot be executed in the tabletop.",
            f"Models that can: {', '.join(runnable) or 'none'}.",
        )
    out = check_folder(args.out)
    from wamviz.worlds.tabletop.contract import check_seed

    check_seed(args.seed)  # before the model is loaded

    from wamviz.runs.closed_loop import loop_run, write_loop
    from wamviz.runs.execution import run_closed_loop

    model = registry.load(args.model, args.device)
    with Progress("execute", unit="action") as progress:
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


def evaluate(args: argparse.Namespace) -> None:
    """Measure a model on tabletop scenes and write the numbers as JSON."""
    _checked_model(args)
    seeds = parse_seeds(args.seeds)
    tasks = [task.strip() for task in args.tasks.split(",") if task.strip()] if args.tasks else None
    if args.json != "-" and Path(args.json).is_dir():
        raise WamvizError(f"'{args.json}' is a folder.", "Name a file for --json.")

    from wamviz.runs.evaluate import evaluate as measure

    with Progress("evaluate", unit="episode") as progress:
        result = measure(
            args.model, args.mode, seeds, tasks=tasks, device=args.device, progress=progress, wording=args.wording
        )
    text = json.dumps(result, indent=2, allow_nan=False) + "\n"
    if args.json == "-":
        sys.stdout.write(text)
        return
    target = Path(args.json)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, text)
    print(f"{result.get('n', len(seeds))} episodes, mode {args.mode}: {target}")


def generate(args: argparse.Namespace) -> None:
    """Record expert episodes as a LeRobot v3.0 dataset."""
    seeds = parse_seeds(args.seeds)
    if args.workers is not None and args.workers < 1:
        raise WamvizError(f"--workers {args.workers} records nothing.", "Give 1 or more.")
    out = check_folder(args.out)

    from wamviz.core.devices import cores
    from wamviz.training.generate import generate as record

    with Progress("generate", unit="episode") as progress:
        record(seeds, out, workers=args.workers or cores(), progress=progress)
    print(f"{len(seeds)} episodes in {out}")


def check_folder(text: str) -> Path:
    """The folder ``text`` if files can be put there, before hours of work go into them; it is not created yet."""
    folder = Path(text).expanduser()
    if folder.exists() and not folder.is_dir():
        raise WamvizError(f"'{folder}' is a file.", "Name a folder for --out.")
    standing = next(parent for parent in [folder, *folder.absolute().parents] if parent.exists())
    if not standing.is_dir() or not os.access(standing, os.W_OK | os.X_OK):
        raise WamvizError(f"Nothing can be written under '{standing}'.", "Name another folder for --out.")
    return folder


def print_folder(folder: Path) -> None:
    """Name every file of a finished folder with its size."""
    for file in sorted(folder.iterdir()):
        if file.is_file() and not file.name.startswith("."):
            print(f"  {file}  {file.stat().st_size / 1000:.0f} kB")


def write_text(target: Path, text: str) -> None:
    """Write a text file so that readers see the old one or the new one, never a part."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _checked_model(args: argparse.Namespace) -> Capabilities:
    """Everything about model, mode and device that can be refused at once."""
    from wamviz.core.errors import unknown_name
    from wamviz.core.rollout import MODES

    if args.mode is not None and args.mode not in MODES:
        raise unknown_name("mode", args.mode, MODES)
    entry = registry.entry(args.model)
    if args.mode is None:
        args.mode = entry.capabilities.modes[0]
    if args.mode not in entry.capabilities.modes:
        modes = ", ".join(entry.capabilities.modes)
        raise WamvizError(f"{entry.capabilities.title} has no mode '{args.mode}'.", f"Its modes are: {modes}.")
    missing = entry.missing()
    if missing:
        raise WamvizError(f"{entry.capabilities.title} cannot run here: {missing}")
    if args.device != "auto":
        pick(args.device)
    return entry.capabilities


def _metric_lines(metrics: Any) -> list[str]:
    """The first sample's numbers, each with its control beside it."""
    lines = []
    for part, name, control, unit in (
        ("video", "psnr", "copy_last_psnr", "dB"),
        ("video", "ssim", "copy_last_ssim", ""),
        ("actions", "mae", "hold_mae", "of half the range"),
    ):
        values = metrics.get(part) or {}
        value, beside = values.get(name), values.get(control)
        if isinstance(value, int | float) and isinstance(beside, int | float):
            label = "copy-last-frame" if part == "video" else "hold-still"
            lines.append(f"  {name.upper()} {value:.3f} {unit}".rstrip() + f" ({label} {beside:.3f})")
    return lines
