"""The command ``connect``: name a server or weights, see whether they are there, fetch them, list and forget.

Contract: words only; what they do is ``connect_form``'s business, which the Models page shares.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from wamviz.cli.progress import TerminalProgress
from wamviz.core.errors import InvalidInput, NotFound, unknown_name
from wamviz.core.plain import dumps
from wamviz.models import availability, backends, connect_form, connections, registry
from wamviz.models.connect_form import EXAMPLE, ConnectionForm, pairs
from wamviz.models.connections import Connection

HELP = "Use a model on a server, or weights of diffusers here."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="what the model is called from then on")
    parser.add_argument("--kind", metavar="KIND", help="of the server or of the weights; see --kinds")
    parser.add_argument("--url", metavar="URL", help="e.g. ws://127.0.0.1:8000, FOLDER, hub:OWNER/NAME@REVISION")
    parser.add_argument("--robot", metavar="ROBOT", help="views, state and actions; the kind's first by default")
    parser.add_argument("--token-env", metavar="VARIABLE", help="environment variable that holds the server's token")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="how long a reply may take; 300 by default")
    parser.add_argument("--ca", metavar="FILE", help="certificates (PEM) to trust in place of the usual ones")
    parser.add_argument("--rate", type=float, metavar="HZ", help="actions a second, where the server's differs")
    parser.add_argument("--view", action="append", metavar="VIEW=CAMERA", help="which camera of a context is a view")
    parser.add_argument("--state", action="append", metavar="PART=FIRST:END", help="where in a context's state it is")
    parser.add_argument("--set", action="append", metavar="SETTING=VALUE", help="what only this kind has; see --kinds")
    parser.add_argument("--download", action="store_true", help="fetch the weights that a hub: address names, once")
    parser.add_argument("--test", action="store_true", help="see whether the server answers, or the weights are whole")
    parser.add_argument("--list", action="store_true", help="list the connections")
    parser.add_argument("--kinds", action="store_true", help="list the kinds, and what each gives back")
    parser.add_argument("--forget", action="store_true", help="remove the connection")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> None:
    """Keep, change, test, list or forget connections."""
    form = _told(args)
    if sum((args.list, args.kinds, args.forget)) + bool(form.anything or args.test or args.download) > 1:
        raise InvalidInput("--list, --kinds and --forget stand alone.", "Try: wamviz connect --help")
    if args.kinds:
        return _print_kinds(args.json)
    known = connections.read()
    if args.list:
        return _print_list(known.values(), args.json)
    if args.name is None:
        if args.test and not form.anything:
            return _test(known.values())
        raise InvalidInput("Name the connection.", EXAMPLE)
    if args.forget:
        print(connect_form.forget(args.name))
        return None
    if form.anything:
        kept = connect_form.keep(connect_form.build_connection(form, known.get(args.name)))
        why = None if args.download else registry.entry(args.name).missing()
        print(f"{kept.words} " + (f"It cannot be used yet: {why}" if why else _next(args)))
        if kept.cost and not args.test:  # a test says it too
            print(kept.cost)
        known = {args.name: kept.connection}
    elif args.name not in known:
        raise unknown_name("connection", args.name, known)
    elif args.test:
        known = {args.name: connect_form.renewed(known[args.name])}
    if args.download:
        known = {args.name: _download(known[args.name])}
    if args.test:
        return _test([known[args.name]])
    if not form.anything and not args.download:
        _print_list([known[args.name]], args.json)
    return None


def _next(args: argparse.Namespace) -> str:
    """What to do with a new connection; nobody was asked yet whether it answers."""
    tried = "" if args.test else f" See whether it answers: connect {args.name} --test"
    return f"It is a model now: imagine --model {args.name}{tried}"


def _told(args: argparse.Namespace) -> ConnectionForm:
    """What the options say."""
    return ConnectionForm(
        args.name or "",
        args.kind,
        args.url,
        args.robot,
        args.token_env,
        args.timeout,
        args.ca,
        args.rate,
        None if args.view is None else pairs(args.view, "--view", "--view VIEW=CAMERA"),
        None if args.state is None else pairs(args.state, "--state", "--state PART=FIRST:END"),
        None if args.set is None else pairs(args.set, "--set", "--set SETTING=VALUE"),
    )


def _download(connection: Connection) -> Connection:
    """Fetch weights, with a line that says how far it is."""
    with TerminalProgress("download", unit="kB") as progress:
        kept = connect_form.fetch(connection, progress)
    print(kept.words)
    return kept.connection


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
            for kind in backends.kinds().values()
        ]
        print(dumps(facts, indent=2))
        return
    for kind in backends.kinds().values():
        print(f"{kind.name}  {kind.title}")
        print(f"  robots: {', '.join(kind.choices)}")
        print(f"  gives back: {kind.gives}")
        for name, words in kind.settings.items():
            print(f"  --set {name}=...: {words}")


def _print_list(listed: Iterable[Connection], as_json: bool) -> None:
    if as_json:
        print(dumps([connection.to_json() for connection in listed], indent=2))
        return
    shown = False
    for connection in listed:
        shown = True
        print(f"{connection.name}  {connection.kind}  {connection.url}")
        wrong = availability.find_missing(connection)
        for name, value in connection.to_json().items():
            if name not in ("name", "kind", "url"):
                words = str(value)
                print(f"  {name}: {words[:200]}{' ...' if len(words) > 200 else ''}")
        if wrong:
            print(f"  cannot be used: {wrong}")
    if not shown:
        print(f"No connections yet. {EXAMPLE}")


def _test(listed: Iterable[Connection]) -> None:
    """Ask each server what it is; the first that fails ends it."""
    shown = False
    for connection in listed:
        shown = True
        first, *rest = connect_form.look(connection)
        print(f"{connection.name}: {first}")
        for line in rest:
            print(f"  {line}")
    if not shown:
        raise NotFound("There is no connection to test.", "Add one with connect NAME --kind KIND --url URL.")
