"""Tiny checkpoints on disk, one of each kind, and models made of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.diffusion import tiny
from wamviz.core.rollout import Observation
from wamviz.models.connections import Connection
from wamviz.models.diffusion.backend import entry_of
from wamviz.models.diffusion.kinds import KINDS
from wamviz.models.diffusion.loading import quietly

FRAME = np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)
CONTEXT = Observation({"exterior": FRAME}, "stack the cups")

Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """What is this small is slower on several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _without_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cosmos-Predict scales one mask with torchvision, an optional package; the same by torch where it is not here."""
    if importlib.util.find_spec("torchvision") is None:
        from diffusers.models.transformers import transformer_cosmos

        def resize(mask: torch.Tensor, size: list[int], interpolation: str) -> torch.Tensor:
            return torch.nn.functional.interpolate(mask, size, mode=interpolation)

        stand_in = SimpleNamespace(
            functional=SimpleNamespace(resize=resize), InterpolationMode=SimpleNamespace(NEAREST="nearest")
        )
        monkeypatch.setattr(transformer_cosmos, "transforms", stand_in, raising=False)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a kind's tiny checkpoint, written when it is first asked for; not to be changed."""
    root, written = tmp_path_factory.mktemp("checkpoints"), set()

    def folder(kind: str) -> Path:
        for package in set(KINDS[kind].needs) - {"torchvision"}:
            pytest.importorskip(package, reason=f"diffusers cannot load {kind} without {package}, see requirements.txt")
        if kind not in written:
            with quietly():
                tiny.save(kind, root / kind)
            written.add(kind)
        return root / kind

    return folder


@pytest.fixture
def make(checkpoint: Callable[[str], Path]) -> Make:
    """A model of a kind, loaded on the CPU: ``make("wan", steps="3")``, settings over those of ``tiny.SETTINGS``."""

    def model(kind: str, folder: Path | None = None, **settings: str) -> Any:
        told = {**tiny.SETTINGS[kind], **settings}
        return entry_of(Connection("tiny", kind, str(folder or checkpoint(kind)), settings=told)).load("cpu")

    return model


def denoiser(model: Any) -> torch.nn.Module:
    """The network that is called at every step."""
    pipe = model.loaded().pipe
    return pipe.unet if hasattr(pipe, "unet") else pipe.transformer


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[int]]:
    """A list that grows by one at every call of a model's denoiser."""

    def count(model: Any) -> list[int]:
        calls: list[int] = []
        network = denoiser(model)
        whole = network.forward

        def forward(*args: Any, **kwargs: Any) -> Any:
            calls.append(1)
            return whole(*args, **kwargs)

        monkeypatch.setattr(network, "forward", forward)
        return calls

    return count
