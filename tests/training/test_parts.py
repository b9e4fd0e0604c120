"""Fresh weights."""

from __future__ import annotations

import torch

from wamviz.training import parts as module
from wamviz.training.body import sample_body


def test_the_painter_starts_with_the_robots_body(monkeypatch):
    """Fresh weights know the whole surface, and the same seed starts the same."""
    monkeypatch.setattr(module, "sample_body", lambda: sample_body(0.03))
    painter, again = module.start_painter(0), module.start_painter(0)
    assert torch.equal(painter.points, sample_body(0.03).points) and sum(painter.config.counts) == len(painter.points)
    for one, other in zip(painter.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
