"""The servers that the user named, for the registry.

Contract: reads one file and opens no connection, so that listing models is instant and asks nobody. A file that cannot
be understood is warned about and leaves the other models alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from wamviz.errors import WamvizError
from wamviz.models.connections import Connection, read
from wamviz.models.protocol import Capabilities, ModelEntry, WorldActionModel
from wamviz.models.remote.kinds import kind_of


def register_models() -> list[ModelEntry]:
    """One entry a connection."""
    entries = []
    try:
        known = list(read().values())
    except WamvizError as error:
        warnings.warn(str(error), stacklevel=2)
        return []
    for connection in known:
        try:
            entries.append(entry_of(connection))
        except WamvizError as error:
            warnings.warn(f"Connection '{connection.name}' is left out: {error}", stacklevel=2)
    return entries


def entry_of(connection: Connection) -> ModelEntry:
    """The entry of one connection, kept in the file or not; the server is not asked.

    Raises:
        WamvizError: see ``capabilities_of``.
    """
    capabilities = capabilities_of(connection)
    return ModelEntry(capabilities, _loader(connection, capabilities), partial(missing, connection))


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
    if connection.ca_file and not Path(connection.ca_file).is_file():
        return f"The certificates '{connection.ca_file}' are not there."
    return None


def capabilities_of(connection: Connection) -> Capabilities:
    """What a connection's model can do, as its kind and robot say; the server is not asked.

    Raises:
        WamvizError: no such kind or robot, or an address that the kind cannot have.
    """
    kind = kind_of(connection.kind)
    robot = kind.robot(connection.robot)
    kind.check_settings(connection.settings)
    scheme = connection.url.partition(":")[0]
    if scheme not in kind.schemes:
        raise WamvizError(
            f"Kind {kind.name} is reached by {' or '.join(kind.schemes)}, not {scheme}.",
            f"Write e.g. {kind.schemes[0]}://127.0.0.1:8000.",
        )
    if connection.rate:
        robot = replace(robot, actions=replace(robot.actions, rate=float(connection.rate)))
    return Capabilities(
        model_id=connection.name,
        title=f"{connection.name} ({kind.title.partition(' (')[0]} at {connection.url.partition('//')[2]})",
        description=f"{robot.title}, on a server of yours. It gives back {robot.gives}.",
        modes=robot.modes,
        action_space=robot.actions,
        frame_size=None,
        video_fps=robot.fps,
        horizon=robot.frames or robot.chunk,
        max_samples=kind.max_samples,
        cameras=tuple(view.key.rpartition("/")[2] for view in robot.views) or ("exterior",),
        deterministic=kind.seeded,
        default_steps=kind.steps,
        max_guidance=kind.max_guidance,
        extras={"kind": kind.name, "url": connection.url, "robot": robot.name, "gives": robot.gives},
    )
