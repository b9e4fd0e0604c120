"""``compare`` and the reading of a run's own video, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wamviz.models import registry

SCENE = "tabletop:1000100"
WEIGHTS = registry.entry("mini-wam").missing() is None
pytestmark = pytest.mark.usefixtures("home")


def test_every_contender_has_its_folder_and_its_line(wamviz, tmp_path):
    """Latency and real-time factor stand beside each, in words and in the file."""
    out = tmp_path / "out"
    status, text, err = wamviz("compare", "hold-still", "copy-last-frame", "--context", SCENE, "--out", out)
    assert status == 0, err
    lines = text.splitlines()
    assert lines[0].startswith("hold-still, ") and "times real time" in lines[0]
    assert lines[1].startswith("copy-last-frame, video: run ") and "PSNR" in lines[1]
    facts = json.loads((out / "comparison.json").read_text())
    assert [one["model"] for one in facts["contenders"]] == ["hold-still", "copy-last-frame"]
    assert all(one["real_time_factor"] > 0 and one["latency_s"] > 0 for one in facts["contenders"])
    assert (out / "2-copy-last-frame-video" / "rollout.mp4").is_file()
    status, text, _ = wamviz("inspect", facts["contenders"][1]["run"])
    assert status == 0 and "copy-last-frame" in text, "each is kept like any run"


def test_one_that_fails_is_told_and_all_that_fail_end_it(wamviz, tmp_path):
    """Exit 0 while one answers, 2 with every reason when none does."""
    picture = Path(__file__).resolve().parents[2] / "docs" / "screenshot.jpg"
    asked = ("--context", picture, "--instruction", "lift the mug", "--out", tmp_path / "out")
    failing = "mini-wam:forward_dynamics"
    status, text, err = wamviz("compare", failing, "copy-last-frame", *asked)
    assert status == 0 and "failed. Forward dynamics needs actions" in text
    status, text, err = wamviz("compare", failing, "mini-wam:inverse_dynamics", *asked)
    assert status == 2 and "None of them" in err and "needs actions" in err and "needs a video" in err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["hold-still"], "Two to 4 contenders"),
        (["hold-still", "hold-stil:act_only"], "Did you mean 'hold-still'"),
        (["hold-still", "copy-last-frame", "--seconds", "-1"], "above 0"),
        (["hold-still", "copy-last-frame", "--seconds", "nan"], "above 0"),
    ],
)
def test_what_cannot_be_compared_is_refused(wamviz, tmp_path, words, why):
    """One line, exit 2, and nothing is written."""
    status, out, err = wamviz("compare", *words, "--context", SCENE, "--out", tmp_path / "out")
    assert status == 2 and out == "" and why in err and len(err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not WEIGHTS, reason="needs the shipped weights")
def test_a_runs_own_video_gains_actions(wamviz, tmp_path):
    """Inverse dynamics of a run reads the run's video, and says whose is whose."""
    asked = ("--model", "mini-wam", "--context", SCENE, "--horizon", "16")
    assert wamviz("imagine", *asked, "--mode", "video", "--out", tmp_path / "video")[0] == 0
    read = ("--model", "mini-wam", "--mode", "inverse_dynamics", "--context", tmp_path / "video")
    status, text, err = wamviz("imagine", *read, "--out", tmp_path / "read")
    assert status == 0, err
    assert "Note: The video was imagined by mini-wam" in text
    facts = json.loads((tmp_path / "read" / "rollout.json").read_text())
    assert facts["mode"] == "inverse_dynamics" and (tmp_path / "read" / "rollout.mp4").is_file()
    assert wamviz("imagine", *asked, "--mode", "act_only", "--out", tmp_path / "acting")[0] == 0
    status, _, err = wamviz("imagine", *read[:-1], tmp_path / "acting", "--out", tmp_path / "no")
    assert status == 2 and "no imagined video" in err
