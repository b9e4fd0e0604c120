"""The command line: ``python -m wamviz COMMAND …``.

Every command exits 0 on success and otherwise with one clear line on stderr, never with a traceback: 2 when something
has to be changed before another try, 75 when the same can succeed later, 130 when it was interrupted or canceled (the
error's class knows: ``wamviz.core.errors``), 1 for a mistake of ours. A command is a module of this package with
``HELP``, ``arguments(parser)`` and ``run(args)``; this one only parses and reports. Heavy libraries are imported by the
command that needs them, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from wamviz import __version__
from wamviz.cli.options import SOURCE_HELP
from wamviz.core.environment import prepare
from wamviz.core.errors import InvalidInput, WamvizError, unknown_name
from wamviz.core.signals import Ended, terminable

COMMANDS = (
    "imagine", "compare", "execute", "evaluate", "probe", "generate", "export", "inspect", "models", "connect",
    "lessons", "app", "doctor",
)  # fmt: skip
INTERRUPTED, TERMINATED = 130, 143  # what a shell reports for a program that was stopped with Ctrl-C, or told to end


class Parser(argparse.ArgumentParser):
    """argparse that reports a mistake in one line instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        raise InvalidInput(f"{message[:1].upper()}{message[1:].rstrip('.')}.", f"Try: {self.prog} --help")


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
        _module(args.command).run(args)
        sys.stdout.flush()  # a reader that has gone away is noticed here, not at exit
        return 0
    except WamvizError as error:
        return _refuse(str(error), error.exit_code)
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


def _refuse(message: str, status: int = WamvizError.exit_code) -> int:
    print(f"wamviz: {' '.join(message.split())}", file=sys.stderr)
    return status


def _module(command: str) -> Any:
    return import_module(f"wamviz.cli.{command}")


def _parse(argv: list[str]) -> argparse.Namespace:
    named = argv[:1] if argv and argv[0] in COMMANDS else COMMANDS  # the modules of the others need no loading
    parser, commands = build_parser(named)
    for place, word in enumerate(argv[1:], 1):  # argparse takes -3:2 for an option, and its complaint hides the reason
        if argv[place - 1] == "--seeds" and word[:1] == "-" and word[1:2].isdigit():
            argv[place - 1 : place + 1] = [f"--seeds={word}"]
            break
    if argv and not argv[0].startswith("-") and argv[0] not in commands:
        raise unknown_name("command", argv[0], COMMANDS)
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        options = [name for action in commands[args.command]._actions for name in action.option_strings]
        stray = unknown[0].partition("=")[0]
        near = difflib.get_close_matches(stray, options, n=1, cutoff=0.5)
        guess = f" Did you mean {near[0]}?" if near else ""
        raise InvalidInput(f"{args.command} does not take '{stray}'.{guess}", f"Try: wamviz {args.command} --help")
    return args


def build_parser(names: Sequence[str] = COMMANDS) -> tuple[Parser, dict[str, Parser]]:
    """The parser of these commands, and the parser of each by name."""
    parser = Parser(
        prog="wamviz",
        description="See what a world-action model imagines, beside what really happened.",
        epilog=f"SOURCE is {SOURCE_HELP}.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"wamviz {__version__}")
    group = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    commands: dict[str, Parser] = {}
    for name in names:
        module = _module(name)
        commands[name] = group.add_parser(
            name, help=module.HELP, description=module.HELP, prog=f"wamviz {name}", allow_abbrev=False
        )
        module.arguments(commands[name])
    return parser, commands
