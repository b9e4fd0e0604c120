"""Where a checkpoint lies, and what is wrong with it, found out from names and JSON alone.

Contract: an address is ``file:`` and a folder, or ``hub:OWNER/NAME@REVISION``, which is looked for in the hub's cache
and nowhere else. A checkpoint is a folder as diffusers' ``save_pretrained`` writes it, with safetensors in it; pickled
weights and code of its own are refused. Nothing is loaded, nothing is asked of a network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wamviz.core.errors import WamvizError
from wamviz.core.hub import HubName
from wamviz.models.connections import Connection
from wamviz.models.diffusion.kinds import KINDS, PipelineKind

INDEX = "model_index.json"
LIBRARIES = ("diffusers", "transformers")
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".msgpack")
_HUB = re.compile(r"hub:([\w.-]{1,96}/[\w.-]{1,96})@([\w./-]{1,200})")
_SAMPLE = 1 << 20  # bytes read at each place of a large file


@dataclass(frozen=True)
class Part:
    """A component of a pipeline.

    Attributes:
        name: its folder.
        library, cls: where its class comes from.
        weights: its safetensors files.
        bytes: of those.
    """

    name: str
    library: str
    cls: str
    weights: tuple[Path, ...]
    bytes: int


@dataclass(frozen=True)
class Checkpoint:
    """A folder that was looked at and found complete.

    Attributes:
        folder: where it is.
        pipeline: the class that its index names.
        parts: its components, without those that are not there by choice.
        index: the rest of the index.
    """

    folder: Path
    pipeline: str
    parts: tuple[Part, ...]
    index: dict[str, Any]

    @property
    def bytes(self) -> int:
        """Of all weights."""
        return sum(part.bytes for part in self.parts)

    @property
    def gigabytes(self) -> str:
        """Of all weights, in words."""
        return f"{self.bytes / 1e9:.1f} GB" if self.bytes >= 1e8 else f"{self.bytes / 1e6:.1f} MB"


def place_of(url: str) -> Path | HubName:
    """The folder or the name of the hub that an address means.

    >>> place_of("hub:Lightricks/LTX-Video@main")
    HubName(repo='Lightricks/LTX-Video', revision='main')
    """
    if url.startswith("hub:"):
        match = _HUB.fullmatch(url)
        if match is None:
            raise WamvizError(f"'{url[:120]}' names no checkpoint on the hub.", "Write hub:OWNER/NAME@REVISION.")
        return HubName(match[1], match[2])
    return Path(re.sub(r"^file:(//(?=/))?", "", url))


def folder_of(url: str) -> Path | None:
    """The folder on this machine: the one named, or the hub's copy in its cache; None where that is not there."""
    place = place_of(url)
    if isinstance(place, Path):
        return place
    from huggingface_hub import constants, try_to_load_from_cache

    cache = os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE
    here = try_to_load_from_cache(place.repo, INDEX, cache_dir=cache, revision=place.revision)
    return Path(here).parent if isinstance(here, str) else None


def look(kind: PipelineKind, connection: Connection) -> Checkpoint:
    """The checkpoint of a connection, found complete.

    Raises:
        WamvizError: where it is missing, of another kind, incomplete, pickled, or brings code of its own.
    """
    folder = folder_of(connection.url)
    if folder is None:
        raise WamvizError(
            f"'{connection.url}' is not on this machine yet.", f"Fetch it once: connect {connection.name} --download"
        )
    again = f"connect {connection.name} --download" if connection.url.startswith("hub:") else ""
    if not folder.is_dir():
        raise WamvizError(f"There is no folder '{folder}'.", "Name it with connect NAME --url FOLDER.")
    index = _json(folder / INDEX)
    if index is None:
        raise WamvizError(
            f"'{folder}' is no checkpoint of diffusers: it has no readable {INDEX}.",
            "Give the folder that save_pretrained wrote; a single .safetensors file has to be converted to one first.",
        )
    pipeline = str(index.get("_class_name"))
    _check_class(kind, folder, pipeline, index)
    parts = tuple(
        _part(folder, name, declared, again)
        for name, declared in index.items()
        if not name.startswith("_") and isinstance(declared, list) and len(declared) == 2 and declared[1] is not None
        if name != "safety_checker"  # the guardrail brings its own weights
    )
    if not any(part.weights for part in parts):
        raise WamvizError(f"'{folder}' names no component with weights.", "Its model_index.json may be cut short.")
    return Checkpoint(folder, pipeline, parts, index)


