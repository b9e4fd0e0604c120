"""The parts of mini-WAM with fresh weights, and all of them together."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from transformers import PreTrainedTokenizerFast

from wamviz.models.mini.detector import MiniDetector
from wamviz.models.mini.painter import MiniPainter
from wamviz.models.mini.pipeline import MiniWAMPipeline
from wamviz.models.mini.text import build_encoder, build_tokenizer
from wamviz.models.mini.transformer import MiniWAMTransformer
from wamviz.training.body import sample_body
from wamviz.training.denoiser import Denoiser
from wamviz.training.moves import Moves
from wamviz.training.painter import Pictures


def start_painter(seed: int) -> MiniPainter:
    """Fresh weights around the robot's own body."""
    torch.manual_seed(seed)
    body = sample_body()
    painter = MiniPainter(counts=list(body.counts))
    for name in ("points", "normals", "albedo"):
        getattr(painter, name).copy_(getattr(body, name))
    return painter.to(memory_format=torch.channels_last)


def start_detector(data: Pictures, seed: int) -> MiniDetector:
    """Fresh weights that know how high things usually are."""
    torch.manual_seed(seed)
    heights = torch.cat([data.positions[..., 2], data.states[:, None, 2]], 1).nanmedian(0).values
    return MiniDetector(height_mean=heights.tolist()).to(memory_format=torch.channels_last)


def start_denoiser(data: Moves, seed: int) -> tuple[Denoiser, PreTrainedTokenizerFast]:
    """Fresh weights with the statistics of their data."""
    from wamviz.worlds.tabletop import known_words

    torch.manual_seed(seed)
    tokenizer = build_tokenizer(known_words())
    text_encoder = build_encoder(len(tokenizer))
    facts: dict[str, Any] = {**data.statistics(), "camera": data.cameras.median(0).values.flatten().tolist()}
    transformer = MiniWAMTransformer(text_dim=text_encoder.config.d_model, **facts)
    with torch.no_grad():
        transformer.response.copy_(data.response(data.horizon))
        transformer.lag.copy_(data.lag(data.horizon))
    return Denoiser(transformer, text_encoder), tokenizer


def assemble(
    detector: MiniDetector, painter: MiniPainter, model: Denoiser, tokenizer: PreTrainedTokenizerFast
) -> MiniWAMPipeline:
    """The trained parts as one pipeline."""
    return MiniWAMPipeline(
        detector=detector.eval(),
        text_encoder=model.text_encoder.eval(),
        tokenizer=tokenizer,
        transformer=model.transformer.eval(),
        painter=painter.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        action_scheduler=FlowMatchEulerDiscreteScheduler(),
    )
