"""Weights in a few small files, and back by the command that the documentation names."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.training.archive import split_archive


@pytest.fixture
def weights(tmp_path):
    folder = tmp_path / "mini-wam"
    (folder / "painter").mkdir(parents=True)
    (folder / "painter" / "model.safetensors").write_bytes(np.random.default_rng(0).bytes(50_000))
    (folder / "training.json").write_text("{}")
    (folder / "README.md").write_text("a card")
    (folder / "evaluation.json").write_text("of other weights")
    return folder


def test_parts_are_small_and_come_back(weights, tmp_path):
    """No part is larger than it may be, older parts are gone, and card and figures are not taken along."""
    out, back = tmp_path / "parts", tmp_path / "back"
    out.mkdir()
    back.mkdir()
    (out / "mini-wam.tar.07").write_text("older")
    parts = split_archive(weights, out, size=20_000)
    assert sorted(out.iterdir()) == parts and len(parts) > 1
    assert max(part.stat().st_size for part in parts) == 20_000
    subprocess.run(f"cat {out}/mini-wam.tar.* | tar -x -C {back}", shell=True, check=True)
    found = {str(path.relative_to(back)): path.read_bytes() for path in back.rglob("*") if path.is_file()}
    kept = ("painter/model.safetensors", "training.json")
    assert found == {name: (weights / name).read_bytes() for name in kept}


def test_too_much_is_refused(weights, tmp_path):
    """More parts than allowed are none at all."""
    with pytest.raises(WamvizError, match="takes 4 parts"):
        split_archive(weights, tmp_path / "parts", size=20_000, most=3)
    assert not (tmp_path / "parts").exists()
