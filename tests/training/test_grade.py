"""The model card's table comes out of measured results, whatever parts a mode has."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from wamviz.models.mini.entry import capabilities, checkpoint
from wamviz.runs.evaluation_report import DrivenEpisode, EvaluationReport
from wamviz.training import grade as subject
from wamviz.training.grade import COLUMNS, END, PICTURE_COLUMNS, START, grade, table


def result(**parts: object) -> dict[str, object]:
    common = {"seeds": "1:3", "n": 2, "chunks": 4, "steps": 2, "video": None, "actions": None, "execution": None,
              "consistency": None}  # fmt: skip
    return {**common, **parts}


VIDEO = {"psnr": 20.0, "gain_db": 1.5, "gain_db_ci95": [1.0, 2.0], "moving_gain_db": 3.0, "ssim": 0.8,
         "moving_gain_db_ci95": [2.5, 3.5],
         "copy_last_psnr": 18.5, "copy_last_ssim": 0.7}  # fmt: skip
ACTIONS = {"mae": 0.1, "ratio": 0.4, "position_mae_m": 0.0123, "position_mae_m_ci95": [0.011, 0.014],
           "gripper_mae": 0.2, "hold_mae": 0.25, "hold_position_mae_m": 0.02, "hold_gripper_mae": 0.5}  # fmt: skip
EXECUTION = {"success_rate": 0.25, "success_ci95": [0.1, 0.5], "right_object_rate": 0.5,
             "right_object_ci95": [0.3, 0.7], "expert_success_rate": 0.98}  # fmt: skip
PATHS = {"stated_vs_read_path_ade_m": 0.031, "stated_vs_read_path_ade_m_ci95": [0.029, 0.033],
         "staying_path_ade_m": 0.12}  # fmt: skip


def test_table_has_a_row_a_mode_and_one_for_the_controls():
    joint = result(video=VIDEO, actions=ACTIONS, execution=EXECUTION, consistency=PATHS)
    text = table({"joint": joint, "video": result(video=VIDEO)})
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert rows[2] == ["`joint`", "20.00, +1.50 [1.00, 2.00]", "+3.00 [2.50, 3.50]", "0.800",
                       "0.100, 0.40", "12.3 [11.0, 14.0]", "0.200", "3.1 [2.9, 3.3] of 12.0", "25% [10%, 50%]",
                       "50% [30%, 70%]"]  # fmt: skip
    assert rows[3][4:] == [""] * 6
    assert rows[-1] == ["copy the last frame, hold still; the expert", "18.50, 0", "0", "0.700",
                        "0.250, 1", "20.0", "0.500", "", "98%", ""]  # fmt: skip


def test_the_picture_has_a_table_of_its_own():
    seen = {
        **{"sharpness": 0.163, "moving_gain_db": 3.4, "arm_iou": 0.51, "objects_moved": 0.05},
        **{"sharpness_ci95": [0.15, 0.18], "moving_gain_db_ci95": [3.0, 3.9]},
        **{"arm_iou_ci95": None, "objects_moved_ci95": [0.0, 0.1]},
        **{"copy_sharpness": 0.93, "copy_moving_psnr": 11.5, "copy_arm_iou": 0.4, "copy_objects_moved": 0.0},
    }
    picture = {**seen, "n": 2, "stretches": 4, "third_chunk": {**seen, "sharpness": None}}
    text = table({"joint": result(picture=picture), "act_only": result(picture=None)})
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    one = ["0.16 [0.15, 0.18]", "+3.40 [3.00, 3.90]", "0.51", "5% [0%, 10%]"]
    assert rows[-2] == ["`joint`", *one, "", *one[1:]]
    assert rows[-1] == ["copy the last frame", *["0.93", "0 at 11.50", "0.40", "0%"] * 2]
    assert {len(row) for row in rows[-4:]} == {len(PICTURE_COLUMNS)} and "`act_only`" not in text.partition("physics")[
        2
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_card_keeps_its_words_and_gets_the_measured_table(tmp_path: Path, monkeypatch, workers):
    """Only what lies between the marks changes, and only by what was measured, whoever measured it."""

    class Pool:
        """Processes that are none."""

        def __init__(self, count: int, prepare, given) -> None:
            assert count == workers and given[-1] is True
            prepare(*given[:-1])

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None: ...

        def imap(self, call, parts):
            return map(call, parts)

    def part(model: object, mode: str, seeds: range, **options: object) -> EvaluationReport:
        found = EvaluationReport(mode, 2, "usual", driven=[] if options["execution"] else None)
        for seed in seeds:
            found.accumulator.next_episode()
            numbers = {"psnr": 20.0, "copy_last_psnr": 18.0, "gain": 2.0, "ssim": 0.8, "copy_last_ssim": 0.7}
            found.accumulator.add(**numbers, moving_psnr=14.0, moving_gain=float(seed), latency=0.1)
            found.kinds.append("pick")
            found.expert.append(True)
            if found.driven is not None:
                found.driven.append(DrivenEpisode("pick", seed % 2 == 0, True))
        return found

    monkeypatch.setattr(subject.multiprocessing, "get_context", lambda _: SimpleNamespace(Pool=Pool))
    monkeypatch.setattr(subject, "MiniWAM", lambda *_: object())
    monkeypatch.setattr(subject, "measure", part)
    (tmp_path / "README.md").write_text(f"before\n{START}\nold\n{END}\nafter\n")
    found = grade(tmp_path, range(12), modes=("video", "act_only"), workers=workers)
    assert list(found) == ["video", "act_only"] and found["video"]["execution"] is None
    joint = found["act_only"]  # joint decides by the same path and need not drive as well
    assert joint["n"] == 12 and joint["seeds"] == "0:12" and joint["execution"]["success_rate"] == 0.5
    assert joint["video"]["moving_gain_db"] == 5.5 and joint["video"]["moving_gain_db_ci95"][0] > 3
    card = (tmp_path / "README.md").read_text()
    assert card == f"before\n{START}\n{table(found)}{END}\nafter\n"
    written = (tmp_path / "evaluation.json").read_text()
    assert json.loads(written) == found and '"moving_gain_db_ci95": [' in written  # a list of numbers is one line
    assert not any(line.strip().rstrip(",").replace(".", "").isdigit() for line in written.splitlines())


def test_the_shipped_example_was_imagined_by_the_shipped_weights():
    """The first thing that a visitor sees is what this model does, not what another one did."""
    import json

    from wamviz.models.mini.entry import digest_of
    from wamviz.ui.run_repository import EXAMPLE

    kept = json.loads((EXAMPLE / "rollout.json").read_text())
    assert kept["weights_digest"] == digest_of(checkpoint())
    assert kept["metrics"]["execution"]["success"] in (True, False) and kept["metrics"]["motion"]  # a rule chose it


def test_the_shipped_card_shows_the_shipped_results():
    """The card beside the weights is the one that its own ``evaluation.json`` makes."""
    import json

    folder = checkpoint()
    results = json.loads((folder / "evaluation.json").read_text())
    assert set(results) == set(capabilities().modes)
    assert table(results) in (folder / "README.md").read_text()
