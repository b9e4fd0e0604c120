"""The command ``inspect``: what is in a source, in words, or with ``--json`` for programs. It changes nothing."""

from __future__ import annotations

import argparse
from typing import Any

from wamviz.cli.options import SOURCE_HELP
from wamviz.cli.progress import fetching
from wamviz.core.plain import dumps

LONG = 14  # numbers in a row that a person still reads: a state of the tabletop
HELP = "Say what is in a dataset, episode, image, video or run."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("source", metavar="SOURCE", help=f"{SOURCE_HELP}; a dataset's folder by itself too")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> None:
    """Say what is in a source."""
    from wamviz.runs.inspecting import describe

    with fetching(args.source) as progress:
        facts = describe(args.source, progress)
    if args.json:
        print(dumps(facts, indent=2))
    else:
        _print_facts(facts)


def _print_facts(facts: dict[str, Any], indent: str = "") -> None:
    width = max((len(str(name)) for name in facts), default=0)
    for name, value in facts.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            _print_facts(value, indent + "  ")
        elif lines := _lines(value):
            print(f"{indent}{name}")
            for line in lines:
                print(f"{indent}  {line}")
        else:
            print(f"{indent}{str(name).ljust(width)}  {_plain(value)}")


def _lines(value: Any) -> list[str]:
    """A line for each item of a list that commas cannot part; none for any other value."""
    if not isinstance(value, list) or not value:
        return []
    if all(isinstance(item, dict) for item in value):
        return ["; ".join(f"{key} {_plain(part)}" for key, part in item.items()) for item in value]
    with_commas = len(value) > 1 and any(isinstance(item, str) and "," in item for item in value)
    return [str(item) for item in value] if with_commas else []


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        if len(value) > LONG and all(isinstance(item, int | float) for item in value):
            return f"{len(value)} numbers"  # programs get them with --json
        return ", ".join(_plain(item) for item in value) or "none"
    return str(value)
