"""The contact sheet: worst, median and best by each measure, for any model with a video that belongs to actions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wamviz.core.errors import WamvizError
from wamviz.metrics.picture import Picture
from wamviz.training.contact_sheet import SHOWN, JudgedScene, chosen, draw_sheet, main


def scene(seed: int, **values: float) -> JudgedScene:
    frames = np.full((SHOWN, 128, 128, 3), seed, np.uint8)
    return JudgedScene(seed, "pick up the orange", frames, frames, Picture(20.0, 18.0, **values))


def test_scenes_are_ranked_by_the_measure() -> None:
    """The worst first; sharpness is best near 1: twice as sharp as real is as bad as half; the unknown is left out."""
    scenes = [scene(k, moving_psnr=float(k), sharpness=s) for k, s in enumerate((0.1, 2.0, 0.9, 0.6, 1.4, 4.0, 0.3))]
    scenes.append(scene(99))
    by_psnr = [(name, one.seed) for name, one in chosen(scenes, "moving_psnr")]
    assert by_psnr == [("worst", 0), ("worst", 1), ("median", 2), ("median", 3), ("best", 6), ("best", 5)]
    sharp = [(name, one.seed) for name, one in chosen(scenes, "sharpness")]
    assert sharp[0] == ("worst", 0) and sharp[1] == ("worst", 5) and sharp[-2] == ("best", 2)
    assert chosen(scenes, "arm_iou") == []
    page = draw_sheet(scenes, "title")
    assert page.width > 2 * SHOWN * 128 and page.height > 6 * 2 * 128
    with pytest.raises(WamvizError, match="no scene"):
        draw_sheet([], "title")


def test_a_control_gets_its_sheet_and_a_mode_without_a_picture_is_refused(tmp_path: Path, capsys) -> None:
    out = tmp_path / "sheet.jpg"
    assert main(["--model", "hold-still", "--seeds", "1000003:1000005", "--device", "cpu", "--out", str(out)]) == 0
    with Image.open(out) as sheet:
        assert sheet.width > 500
    assert main(["--model", "hold-still", "--mode", "act_only", "--out", str(out)]) == 2
    assert "mode" in capsys.readouterr().err