def _check_class(kind: PipelineKind, folder: Path, pipeline: str, index: dict[str, Any]) -> None:
    if pipeline not in kind.accepts:
        fits = [other.name for other in KINDS.values() if pipeline in other.accepts]
        hint = f"Use --kind {fits[0]}." if fits else f"Kind {kind.name} runs {' or '.join(kind.accepts)}."
        raise WamvizError(f"'{folder}' holds a {pipeline[:60]}, which kind {kind.name} does not run.", hint)
    if pipeline == "WanPipeline" and not index.get("expand_timesteps"):
        raise WamvizError(
            f"'{folder}' is a text-to-video checkpoint of Wan: it cannot be shown a context.",
            "Use an I2V checkpoint or TI2V-5B, e.g. hub:Wan-AI/Wan2.2-TI2V-5B-Diffusers@main.",
        )


def _part(folder: Path, name: str, declared: list[Any], again: str) -> Part:
    library, cls = str(declared[0]), str(declared[1])
    if library not in LIBRARIES and not _of_a_pipeline(library):
        raise WamvizError(
            f"Component '{name}' of '{folder}' comes with code of its own ({library[:60]}), which is never run.",
            "Use a checkpoint whose components are classes of diffusers and transformers.",
        )
    here = folder / name
    if not name.isidentifier() or not here.is_dir():
        raise WamvizError(
            f"'{folder}' is not whole: component '{name}' ({cls}) is missing.", f"Fetch it: {again}" if again else ""
        )
    weights = tuple(sorted(here.glob("*.safetensors")))
    if not weights and (here / "config.json").is_file():  # of a network; others have a file called otherwise
        pickled = sorted(file.name for file in here.iterdir() if file.suffix in PICKLED)
        if pickled:
            raise WamvizError(
                f"Component '{name}' of '{folder}' has only pickled weights ({pickled[0]}), which can run code when "
                "they are opened.",
                "Load it once where you trust it, and save it with save_pretrained(..., safe_serialization=True).",
            )
        raise WamvizError(
            f"'{folder}' is not whole: component '{name}' has no weights.", f"Fetch it: {again}" if again else ""
        )
    _check_shards(here, weights, again)
    return Part(name, library, cls, weights, sum(file.stat().st_size for file in weights))


def _of_a_pipeline(library: str) -> bool:
    """Whether it is a module below ``diffusers.pipelines``, as the index calls a pipeline's own components."""
    found = importlib.util.find_spec("diffusers")
    if found is None or found.origin is None or not library.isidentifier():
        return False
    return (Path(found.origin).parent / "pipelines" / library).is_dir()


def _check_shards(folder: Path, weights: tuple[Path, ...], again: str) -> None:
    """Every piece that an index of shards names has to be there."""
    here = {file.name for file in weights}
    for index in folder.glob("*.safetensors.index.json"):
        named = (_json(index) or {}).get("weight_map")
        missing = sorted(set(map(str, named.values())) - here) if isinstance(named, dict) else [index.name]
        if missing:
            raise WamvizError(
                f"'{folder}' is not whole: {missing[0]} is missing, one of {len(missing)} pieces.",
                f"Fetch it: {again}" if again else "",
            )


def part_config(checkpoint: Checkpoint, name: str) -> dict[str, Any]:
    """The configuration of a component, {} where it has none."""
    return _json(checkpoint.folder / name / "config.json") or {}


def sentencepieces(checkpoint: Checkpoint) -> str:
    """The name of a tokenizer that has only SentencePiece's own file, which transformers reads by two more packages."""
    for part in checkpoint.parts:
        folder = checkpoint.folder / part.name
        if any(folder.glob("*.model")) and not (folder / "tokenizer.json").is_file():
            return part.name
    return ""


def _json(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def digest(checkpoint: Checkpoint, settings: str) -> str:
    """16 hex digits that name the weights and how they are run.

    Settings and small files count whole, large ones by their size and 16 places of a megabyte each: reading 100 GB
    before every run would take longer than the run.
    """
    total = hashlib.sha256(settings.encode())
    files = [checkpoint.folder / INDEX, *sorted(checkpoint.folder.glob("*/*"))]
    for file in files:
        if file.suffix not in (".json", ".safetensors", ".txt", ".model", ".jinja"):
            continue
        size = file.stat().st_size
        total.update(f"{file.relative_to(checkpoint.folder).as_posix()} {size} ".encode())
        with file.open("rb") as stream:
            if size <= 32 * _SAMPLE:
                total.update(stream.read())
                continue
            for place in range(16):
                stream.seek(place * (size - _SAMPLE) // 15)
                total.update(stream.read(_SAMPLE))
    return total.hexdigest()[:16]
