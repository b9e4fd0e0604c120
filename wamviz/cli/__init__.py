"""The command line: ``python -m wamviz COMMAND …``.

Contract: every command exits 0 on success and 2 on bad input with one clear line on stderr, never with a
traceback; an interrupt ends with 130. What a command does lives in ``cli_run`` (imagine, execute, evaluate,
generate), ``cli_export``, ``cli_look`` (inspect, models, doctor), ``cli_connect`` and ``cli_app``; this module only
parses and reports. Heavy libraries are imported by the command that needs them, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn

from wamviz import __version__
from wamviz.core.environment import prepare
from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.rollout import MODES
from wamviz.core.signals import Ended, terminable

SOURCE_HELP = (
    "an image or video file, tabletop:SEED[@STEP], DATASET_DIR#EPISODE[@FRAME], "
    "hub:OWNER/NAME[@REVISION]#EPISODE[@FRAME], or a run id"
)
INTERRUPTED, TERMINATED = 130, 143  # what a shell reports for a program that was stopped with Ctrl-C, or told to end


class Parser(argparse.ArgumentParser):
    """argparse that reports a mistake in one line instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        raise WamvizError(f"{message[:1].upper()}{message[1:].rstrip('.')}.", f"Try: {self.prog} --help")


def main(argv: Sequence[str] | None = None, *, demo: Any = None) -> int:
    """Run one command and return its exit status.

    Args:
        argv: the arguments without the program's name; ``sys.argv[1:]`` when None.
        demo: the page that ``app.py`` has already built, for the command ``app``.
    """
    with terminable() as ended:
        return _run(argv, demo, ended)


def _run(argv: Sequence[str] | None, demo: Any, ended: Ended) -> int:
    prepare()
    try:
        args = _parse(list(sys.argv[1:] if argv is None else argv))
        args.demo = demo
        command: Callable[[argparse.Namespace], int | None] = _find(args.run)
        status = command(args) or 0
        sys.stdout.flush()  # a reader that has gone away is noticed here, not at exit
        return status
    except WamvizError as error:
        return _refuse(str(error))
    except KeyboardInterrupt as stop:  # a command that kept something says so in its own words
        print(f"\n{stop}" if str(stop) else "\nStopped.", file=sys.stderr)
        return TERMINATED if ended else INTERRUPTED
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "wamviz"):
            return _mistake(error)
        return _refuse(f"The Python package '{package}' is missing. Run: python -m pip install -r requirements.txt")
    except BrokenPipeError:  # `wamviz models | head` is no mistake
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # no permission, disk full, a folder where a file should be
        where = f" '{error.filename}'" if error.filename else ""
        return _refuse(f"{error.strerror or error}{where}.")
    except Exception as error:  # ours to mend, but still not a page of code for the person in front of it
        return _mistake(error)


def _mistake(error: Exception) -> int:
    if os.environ.get("WAMVIZ_DEBUG"):
        traceback.print_exception(error)
    reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    print(f"wamviz: this is a mistake in wamviz ({reason}). WAMVIZ_DEBUG=1 shows where.", file=sys.stderr)
    return 1


