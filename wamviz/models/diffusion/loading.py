"""A checkpoint's weights, through diffusers' own classes, onto a device as the user set it.

Contract: ``load`` opens a folder that ``checkpoints.look`` found complete: safetensors only, local files only, no code
but diffusers' and transformers'. What the user should know of how it was loaded comes back as sentences.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from wamviz.core.devices import ran_out_of_memory
from wamviz.core.errors import WamvizError
from wamviz.models.diffusion.checkpoints import Checkpoint
from wamviz.models.diffusion.kinds import PipelineKind
from wamviz.models.diffusion.options import Options

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
_BLOCKS = 1  # a group of offloading: the fewest, because memory is why somebody offloads


class Unguarded:
    """In the guardrail's place where the user turned it off: nobody looks, everything passes, and a note says so."""

    def to(self, *_: Any, **__: Any) -> Unguarded:
        """There is nothing to move."""
        return self

    def check_text_safety(self, prompt: str) -> bool:
        """Every word passes."""
        return True

    def check_video_safety(self, frames: Any) -> Any:
        """Every frame passes."""
        return frames


@dataclass(frozen=True)
class Loaded:
    """A pipeline on its device.

    Attributes:
        pipe: of the kind's class.
        dtype: ``bf16``, ``fp16`` or ``fp32``.
        notes: sentences for the user.
    """

    pipe: Any
    dtype: str
    notes: tuple[str, ...]


def pick_dtype(dtype: str, device: str) -> str:
    """The dtype for ``auto``: what the device computes quickly, fp32 on a CPU."""
    if dtype != "auto":
        return dtype
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return "fp16" if device == "mps" else "fp32"


def load(kind: PipelineKind, options: Options, checkpoint: Checkpoint, device: str) -> Loaded:
    """Load the pipeline of a checkpoint onto a device.

    Raises:
        WamvizError: the weights do not fit the class, or a package is missing.
    """
    import diffusers

    dtype = pick_dtype(options.dtype, device)
    wanted: Any = DTYPES[dtype]
    if kind.full and dtype != "fp32":
        wanted = {"default": wanted, **{part: torch.float32 for part in kind.full}}
    with quietly():
        try:
            pipe = getattr(diffusers, kind.pipeline).from_pretrained(
                checkpoint.folder, dtype=wanted, use_safetensors=True, local_files_only=True, **_guard(kind, options)
            )
        except Exception as error:  # each library raises its own: of safetensors, of shapes, of names
            if ran_out_of_memory(error):
                raise
            raise WamvizError(
                f"'{checkpoint.folder}' cannot be loaded as {kind.pipeline}: {_first(error)}",
                "The folder may be of another version, or cut short.",
            ) from error
    pipe.set_progress_bar_config(disable=True)
    notes = [*_schedule(pipe, kind, options), *_cache(pipe, kind, options), *_tiling(pipe, options)]
    notes += _place(pipe, options, device)
    if kind.guarded and not options.guard:
        notes.append("NVIDIA's guardrail was turned off (safety=off): nobody looked at the words or the frames.")
    return Loaded(pipe, dtype, tuple(notes))


def _first(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text[:300] + ("" if text.endswith(".") else ".")


def _guard(kind: PipelineKind, options: Options) -> dict[str, Any]:
    """What a pipeline is told of the guardrail. Cosmos3 can go without; its elders refuse to run without an object."""
    if not kind.guarded:
        return {}
    if kind.acts:
        return {"enable_safety_checker": options.guard} if options.guard else {
            "enable_safety_checker": False, "safety_checker": None,
        }  # fmt: skip
    return {} if options.guard else {"safety_checker": Unguarded()}


def _schedule(pipe: Any, kind: PipelineKind, options: Options) -> list[str]:
    """Set the shift of a flow-matching scheduler, as NVIDIA's and Wan's examples do."""
    config = pipe.scheduler.config
    if options.flow_shift is None:
        return []
    if not _flows(pipe):
        return [f"This checkpoint's {type(pipe.scheduler).__name__} has no flow sigmas: flow_shift changes nothing."]
    changed = {"flow_shift": options.flow_shift}
    if "use_karras_sigmas" in config:
        changed["use_karras_sigmas"] = False
    pipe.scheduler = type(pipe.scheduler).from_config(config, **changed)
    return []


def _flows(pipe: Any) -> bool:
    """Whether its scheduler steps along sigmas in 0 .. 1."""
    return bool(pipe.scheduler.config.get("use_flow_sigmas") or pipe.config.get("use_native_flow_schedule"))


def _cache(pipe: Any, kind: PipelineKind, options: Options) -> list[str]:
    """Turn a cache of denoising steps on, and say where it cannot work."""
    if options.cache == "none":
        return []
    import diffusers

    networks = [getattr(pipe, name, None) for name in ("transformer", "transformer_2")]
    threshold = options.cache_threshold
    for network in (one for one in networks if one is not None):
        if options.cache == "sea":
            network.enable_cache(diffusers.SeaCacheConfig(threshold=threshold))
        else:
            network.enable_cache(diffusers.FirstBlockCacheConfig(threshold=threshold))
    if options.cache == "sea" and not _flows(pipe):
        return [
            f"SeaCache skips nothing here: it needs sigmas in 0 .. 1, which this checkpoint's "
            f"{type(pipe.scheduler).__name__} without flow sigmas does not have."
        ]
    return [f"Denoising steps that change little are skipped (cache {options.cache}, threshold {threshold:g})."]


def _tiling(pipe: Any, options: Options) -> list[str]:
    if not options.tiling:
        return []
    if not hasattr(pipe.vae, "enable_tiling"):
        return [f"{type(pipe.vae).__name__} cannot decode tile by tile: tiling changes nothing."]
    pipe.vae.enable_tiling()
    return []


def _place(pipe: Any, options: Options, device: str) -> list[str]:
    """Move a pipeline to its device, whole or as it is needed."""
    if options.offload == "none" or device == "cpu":
        pipe.to(device)
        return [] if options.offload == "none" else ["Everything runs on the CPU: offload changes nothing."]
    if options.offload == "model":
        pipe.enable_model_cpu_offload(device=device)
    elif options.offload == "sequential":
        pipe.enable_sequential_cpu_offload(device=device)
    else:
        pipe.enable_group_offload(
            onload_device=torch.device(device),
            offload_type="block_level",
            num_blocks_per_group=_BLOCKS,
            use_stream=device.startswith("cuda"),
            low_cpu_mem_usage=device.startswith("cuda"),
        )
    return [f"Weights wait in main memory and come to the device when needed (offload {options.offload})."]


def takes(pipe: Any, name: str) -> bool:
    """Whether a pipeline's call has an argument of this name."""
    return name in inspect.signature(type(pipe).__call__).parameters


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep the libraries' bars and advice off the terminal while loading: wamviz has a line of its own."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    both = (diffusers_logging, transformers_logging)
    shown = [library for library in both if library.is_progress_bar_enabled()]
    levels = [library.get_verbosity() for library in both]
    for library in shown:
        library.disable_progress_bar()
    for library in both:
        library.set_verbosity_error()
    try:
        yield
    finally:
        for library, level in zip(both, levels, strict=True):
            library.set_verbosity(level)
        for library in shown:
            library.enable_progress_bar()
