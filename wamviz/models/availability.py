"""Whether a system of the catalog can be asked from here, and why not.

Contract: pure functions over the catalog, the kinds of connection, the user's connections and this machine; no server
is asked, no weights are opened, torch is not imported.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from wamviz.core.devices import Machine, machine
from wamviz.core.errors import WamvizError
from wamviz.models import backends, registry
from wamviz.models.backends import ConnectionKind
from wamviz.models.catalog import System
from wamviz.models.connections import Connection, read

Status = Literal["now", "connect", "not yet", "no"]
STATUS_WORDS: dict[Status, str] = {
    "now": "can be asked now",
    "connect": "once it is connected",
    "not yet": "wamviz cannot reach it yet",
    "no": "cannot be reached",
}
LOCAL_SCHEMES = ("file", "hub")  # addresses of weights that are opened on this machine


@dataclass(frozen=True)
class Availability:
    """Whether a system can be asked from here.

    Attributes:
        status: of ``STATUS_WORDS``.
        why: a sentence or two.
        ways: the ways in its ``reach`` that this wamviz has.
        through: the user's connections that reach it.
    """

    status: Status
    why: str
    ways: tuple[str, ...] = ()
    through: tuple[str, ...] = ()


@dataclass(frozen=True)
class LocalSetup:
    """What decides which systems are available, read once for the whole catalog.

    Attributes:
        kinds: of connection that this wamviz has.
        connections: of the user.
        machine: this one.
        missing: what keeps a model from being asked, by its id; None when nothing does.
        find_missing: the same for a connection.
    """

    kinds: Mapping[str, ConnectionKind]
    connections: tuple[Connection, ...]
    machine: Machine
    missing: Callable[[str], str | None]
    find_missing: Callable[[Connection], str | None]


def read_setup() -> LocalSetup:
    """What decides availability, as it is now."""
    try:
        known = tuple(read().values())
    except WamvizError as error:  # said wherever connections are listed; the map is shown all the same
        warnings.warn(str(error), stacklevel=2)
        known = ()
    return LocalSetup(backends.kinds(), known, machine(), lambda name: registry.entry(name).missing(), find_missing)


def find_missing(connection: Connection) -> str | None:
    """What keeps a connection from being used, as far as that is known without asking anybody."""
    try:
        return backends.entry_of(connection).missing()
    except WamvizError as error:
        return str(error)


def assess_availability(system: System, setup: LocalSetup) -> Availability:
    """Whether one system can be asked from here, and why not."""
    if system.model:
        wrong = setup.missing(system.model)
        return (
            Availability("no", wrong) if wrong else Availability("now", "Shipped with wamviz; it runs on this machine.")
        )
    if system.closed:
        return Availability("no", system.closed)
    if not system.reach:
        return Availability("no", system.unreached)
    ways = tuple(way for way in system.reach if _supports(way, setup.kinds))
    if not ways:
        named = " or ".join(system.kinds)
        return Availability("not yet", f"wamviz cannot reach it yet: this version has no kind {named}.")
    through = tuple(one for one in setup.connections if any(_reaches(one, way, setup.kinds) for way in ways))
    usable = [one.name for one in through if setup.find_missing(one) is None]
    names = tuple(one.name for one in through)
    if usable:
        many = "s" if len(usable) > 1 else ""
        reason = f"Through your connection{many} {', '.join(usable)}, if this is what runs there."
        return Availability("now", reason, ways, names)
    broken = f"Your connection {names[0]} cannot be used: {setup.find_missing(through[0])} " if through else ""
    return Availability("connect", broken + _describe_needs(system, ways, setup), ways, names)


def _supports(way: str, kinds: Mapping[str, ConnectionKind]) -> bool:
    kind, _, robot = way.partition("/")
    return kind in kinds and (not robot or robot in kinds[kind].choices)


def _reaches(connection: Connection, way: str, kinds: Mapping[str, ConnectionKind]) -> bool:
    kind, _, robot = way.partition("/")
    usual = next(iter(kinds[kind].choices), "")
    return connection.kind == kind and (not robot or robot == (connection.robot or usual))


def _describe_needs(system: System, ways: tuple[str, ...], setup: LocalSetup) -> str:
    """What has to be there before it can be connected."""
    here = [way for way in ways if set(setup.kinds[way.partition("/")[0]].schemes) & set(LOCAL_SCHEMES)]
    served = [way for way in ways if way not in here]
    if not here:
        key = getattr(setup.kinds[served[0].partition("/")[0]], "usual", {}).get("token_env")
        if key:
            return f"It answers on a server of its makers: connect it with a key of yours, in {key}."
        if not system.needs_gb:
            return "It needs a server that has it running: connect its address."
        needs = f"It needs a server that has it running, with {_describe_size(system)}: connect its address."
        return f"{needs} This machine has {setup.machine.words}."
    serve = " Or connect a server that has it running." if served else ""
    if not system.needs_gb:
        known = f"Its weights are opened on this machine, which has {setup.machine.words}"
        return f"{known}; how much memory they take is not stated.{serve}"
    return f"{_describe_fit(system, setup.machine)}{serve}"


def _describe_size(system: System) -> str:
    cards = f"{system.gpus} GPUs and " if system.gpus > 1 else ""
    if system.gpu_gb:
        return f"{cards}{system.gpu_gb:g} GB of GPU memory or more"
    if system.weights_gb:
        return f"{cards}room for {system.weights_gb:g} GB of weights"
    return f"{cards}room for {system.needs_gb:g} GB of weights, at two bytes a parameter"


def _describe_fit(system: System, here: Machine) -> str:
    needs = f"It needs {_describe_size(system)}; this machine has {here.words}."
    if here.card_gb >= system.needs_gb:
        return f"{needs} That should do: connect a folder or a name on the hub."
    if here.card_gb:
        return f"{needs} That is too little for the card alone; setting 'offload' trades memory for time."
    if here.memory_gb >= 1.2 * system.needs_gb:
        return f"{needs} It would run on the processor, which takes very long."
    return f"{needs} That is too little."
