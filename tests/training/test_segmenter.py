"""The segmenter's training: seeds that are allowed, pictures made soft, a net that learns, weights as described."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from wamviz.core.errors import WamvizError
from wamviz.metrics import segmenter as subject
from wamviz.metrics._segmenter_net import SegmenterNet
from wamviz.metrics.segmenter import segment, segment_classes, segmenter_folder, segmenter_missing
from wamviz.training.segmenter import SegmenterRecipe, export, measure, soften, table, to_pictures
from wamviz.worlds.tabletop import SEGMENTS, TabletopEnv

SEED = 1_000_010


def test_only_seeds_that_are_meant_for_it_are_used(tmp_path: Path) -> None:
    for seeds in ({"seeds": range(9_000_000, 9_000_010)}, {"unseen": range(0, 5)}, {"seeds": range(0)}):
        with pytest.raises(WamvizError, match="not for this"):
            SegmenterRecipe(tmp_path, tmp_path, **seeds)
    with pytest.raises(WamvizError, match="above 0"):
        SegmenterRecipe(tmp_path, tmp_path, minutes=0)


def test_softened_pictures_stay_pictures_and_the_same_chance_gives_the_same() -> None:
    pictures = to_pictures(np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3)).astype(np.uint8))
    first, again = (soften(pictures, np.random.default_rng(1)) for _ in range(2))
    assert first.shape == pictures.shape and first.abs().max() <= 1 and torch.equal(first, again)
    assert not torch.equal(first, soften(pictures, np.random.default_rng(2)))


def test_a_net_learns_and_its_folder_is_what_segment_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two colours are told apart after a few steps; the exported weights give the same classes through ``segment``."""
    frames = np.zeros((4, 128, 128, 3), np.uint8)
    masks = np.zeros((4, 128, 128), np.uint8)
    for k in range(4):
        frames[k, 20 * k : 20 * k + 40, 30:80] = (220, 120, 20)
        masks[k, 20 * k : 20 * k + 40, 30:80] = 2
    torch.manual_seed(0)
    net = SegmenterNet(len(SEGMENTS))
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3)
    for _ in range(25):
        loss = torch.nn.functional.cross_entropy(net(to_pictures(frames)), torch.from_numpy(masks).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = measure(net.eval(), frames, masks)
    assert found["orange"]["iou"] > 0.8 and found["orange"]["found"] == 1 and found["bowl"]["centroid_px"] is None
    recipe = SegmenterRecipe(tmp_path / "work", tmp_path / "segmenter")
    recipe.out.mkdir()
    (recipe.out / "README.md").write_text("before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n")
    export(net, recipe, found, found)
    facts = json.loads((recipe.out / "config.json").read_text())
    assert table(facts) in (recipe.out / "README.md").read_text() and facts["classes"] == list(SEGMENTS)
    monkeypatch.setenv("WAMVIZ_SEGMENTER", str(recipe.out))
    assert segment_classes() == SEGMENTS and segmenter_missing() is None
    assert (segment(frames) == masks).mean() > 0.97
    monkeypatch.setenv("WAMVIZ_SEGMENTER", str(tmp_path / "nowhere"))
    assert "missing" in str(segmenter_missing())
    with pytest.raises(WamvizError, match="segmenter"):
        segment(frames)
    subject._network.cache_clear()


def test_the_shipped_segmenter_sees_an_unseen_scene() -> None:
    """Its card holds what it was measured at, it is small, and it finds what is there."""
    folder = segmenter_folder()
    facts = json.loads((folder / "config.json").read_text())
    assert table(facts) in (folder / "README.md").read_text()
    assert (folder / "model.safetensors").stat().st_size < 600_000
    assert segment_classes() == SEGMENTS and facts["measured"]["arm"]["iou"] > 0.95
    env = TabletopEnv(128, ("exterior",))
    frame = env.reset(SEED)[0].frames["exterior"]
    ours, theirs = segment(frame[None])[0], env.segment()
    arm = SEGMENTS.index("arm")
    assert ((ours == arm) & (theirs == arm)).sum() / ((ours == arm) | (theirs == arm)).sum() > 0.93
    env.close()
