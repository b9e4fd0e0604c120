"""The network of LPIPS: AlexNet's convolutions and five learned heads. Imported only where its weights are there.

Contract: frames in, distances out, on the CPU in float32: a picture of 128 x 128 takes some milliseconds. Shapes and
names of the weights were checked before (``perceptual_weights``). Axis letters: B frames, C channels, H/W pixels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from wamviz.core.rollout import Frames
from wamviz.metrics.perceptual_weights import TRUNK

# Mean and deviation of ImageNet's colours, for pictures in -1 .. 1, as in the authors' ``ScalingLayer``.
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
STRIDES, PADDINGS = {0: 4}, {0: 2, 3: 2}  # of the layers; 1 elsewhere
POOLED = (3, 6)  # layers that a 3 x 3 maximum of stride 2 comes before
EPSILON = 1e-10  # keeps a feature of nothing but zeros from being divided by zero


class Lpips(nn.Module):
    """LPIPS of version 0.1 with AlexNet (Zhang et al. 2018, arXiv 1801.03924)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.ModuleDict(
            {
                str(n): nn.Conv2d(inputs, outputs, side, STRIDES.get(n, 1), PADDINGS.get(n, 1))
                for n, (outputs, inputs, side, _) in TRUNK.items()
            }
        )
        for k, (channels, *_) in enumerate(TRUNK.values()):
            self.add_module(f"lin{k}", nn.Conv2d(channels, 1, 1, bias=False))
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1), persistent=False)

    @classmethod
    def read(cls, path: Path) -> Lpips:
        """The network with the weights of a safetensors file."""
        net = cls()
        net.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
        return net.eval().requires_grad_(False)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Distances (B,) of pictures (B, 3, H, W) in -1 .. 1."""
        total = a.new_zeros(len(a))
        for k, (x, y) in enumerate(zip(self.layers(a), self.layers(b), strict=True)):
            apart = (unit(x) - unit(y)).square()  # (B, C, h, w)
            total = total + getattr(self, f"lin{k}")(apart).mean(dim=(1, 2, 3))
        return total

    def layers(self, pictures: Tensor) -> list[Tensor]:
        """What AlexNet sees after each of its five ReLUs: (B, C, h, w) each."""
        seen, x = [], (pictures - self.shift) / self.scale
        for n in TRUNK:
            if n in POOLED:
                x = functional.max_pool2d(x, 3, 2)
            x = functional.relu(self.features[str(n)](x))
            seen.append(x)
        return seen

    def distance(self, a: Frames, b: Frames) -> NDArray[np.float64]:
        """Distances (B,) of frames (B, H, W, 3) uint8."""
        with torch.inference_mode():
            found = self(*(torch.from_numpy(_signed(frames)) for frames in (a, b)))
        return np.asarray(found.numpy(), np.float64)


def unit(features: Tensor) -> Tensor:
    """Features (B, C, h, w) of length 1 over the channels."""
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + EPSILON)


def _signed(frames: Frames) -> NDArray[np.float32]:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float32 in -1 .. 1."""
    return np.ascontiguousarray(frames.transpose(0, 3, 1, 2), np.float32) / np.float32(127.5) - 1
