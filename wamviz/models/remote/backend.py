"""Servers as ``wamviz.models.backends`` wants them: kinds, entries for the registry, a look whether one is there.

Contract: only ``probe`` and ``completed`` open a connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from wamviz.core.errors import WamvizError
from wamviz.models.connections import Connection
from wamviz.models.protocol import Capabilities, ModelEntry, WorldActionModel
from wamviz.models.remote.kinds import KINDS, kind_of, robot_of

__all__ = ["KINDS", "capabilities_of", "completed", "entry_of", "missing", "probe"]

PROBE_S = 30.0  # nobody waits longer to hear whether a server is there


def entry_of(connection: Connection) -> ModelEntry:
    """The entry of one connection, kept in the file or not; the server is not asked.

    Raises:
        WamvizError: see ``capabilities_of``.
    """
    capabilities = capabilities_of(connection)
    return ModelEntry(capabilities, _loader(connection, capabilities), partial(missing, connection), resident=False)


def probe(connection: Connection, within: float = PROBE_S) -> str:
    """Ask the server what it is, without asking for actions; see ``wamviz.models.backends.probe``."""
    from wamviz.core.threads import run_sync
    from wamviz.models.remote.asking import policy_request, protocol_of
    from wamviz.models.remote.network import redact_token

    policy = policy_request(connection)
    policy = replace(policy, server=replace(policy.server, reply_s=min(connection.timeout, within)))

    async def look() -> str:
        return await protocol_of(kind_of(connection.kind)).probe(policy)

    with redact_token(connection.token()):
        return run_sync(look)


def _loader(connection: Connection, capabilities: Capabilities) -> Callable[[str], WorldActionModel]:
    def load(device: str) -> WorldActionModel:
        from wamviz.models.remote.model import RemoteModel  # httpx is loaded by those who ask a server

        return RemoteModel(connection, capabilities)

    return load


def missing(connection: Connection) -> str | None:
    """What keeps a connection from being used, as far as it is known without asking the server."""
    try:
        connection.token()
    except WamvizError as error:
        return str(error)
    kind = kind_of(connection.kind)
    if kind.usual.get("token_env") and not connection.token_env:
        return f"It needs a key: connect {connection.name} --token-env {kind.usual['token_env']}"
    if kind.needs and not _installed(kind.needs[0]):
        return f"Kind {kind.name} needs a package: {kind.needs[1]}"
    if connection.ca_file and not Path(connection.ca_file).is_file():
        return f"The certificates '{connection.ca_file}' are not there."
    return None


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it is not there either
        return False


def completed(connection: Connection) -> Connection:
    """The connection with what only its server knows; the server is asked where its kind says that it must be.

    Raises:
        WamvizError: nobody there, or no server of this kind.
    """
    if not kind_of(connection.kind).asks:
        return connection
    from wamviz.models.remote.worker import described

    return replace(connection, settings={**connection.settings, **described(connection, PROBE_S)})


def capabilities_of(connection: Connection) -> Capabilities:
    """What a connection's model can do, as its kind and robot say; the server is not asked.

    Raises:
        WamvizError: no such kind or robot, or an address that the kind cannot have.
    """
    kind = kind_of(connection.kind)
    robot = robot_of(connection)
    scheme = connection.url.partition(":")[0]
    if scheme not in kind.schemes:
        raise WamvizError(
            f"Kind {kind.name} is reached by {' or '.join(kind.schemes)}, not {scheme}.",
            f"Write e.g. {kind.schemes[0]}://127.0.0.1:8000.",
        )
    description = f"{robot.title}, {kind.where}. It gives back {robot.gives}."
    extras = {"kind": kind.name, "url": connection.url, "robot": robot.name, "gives": robot.gives}
    if kind.cost:
        extras["cost"] = kind.cost(connection.settings, 1)
        description += f" {extras['cost']}"
    return Capabilities(
        model_id=connection.name,
        title=f"{connection.name} ({kind.title.partition(' (')[0]})",  # no address: pages may be served to others
        description=description,
        modes=robot.modes,
        action_space=robot.actions,
        frame_size=None,
        video_fps=robot.fps,
        horizon=robot.frames or robot.chunk,
        max_horizon=robot.longest or None,
        max_samples=kind.max_samples,
        cameras=tuple(view.key.rpartition("/")[2] for view in robot.views) or ("exterior",),
        deterministic=kind.seeded,
        default_steps=robot.steps or kind.steps,
        max_guidance=kind.max_guidance,
        extras=extras,
    )
