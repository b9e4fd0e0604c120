"""The command ``probe``: suites of probes, run, judged and reported."""

from __future__ import annotations

import argparse
from pathlib import Path

from wamviz.cli.options import check_folder
from wamviz.cli.progress import TerminalProgress

HELP = "Run a suite of probes: a reference task, extensions beyond it, judged sample by sample."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="PART")
    parts.add_parser("list", help="the suites that come with wamviz")
    run_part = parts.add_parser("run", help="ask every model every prompt; goes on where it stopped")
    run_part.add_argument("suite", metavar="SUITE", help="a folder of probes, one probe's file, or a name of the list")
    run_part.add_argument("--models", metavar="LIST", help="MODEL[:MODE] separated by commas, for those of the probes")
    run_part.add_argument("--samples", type=int, metavar="N", help="of each prompt and model, for those of the probes")
    run_part.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that ask at once; 1 by default"
    )
    run_part.add_argument("--out", required=True, metavar="DIR", help="folder of the results")
    report_part = parts.add_parser("report", help="report.html, .md, .csv and the figures of what was run")
    report_part.add_argument("results", nargs="*", metavar="DIR", help="folder of the results; with --compare, two")
    report_part.add_argument("--compare", action="store_true", help="what changed from the first folder to the second")
    rate_part = parts.add_parser("rate", help="open the page where people rate the samples and vote on pairs")
    rate_part.add_argument("results", metavar="DIR", help="folder of the results")
    rate_part.add_argument(
        "--rubric", metavar="FILE", help="questions of your own from now on; the article's by default"
    )
    rate_part.add_argument("--host", help="address to listen on; 127.0.0.1 by default")
    rate_part.add_argument("--port", type=int, help="port to listen on; 7860 by default")
    ask_part = parts.add_parser("ask", help="let a vision-language model at an address of yours rate the samples")
    ask_part.add_argument("results", metavar="DIR", help="folder of the results")
    ask_part.add_argument("--url", required=True, help="of an OpenAI-compatible API, e.g. http://127.0.0.1:8000/v1")
    ask_part.add_argument("--model", required=True, metavar="NAME", help="as its server calls it")
    ask_part.add_argument("--token-env", metavar="NAME", help="environment variable that holds the server's token")
    ask_part.add_argument("--frames", type=int, default=8, metavar="N", help="of a sample that it sees; 8 by default")
    export_part = parts.add_parser("export-ratings", help="what people said of the samples, as CSV and Parquet")
    export_part.add_argument("results", metavar="DIR", help="folder of the results")
    export_part.add_argument("--out", metavar="DIR", help="where the tables go; beside the results by default")


def run(args: argparse.Namespace) -> None:
    """Whichever part was named."""
    acts = {
        "list": _list,
        "run": _run,
        "report": _report,
        "rate": _rate,
        "ask": _ask,
        "export-ratings": _export_ratings,
    }
    acts[args.part](args)


def _list(args: argparse.Namespace) -> None:
    from wamviz.probes.shipped import shipped_suites

    for suite in shipped_suites():
        prompts = sum(len(probe.prompts) for probe in suite.probes)
        print(f"{suite.name}: {len(suite.probes)} probes, {prompts} prompts")


def _run(args: argparse.Namespace) -> None:
    from dataclasses import replace

    from wamviz.probes import Contender, run_suite
    from wamviz.probes.shipped import find_suite
    from wamviz.probes.suite_run import plan_cells

    out, suite = check_folder(args.out), find_suite(args.suite)
    if args.samples is not None:
        suite = replace(suite, probes=tuple(replace(probe, samples=args.samples) for probe in suite.probes))
    contenders = [Contender.read(name.strip()) for name in (args.models or "").split(",") if name.strip()]
    count, failed = len(plan_cells(suite, contenders)), 0
    stream = run_suite(suite, out, contenders, workers=args.workers)
    with TerminalProgress("probe", unit="sample") as progress:
        for done, cell in enumerate(stream, 1):
            failed += bool(cell.error)
            progress(done, count, "")
    print(f"{count} samples, {failed} failed: {out}")
    print(f"Report: python -m wamviz probe report {args.out}")


def _report(args: argparse.Namespace) -> None:
    from wamviz.core.errors import InvalidInput
    from wamviz.probes.comparison import write_comparison
    from wamviz.probes.report import write_report

    wanted = 2 if args.compare else 1
    if len(args.results) != wanted:
        how = "--compare DIR DIR" if args.compare else "DIR"
        raise InvalidInput(f"{len(args.results)} folders were named.", f"Write: python -m wamviz probe report {how}")
    found = write_comparison(*args.results) if args.compare else write_report(args.results[0])
    for path in found:
        print(path)


def _rate(args: argparse.Namespace) -> None:
    from wamviz.cli.app import PORT, serve
    from wamviz.probes.results import ResultsShelf, read_results, use_rubric

    folder = Path(args.results).expanduser().absolute()
    read_results(folder)  # before anything is opened
    if args.rubric is not None:
        use_rubric(folder, args.rubric)
    name = ResultsShelf(folder.parent, [folder]).names()[0]
    print(f"Rate on: http://{args.host or '127.0.0.1'}:{args.port or PORT}/probes?results={name}", flush=True)
    serve(args.host, args.port, results=[folder])


def _export_ratings(args: argparse.Namespace) -> None:
    from wamviz.probes.export_ratings import export_ratings

    for path in export_ratings(args.results, None if args.out is None else check_folder(args.out)):
        print(path)


def _ask(args: argparse.Namespace) -> None:
    from wamviz.models.connections import read_token
    from wamviz.probes.rating_model import RatingModel, rate_by_model, unrated
    from wamviz.probes.results import read_results

    model = RatingModel(args.url, args.model, read_token(args.token_env or "", args.url), args.frames)
    results = read_results(args.results)
    count, failed = len(unrated(results, model.rater, results.rubric)), []
    with TerminalProgress("ask", unit="sample") as progress:
        for done, (cell, error) in enumerate(rate_by_model(args.results, model), 1):
            failed += [f"{cell.probe}, {cell.prompt}, sample {cell.sample}: {error}"] if error else []
            progress(done, count, "")
    for line in failed:
        print(line)
    print(f"{count - len(failed)} samples rated by {model.rater}, {len(failed)} failed: {args.results}")
    print(f"Whether it agrees with people: python -m wamviz probe report {args.results}")
