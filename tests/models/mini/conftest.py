"""A mini-WAM of some thousand random weights around a coarse body: the real code, but no training."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor

from wamviz.models.mini.detector import MiniDetector
from wamviz.models.mini.painter import MiniPainter
from wamviz.models.mini.pipeline import MiniWAMPipeline
from wamviz.models.mini.raster import Body
from wamviz.models.mini.text import build_encoder, build_tokenizer
from wamviz.models.mini.transformer import MiniWAMTransformer
from wamviz.training.body import sample_body
from wamviz.worlds.tabletop import TabletopEnv

WORDS = ("pick", "up", "the", "orange", "push", "lever", "then")
SIZE = 32  # pixels a side of the pictures
HORIZON = 8
SCENE = 1_000_000  # a validation seed
REST = (0.5, 0.0, 0.3, 0.0, 0.0, 0.0, 0.5, 0.0, -0.35, 0.0, -2.4, 0.0, 2.05, 0.785)  # a plausible state


@pytest.fixture(scope="session")
def env() -> Iterator[TabletopEnv]:
    """The scene of a validation seed, which draws if asked; tests leave it as it is."""
    env = TabletopEnv(size=128, render=False)
    env.reset(SCENE)
    yield env
    env.close()


@pytest.fixture(scope="session")
def state(env: TabletopEnv) -> Tensor:
    """That scene's first state, (1, 14)."""
    return torch.tensor(env.restore(SCENE, env.snapshot()).state)[None]


@pytest.fixture(scope="session")
def camera(env: TabletopEnv) -> Tensor:
    """That scene's exterior camera, (1, 3, 4)."""
    return torch.tensor(env.camera("exterior").square_projection(), dtype=torch.float32)[None]


@pytest.fixture(scope="session")
def body() -> Body:
    """Some thousand points of the robot's surface."""
    return sample_body(0.02)


def make_transformer(camera: Tensor) -> MiniWAMTransformer:
    """Two layers, horizon 8; noise levels matter, actions are as large as real ones."""
    torch.manual_seed(0)
    net = MiniWAMTransformer(
        horizon=HORIZON, text_dim=32, width=48, heads=3, layers=2, ratio=2, camera=camera.flatten().tolist(),
        state_mean=list(REST), state_std=[0.2] * 14,
    )  # fmt: skip
    torch.nn.init.normal_(net.levels[2].weight, std=0.05)
    return net.eval()


def make_painter(body: Body, size: int = SIZE) -> MiniPainter:
    """A narrow painter that knows the body."""
    torch.manual_seed(2)
    painter = MiniPainter(image_size=size, widths=(8, 8, 16), counts=list(body.counts))
    for name in ("points", "normals", "albedo"):
        getattr(painter, name).copy_(getattr(body, name))
    return painter.eval()


def make_detector() -> MiniDetector:
    """A narrow detector; what it says is chance."""
    torch.manual_seed(1)
    return MiniDetector(image_size=SIZE, widths=(8, 8, 16), height_mean=[0.05] * 8).eval()


def make_pipeline(camera: Tensor, body: Body) -> MiniWAMPipeline:
    """The whole pipeline on 32x32 frames."""
    tokenizer = build_tokenizer(WORDS)
    torch.manual_seed(3)
    return MiniWAMPipeline(
        detector=make_detector(),
        text_encoder=build_encoder(len(tokenizer), width=32, layers=1).eval(),
        tokenizer=tokenizer,
        transformer=make_transformer(camera),
        painter=make_painter(body),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        action_scheduler=FlowMatchEulerDiscreteScheduler(),
    )


@pytest.fixture(scope="session")
def net(camera: Tensor) -> MiniWAMTransformer:
    return make_transformer(camera)


@pytest.fixture(scope="session")
def painter(body: Body) -> MiniPainter:
    return make_painter(body)


@pytest.fixture(scope="session")
def detector() -> MiniDetector:
    return make_detector()


@pytest.fixture(scope="session")
def pipeline(camera: Tensor, body: Body) -> MiniWAMPipeline:
    return make_pipeline(camera, body)
