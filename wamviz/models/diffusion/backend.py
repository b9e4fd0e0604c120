"""Models of diffusers as ``wamviz.models.backends`` wants them: kinds, entries for the registry, a look at weights.

Contract: listing reads names and JSON; weights are loaded by ``ModelEntry.load`` alone, and only ``download`` asks a
network.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.hub import HubName
from wamviz.core.rollout import ActionSpace
from wamviz.models.connections import Connection
from wamviz.models.diffusion import statistics
from wamviz.models.diffusion.checkpoints import Checkpoint, look, part_config, place_of, sentencepieces
from wamviz.models.diffusion.kinds import KINDS, PipelineKind
from wamviz.models.diffusion.options import Options, read
from wamviz.models.diffusion.recipes import own_recipe
from wamviz.models.protocol import Capabilities, ModelEntry, WorldActionModel

__all__ = ["KINDS", "capabilities_of", "download", "entry_of", "missing", "probe"]

CHUNKS = 8  # of the longest rollout
INSTALL = "pip install -r requirements.txt"


def entry_of(connection: Connection) -> ModelEntry:
    """The entry of one connection; nothing is loaded.

    Raises:
        WamvizError: a setting or an address that the kind cannot have.
    """
    capabilities = capabilities_of(connection)
    return ModelEntry(capabilities, _loader(connection, capabilities), partial(missing, connection))


def _kind(connection: Connection) -> tuple[PipelineKind, Options]:
    if connection.kind not in KINDS:
        raise unknown_name("kind of model", connection.kind, KINDS)
    kind = KINDS[connection.kind]
    if not connection.url.startswith(("/", "file:", "hub:")):
        raise WamvizError(
            f"Kind {kind.name} runs here: its address is a folder, or a name on the hub, not '{connection.url}'.",
            f"Write --url FOLDER, or --url hub:{kind.hub[0]}.",
        )
    kind = own_recipe(kind, connection)
    return kind, read(kind, connection)


def _loader(connection: Connection, capabilities: Capabilities) -> Callable[[str], WorldActionModel]:
    def load(device: str) -> WorldActionModel:
        kind, options = _kind(connection)
        if kind.acts:
            from wamviz.models.diffusion.cosmos3 import Cosmos3Model

            return Cosmos3Model(kind, connection, options, capabilities, device)
        from wamviz.models.diffusion.video import VideoModel

        return VideoModel(kind, connection, options, capabilities, device)

    return load


def missing(connection: Connection) -> str | None:
    """What keeps a connection from being used, with the command that mends it; None when it can run here."""
    kind, options = _kind(connection)
    needed = ["torch", "diffusers", "transformers", *kind.needs]
    if options.offload in ("model", "sequential"):
        needed.append("accelerate")
    absent = _absent(needed)
    if absent:
        command = "pip install torchvision (of the build that torch is)" if "torchvision" in absent else INSTALL
        return f"{absent} not installed: {command}."
    if kind.guarded and options.guard and importlib.util.find_spec("cosmos_guardrail") is None:
        return (
            f"NVIDIA's guardrail is not installed, which {kind.pipeline} wants: pip install cosmos_guardrail, or "
            f"connect {connection.name} --set safety=off and answer for that yourself (see docs/diffusers.md)."
        )
    try:
        checkpoint = look(kind, connection)
        _room(checkpoint, options)
        _statistics(options)
    except WamvizError as error:
        return str(error)
    spoken = sentencepieces(checkpoint)
    absent = _absent(["sentencepiece", "google.protobuf"]) if spoken else ""
    return f"{absent} not installed, which the {spoken} of this checkpoint needs: {INSTALL}." if absent else None


def _absent(names: list[str]) -> str:
    """Those of the packages that are not here, and the verb; "" where all are."""

    def here(name: str) -> bool:
        try:
            return importlib.util.find_spec(name) is not None
        except ModuleNotFoundError:  # of a package within one that is not there
            return False

    absent = [name.rpartition(".")[2] for name in dict.fromkeys(names) if not here(name)]
    return f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'}" if absent else ""


def _room(checkpoint: Checkpoint, options: Options) -> None:
    """Refuse what a network's configuration rules out: actions without room for them, frames without a known time."""
    config = part_config(checkpoint, "transformer")
    if config.get("image_condition_type") == "latent_concat":  # the pipeline drops four frames of it
        raise WamvizError(
            f"'{checkpoint.folder}' is the 33-channel variant of HunyuanVideo-I2V, whose first frames diffusers drops, "
            "so that its video begins at a time that is not known.",
            "Use the 16-channel one, hub:hunyuanvideo-community/HunyuanVideo-I2V@main.",
        )
    if options.domain is None:
        return
    width, room = len(options.domain.names), config.get("action_dim")
    if not config.get("action_gen"):
        raise WamvizError(
            f"'{checkpoint.folder}' was not trained for actions (action_gen is off).",
            "Use a checkpoint that was, such as hub:nvidia/Cosmos3-Nano@main.",
        )
    if not isinstance(room, int) or width > room:
        raise WamvizError(
            f"Domain {options.domain.name} has actions of {width} numbers; this checkpoint has room for {room}.",
            "Set another one: --set domain=DOMAIN.",
        )


