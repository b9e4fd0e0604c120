"""Small runs made to order for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wamviz.core.action_spaces import TABLETOP_ACTIONS as SPACE
from wamviz.core.rollout import Camera, Rollout, WorldState
from wamviz.runs.store import Run, Store, run_id


@pytest.fixture(scope="session")
def make_rollout() -> Callable[..., Rollout]:
    """``make_rollout(origin, seed, video=True, acting=True, frames=4)``."""

    def make(
        origin: str = "imagined",
        seed: int = 0,
        video: bool = True,
        acting: bool = True,
        count: int = 4,
        fps: float = 5.0,
    ) -> Rollout:
        generator = np.random.default_rng([seed, count])
        frames = generator.integers(0, 256, (count, 18, 16, 3), dtype=np.uint8)
        actions = generator.normal(size=(count - 1, 7)).astype(np.float32)
        states = generator.normal(size=(count, 14)).astype(np.float32)
        return Rollout(
            origin,
            frames if video else None,
            fps,
            actions=actions if acting else None,
            action_space=SPACE if acting else None,
            states=states if acting and origin != "imagined" else None,
            instruction="pick up the orange",
            camera="exterior",
            camera_model=Camera("exterior", 16, 18, np.eye(3) * 1.1, np.eye(4) / 3),
            success=True if origin == "executed" else None,
            seed=seed,
            meta={"model": "m", "timings": {"total": 0.1}},
        )

    return make


@pytest.fixture(scope="session")
def make_run(make_rollout: Callable[..., Rollout]) -> Callable[..., Run]:
    """``make_run(seed=0, samples=2, **replaced fields)``."""

    def make(seed: int = 0, samples: int = 2, **fields: object) -> Run:
        context = np.random.default_rng(seed).integers(0, 256, (18, 16, 3), dtype=np.uint8)
        facts: dict = {
            "created": f"2026-01-01T00:00:{seed:02d}+00:00",
            "model": "m",
            "weights_digest": "sha256:00",
            "mode": "joint",
            "instruction": "pick up the orange, \u201cgently\u201d",
            "seed": seed,
            "steps": 8,
            "samples": samples,
            "source": "tabletop:1000000@3",
            "imagined": tuple(make_rollout("imagined", seed + i) for i in range(samples)),
            "context": context,
            "reference": make_rollout("recorded", 50),
            "timings": {"total": 1.25, "decode": 0.5},
            "notes": ("A plain sentence.",),
            "versions": {"numpy": np.__version__},
            "metrics": {"video": None, "notes": []},
            "world_state": WorldState("tabletop", 7, np.random.default_rng(seed).normal(size=5)),
            "state": np.linspace(0, 1, 14, dtype=np.float32),
        }
        facts.update(fields)
        asked = ("model", "weights_digest", "mode", "instruction", "seed", "steps", "samples")
        facts.setdefault("id", run_id(frame=facts["context"], **{name: facts[name] for name in asked}))
        return Run(**facts)

    return make


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "runs")


def assert_same_rollout(a: Rollout | None, b: Rollout | None) -> None:
    if a is None or b is None:
        assert a is b
        return
    for name in ("frames", "actions", "states"):
        x, y = getattr(a, name), getattr(b, name)
        assert (x is None) == (y is None), name
        if x is not None:
            assert x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes(), name
    for name in ("origin", "fps", "action_space", "instruction", "camera", "success", "seed"):
        assert getattr(a, name) == getattr(b, name), name
    assert dict(a.meta) == dict(b.meta)
    assert (a.camera_model is None) == (b.camera_model is None)
    if a.camera_model is not None and b.camera_model is not None:
        assert a.camera_model.to_json() == b.camera_model.to_json()


def assert_same_run(a: Run, b: Run) -> None:
    for name in (
        "id",
        "created",
        "model",
        "weights_digest",
        "mode",
        "instruction",
        "seed",
        "steps",
        "samples",
        "horizon",
        "guidance",
        "source",
    ):
        assert getattr(a, name) == getattr(b, name), name
    for name in ("timings", "versions", "metrics"):
        assert dict(getattr(a, name)) == dict(getattr(b, name)), name
    assert a.notes == b.notes
    assert a.context.tobytes() == b.context.tobytes()
    assert len(a.imagined) == len(b.imagined)
    for x, y in zip(a.imagined, b.imagined, strict=True):
        assert_same_rollout(x, y)
    assert_same_rollout(a.reference, b.reference)
    assert_same_rollout(a.executed, b.executed)
    assert (a.state is None) == (b.state is None)
    if a.state is not None and b.state is not None:
        assert a.state.tobytes() == b.state.tobytes()
    assert (a.world_state is None) == (b.world_state is None)
    if a.world_state is not None and b.world_state is not None:
        assert (a.world_state.world, a.world_state.seed) == (b.world_state.world, b.world_state.seed)
        x, y = a.world_state.snapshot, b.world_state.snapshot
        assert (x is None) == (y is None) and (x is None or x.tobytes() == y.tobytes())


@pytest.fixture(scope="session")
def same_run() -> Callable[[Run, Run], None]:
    """Asserts that two runs agree in every bit."""
    return assert_same_run


@pytest.fixture(scope="session")
def same_rollout() -> Callable[[Rollout | None, Rollout | None], None]:
    """Asserts that two rollouts agree in every bit."""
    return assert_same_rollout
