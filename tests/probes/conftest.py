"""A small suite, a model that answers at once, and one that breaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wamviz.core.action_spaces import TABLETOP_ACTIONS
from wamviz.core.rollout import Imagined, ImagineRequest, Preview, Rollout
from wamviz.models import registry
from wamviz.models.protocol import Capabilities, ModelEntry
from wamviz.probes import Contender, Probe, Prompt, Suite

ECHO = Capabilities("echo", "Echo", "", ("joint",), TABLETOP_ACTIONS, (16, 16), 5.0, 4)


@dataclass
class Echo:
    """Repeats its context and remembers what it was asked; breaks on what holds the word ``broken``."""

    capabilities: Capabilities = ECHO
    asked: list[tuple[str, int]] = field(default_factory=list)

    def imagine(self, request: ImagineRequest) -> Iterator[Preview | Imagined]:
        words = request.observation.instruction
        self.asked.append((words, request.seed))
        if "broken" in words:
            raise KeyError("secret internals")
        frames = np.repeat(request.observation.frame[None], 5, axis=0)
        actions = np.full((4, 7), 0.01, np.float32)
        yield Imagined(
            (Rollout("imagined", frames, 5.0, actions, TABLETOP_ACTIONS, instruction=words),), {"total": 0.1}
        )


@pytest.fixture
def echo() -> Iterator[Echo]:
    """The model, registered as ``echo``."""
    registry.reset()
    model = Echo()
    registry.register(ModelEntry(ECHO, lambda device: model, resident=False))
    yield model
    registry.reset()


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """Two probes of a picture, three samples of each of their prompts."""
    picture = tmp_path / "context.png"
    Image.new("RGB", (16, 16), (90, 120, 40)).save(picture)
    extension = Prompt("then", "wave, then <script>bow</script>", "then")
    probes = tuple(
        Probe(name, str(picture), Prompt("reference", "wave"), (extension,), (Contender("echo", "joint"),), samples=3)
        for name in ("one", "two")
    )
    return Suite("small", probes)