def _statistics(options: Options) -> statistics.Statistics | None:
    if not options.statistics or options.domain is None:
        return None
    return statistics.read(options.statistics, options.normalised, len(options.domain.names))


def probe(connection: Connection) -> str:
    """Look at the checkpoint, without loading it, and say what is there and what to expect of it here.

    Raises:
        WamvizError: what is wrong with it, or missing on this machine.
    """
    kind, options = _kind(connection)
    wrong = missing(connection)
    if wrong:
        raise WamvizError(wrong)
    checkpoint = look(kind, connection)
    heavy = sorted((part for part in checkpoint.parts if part.bytes), key=lambda part: -part.bytes)
    parts = ", ".join(part.name for part in heavy)
    return f"{checkpoint.pipeline}, {checkpoint.gigabytes} of weights ({parts}).{_expect(checkpoint, options)}"


def _expect(checkpoint: Checkpoint, options: Options) -> str:
    """A warning where the weights are larger than the device's memory: it may work with offload, or by patience."""
    from wamviz.core.devices import describe, pick

    device = pick()
    if device.startswith("cuda"):
        import torch

        room = torch.cuda.get_device_properties(torch.device(device)).total_memory
        if checkpoint.bytes > 0.9 * room and options.offload == "none":
            return f" That is more than {describe(device)} holds: add --set offload=model."
        return f" Runs on {describe(device)}."
    if checkpoint.bytes > _main_memory():
        return f" That is more than the main memory of this machine, {_main_memory() / 1e9:.0f} GB: expect it to fail."
    if checkpoint.bytes > 1e9:
        return f" There is no CUDA card here: on {describe(device)} one rollout may take hours."
    return f" Runs on {describe(device)}."


def _main_memory() -> float:
    """Bytes of main memory; infinite where the system does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):  # Windows
        return float("inf")


def download(connection: Connection, progress: Callable[[int, int, str], None] | None = None) -> Connection:
    """Fetch a checkpoint that an address on the hub names, and return the connection pinned to its commit.

    Args:
        progress: told kB here, kB in all, and the file.

    Raises:
        WamvizError: the address is a folder; no such checkpoint; no access; no network; no room.
    """
    kind, _ = _kind(connection)
    place = place_of(connection.url)
    if not isinstance(place, HubName):
        raise WamvizError(
            f"'{connection.url}' is a folder of this machine: there is nothing to download.",
            f"A name on the hub looks like hub:{kind.hub[0]}.",
        )
    from wamviz.models.diffusion.hub import fetch

    commit = fetch(place, kind, progress)
    return replace(connection, url=str(HubName(place.repo, commit)))


def capabilities_of(connection: Connection) -> Capabilities:
    """What a connection's model can do, as its checkpoint's own files, its kind and its settings say.

    Raises:
        WamvizError: a setting or an address that the kind cannot have.
    """
    kind, options = _kind(connection)
    horizon = options.frames - 1
    where = str(place_of(connection.url)).rstrip("/").rpartition("/")[2]
    return Capabilities(
        model_id=connection.name,
        title=f"{connection.name} ({re.split(r'[,:(]', kind.title)[0].strip()})",
        description=f"{kind.title}, run here by diffusers. It gives back {kind.gives}.",
        modes=kind.modes,
        action_space=_space(options),
        frame_size=None,
        video_fps=options.fps,
        horizon=horizon,
        default_steps=options.steps,
        max_steps=200,
        max_samples=8,
        cameras=("exterior",),
        uses_instruction=kind.prompted,
        max_guidance=20.0,
        max_horizon=CHUNKS * horizon,
        extras={"kind": kind.name, "url": connection.url, "pipeline": kind.pipeline, "checkpoint": where}
        | ({"domain": options.domain.name} if options.domain else {}),
    )


def _space(options: Options) -> ActionSpace | None:
    if options.domain is None:
        return None
    try:
        table = _statistics(options)
    except WamvizError:  # ``missing`` says what is wrong with the file
        table = None
    return options.domain.space(options.fps, table.units if table else ())
