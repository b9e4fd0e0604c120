"""The command ``export``: kept runs as files that other tools read.

Contract: everything that can be refused is refused before the first run is read; what was written is named on stdout,
with what could not be kept. Stopped with Ctrl-C it leaves nothing behind. The work itself lives in ``store.episodes``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from wamviz.cli.options import check_folder
from wamviz.cli.progress import TerminalProgress
from wamviz.core.errors import InvalidInput, NotFound, WamvizError, unknown_name
from wamviz.core.rollout import ORIGINS
from wamviz.runs.store import Run, Store, check_id, read_run

FORMATS = ("lerobot", "rrd")
HELP = "Write kept runs as a LeRobot v3.0 dataset, or for Rerun."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("runs", nargs="*", metavar="RUN", help="a run's id or its folder")
    parser.add_argument("--all", action="store_true", help="every kept run, as History shows them")
    parser.add_argument("--format", default="lerobot", metavar="FORMAT", help="lerobot or rrd")
    parser.add_argument("--only", metavar="LIST", help="origins separated by commas: imagined,executed,recorded")
    parser.add_argument("--without-states", action="store_true", help="so that imagined and recorded share a dataset")
    parser.add_argument("--force", action="store_true", help="replace an earlier export")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the dataset, or of the recordings")


def run(args: argparse.Namespace) -> None:
    """Write the rollouts of kept runs as a LeRobot dataset, or each run as a Rerun recording."""
    if args.format not in FORMATS:
        raise unknown_name("format", args.format, FORMATS)
    origins = [name.strip() for name in args.only.split(",") if name.strip()] if args.only else list(ORIGINS)
    for name in origins:
        if name not in ORIGINS:
            raise unknown_name("origin", name, ORIGINS)
    if args.format == "rrd":
        _export_rrd(args, origins)
        return
    out = check_folder(args.out)
    folders = chosen_folders(args)

    from wamviz.runs.store.episodes import export_lerobot

    left_out: list[str] | None = [] if args.all else None  # one odd run must not hold up all the others
    try:
        with TerminalProgress("export", unit="run") as progress:
            progress(0, len(folders))
            written = export_lerobot(
                _loaded(folders, left_out),
                out,
                origins=origins,
                states=not args.without_states,
                force=args.force,
                total=len(folders),
                progress=progress,
                left_out=left_out,
            )
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt("Stopped; nothing was written.") from stop
    if len(written) > 1:
        rates = sorted({one.form.fps for one in written})
        why = "differ in form"
        if len(rates) > 1:
            why = f"go at {' and '.join(map(str, rates))} rows a second, and a LeRobot dataset has one rate"
        print(f"The rollouts {why}, so there are {len(written)} datasets in {out}:")
    for one in written:
        held = ", ".join(f"{count} {origin}" for origin, count in one.episodes.items())
        count = sum(one.episodes.values())
        print(f"{count} episode{'' if count == 1 else 's'} ({held}) in {one.folder}: {one.form}")
        for note in one.notes:
            print(f"Note: {note}")
        if one.form.size is None:
            print("Note: these rollouts have no frames, so the dataset has no video.")
        if one.form.space is None:
            print("Note: these rollouts have no actions, so the dataset has video alone.")
    for sentence in left_out or ():
        print(f"Left out: {sentence}")


def _export_rrd(args: argparse.Namespace, origins: Sequence[str]) -> None:
    from wamviz.runs.store.rrd import export_rrd

    folders = chosen_folders(args)
    with TerminalProgress("export", unit="run") as progress:
        written = export_rrd(
            _loaded(folders), check_folder(args.out), origins=origins, force=args.force, total=len(folders),
            progress=progress,
        )  # fmt: skip
    for path in written:
        print(f"{path}: open it with `rerun {path.name}`")


def chosen_folders(args: argparse.Namespace) -> list[Path]:
    """The folders of the runs that were named, or with ``--all`` of every kept one, oldest first.

    Raises:
        WamvizError: none or both were asked for, there is no such run, or nothing is kept.
    """
    if args.all and args.runs:
        raise InvalidInput("Runs were named beside --all.", "Name runs, or give --all for every kept one.")
    if args.runs:
        return [run_folder(text) for text in args.runs]
    kept = [run.folder for run in reversed(Store().list(None))]
    if args.all and kept:
        return kept
    some = f"Kept are, newest first: {', '.join(folder.name for folder in kept[:-6:-1])}." if kept else ""
    if args.all:
        raise InvalidInput("Nothing is kept yet.", "`imagine` keeps its runs, and so does the page.")
    raise InvalidInput("No run was named.", f"Give a run's id or its folder, or --all. {some}")


def run_folder(text: str) -> Path:
    """The folder of the run that ``text`` names: a run's folder, or the id of a kept run.

    Raises:
        WamvizError: there is no such run.
    """
    path = Path(text).expanduser()
    if path.is_dir():
        if not (path / "rollout.json").is_file():
            raise NotFound(f"'{text}' holds no run.", "A run's folder holds a rollout.json.")
        return path
    try:
        check_id(text)
    except WamvizError as error:
        raise NotFound(
            f"'{text}' is no run.", "Give a run's folder or the id of a kept run, 16 digits out of 0-9 and a-f."
        ) from error
    return Store().folder(text)


def _loaded(folders: Sequence[Path], left_out: list[str] | None = None) -> Iterator[Run]:
    """One run at a time: several may not fit into memory. ``left_out`` takes what is wrong with damaged ones."""
    for folder in folders:
        try:
            run = read_run(folder)
        except WamvizError as error:
            if left_out is None:
                raise
            left_out.append(f"Run {folder.name}: {error.message}")
            continue
        yield run
