"""The worker with lerobot's own policies, where an environment with lerobot is at hand.

WAMVIZ_LEROBOT_PYTHON names its Python; without it these tests are skipped (docs/worker.md has the command that makes
the environment). The policies are tiny and untrained: this is about interfaces, shapes, units and time, not quality.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from wamviz.core.rollout import Imagined, ImagineRequest, Observation, Preview
from wamviz.models.connections import Connection
from wamviz.models.protocol import collect
from wamviz.models.remote.backend import completed, entry_of, probe
from wamviz.models.worker import FILE

PYTHON = os.environ.get("WAMVIZ_LEROBOT_PYTHON", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="WAMVIZ_LEROBOT_PYTHON names no Python with lerobot"),
]
RNG = np.random.default_rng(0)
CONTEXT = Observation(
    {name: RNG.integers(0, 255, (48, 64, 3)).astype(np.uint8) for name in ("top", "wrist")},
    "pick up the orange",
    np.zeros(8, np.float32),
)
# By policy: modes, actions of a chunk, imagined frames of a chunk, steps when none are named.
EXPECTED = {
    "act": (("act_only",), 10, 0, 0),
    "diffusion": (("act_only",), 8, 0, 5),
    "smolvla": (("act_only",), 10, 0, 4),
    "fastwam": (("joint", "act_only"), 16, 4, 4),
    "lingbot_va": (("imagine_then_act",), 12, 12, 3),
}


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one tiny checkpoint a policy."""
    folder = tmp_path_factory.mktemp("policies")
    script = Path(__file__).with_name("lerobot_policies.py")
    done = subprocess.run([PYTHON, str(script), "."], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(params=EXPECTED, scope="module")
def served(request: pytest.FixtureRequest, policies: Path) -> Iterator[Connection]:
    """A worker that serves one of them, connected."""
    words = [PYTHON, str(FILE), "--policy", str(policies / request.param), "--port", "0", "--fps", "20"]
    # FastWAM looks for its VAE relative to the current folder; nothing may be asked of the hub.
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(words, cwd=policies, env=offline, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        try:
            line = next((line for line in worker.stdout if line.startswith("serving")), "")
            assert line, "the worker did not start"
            yield completed(Connection(request.param, "worker", line.split()[-1], timeout=120.0))
        finally:
            worker.terminate()


def test_a_policy_of_lerobot_is_a_model(served: Connection) -> None:
    """Alignment, units, seeds and notes as of any other model, out of the policy's own sampling."""
    modes, chunk, frames, steps = EXPECTED[served.name]
    capabilities = entry_of(served).capabilities
    assert capabilities.modes == modes and capabilities.default_steps == steps
    assert capabilities.horizon == (frames or chunk) and capabilities.action_space is not None
    assert served.name in probe(served)
    model = entry_of(served).load("cpu")
    request = ImagineRequest(CONTEXT, modes[0], seed=3, samples=2)
    first, again = collect(model, request), collect(model, request)
    for one, other in zip(first.rollouts, again.rollouts, strict=True):
        assert one.actions is not None and one.actions.shape == (chunk, 7)
        assert np.array_equal(one.actions, other.actions), "one seed, one rollout"
        assert abs(float(np.median(one.actions)) - 100) < 30, "back in the data's units, around 100"
        assert (one.frames is not None) == bool(frames)
        if one.frames is not None and other.frames is not None:
            assert len(one.frames) == frames + 1 and np.array_equal(one.frames, other.frames)
            assert np.isclose(one.frame_times[-1], one.action_times[-1])
            assert one.camera == "top"
            tall, wide = one.frames.shape[1:3]
            assert np.isclose(wide / tall, 64 / 48, atol=0.02), "the proportions of the camera"
    for mode in modes:  # ACT draws nothing
        two = collect(model, ImagineRequest(CONTEXT, mode, samples=2)).rollouts
        assert np.array_equal(two[0].actions, two[1].actions) == (served.name == "act"), "another seed, another rollout"


def test_fewer_steps_are_fewer_steps(served: Connection) -> None:
    """The steps of the request reach the policy, are told while they go on, and are forgotten afterwards."""
    model = entry_of(served).load("cpu")
    usual = EXPECTED[served.name][3]
    if not usual:
        pytest.skip("it does not denoise")
    notes = []
    for steps in (2, None):
        mode = model.capabilities.modes[-1]
        events = list(model.imagine(ImagineRequest(CONTEXT, mode, steps=steps)))
        assert isinstance(events[-1], Imagined)
        notes.append(" ".join(event.note for event in events if isinstance(event, Preview)))
    beside = 4 if served.name == "lingbot_va" else 0
    assert f"of {2 + beside}," in notes[0] and f"of {usual + beside}," in notes[1]
