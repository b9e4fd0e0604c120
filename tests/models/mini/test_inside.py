"""Inside the model: what is shown are the model's own tensors, and looking changes nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ImagineRequest, Observation
from wamviz.models.mini import inside
from wamviz.models.mini.entry import capabilities
from wamviz.models.mini.inside import attention_of, listening, look_inside
from wamviz.models.mini.wam import MiniWAM
from wamviz.models.mini.warp import THINGS
from wamviz.models.protocol import collect

FRAME = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
ACTIONS = np.random.default_rng(1).uniform(-0.02, 0.02, (8, 7)).astype(np.float32).clip([-1] * 6 + [0], 1)


@pytest.fixture(scope="module")
def model(pipeline, tmp_path_factory) -> MiniWAM:
    folder = tmp_path_factory.mktemp("checkpoint")
    pipeline.save_pretrained(folder)
    caps = replace(capabilities(), horizon=8, max_horizon=32, frame_size=(32, 32), open_horizon=32)
    return MiniWAM(folder, caps, "cpu")


@pytest.fixture
def ask(state):
    def make(mode: str = "joint", words: str = "pick up the orange", **options) -> ImagineRequest:
        if mode == "forward_dynamics":
            options.setdefault("actions", ACTIONS)
        else:
            options.setdefault("horizon", 8)
        return ImagineRequest(Observation({"exterior": FRAME}, words, state[0].numpy()), mode, steps=4, **options)

    return make


@pytest.mark.parametrize("mode", ["joint", "act_only", "video", "forward_dynamics", "imagine_then_act"])
def test_attention_is_the_models_own(model, ask, mode) -> None:
    """Weighing the model's values with what is shown gives what its own attention hands on, in every layer and step."""
    net = model.pipeline.transformer
    handed: list[list[torch.Tensor]] = []
    heard = inside._Heard(0, 0)

    def begin(module, args) -> None:
        handed.append([])

    def note(module, args) -> None:
        if handed:
            handed[-1].append(args[0].clone())

    hooks = [net.register_forward_pre_hook(begin)]
    hooks += [layer.out.register_forward_pre_hook(note) for layer in net.action_layers]
    try:
        with listening(model.pipeline, heard), torch.inference_mode(), pytest.raises(inside._Enough):
            list(model.imagine(ask(mode)))
    finally:
        for hook in hooks:
            hook.remove()
    heads = net.config.heads
    with torch.inference_mode():
        for index, given in enumerate(heard.inputs):
            shown = attention_of(heard, index, heads)
            parts = heard.projected[index]
            per_layer = len(parts) // len(net.action_layers)
            for number in range(len(net.action_layers)):
                found = dict(parts[number * per_layer : (number + 1) * per_layer])
                values = [given[4].values[number], *([found["motion"][2]] if "motion" in found else [])]
                weighed = shown[number] @ torch.cat([*values, found["action"][2]], 2)[0]  # (E, K, head)
                own = handed[index][number][0]  # (K, E * head)
                assert torch.allclose(weighed.transpose(0, 1).flatten(1), own, atol=1e-5)


@pytest.mark.parametrize("mode", ["joint", "act_only", "forward_dynamics"])
def test_what_is_seen_is_the_run(model, ask, mode) -> None:
    """The actions at its end are the run's, to the bit; levels walk the mode's path; rows of attention are shares."""
    request = ask(mode, seed=3)
    before = collect(model, request).rollouts[0]
    seen = look_inside(model, request)
    assert np.array_equal(seen.actions[: len(before.actions)], before.actions)
    assert seen.steps[0].levels == ((1.0, 0.0) if mode == "forward_dynamics" else (1.0, 1.0))
    assert seen.steps[-1].after[1] == 0.0
    for step, after in zip(seen.steps, seen.steps[1:], strict=False):
        assert step.after == after.levels
    for step in seen.steps:
        assert np.allclose(step.attention.sum(-1), 1, atol=1e-5)
        assert (step.picture is not None) == (step.moves == "motion")
    assert len(seen.tokens) == seen.steps[0].attention.shape[-1]
    absent = [not token.there and token.kind != "thing" for token in seen.tokens]
    assert not seen.steps[0].attention[..., absent].any()
    again = collect(model, request).rollouts[0]  # and looking has left nothing behind
    assert np.array_equal(before.actions, again.actions)
    assert before.frames is None or np.array_equal(before.frames, again.frames)


def test_the_last_prediction_is_where_the_actions_lead(model, ask) -> None:
    seen = look_inside(model, ask("act_only"), draw=False)
    led = seen.hand + seen.actions[:, :3].cumsum(0)
    clipped = np.abs(seen.actions[:, :3]) >= 0.06 - 1e-6
    if not clipped.any():
        assert np.allclose(seen.steps[-1].predicted, led, atol=1e-4)
    assert seen.steps[1].before.shape == (8, 3)


def test_the_words_are_named_and_grounding_adds_up(model, ask) -> None:
    seen = look_inside(model, ask("act_only"), draw=False)
    words = [token.name for token in seen.tokens if token.kind == "word" and token.there]
    assert words[:4] == ["pick", "up", "the", "orange"]
    assert [token.name for token in seen.tokens if token.kind == "thing"] == list(THINGS)
    assert np.allclose(seen.grounding.sum(1), 1, atol=1e-5)
    unasked = look_inside(model, ask("forward_dynamics", words=""), draw=False)
    assert all(token.name for token in unasked.tokens if token.kind == "word" and token.there)


def test_a_later_chunk_and_another_sample(model, ask) -> None:
    request = ask("joint", horizon=12, samples=2)
    whole = collect(model, request).rollouts[1]
    seen = look_inside(model, request, sample=1, chunk=1, draw=False)
    assert np.allclose(seen.actions[:4], whole.actions[8:], atol=1e-5)


@pytest.mark.parametrize(("sample", "chunk"), [(1, 0), (0, 1), (-1, 0)])
def test_what_there_is_not_is_refused(model, ask, sample, chunk) -> None:
    with pytest.raises(WamvizError, match="no (sample|chunk)"):
        look_inside(model, ask("act_only"), sample, chunk, draw=False)


def test_words_that_weigh_more_take_two_passes_a_step(model, ask) -> None:
    request = ask("act_only", guidance=2.0)
    assert np.array_equal(look_inside(model, request, draw=False).actions, collect(model, request).rollouts[0].actions)
