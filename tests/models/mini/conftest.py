"""A mini-WAM of a few thousand random weights, for tests that need the real code but no training."""

from __future__ import annotations

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from wamviz.models.mini.pipeline import MiniWAMPipeline
from wamviz.models.mini.text import build_encoder, build_tokenizer
from wamviz.models.mini.old_transformer import MiniWAMTransformer
from wamviz.models.mini.vae import MiniVAE

WORDS = ("pick", "up", "the", "orange", "push", "lever", "then")
SIZE = 32


def make_transformer() -> MiniWAMTransformer:
    """Two layers over a 4x4 latent grid, horizon 8; gates and heads are random so that every path matters."""
    torch.manual_seed(0)
    net = MiniWAMTransformer(
        latent_size=4, horizon=8, frames_per_token=4, video_patch=2, context_patch=2, text_dim=32, width=48,
        action_width=32, heads=3, layers=2, ratio=2, video_temperature=1.0, action_temperature=1.0,
    )  # fmt: skip
    with torch.no_grad():
        for layer in (net.video_time[2], net.action_time[2], net.refine[2]):
            torch.nn.init.normal_(layer.weight, std=0.05)
    return net.eval()


def make_pipeline() -> MiniWAMPipeline:
    """The whole pipeline around ``make_transformer``, on 32x32 frames."""
    tokenizer = build_tokenizer(WORDS)
    torch.manual_seed(1)
    vae = MiniVAE(image_size=SIZE, width=16, blocks=1).eval()
    return MiniWAMPipeline(
        vae=vae,
        text_encoder=build_encoder(len(tokenizer), width=32, layers=1).eval(),
        tokenizer=tokenizer,
        transformer=make_transformer(),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        action_scheduler=FlowMatchEulerDiscreteScheduler(),
    )


@pytest.fixture(scope="session")
def net() -> MiniWAMTransformer:
    return make_transformer()


@pytest.fixture(scope="session")
def pipeline() -> MiniWAMPipeline:
    return make_pipeline()