def _refuse(message: str) -> int:
    print(f"wamviz: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _find(target: str) -> Callable[[argparse.Namespace], int | None]:
    module, _, function = target.partition(":")
    found: Callable[[argparse.Namespace], int | None] = getattr(import_module(module), function)
    return found


def _parse(argv: list[str]) -> argparse.Namespace:
    parser, commands = build_parser()
    for place, word in enumerate(argv[1:], 1):  # argparse takes -3:2 for an option, and its complaint hides the reason
        if argv[place - 1] == "--seeds" and word[:1] == "-" and word[1:2].isdigit():
            argv[place - 1 : place + 1] = [f"--seeds={word}"]
            break
    if argv and not argv[0].startswith("-") and argv[0] not in commands:
        raise unknown_name("command", argv[0], commands)
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        options = [name for action in commands[args.command]._actions for name in action.option_strings]
        stray = unknown[0].partition("=")[0]
        near = difflib.get_close_matches(stray, options, n=1, cutoff=0.5)
        guess = f" Did you mean {near[0]}?" if near else ""
        raise WamvizError(f"{args.command} does not take '{stray}'.{guess}", f"Try: wamviz {args.command} --help")
    return args


def build_parser() -> tuple[Parser, dict[str, Parser]]:
    """The parser, and the parser of each command by name."""
    parser = Parser(
        prog="wamviz",
        description="See what a world-action model imagines, beside what really happened.",
        epilog=f"SOURCE is {SOURCE_HELP}.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"wamviz {__version__}")
    group = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    commands: dict[str, Parser] = {}

    def command(name: str, run: str, text: str) -> Parser:
        made = group.add_parser(name, help=text, description=text, prog=f"wamviz {name}", allow_abbrev=False)
        made.set_defaults(run=run)
        commands[name] = made
        return made

    imagine = command("imagine", "wamviz.cli.run:imagine", "Imagine rollouts from a context.")
    _model_options(imagine)
    imagine.add_argument("--context", required=True, metavar="SOURCE", help=SOURCE_HELP)
    imagine.add_argument("--instruction", metavar="TEXT", help="what the robot is told; the source's own by default")
    imagine.add_argument("--seed", type=int, default=0, help="sampling seed; sample i uses seed + i")
    imagine.add_argument("--samples", type=int, default=1, metavar="N", help="how many rollouts")
    imagine.add_argument("--steps", type=int, metavar="N", help="denoising steps; the model's default if not given")
    horizon = "frames to imagine in all; if not given, until the task is done (mini-WAM) or one chunk"
    imagine.add_argument("--horizon", type=int, metavar="N", help=horizon)
    imagine.add_argument("--guidance", type=float, default=1.0, metavar="G", help="weight of the words; 1 as trained")
    imagine.add_argument("--actions", metavar="FILE", help="npz, npy, csv or json to obey (forward_dynamics)")
    imagine.add_argument(
        "--video", metavar="FILE", help="a clip to explain, context first (inverse_dynamics); a run explains its own"
    )
    imagine.add_argument("--out", required=True, metavar="DIR", help="folder for rollout.mp4, .npz and .json")

    compare = command("compare", "wamviz.cli.compare:compare", "Ask several models or modes the same, side by side.")
    compare.add_argument("contenders", nargs="+", metavar="MODEL[:MODE]", help="two to four, e.g. mini-wam:act_only")
    compare.add_argument("--context", required=True, metavar="SOURCE", help=SOURCE_HELP)
    compare.add_argument("--instruction", metavar="TEXT", help="what the robot is told; the source's own by default")
    compare.add_argument("--seed", type=int, default=0, help="sampling seed, the same for all")
    compare.add_argument("--samples", type=int, default=1, metavar="N", help="how many rollouts each")
    compare.add_argument("--seconds", type=float, metavar="S", help="how long each imagines; its own chunk by default")
    compare.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    compare.add_argument("--out", required=True, metavar="DIR", help="folder for comparison.json and a folder a run")

    execute = command("execute", "wamviz.cli.run:execute", "Let a model act in the tabletop.")
    _model_options(execute)
    execute.add_argument("--seed", type=int, required=True, metavar="S", help="seed of the scene")
    execute.add_argument("--instruction", metavar="TEXT", help="what the robot is told; the scene's task by default")
    execute.add_argument("--out", required=True, metavar="DIR", help="folder for rollout.mp4, .npz and .json")

    evaluate = command("evaluate", "wamviz.cli.run:evaluate", "Measure a model on tabletop episodes it has not seen.")
    _model_options(evaluate)
    evaluate.add_argument("--seeds", required=True, metavar="A:B", help="scenes A up to but not including B")
    evaluate.add_argument("--tasks", metavar="LIST", help="task kinds separated by commas; the natural mix by default")
    evaluate.add_argument("--wording", default="usual", help="how tasks are told: usual, heldout, typos or synonyms")
    evaluate.add_argument("--json", required=True, metavar="FILE", help="where the numbers go; - is stdout")

    generate = command("generate", "wamviz.cli.run:generate", "Record expert episodes as a LeRobot v3.0 dataset.")
    generate.add_argument("--seeds", required=True, metavar="A:B", help="scenes A up to but not including B")
    generate.add_argument("--out", required=True, metavar="DIR", help="folder of the dataset")
    generate.add_argument("--workers", type=int, metavar="N", help="processes; one a core by default")

    export = command("export", "wamviz.cli.export:export", "Write kept runs as a LeRobot v3.0 dataset, or for Rerun.")
    export.add_argument("runs", nargs="*", metavar="RUN", help="a run's id or its folder")
    export.add_argument("--all", action="store_true", help="every kept run, as History shows them")
    export.add_argument("--format", default="lerobot", metavar="FORMAT", help="lerobot or rrd")
    export.add_argument("--only", metavar="LIST", help="origins separated by commas: imagined,executed,recorded")
    export.add_argument("--without-states", action="store_true", help="so that imagined and recorded share a dataset")
    export.add_argument("--force", action="store_true", help="replace an earlier export")
    export.add_argument("--out", required=True, metavar="DIR", help="folder of the dataset, or of the recordings")

    inspect = command("inspect", "wamviz.cli.look:inspect", "Say what is in a dataset, episode, image, video or run.")
    inspect.add_argument("source", metavar="SOURCE", help=f"{SOURCE_HELP}; a dataset's folder by itself too")
    inspect.add_argument("--json", action="store_true", help="for programs")

    models = command("models", "wamviz.cli.look:models", "List every model, its modes, and whether it can run here.")
    models.add_argument("--json", action="store_true", help="for programs")

    connect = command("connect", "wamviz.cli.connect:connect", "Use a model on a server, or weights of diffusers here.")
    connect.add_argument("name", nargs="?", metavar="NAME", help="what the model is called from then on")
    connect.add_argument("--kind", metavar="KIND", help="of the server or of the weights; see --kinds")
    connect.add_argument("--url", metavar="URL", help="e.g. ws://127.0.0.1:8000, FOLDER, hub:OWNER/NAME@REVISION")
    connect.add_argument("--robot", metavar="ROBOT", help="views, state and actions; the kind's first by default")
    connect.add_argument("--token-env", metavar="VARIABLE", help="environment variable that holds the server's token")
    connect.add_argument("--timeout", type=float, metavar="SECONDS", help="how long a reply may take; 300 by default")
    connect.add_argument("--ca", metavar="FILE", help="certificates (PEM) to trust in place of the usual ones")
    connect.add_argument("--rate", type=float, metavar="HZ", help="actions a second, where the server's differs")
    connect.add_argument("--view", action="append", metavar="VIEW=CAMERA", help="which camera of a context is a view")
    connect.add_argument("--state", action="append", metavar="PART=FIRST:END", help="where in a context's state it is")
    connect.add_argument("--set", action="append", metavar="SETTING=VALUE", help="what only this kind has; see --kinds")
    connect.add_argument("--download", action="store_true", help="fetch the weights that a hub: address names, once")
    connect.add_argument("--test", action="store_true", help="see whether the server answers, or the weights are whole")
    connect.add_argument("--list", action="store_true", help="list the connections")
    connect.add_argument("--kinds", action="store_true", help="list the kinds, and what each gives back")
    connect.add_argument("--forget", action="store_true", help="remove the connection")
    connect.add_argument("--json", action="store_true", help="for programs")

    app = command("app", "wamviz.cli.app:app", "Open the page.")
    app.add_argument("--host", default=None, help="address to listen on; 127.0.0.1 by default")
    app.add_argument("--port", type=int, default=None, help="port to listen on; 7860 by default")

    doctor = command("doctor", "wamviz.cli.look:doctor", "Say what works here, what is missing and how to get it.")
    doctor.add_argument("--json", action="store_true", help="for programs")
    return parser, commands


def _model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="mini-wam", metavar="ID", help="see `wamviz models`")
    parser.add_argument("--mode", metavar="MODE", help=f"{', '.join(MODES)}; the model's first by default")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
