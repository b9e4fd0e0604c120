"""The commands that only look: ``inspect``, ``models`` and ``doctor``.

Contract: each prints words for people, or with ``--json`` one JSON value for programs, and changes nothing.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from wamviz.models import registry

LONG = 14  # numbers in a row that a person still reads: a state of the tabletop


def inspect(args: argparse.Namespace) -> None:
    """Say what is in a source."""
    from wamviz.cli.progress import fetching
    from wamviz.runs.inspecting import describe

    with fetching(args.source) as progress:
        facts = describe(args.source, progress)
    if args.json:
        print(json.dumps(facts, indent=2, allow_nan=False, default=str))
    else:
        _print_facts(facts)


def models(args: argparse.Namespace) -> None:
    """List the registered models."""
    entries = list(registry.entries().values())
    rows = [registry.model_facts(entry) for entry in entries]
    if args.json:
        print(json.dumps(rows, indent=2, allow_nan=False))
        return
    for entry, row in zip(entries, rows, strict=True):
        print(f"{row['id']}  {row['title']}")
        print(f"  {row['description']}")
        print(f"  modes: {', '.join(row['modes'])}")
        asked = "on its server, which nobody has asked (connect NAME --test does)"
        here = asked if "url" in row.get("extras", {}) and not entry.resident else "yes"
        print(f"  runs here: {here if row['runnable'] else 'no: ' + row['missing']}")


def doctor(args: argparse.Namespace) -> None:
    """Check this machine."""
    from wamviz.cli.doctor import examine

    checks = examine()
    if args.json:
        print(json.dumps([check.to_json() for check in checks], indent=2))
        return
    width = max(len(check.name) for check in checks)
    for check in checks:
        print(f"{check.mark}  {check.name.ljust(width)}  {check.found}")
        if check.fix:
            print(f"    {' ' * width}  -> {check.fix}")
    missing = sum(not check.ok for check in checks)
    print(f"{missing} thing(s) missing; the arrows say how to get them." if missing else "Everything needed is here.")


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
