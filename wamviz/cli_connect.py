"""The command ``connect``: name a server or weights, see whether they are there, fetch them, list and forget.

Contract: only ``--test`` opens a connection, and only to the servers that were named; a kind whose servers alone know
what they are is asked that once, when it is connected; only ``--download`` asks the hub. What is written is one file of
the wamviz home, without a secret in it.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from wamviz.cli_progress import Progress
from wamviz.errors import WamvizError, unknown_name
from wamviz.models import connecting, connections, registry
from wamviz.models.connections import Connection

SETTINGS = ("kind", "url", "robot", "token_env", "timeout", "ca", "rate", "view", "state", "set")


def connect(args: argparse.Namespace) -> None:
    """Keep, change, test, list or forget connections."""
    given = [name for name in SETTINGS if getattr(args, name) is not None]
    if sum((args.list, args.kinds, args.forget)) + bool(given or args.test or args.download) > 1:
        raise WamvizError("--list, --kinds and --forget stand alone.", "Try: wamviz connect --help")
    if args.kinds:
        return _print_kinds(args.json)
    known = connections.read()
    if args.list:
        return _print_list(known.values(), args.json)
    if args.name is None:
        if args.test and not given:
            return _test(known.values())
        raise WamvizError("Name the connection.", "For example: connect pi05 --kind openpi --url ws://127.0.0.1:8000")
    if args.forget:
        connections.forget(args.name)
        registry.refresh()
        print(f"Forgot {args.name}. Runs that it made are kept.")
        return None
    if given:
        if args.name not in known and args.name in registry.entries():
            raise WamvizError(f"There is a model '{args.name}' already.", "Choose another name.")
        made = connecting.completed(_made(args, known.get(args.name)))
        entry = connecting.entry_of(made)
        connections.keep(made)
        registry.refresh()
        print(f"Kept {made.name}: {made.kind} at {made.url}. It is a model now: imagine --model {made.name}")
        if (cost := entry.capabilities.extras.get("cost")) and not args.test:
            print(cost)
        known = {made.name: made}
    elif args.name not in known:
        raise unknown_name("connection", args.name, known)
    elif args.test and (fresh := connecting.completed(known[args.name])) != known[args.name]:
        connections.keep(fresh)  # the server says something else of itself than when it was connected
        registry.refresh()
        known = {fresh.name: fresh}
    if args.download:
        known = {args.name: _download(known[args.name])}
    if args.test:
        return _test([known[args.name]])
    if not given and not args.download:
        _print_list([known[args.name]], args.json)
    return None


def _made(args: argparse.Namespace, before: Connection | None) -> Connection:
    """The connection that the options describe; one that is there already is changed only where they say so."""
    begin = connecting.usual(args.kind) if before is None and args.kind else {}
    if args.url:
        begin = {**begin, "url": str(_address(args.url))}
    if before is None and not (args.kind and begin.get("url")):
        raise WamvizError(
            f"There is no connection '{args.name}' yet: give its --kind and --url.",
            f"Kinds: {', '.join(connecting.kinds())}.",
        )
    kept = before or Connection(args.name, args.kind, **begin)
    told = {
        "kind": args.kind,
        "url": _address(args.url),
        "robot": args.robot,
        "token_env": args.token_env,
        "timeout": args.timeout,
        "ca_file": _certificates(args.ca),
        "rate": args.rate,
        "views": None if args.view is None else {**kept.views, **_pairs(args.view, "--view", "VIEW=CAMERA")},
        "state": None if args.state is None else {**kept.state, **_pairs(args.state, "--state", "PART=FIRST:END")},
        "settings": None if args.set is None else {**kept.settings, **_pairs(args.set, "--set", "SETTING=VALUE")},
    }
    return replace(kept, **{name: value for name, value in told.items() if value is not None})


def _address(named: str | None) -> str | None:
    """An address as it is kept: a folder by its whole path, so that it is found from everywhere."""
    if not named or re.match(r"[a-z0-9+.-]+:", named):
        return named
    folder = Path(named).expanduser().resolve()
    return f"{connections.FOLDER}{folder}" if named.startswith((".", "/", "~")) or folder.is_dir() else named


def _download(connection: Connection) -> Connection:
    """Fetch weights and keep the connection pinned to them."""
    with Progress("download", unit="kB") as progress:
        pinned = connecting.download(connection, progress)
    connections.keep(pinned)
    registry.refresh()
    print(f"Fetched {connection.url}. {pinned.name} is pinned to {pinned.url}.")
    return pinned


def _certificates(named: str | None) -> str | None:
    """The whole path of a file of certificates, so that it is found from every folder."""
    if not named:
        return named
    file = Path(named).expanduser().resolve()
    if not file.is_file():
        raise WamvizError(f"There is no file '{named}'.", "--ca takes certificates in a PEM file.")
    return str(file)


def _pairs(words: Iterable[str], option: str, form: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise WamvizError(f"'{name}{equals}{value}' is nothing that {option} takes.", f"Write {option} {form}.")
    return {name: value for name, _, value in pairs}


def _print_kinds(as_json: bool) -> None:
    if as_json:
        facts = [
            {
                "kind": kind.name,
                "title": kind.title,
                "robots": list(kind.choices),
                "gives": kind.gives,
                "settings": dict(kind.settings),
            }
            for kind in connecting.kinds().values()
        ]
        print(json.dumps(facts, indent=2))
        return
    for kind in connecting.kinds().values():
        print(f"{kind.name}  {kind.title}")
        if kind.choices:
            print(f"  robots: {', '.join(kind.choices)}")
        print(f"  gives back: {kind.gives}")
        if usual := connecting.usual(kind.name):
            print(f"  usually: {', '.join(f'{name} {value}' for name, value in usual.items())}")
        for name, words in kind.settings.items():
            print(f"  --set {name}=...: {words}")


def _print_list(listed: Iterable[Connection], as_json: bool) -> None:
    if as_json:
        print(json.dumps([connection.to_json() for connection in listed], indent=2))
        return
    shown = False
    for connection in listed:
        shown = True
        print(f"{connection.name}  {connection.kind}  {connection.url}")
        try:
            wrong = connecting.entry_of(connection).missing()
        except WamvizError as error:
            wrong = str(error)
        for name, value in connection.to_json().items():
            if name not in ("name", "kind", "url"):
                words = str(value)
                print(f"  {name}: {words[:200]}{' ...' if len(words) > 200 else ''}")
        if wrong:
            print(f"  cannot be used: {wrong}")
    if not shown:
        print("No connections yet. For example: connect pi05 --kind openpi --url ws://127.0.0.1:8000")


def _test(listed: Iterable[Connection]) -> None:
    """Ask each server what it is; the first that fails ends it."""
    shown = False
    for connection in listed:
        shown = True
        print(f"{connection.name}: {connecting.probe(connection)}")
        if cost := connecting.entry_of(connection).capabilities.extras.get("cost"):
            print(f"  {cost}")
    if not shown:
        raise WamvizError("There is no connection to test.", "Add one with connect NAME --kind KIND --url URL.")
