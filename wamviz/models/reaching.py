"""Whether a system of the map can be asked from here, and why not.

Contract: pure functions over the map, the kinds of connection there are, the user's connections and this machine; no
server is asked, no weights are opened, torch is not imported.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from wamviz.core.devices import Machine, machine
from wamviz.core.errors import WamvizError
from wamviz.models import connecting, registry
from wamviz.models.connecting import Kind
from wamviz.models.connections import Connection, read
from wamviz.models.field import System

Can = Literal["now", "connect", "not yet", "no"]
CAN: dict[Can, str] = {
    "now": "can be asked now",
    "connect": "once it is connected",
    "not yet": "wamviz cannot reach it yet",
    "no": "cannot be reached",
}
HERE = ("file", "hub")  # addresses of weights that are opened on this machine


@dataclass(frozen=True)
class Standing:
    """How a system stands here.

    Attributes:
        can: of ``CAN``.
        why: a sentence or two.
        ways: the ways in its ``reach`` that this wamviz has.
        through: the user's connections that reach it.
    """

    can: Can
    why: str
    ways: tuple[str, ...] = ()
    through: tuple[str, ...] = ()


@dataclass(frozen=True)
class Surroundings:
    """What decides how systems stand, looked at once for the whole map.

    Attributes:
        kinds: of connection that this wamviz has.
        connections: of the user.
        machine: this one.
        missing: what keeps a model from being asked, by its id; None when nothing does.
        lacking: the same for a connection.
    """

    kinds: Mapping[str, Kind]
    connections: tuple[Connection, ...]
    machine: Machine
    missing: Callable[[str], str | None]
    lacking: Callable[[Connection], str | None]


def look() -> Surroundings:
    """The surroundings as they are now."""
    try:
        known = tuple(read().values())
    except WamvizError as error:  # said wherever connections are listed; the map is shown all the same
        warnings.warn(str(error), stacklevel=2)
        known = ()
    return Surroundings(connecting.kinds(), known, machine(), lambda name: registry.entry(name).missing(), lacking)


def lacking(connection: Connection) -> str | None:
    """What keeps a connection from being used, as far as that is known without asking anybody."""
    try:
        return connecting.entry_of(connection).missing()
    except WamvizError as error:
        return str(error)


def standing(system: System, around: Surroundings) -> Standing:
    """How one system stands."""
    if system.model:
        wrong = around.missing(system.model)
        return Standing("no", wrong) if wrong else Standing("now", "Shipped with wamviz; it runs on this machine.")
    if system.closed:
        return Standing("no", system.closed)
    if not system.reach:
        return Standing("no", system.unreached)
    ways = tuple(way for way in system.reach if _has(way, around.kinds))
    if not ways:
        named = " or ".join(system.kinds)
        return Standing("not yet", f"wamviz cannot reach it yet: this version has no kind {named}.")
    through = tuple(one for one in around.connections if any(_fits(one, way, around.kinds) for way in ways))
    usable = [one.name for one in through if around.lacking(one) is None]
    names = tuple(one.name for one in through)
    if usable:
        many = "s" if len(usable) > 1 else ""
        told = f"Through your connection{many} {', '.join(usable)}, if this is what runs there."
        return Standing("now", told, ways, names)
    broken = f"Your connection {names[0]} cannot be used: {around.lacking(through[0])} " if through else ""
    return Standing("connect", broken + _wants(system, ways, around), ways, names)


def _has(way: str, kinds: Mapping[str, Kind]) -> bool:
    kind, _, robot = way.partition("/")
    return kind in kinds and (not robot or robot in kinds[kind].choices)


def _fits(connection: Connection, way: str, kinds: Mapping[str, Kind]) -> bool:
    kind, _, robot = way.partition("/")
    usual = next(iter(kinds[kind].choices), "")
    return connection.kind == kind and (not robot or robot == (connection.robot or usual))


def _wants(system: System, ways: tuple[str, ...], around: Surroundings) -> str:
    """What has to be there before it can be connected."""
    here = [way for way in ways if set(around.kinds[way.partition("/")[0]].schemes) & set(HERE)]
    served = [way for way in ways if way not in here]
    if not here:
        key = getattr(around.kinds[served[0].partition("/")[0]], "usual", {}).get("token_env")
        if key:
            return f"It answers on a server of its makers: connect it with a key of yours, in {key}."
        if not system.needs_gb:
            return "It needs a server that has it running: connect its address."
        needs = f"It needs a server that has it running, with {_size(system)}: connect its address."
        return f"{needs} This machine has {around.machine.words}."
    serve = " Or connect a server that has it running." if served else ""
    if not system.needs_gb:
        known = f"Its weights are opened on this machine, which has {around.machine.words}"
        return f"{known}; how much memory they take is not stated.{serve}"
    return f"{_fit(system, around.machine)}{serve}"


def _size(system: System) -> str:
    cards = f"{system.gpus} GPUs and " if system.gpus > 1 else ""
    if system.gpu_gb:
        return f"{cards}{system.gpu_gb:g} GB of GPU memory or more"
    if system.weights_gb:
        return f"{cards}room for {system.weights_gb:g} GB of weights"
    return f"{cards}room for {system.needs_gb:g} GB of weights, at two bytes a parameter"


def _fit(system: System, here: Machine) -> str:
    needs = f"It needs {_size(system)}; this machine has {here.words}."
    if here.card_gb >= system.needs_gb:
        return f"{needs} That should do: connect a folder or a name on the hub."
    if here.card_gb:
        return f"{needs} That is too little for the card alone; setting 'offload' trades memory for time."
    if here.memory_gb >= 1.2 * system.needs_gb:
        return f"{needs} It would run on the processor, which takes very long."
    return f"{needs} That is too little."
