"""``evaluate``: the controls score what controls must, and wordings reach the model alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Imagined, ImagineRequest, Preview, Rollout
from wamviz.models.protocol import Capabilities
from wamviz.models.registry import load
from wamviz.runs.evaluate import Shared, evaluate
from wamviz.worlds.tabletop import TabletopEnv, record_episode

SEED = 1_000_003


class Expert:
    """Imagines what the scripted expert did, draws perfectly, and notes what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        caps = load("hold-still", "cpu").capabilities
        modes = ("joint", "act_only", "inverse_dynamics")
        self.capabilities: Capabilities = replace(caps, modes=modes, frame_size=(128, 128))
        self.episode = record_episode(TabletopEnv(size=128, cameras=("exterior",)), SEED)

    def imagine(self, request: ImagineRequest) -> Iterator[Preview | Imagined]:
        self.told.append(request.observation.instruction)
        episode, state = self.episode, request.observation.state
        at = int(np.abs(episode.states - state).sum(1).argmin())
        actions = episode.actions[at : at + 16]
        frames = episode.frames["exterior"][at : at + 17]
        space = self.capabilities.action_space
        mine = request.mode == "joint"
        yield Imagined((Rollout("imagined", frames if mine else None, 5.0, actions, space),), {"total": 0.0})


@pytest.fixture(scope="module")
def model() -> Expert:
    return Expert()


@pytest.fixture
def shared(model: Expert) -> Shared:
    """What it knows already: the episode."""
    model.told.clear()
    return Shared({SEED: model.episode})


def test_a_perfect_model_is_perfect(model):
    """The expert's own future: no error, path as executed, task done, usual words."""
    shared = Shared()
    result = evaluate("expert", "joint", range(SEED, SEED + 1), model=model, shared=shared)
    assert json.loads(json.dumps(result, allow_nan=False))["wording"] == "usual"
    assert result["video"]["psnr"] >= 60
    picture = result["picture"]
    assert picture["sharpness"] == pytest.approx(1, abs=0.02) and picture["moving_psnr"] == 60
    assert picture["arm_iou"] > 0.92 and picture["objects_moved"] in (None, 1)
    assert picture["third_chunk"] is None and picture["by_episode"]["seed"] == [SEED]
    assert result["actions"]["mae"] == 0 and result["actions"]["hold_mae"] > 0.05
    assert result["execution"]["success_rate"] == 1.0 == result["execution"]["expert_success_rate"]
    assert result["execution"]["right_object_rate"] == 1.0
    assert result["consistency"]["stated_vs_read_path_ade_m"] == 0
    assert result["consistency"]["imagined_vs_executed_path_median_m"] < 0.03
    assert set(model.told) == {model.episode.instruction} and set(shared.episodes) == {SEED} and len(shared.reader) > 0


def test_the_controls_gain_nothing(shared):
    """Holding still and copying the last frame are the controls, so neither gains on them, and nothing is achieved."""
    result = evaluate("hold-still", "joint", range(SEED, SEED + 1), shared=shared)
    assert result["video"]["gain_db"] == pytest.approx(0, abs=1e-6)
    assert result["actions"]["ratio"] == pytest.approx(1, abs=1e-3)
    assert result["execution"]["success_rate"] == 0 and result["execution"]["by_task"]
    assert result["consistency"] is None
    picture = result["picture"]
    assert picture["moving_gain_db"] in (None, 0) and picture["objects_moved"] in (None, 0)


@pytest.mark.parametrize("wording", ["typos", "synonyms", "heldout"])
def test_other_words_reach_the_model_and_not_the_judge(model, shared, wording):
    """The model is told otherwise; success is still that of the task that was meant."""
    if wording == "heldout":
        shared.episodes.clear()  # its words are another episode's
    result = evaluate("expert", "act_only", range(SEED, SEED + 1), model=model, wording=wording, shared=shared)
    assert model.episode.instruction not in model.told and len(set(model.told)) == 1
    assert result["execution"]["success_rate"] == 1.0 and result["wording"] == wording


def test_an_unknown_wording_is_refused():
    with pytest.raises(WamvizError, match="typos"):
        evaluate("hold-still", "joint", range(3), wording="typo")
