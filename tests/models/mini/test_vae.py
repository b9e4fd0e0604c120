"""The frame autoencoder and its reference-conditioned decoder."""

from __future__ import annotations

import torch

from wamviz.models.mini.vae import MiniVAE


def vae() -> MiniVAE:
    torch.manual_seed(0)
    return MiniVAE(image_size=32, width=16, blocks=1, latents_mean=[0.5] * 8, latents_std=[2.0] * 8).eval()


def test_shapes_and_range():
    """Eight times smaller latents, pixels back within -1..1."""
    model, images = vae(), torch.rand(3, 3, 32, 32) * 2 - 1
    latents = model.encode(images)
    assert latents.shape == (3, 8, 4, 4)
    for reference in (None, images):
        out = model.decode(latents, reference)
        assert out.shape == images.shape and out.min() >= -1 and out.max() <= 1


def test_latents_are_standardised():
    """encode subtracts the mean and divides by the spread of the config."""
    model, images = vae(), torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(model.encode(images), (model.encode_raw(images) - 0.5) / 2.0)


def test_one_reference_serves_many():
    """A reference of batch one equals that reference repeated."""
    model, images = vae(), torch.rand(4, 3, 32, 32)
    latents = model.encode(images)
    one, many = model.decode(latents, images[:1]), model.decode(latents, images[:1].expand(4, -1, -1, -1))
    torch.testing.assert_close(one, many)


def test_a_reference_looked_at_once_is_the_same():
    """What was encoded beforehand decodes, and standardises, to the bit as the images do."""
    model, images = vae(), torch.rand(2, 3, 32, 32) * 2 - 1
    latents, seen = model.encode(images), model.reference(images)
    assert torch.equal(model.standardise(seen.raw), latents)
    assert torch.equal(model.decode(latents, seen), model.decode(latents, images))
    torch.testing.assert_close(model.decode(latents[1:], seen.one(1)), model.decode(latents, seen)[1:])


def test_shut_mask_copies_the_reference():
    """With the mask shut every pixel is the context's own, to the bit."""
    model = vae()
    with torch.no_grad():
        model.to_pixels.bias.view(4, 16)[3] = -1e4  # channels of the mask come last
        images = torch.rand(2, 3, 32, 32) * 2 - 1
        assert torch.equal(model.decode(torch.randn(2, 8, 4, 4), images), images)


def test_no_reference_draws_everything():
    """Without a reference nothing can be copied, so another latent gives another picture everywhere."""
    model = vae()
    a, b = (model.decode(x) for x in torch.randn(2, 1, 8, 4, 4))
    assert ((a - b).abs() > 1e-6).float().mean() > 0.9
