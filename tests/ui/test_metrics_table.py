"""The table of metrics: what matters first, the rest on request, every number explained."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wamviz.metrics import all_metrics
from wamviz.runs.store import read_run
from wamviz.ui.metrics_table import folded, table
from wamviz.ui.run_repository import EXAMPLE


@pytest.fixture(scope="module")
def nodes() -> list[Any]:
    return table(read_run(EXAMPLE))


def test_what_matters_stands_open_and_the_rest_is_folded(nodes):
    """Each measure that the example has is in exactly one of the two tables, with its source."""
    metrics = read_run(EXAMPLE).metrics
    tags = [node[0] for node in nodes]
    assert tags[:2] == ["table", "details"]
    shown, hidden = (json.dumps(node, ensure_ascii=False) for node in nodes[:2])
    rows = [metric for metric in all_metrics() if metric.title]
    held = [metric for metric in rows if metric.read(metrics) is not None]
    assert len(held) > len(rows) / 2
    for metric in held:
        further = folded(metric, metrics)
        assert metric.source in (hidden if further else shown)
        title = json.dumps(metric.title, ensure_ascii=False)
        assert (title in shown, title in hidden) == (not further, further), metric


def test_better_and_worse_are_said_in_words(nodes):
    """The example beats copying the last frame, and the cell says by how much."""
    rows = nodes[0][-1][2:]
    first = next(row for row in rows if "PSNR" in json.dumps(row))
    assert first[-1][1]["class"] == "wz-better" and first[-1][2].endswith("dB better")


def run_with(**parts: Any) -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(metrics=parts, imagined=(None,), notes=())


def test_missing_weights_are_told_among_the_further_measures():
    """LPIPS is a row with its control where it was computed, else a sentence that says how to get it."""
    (details,) = table(run_with(video={"lpips": None, "lpips_missing": "LPIPS is not computed: why. How."}))
    assert details[0] == "details" and "LPIPS is not computed: why. How." in json.dumps(details)
    (rows,) = table(run_with(video={"lpips": 0.1, "copy_last_lpips": 0.2, "lpips_missing": None}))
    assert "50% lower" in json.dumps(rows)


def test_errors_of_actions_are_listed_in_their_own_units():
    """A row a dimension and one for all that share a unit, each beside the control; other runs lack the table."""
    actions = {
        "names": ["dx", "dy", "g"], "units": ["m", "m", "1"], "mae_by_dim": [0.01, 0.03, 0.5],
        "rmse_by_dim": [0.02, 0.04, 0.6], "hold_mae_by_dim": [0.05, 0.06, 0.7], "hold_rmse_by_dim": [0.07, 0.08, 0.9],
        "by_unit": {"m": {"names": ["dx", "dy"], "mae": 0.02, "rmse": 0.03, "hold_mae": 0.055, "hold_rmse": 0.075},
                    "1": {"names": ["g"], "mae": 0.5, "rmse": 0.6, "hold_mae": 0.7, "hold_rmse": 0.9}},
    }  # fmt: skip
    text = json.dumps(table(run_with(actions=actions)))
    assert "own units" in text and "all in m" in text and "all in 1" not in text
    assert all(f'"{value}"' in text for value in ("0.01", "0.055", "0.075", "0.9"))
    older = {name: value for name, value in actions.items() if not name.startswith("hold_rmse")}
    assert "own units" not in json.dumps(table(run_with(actions={**older, "by_unit": None})))


def test_the_picture_beside_physics_takes_the_place_of_psnr():
    """Once acted out, what is seen stands on top, each with its control; closeness to a video is folded away."""
    picture = {"sharpness": 0.16, "copy_sharpness": 0.9, "executed_moving_psnr": 15.0, "copy_moving_psnr": 12.0,
               "arm_iou": 0.5, "copy_arm_iou": 0.4, "objects_moved": 0.0, "copy_objects_moved": 0.0}  # fmt: skip
    video = {"psnr": 21.0, "copy_last_psnr": 18.0}
    rows, details = table(run_with(video=video, picture=picture))
    text, folded = json.dumps(rows, ensure_ascii=False), json.dumps(details, ensure_ascii=False)
    assert "0.74 further from 1" in text and "3.00 dB better" in text and "0.10 better" in text
    assert "3.00 dB better" in folded and "Video, PSNR" in folded and "Video, PSNR" not in text
    assert "nearer to 1" in json.dumps(table(run_with(picture={"sharpness": 0.95, "copy_sharpness": 0.9})))
    (alone,) = table(run_with(video=video))
    assert "Video, PSNR" in json.dumps(alone)
