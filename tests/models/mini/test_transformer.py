"""The denoiser: its cached context, its two noise levels, and what each part may see."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from wamviz.models.mini.arm import hand_of
from wamviz.models.mini.context import ScenePoints
from wamviz.models.mini.transformer import HAND, MiniWAMTransformer, steps_of

THINGS = 7
MOTION = HAND + 3 * THINGS


def inputs(batch: int = 2) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(3)
    places = torch.rand(batch, THINGS, 3, generator=g) * 0.4 + 0.2
    places[:, -1] = torch.nan  # the last thing is not there
    return {
        "state": torch.randn(batch, 14, generator=g),
        "known": torch.ones(batch, dtype=torch.bool),
        "places": places,
        "image": torch.rand(batch, THINGS, 2, generator=g),
        "doubt": torch.full((batch, THINGS), 0.01),
        "facing": torch.rand(batch, THINGS, 2, generator=g) * 2 - 1,
        "last_action": torch.randn(batch, 7, generator=g) * 0.03,
        "text": torch.randn(batch, 5, 32, generator=g),
        "words": torch.tensor([[True] * 5, [True, True, False, False, False]])[:batch],
        "motion": torch.randn(batch, 8, MOTION, generator=g),
        "actions": torch.randn(batch, 8, 7, generator=g),
        "level": torch.rand(batch, generator=g) * 0.5 + 0.4,
    }


def scene_of(x):
    return ScenePoints(*(x[n] for n in ("state", "known", "places", "image", "doubt", "facing", "last_action")))


def encode(net, x):
    scene = scene_of(x)
    return net.encode_context(scene, x["text"], x["words"])


@torch.inference_mode()
def denoise(net, x, cache=None, motion="given", at_motion=None, at_action=None, answer=None):
    level = x["level"]
    return net(
        x["motion"] if motion == "given" else None, x["actions"], level if at_motion is None else at_motion,
        level if at_action is None else at_action, cache or encode(net, x), answer,
    )  # fmt: skip


def test_shapes_and_determinism(net):
    """Outputs are shaped like inputs, the same inputs give the same bits, and without motion there is none."""
    x = inputs()
    motion, actions = denoise(net, x)
    assert motion.shape == x["motion"].shape and actions.shape == x["actions"].shape
    again = denoise(net, x)
    assert torch.equal(motion, again[0]) and torch.equal(actions, again[1])
    none, acted = denoise(net, x, motion=None)
    assert none is None and acted.shape == x["actions"].shape


@pytest.mark.parametrize(
    "name", ["state", "places", "image", "doubt", "facing", "last_action", "text", "motion", "actions"]
)
def test_everything_that_is_told_matters(net, name):
    """Each part of the context and of the future reaches both outputs."""
    x = inputs()
    base = denoise(net, x)
    told = denoise(net, {**x, name: x[name] * 0.5 + 0.02})
    for before, after in zip(base, told, strict=True):
        assert (before - after).abs().max() > 1e-4


def test_an_unknown_state_has_no_influence(net):
    """A state that is not known is one unknown, whatever it says; a known one is not."""
    x = inputs()
    unknown = {**x, "known": torch.zeros(2, dtype=torch.bool)}
    one, other = encode(net, unknown), encode(net, {**unknown, "state": x["state"] + 3})
    for a, b in zip((*one.keys, one.hand), (*other.keys, other.hand), strict=True):
        torch.testing.assert_close(a, b)
    assert not torch.allclose(one.keys[0], encode(net, x).keys[0])


def test_what_is_not_there_has_no_influence(net):
    """Where an absent thing would be seen, and how surely, changes nothing; that it is absent does."""
    x = inputs()
    other = {**x, "image": x["image"].clone(), "doubt": x["doubt"].clone()}
    other["image"][:, -1], other["doubt"][:, -1] = 0.9, 0.2
    for a, b in zip(denoise(net, x), denoise(net, other), strict=True):
        torch.testing.assert_close(a, b)
    present = {**x, "places": x["places"].nan_to_num(0.4)}
    assert (denoise(net, present)[1] - denoise(net, x)[1]).abs().max() > 1e-4


def test_padding_words_do_not_matter(net):
    """What stands behind the words' mask changes nothing."""
    x = inputs()
    text = x["text"].clone()
    text[1, 2:] = 100.0
    for a, b in zip(denoise(net, x), denoise(net, {**x, "text": text}), strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_the_hand_is_where_the_state_says(net):
    """The cached hand is the physical tool position, or the usual one where the state is not known."""
    x = inputs()
    x["state"] = net.normalise_states(torch.rand(2, 14))
    torch.testing.assert_close(encode(net, x).hand, x["state"][:, :3] * 0.2 + torch.tensor([0.5, 0.0, 0.3]))
    hidden = encode(net, {**x, "known": torch.zeros(2, dtype=torch.bool)})
    torch.testing.assert_close(hidden.hand, torch.tensor([[0.5, 0.0, 0.3]] * 2))


def test_words_point_at_what_is_there(net):
    """Pointing is at things that are there alone; where it leads is between them."""
    x = inputs()
    cache = encode(net, x)
    share = cache.pointed.softmax(-1)
    assert cache.pointed.shape == (2, 2, THINGS) and share[..., -1].max() < 1e-6
    torch.testing.assert_close(share.sum(-1), torch.ones(2, 2))
    known = torch.cat([x["places"], x["facing"]], -1)[:, None].expand(-1, 2, -1, -1)  # (B, 2, O, 5)
    within = torch.cat([known, cache.turns.mT[..., None]], -1)[:, :, :-1]  # each of the two has a turn of its own
    assert (cache.focus >= within.amin(2) - 1e-5).all() and (cache.focus <= within.amax(2) + 1e-5).all()
    other = encode(net, {**x, "text": x["text"] + 1})
    assert (cache.pointed - other.pointed)[..., :-1].abs().max() > 1e-4


def test_repeated_cache_serves_samples(net):
    """One cached context repeated for two samples equals encoding it twice, in order."""
    x = inputs()
    twice = {k: v.repeat_interleave(2, 0) for k, v in x.items()}
    once, again = denoise(net, twice, cache=encode(net, x).repeat(2)), denoise(net, twice)
    for a, b in zip(once, again, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)
    cache = encode(net, x)
    assert cache.repeat(1) is cache


def test_noise_levels_are_independent(net):
    """The motion's and the actions' noise level both matter, each on its own."""
    x = inputs()
    low, high = torch.full((2,), 0.3), torch.full((2,), 0.9)
    results = [denoise(net, x, at_motion=v, at_action=a)[1] for v in (low, high) for a in (low, high)]
    for i in range(4):
        for j in range(i):
            assert (results[i] - results[j]).abs().max() > 1e-4


def test_a_thing_that_is_where_it_goes_is_not_turned_to(net):
    """Released in the bowl: the hand goes up as it is. What is only to be picked up goes nowhere."""
    x = inputs()
    x["facing"][:, 4] = torch.tensor([0.0, 1.0])  # a cube, turned by an eighth
    context = encode(net, x)
    hand = context.hand[:1]
    for destination, apart, turned in ((3, 0.2, True), (3, 0.01, False), (4, 0.0, True)):
        places, pointed = torch.full((1, THINGS, 3), 0.9), torch.full((1, 2, THINGS), -1e4)
        places[0, 4] = hand[0] + torch.tensor([0.2, 0.0, -0.1])
        places[0, 3] = places[0, 4] + torch.tensor([apart, 0.0, 0.0])
        pointed[0, 0, 4] = pointed[0, 1, destination] = 0
        turns = torch.zeros(1, THINGS, 2)
        turns[0, 4] = 0.8
        sure = replace(context, places=places, pointed=pointed, turns=turns).sure_turn
        assert (float(sure) > 0.75) is turned and (turned or abs(float(sure)) < 0.02)


@torch.inference_mode()
def test_a_share_of_the_turn_to_what_is_meant(net):
    """The last output turns the hand about the vertical by a share of what is missing."""
    x = inputs()
    net.action_out.weight.zero_()
    net.action_out.bias.zero_()
    still = denoise(net, x)[1]
    net.action_out.bias[9] = 0.5
    turned = denoise(net, x)[1]
    turn = encode(net, x).focus[:, 0, 5] / 0.5
    torch.testing.assert_close((turned - still)[..., 5], 0.5 * turn[:, None].expand(2, 8))
    assert not (turned - still)[..., :5].any() and turn.abs().min() > 1e-3
    net.action_out.bias[9], net.action_out.bias[11] = 0.0, 0.5
    turned = denoise(net, x)[1]
    sure = encode(net, x).sure_turn / 0.5  # (B, 1)
    torch.testing.assert_close((turned - still)[..., 5], 0.5 * sure.expand(2, 8))
    net.action_out.bias.zero_()
    certain, nothing = (denoise(net, x, at_action=torch.full((2,), v))[1] for v in (0.0, 1.0))
    torch.testing.assert_close((nothing - certain)[..., 5], sure.expand(2, 8))  # unless more is known, all of it


@torch.inference_mode()
def test_the_command_is_read_off_a_late_hand(net):
    """The hand follows a step of the command late, also one from before the context; ``command`` undoes that."""
    shares = torch.tensor([0.6, 0.9] + [1.0] * 7)
    net.response[:] = shares[:, None]
    late = torch.tensor([0, 0, 1.2, 1.8, 2, 2, 2, 2])[None, :, None].expand(1, 8, 6)  # one step of 2, the third
    step = torch.tensor([0, 0, 2.0, 2, 2, 2, 2, 2])[None, :, None].expand(1, 8, 6)
    torch.testing.assert_close(net.command(late, torch.zeros(1, 6)), step)
    left = torch.tensor([0.3] + [0.4] * 7)[None, :, None].expand(1, 8, 6)  # 0.6 of a step was done by the context
    torch.testing.assert_close(net.command(left, torch.ones(1, 6)), torch.zeros(1, 8, 6), atol=1e-5, rtol=0)


@torch.inference_mode()
def test_the_hand_follows_clean_actions(net):
    """With clean actions the foreseen hand goes where they lead, but for a correction; with noisy ones it does not."""
    net.motion_out.weight.zero_()
    x = inputs()
    answer = torch.randn(2, 8, 6, generator=torch.Generator().manual_seed(1))
    levels = torch.zeros(2), torch.full((2,), 0.5)
    led, free = (denoise(net, x, at_action=level, answer=answer)[0] for level in levels)
    torch.testing.assert_close((led - 0.1 * free)[..., :6], answer)
    torch.testing.assert_close(free, denoise(net, x, at_action=torch.full((2,), 0.5))[0])


@torch.inference_mode()
def test_the_answer_is_told_as_states_tell_it(net):
    """``answer`` gives the hand's displacement in the units of motion, and the joints that it comes from."""
    state = torch.zeros(2, 14)
    state[:, 7:] = torch.tensor([0.1, -0.35, 0.0, -2.4, 0.0, 2.05, 0.785])
    state[:, :6] = hand_of(state[:, 7:])
    actions = torch.full((2, 8, 7), 0.01)
    answer, joints = net.answer(state, actions, torch.full((2, 7), torch.nan))
    torch.testing.assert_close(state[:, None, :6] + answer * net.motion_scale(state)[:6], hand_of(joints))
    assert answer[..., 0].diff(dim=1).min() > 0.05


@torch.inference_mode()
def test_the_command_is_read_off_clean_motion(net):
    """With clean motion the actions are those that lead there, but for a correction; with noisy motion they are not."""
    net.action_out.weight.zero_()
    x = inputs()
    read, free = (denoise(net, x, at_motion=level)[1] for level in (torch.zeros(2), torch.full((2,), 0.5)))
    told = net.command(x["motion"][..., :6], encode(net, x).last_step)
    torch.testing.assert_close((read - 0.1 * free)[..., :6], told, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_what_is_taken_goes_with_the_steps_of_the_hand(net):
    """A thing that is taken along from the fifth moment on has gone as far as the hand since then."""
    x = inputs()
    x["actions"] = net.normalise_actions(torch.full((2, 8, 7), 0.02))
    net.motion_out.weight.zero_()
    net.motion_out.bias.zero_()
    net.motion_out.bias[MOTION] = 1.0  # the lever, all along
    answer = torch.full((2, 8, 6), 0.2).cumsum(1)
    motion = denoise(net, x, at_action=torch.zeros(2), answer=answer)[0] * net.motion_scale(x["actions"])
    torch.testing.assert_close(motion[..., HAND : HAND + 3], motion[..., :3])
    assert not motion[..., HAND + 3 :].any()


@torch.inference_mode()
def test_a_last_action_that_is_not_known_is_none(net):
    """Nothing is said of it, which is not the same as an arm at rest."""
    x = inputs()
    untold = encode(net, {**x, "last_action": torch.full((2, 7), torch.nan)})
    assert not untold.last_step.any() and not any(k.isnan().any() for k in untold.keys)
    rest = encode(net, {**x, "last_action": torch.zeros(2, 7)})
    assert (untold.keys[0] - rest.keys[0]).abs().max() > 1e-4


def test_samples_of_a_batch_do_not_mix(net):
    """Each sample alone is what it is beside others."""
    x = inputs()
    both = denoise(net, x)
    for i in range(2):
        alone = denoise(net, {k: v[i : i + 1] for k, v in x.items()})
        for a, b in zip(both, alone, strict=True):
            torch.testing.assert_close(a[i : i + 1], b, atol=1e-4, rtol=1e-4)


def test_standardising_round_trip(net):
    """normalise_actions and denormalise_actions undo each other, and paths are added up displacements."""
    a = torch.randn(3, 5, 7)
    torch.testing.assert_close(net.denormalise_actions(net.normalise_actions(a)), a, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(net.paths(net.normalise_actions(a)), a[..., :3].cumsum(1))
    torch.testing.assert_close(steps_of(a.cumsum(1)), a, atol=1e-5, rtol=1e-4)


def test_gradients_reach_every_weight():
    """A loss of motion and actions leaves no weight out, where some states and things are not known."""
    model = MiniWAMTransformer(horizon=8, text_dim=32, width=48, heads=3, layers=2, ratio=2)
    torch.nn.init.normal_(model.levels[2].weight, std=0.05)
    x = inputs()
    x["known"][1] = False
    given, read = torch.tensor([0.0, 0.5]), torch.tensor([0.5, 0.1])
    motion, actions = model(x["motion"], x["actions"], read, given, encode(model, x))
    (motion.square().sum() + actions.square().sum()).backward()
    idle = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not idle


def test_scenes_that_do_not_belong_together_are_refused():
    x = inputs()
    scene = scene_of(x)
    with pytest.raises(ValueError, match="do not belong"):
        replace(scene, image=scene.image[:, 1:])
