"""The command ``models``: every registered model, in words, or with ``--json`` for programs. It changes nothing."""

from __future__ import annotations

import argparse

from wamviz.core.plain import dumps
from wamviz.models import registry

HELP = "List every model, its modes, and whether it can run here."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> None:
    """List the registered models."""
    entries = list(registry.entries().values())
    rows = [registry.model_facts(entry) for entry in entries]
    if args.json:
        print(dumps(rows, indent=2))
        return
    for entry, row in zip(entries, rows, strict=True):
        print(f"{row['id']}  {row['title']}")
        print(f"  {row['description']}")
        print(f"  modes: {', '.join(row['modes'])}")
        elsewhere = "on its server, which nobody has asked (connect NAME --test does)"
        here = elsewhere if "url" in row.get("extras", {}) and not entry.resident else "yes"
        print(f"  runs here: {here if row['runnable'] else 'no: ' + row['missing']}")
