"""The model card's table comes out of measured results, whatever parts a mode has."""

from __future__ import annotations

from pathlib import Path

from wamviz.models.mini.entry import capabilities, checkpoint
from wamviz.training import grade as subject
from wamviz.training.evaluate import wilson
from wamviz.training.grade import END, START, grade, table


def result(**parts: object) -> dict[str, object]:
    common = {"seeds": "1:3", "n": 2, "chunks": 4, "steps": 2, "video": None, "actions": None, "execution": None,
              "consistency": None}  # fmt: skip
    return {**common, **parts}


VIDEO = {"psnr": 20.0, "gain_db": 1.5, "gain_db_ci95": [1.0, 2.0], "moving_psnr": 14.0, "ssim": 0.8,
         "copy_last_psnr": 18.5, "copy_last_moving_psnr": 11.0, "copy_last_ssim": 0.7}  # fmt: skip
ACTIONS = {"mae": 0.1, "ratio": 0.4, "position_mae_m": 0.0123, "gripper_mae": 0.2, "hold_mae": 0.25,
           "hold_position_mae_m": 0.02, "hold_gripper_mae": 0.5}  # fmt: skip


def test_the_interval_of_a_rate_is_wilsons():
    """At 0 of 1 nothing is certain; the interval mirrors; it narrows with the count (values: Wilson 1927)."""
    assert wilson(0, 1) == [0.0, 0.7935]
    assert wilson(1, 1) == [0.2065, 1.0]
    assert wilson(5, 10) == [0.2366, 0.7634]
    assert wilson(500, 1000)[1] - wilson(500, 1000)[0] < 0.07


def test_table_has_a_row_a_mode_and_one_for_the_controls():
    execution = {"success_rate": 0.25, "success_ci95": [0.1, 0.5], "right_object_rate": 0.5}
    paths = {"stated_vs_read_path_ade_m": 0.031, "staying_path_ade_m": 0.12}
    joint = result(video=VIDEO, actions=ACTIONS, execution=execution, consistency=paths)
    text = table({"joint": joint, "video": result(video=VIDEO)})
    rows = [line.split("|") for line in text.splitlines() if line.startswith("|")]
    assert {len(row) for row in rows} == {11}
    assert rows[2][1:] == [" `joint` ", " 20.00, +1.50 [1.00, 2.00] ", " 14.00 ", " 0.800 ", " 0.100, 0.40 ", " 12.3 ",
                           " 0.200 ", " 3.1 of 12.0 ", " 25% [10%, 50%], 50% ", ""]  # fmt: skip
    assert rows[-1][2].strip() == "18.50" and rows[-1][5].strip() == "0.250, 1"


def test_the_card_keeps_its_words_and_gets_the_measured_table(tmp_path: Path, monkeypatch):
    """Only what lies between the marks changes, and only by what was measured."""
    monkeypatch.setattr(subject, "MiniWAM", lambda *_: object())
    monkeypatch.setattr(subject, "evaluate", lambda *_, **given: result(video=VIDEO, n=len(_[2])))
    (tmp_path / "README.md").write_text(f"before\n{START}\nold\n{END}\nafter\n")
    found = grade(tmp_path, range(2), modes=("video",))
    card = (tmp_path / "README.md").read_text()
    assert card == f"before\n{START}\n{table(found)}{END}\nafter\n"
    assert (tmp_path / "evaluation.json").exists()


def test_the_shipped_example_was_imagined_by_the_shipped_weights():
    """The first thing that a visitor sees is what this model does, not what another one did."""
    import json

    from wamviz.models.mini.wam import digest_of
    from wamviz.ui.shelf import EXAMPLE

    assert json.loads((EXAMPLE / "rollout.json").read_text())["weights_digest"] == digest_of(checkpoint())


def test_the_shipped_card_shows_the_shipped_results():
    """The card beside the weights is the one that its own ``evaluation.json`` makes."""
    import json

    folder = checkpoint()
    results = json.loads((folder / "evaluation.json").read_text())
    assert set(results) == set(capabilities().modes)
    assert table(results) in (folder / "README.md").read_text()
