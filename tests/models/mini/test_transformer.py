"""The denoiser: its token layout, its cached context, and what each expert may see."""

from __future__ import annotations

import torch
from wamviz.models.mini.old_transformer import MiniWAMTransformer, grid_positions, patchify, unpatchify


def inputs(batch: int = 2) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(3)
    return {
        "latents": torch.randn(batch, 1, 8, 4, 4, generator=g),
        "state": torch.randn(batch, 14, generator=g),
        "text": torch.randn(batch, 5, 32, generator=g),
        "text_mask": torch.tensor([[True] * 5, [True, True, False, False, False]])[:batch],
        "video": torch.randn(batch, 8, 8, 4, 4, generator=g),
        "actions": torch.randn(batch, 8, 7, generator=g),
        "level": torch.rand(batch, generator=g),
    }


def denoise(net, x, video="given", level=None, cache=None, **options):
    cache = cache or net.encode_context(x["latents"], x["state"], x["text"], x["text_mask"])
    level = x["level"] if level is None else level
    given = x["video"] if isinstance(video, str) else video
    return net(given, x["actions"], level, level, cache, x["latents"][:, 0], **options)


def test_patches_come_back():
    """unpatchify undoes patchify to the bit."""
    x = torch.randn(2, 4, 8, 16, 16)
    assert torch.equal(unpatchify(patchify(x, 4), 4, 8, 16, 4), x)


def test_patch_positions_share_one_image():
    """A coarse patch's position lies among the fine patches it covers, nearer than any outside it."""
    fine, coarse = grid_positions(8, 64), grid_positions(4, 64)
    distance = torch.cdist(coarse[5:6], fine)[0].reshape(8, 8)  # coarse cell (1, 1) covers fine rows and columns 2, 3
    nearest = torch.topk(distance.flatten(), 4, largest=False).indices
    assert {(int(i) // 8, int(i) % 8) for i in nearest} == {(2, 2), (2, 3), (3, 2), (3, 3)}


def test_shapes_and_determinism(net):
    """Outputs are shaped like inputs, and the same inputs give the same bits."""
    x = inputs()
    video, actions = denoise(net, x)
    assert video.shape == x["video"].shape and actions.shape == x["actions"].shape
    again = denoise(net, x)
    assert torch.equal(video, again[0]) and torch.equal(actions, again[1])


def test_a_glance_leaves_the_image_out(net):
    """At a glance the context is as long as without its image tokens, and the actions still depend on the image."""
    x = inputs()
    whole = net.encode_context(x["latents"], x["state"], x["text"], x["text_mask"])
    glance = net.encode_context(x["latents"], x["state"], x["text"], x["text_mask"], glance=True)
    assert whole.mask.shape[1] - glance.mask.shape[1] == net.context_position.shape[0]
    torch.testing.assert_close(glance.places, whole.places)
    other = net.encode_context(x["latents"] + 1, x["state"], x["text"], x["text_mask"], glance=True)
    a, b = (denoise(net, x, video=None, cache=cache)[1] for cache in (glance, other))
    assert not torch.allclose(a, b, atol=1e-4)


def test_an_unknown_state_is_one_unknown(net):
    """Leaving the state out and hiding it are the same, whatever the hidden state says."""
    x = inputs()
    args = (x["text"], x["text_mask"])
    absent = net.encode_context(x["latents"], None, *args)
    hidden = net.encode_context(x["latents"], x["state"], *args, has_state=torch.tensor([False, False]))
    for a, b in zip(
        (*absent.keys, absent.places, absent.hand), (*hidden.keys, hidden.places, hidden.hand), strict=True
    ):
        torch.testing.assert_close(a, b)


def test_padding_words_do_not_matter(net):
    """What stands behind the text mask changes nothing."""
    x = inputs()
    before = denoise(net, x)
    x["text"] = x["text"].clone()
    x["text"][1, 2:] = 100.0
    after = denoise(net, x)
    torch.testing.assert_close(before[0], after[0], atol=1e-4, rtol=1e-4)


def test_words_state_and_frame_matter(net):
    """Each part of the context reaches both outputs."""
    x = inputs()
    base = denoise(net, x)
    for name, value in (("text", x["text"] + 1), ("state", x["state"] + 1), ("latents", x["latents"].flip(-1))):
        video, actions = denoise(net, {**x, name: value})
        assert (video - base[0]).abs().max() > 1e-4, name
        assert (actions - base[1]).abs().max() > 1e-4, name


def test_unknown_state_hides_it(net):
    """A state that is not known has no influence."""
    x = inputs()
    caches = [
        net.encode_context(x["latents"], state, x["text"], x["text_mask"], known)
        for state, known in ((x["state"], torch.zeros(2, dtype=torch.bool)), (None, None))
    ]
    for a, b in zip(caches[0].keys, caches[1].keys, strict=True):
        torch.testing.assert_close(a, b)


def test_repeated_cache_serves_samples(net):
    """One cached context repeated for two samples equals encoding it twice."""
    x = inputs(1)
    cache = net.encode_context(x["latents"], x["state"], x["text"], x["text_mask"]).repeat(2)
    two = {k: v.repeat_interleave(2, 0) for k, v in x.items()}
    once, twice = denoise(net, two, cache=cache), denoise(net, two)
    torch.testing.assert_close(once[0], twice[0])
    assert cache.keys[0].shape[0] == 2 and cache.keys[0].stride(0) == 0  # one context in memory, seen by both


def test_noise_levels_are_independent(net):
    """The video's and the actions' noise level both matter, each on its own."""
    x = inputs()
    cache = net.encode_context(x["latents"], x["state"], x["text"], x["text_mask"])
    low, high = torch.full((2,), 0.1), torch.full((2,), 0.9)
    results = [
        net(x["video"], x["actions"], v, a, cache, x["latents"][:, 0])[1] for v in (low, high) for a in (low, high)
    ]
    for i in range(4):
        for j in range(i):
            assert (results[i] - results[j]).abs().max() > 1e-4


def test_standardising_round_trip():
    """normalise_actions and denormalise_actions undo each other."""
    net = MiniWAMTransformer(
        width=48, heads=3, layers=1, action_width=16, text_dim=16, action_mean=[0.1] * 7, action_std=[0.2] * 7
    )
    a = torch.randn(3, 7)
    torch.testing.assert_close(net.denormalise_actions(net.normalise_actions(a)), a)
