"""A model that can be driven and thinks that the hand obeys to the millimetre; and a tabletop to prove it wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from wamviz.core.action_spaces import TABLETOP_ACTIONS
from wamviz.core.rollout import Floats, Frames, ImagineRequest, Observation
from wamviz.models.protocol import Capabilities, DreamStep, ImagineStream, ModelEntry
from wamviz.runs.driving import Drive, DriveWorld, open_drive
from wamviz.runs.sources import Context
from wamviz.worlds.tabletop import TabletopEnv

SEED, SIZE = 2_000_000, 48
TASK = "push the lever down"
OBEDIENT = Capabilities(
    model_id="obedient",
    title="Obedient",
    description="Every hand obeys; the picture gets brighter.",
    modes=("forward_dynamics",),
    action_space=TABLETOP_ACTIONS,
    frame_size=(SIZE, SIZE),
    video_fps=5.0,
    horizon=4,
    worlds=("tabletop",),
    drivable=True,
)


@dataclass(frozen=True, eq=False)
class ObedientDream:
    """The hand goes where it is sent."""

    frame: Frames
    hand: Floats

    def step(self, actions: Floats) -> tuple[DreamStep, ...]:
        found: list[DreamStep] = []
        dream = self
        for action in actions:
            bright = dream.frame // 2 + 128 if action[6] > 0.5 else np.roll(dream.frame, 1, 0)
            dream = ObedientDream(bright, (dream.hand + action[:3]).astype(np.float32))
            found.append(DreamStep(bright, dream, {"hand": dream.hand}))
        return tuple(found)


@dataclass
class Obedient:
    """A model for tests."""

    capabilities: Capabilities = OBEDIENT
    weights_digest: str = "none"

    def imagine(self, request: ImagineRequest) -> ImagineStream:
        raise NotImplementedError

    def open_drive(self, observation: Observation, seed: int = 0) -> DreamStep:
        hand = np.zeros(3, np.float32) if observation.state is None else observation.state[:3]
        return DreamStep(observation.frame, ObedientDream(observation.frame, hand), {"hand": hand})


ENTRY = ModelEntry(OBEDIENT, lambda device: Obedient(), resident=False)


@pytest.fixture(scope="module")
def world() -> Iterator[DriveWorld]:
    world = DriveWorld(SIZE)
    yield world
    world.close()


@pytest.fixture(scope="module")
def context() -> Context:
    env = TabletopEnv(size=SIZE, cameras=("exterior",))
    env.reset(SEED)
    observation = replace(env.observation(TASK), source=f"tabletop:{SEED}")
    env.close()
    return Context(observation, title="a scene")


@pytest.fixture
def drive(world: DriveWorld, context: Context) -> Drive:
    return open_drive(Obedient(), context, world)
