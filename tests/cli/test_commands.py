"""The command line: what it prints, what it leaves behind, and how it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Command, Out
from wamviz.core.media import read_video, write_png
from wamviz.datasets import SHIPPED


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "context.png"
    write_png(path, np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))
    return path


def refused(result: Out, *says: str) -> None:
    """Exit 2, nothing on stdout, one line on stderr that holds every word of ``says``."""
    status, out, err = result
    assert status == 2, (status, out, err)
    assert out == ""
    lines = err.strip().splitlines()
    assert len(lines) == 1 and "Traceback" not in err, err
    for word in says:
        assert word in lines[0], err


def test_imagine_writes_the_files_of_a_run(wamviz: Command, picture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, text, err = wamviz(
        "imagine", "--model", "hold-still", "--context", picture, "--instruction", "lift the mug", "--samples", 2,
        "--seed", 7, "--out", out,
    )  # fmt: skip
    assert status == 0, err
    assert "imagine: step" in err
    assert {"rollout.mp4", "rollout-1.mp4", "rollout.npz", "rollout.json"} <= {file.name for file in out.iterdir()}
    with np.load(out / "rollout.npz", allow_pickle=False) as arrays:
        assert arrays["frames"].shape == (2, 17, 48, 64, 3) and arrays["frames"].dtype == np.uint8
        assert arrays["actions"].shape == (2, 16, 7) and arrays["actions"].dtype == np.float32
        assert float(arrays["video_fps"]) == float(arrays["action_fps"]) == 5
    facts = json.loads((out / "rollout.json").read_text())
    wanted = {"model": "hold-still", "mode": "joint", "instruction": "lift the mug", "seed": 7, "samples": 2}
    assert {name: facts[name] for name in wanted} == wanted
    assert facts["action_space"]["names"][0] == "dx" and facts["timings"]["total"] >= 0 and facts["versions"]
    frames, fps = read_video(out / "rollout.mp4")
    assert frames.shape == (17, 48, 64, 3) and fps == 5
    assert "rollout.mp4" in text


def test_a_model_without_the_usual_mode_answers_in_its_own(wamviz: Command, picture: Path, tmp_path: Path) -> None:
    words = ("--model", "copy-last-frame", "--context", picture, "--instruction", "wait")
    status, text, err = wamviz("imagine", *words, "--out", tmp_path / "out")
    assert status == 0 and "mode video" in text, err


def test_a_source_without_an_instruction_says_which_option_gives_it(
    wamviz: Command, picture: Path, tmp_path: Path
) -> None:
    refused(wamviz("imagine", "--context", picture, "--out", tmp_path / "out"), "instruction is empty", "--instruction")


def test_a_run_folder_is_a_context_again(wamviz: Command, picture: Path, tmp_path: Path) -> None:
    first = ["--model", "hold-still", "--instruction", "wait"]
    assert wamviz("imagine", *first, "--context", picture, "--out", tmp_path / "a")[0] == 0
    assert wamviz("imagine", *first[:2], "--context", tmp_path / "a", "--out", tmp_path / "b")[0] == 0
    assert json.loads((tmp_path / "b" / "rollout.json").read_text())["instruction"] == "wait"


def test_a_run_is_kept_under_the_id_that_is_printed(
    wamviz: Command, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAMVIZ_HOME", str(tmp_path / "home"))
    asked = ("imagine", "--model", "hold-still", "--context", picture, "--instruction", "a", "--out", tmp_path / "out")
    first, again = wamviz(*asked), wamviz(*asked)
    run_id = first[1].split()[1].rstrip(":")
    status, text, _ = wamviz("inspect", run_id)
    assert status == 0 and run_id in text
    assert "Replaced" not in first[1] and "Replaced the run that was in" in again[1]


def test_negative_seeds_get_the_reason(wamviz: Command, tmp_path: Path) -> None:
    refused(wamviz("generate", "--seeds", "-3:2", "--out", tmp_path / "set"), "-3")
    refused(wamviz("execute", "--seed", "-1", "--instruction", "a", "--out", tmp_path / "out"), "seed", "-1")


def test_a_horizon_lengthens_the_rollout_and_changes_the_run(wamviz: Command, picture: Path, tmp_path: Path) -> None:
    line = ["--model", "hold-still", "--instruction", "wait", "--context", picture]
    found = {}
    for name, asked in (("usual", []), ("same", ["--horizon", 16]), ("long", ["--horizon", 40])):
        assert wamviz("imagine", *line, *asked, "--out", tmp_path / name)[0] == 0
        found[name] = json.loads((tmp_path / name / "rollout.json").read_text())
    with np.load(tmp_path / "long" / "rollout.npz", allow_pickle=False) as arrays:
        assert arrays["frames"].shape[1] == 41 and arrays["actions"].shape[1] == 40
    assert found["usual"]["id"] == found["same"]["id"] != found["long"]["id"]
    assert found["same"]["horizon"] is None and found["long"]["horizon"] == 40


def test_inspect_gives_every_sentence_a_line_of_its_own(wamviz: Command) -> None:
    status, text, _ = wamviz("inspect", SHIPPED)
    told = json.loads(wamviz("inspect", SHIPPED, "--json")[1])["instructions"]
    assert status == 0 and any("," in one for one in told)
    assert set(told) <= {line.strip() for line in text.splitlines()}


def test_inspect_speaks_to_people_and_to_programs(wamviz: Command, picture: Path) -> None:
    status, text, _ = wamviz("inspect", picture)
    assert status == 0 and "64x48" in text
    status, text, _ = wamviz("inspect", picture, "--json")
    assert status == 0 and json.loads(text)["kind"] == "image"


def test_models_says_what_can_run_and_why_not(wamviz: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WAMVIZ_CHECKPOINT", str(tmp_path / "none"))
    status, text, _ = wamviz("models", "--json")
    rows = {row["id"]: row for row in json.loads(text)}
    assert status == 0 and {"mini-wam", "copy-last-frame", "hold-still"} <= rows.keys()
    assert rows["hold-still"]["runnable"] and rows["hold-still"]["missing"] is None
    assert not rows["mini-wam"]["runnable"] and "make train" in rows["mini-wam"]["missing"]
    status, text, _ = wamviz("models")
    assert status == 0 and "runs here: yes" in text and "runs here: no" in text


def test_doctor_always_answers(wamviz: Command) -> None:
    status, text, _ = wamviz("doctor")
    assert status == 0
    for part in ("python", "device", "renderer", "video", "disk"):
        assert part in text
    status, text, _ = wamviz("doctor", "--json")
    assert status == 0 and all({"name", "ok", "found", "fix"} <= check.keys() for check in json.loads(text))


def test_doctor_says_how_to_get_the_weights_of_lpips(
    wamviz: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without them the rest works, so nothing is called missing; a wrong file is named with what is wrong with it."""
    (tmp_path / "alex.pth").write_bytes(b"PK")
    for named, says in (("", "not part of wamviz"), (str(tmp_path / "alex.pth"), "'alex.pth'")):
        monkeypatch.setenv("WAMVIZ_LPIPS", named)
        checks = {check["name"]: check for check in json.loads(wamviz("doctor", "--json")[1])}
        assert not checks["lpips"]["ok"] and not checks["lpips"]["needed"] and says in checks["lpips"]["found"]
        assert "tools/convert_lpips.py" in checks["lpips"]["fix"]


@pytest.mark.parametrize(
    "command", ["imagine", "execute", "evaluate", "generate", "inspect", "models", "app", "doctor"]
)
def test_every_command_explains_itself(wamviz: Command, command: str) -> None:
    status, text, _ = wamviz(command, "--help")
    assert status == 0 and f"wamviz {command}" in text
    assert command in wamviz("--help")[1]


def test_the_version_is_told(wamviz: Command) -> None:
    assert wamviz("--version")[1].startswith("wamviz ")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", ["COMMAND"]),
        ("imagin", ["imagin", "Did you mean 'imagine'"]),
        ("imagine", ["--context", "--out"]),
        ("models --jsn", ["--jsn", "--json"]),
        ("inspect", ["SOURCE"]),
        ("inspect nowhere.png", ["nowhere.png", "tabletop:SEED"]),
        ("inspect tabletop:x", ["tabletop:x", "tabletop:SEED"]),
        ("inspect tabletop:1@99999", ["99999"]),
        ("inspect nowhere#3", ["nowhere"]),
        ("inspect {tmp}#3", ["meta/info.json"]),
        ("inspect 0123456789abcdef", ["0123456789abcdef"]),
        ("imagine --context {png} --out {tmp}/o --model mini-wan --instruction x", ["mini-wan", "mini-wam"]),
        ("imagine --context {png} --out {tmp}/o --model hold-still --mode joiint --instruction x", ["joiint", "joint"]),
        (
            "imagine --context {png} --out {tmp}/o --model hold-still --mode video --instruction x",
            ["video", "act_only"],
        ),
        ("imagine --context {png} --out {tmp}/o --model hold-still --seed x", ["--seed", "x"]),
        ("imagine --context {png} --out {tmp}/o --model hold-still --seed -1", ["seed", "-1"]),
        ("imagine --context {png} --out {tmp}/o --model hold-still --samples 99", ["99"]),
        ("imagine --context {png} --out {tmp}/o --model hold-still --steps 0", ["0"]),
        ("imagine --context {png} --out {tmp}/o --model hold-still --horizon 0", ["horizon", "0"]),
        ("imagine --context {png} --out {tmp}/o --model hold-still --instruction x --horizon 999", ["999", "128"]),
        ("imagine --context {png} --out {tmp}/o --model hold-still --guidance nan", ["Guidance", "nan"]),
        ("imagine --context {png} --out {tmp}/o --model hold-still --guidance 3 --instruction x", ["no guidance"]),
        ("imagine --context {png} --out {tmp}/o --model hold-still --device tpu", ["tpu", "cpu"]),
        ("imagine --context {png} --out {png} --model hold-still", ["is a file"]),
        ("imagine --context {txt} --out {tmp}/o --model hold-still", ["text.png"]),
        ("imagine --context {tmp}/none.png --out {tmp}/o --model hold-still", ["none.png"]),
        ("imagine --context {png} --out {tmp}/o --model hold-still --actions {tmp}/a.npz", ["forward_dynamics"]),
        ("imagine --context {png} --out {tmp}/o --model hold-still --video {tmp}/a.mp4", ["inverse_dynamics"]),
        ("execute --seed 1 --model copy-last-frame --mode video --out {tmp}/o", ["cannot be executed", "hold-still"]),
        ("execute --seed one --model hold-still --out {tmp}/o", ["--seed", "one"]),
        ("evaluate --model hold-still --seeds 5 --json {tmp}", ["folder"]),
        ("evaluate --model hold-still --seeds 9:3 --json {tmp}/x.json", ["9:3"]),
        ("generate --seeds 1:2 --out {png}", ["is a file"]),
        ("generate --seeds 1:2 --workers 0 --out {tmp}/o", ["--workers 0"]),
        ("app --port 99999", ["99999"]),
        ("app --host no.such.host.invalid", ["no.such.host.invalid"]),
    ],
)
def test_bad_input_is_refused_in_one_line(
    wamviz: Command, picture: Path, tmp_path: Path, line: str, says: list[str]
) -> None:
    text = tmp_path / "text.png"
    text.write_text("this is no picture")
    words = line.format(png=picture, tmp=tmp_path, txt=text).split()
    refused(wamviz(*words), *says)
    assert not (tmp_path / "o").exists()


def test_a_folder_without_permission_is_refused_before_any_work(
    wamviz: Command, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # a test run as root may write everywhere
    line = ["--context", picture, "--model", "hold-still", "--instruction", "x", "--out", tmp_path / "o"]
    refused(wamviz("imagine", *line), "Nothing can be written")


def test_a_full_disk_is_one_line(
    wamviz: Command, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "rollout.npz")

    monkeypatch.setattr("wamviz.runs.store.write_run", full)
    line = ["--context", picture, "--model", "hold-still", "--instruction", "x", "--out", tmp_path / "o"]
    status, _, err = wamviz("imagine", *line)
    assert status == 2 and err.strip().splitlines()[-1] == "wamviz: No space left on device 'rollout.npz'."


def test_a_mistake_of_ours_is_no_traceback(wamviz: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("wamviz.cli.models.run", broken)
    status, out, err = wamviz("models")
    assert status == 1 and out == "" and err.count("\n") == 1 and "two lines" in err


def test_a_missing_package_is_named(wamviz: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("wamviz.cli.models.run", lacking)
    refused(wamviz("models"), "torch", "pip install")


def test_an_interrupt_ends_cleanly(wamviz: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("wamviz.cli.models.run", stopped)
    status, out, err = wamviz("models")
    assert status == 130 and err.strip() == "Stopped."


@pytest.mark.parametrize(("number", "ends"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_of_the_whole_program_is_answered(root: Path, number: signal.Signals, ends: int) -> None:
    # The program tells when it waits; only then is it interrupted, so nothing here depends on time.
    code = (
        "import time, wamviz.cli.models as models\n"
        "from wamviz.cli import main\n"
        "def wait(args):\n"
        "    print('waiting', flush=True)\n"
        "    time.sleep(60)\n"
        "models.run = wait\n"
        "raise SystemExit(main(['models']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "waiting\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == ends and err.strip() == "Stopped."


def test_a_reader_that_goes_away_is_no_mistake(root: Path) -> None:
    command = f"{sys.executable} -m wamviz models | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == ""


def test_a_port_in_use_is_told_before_the_page_is_built(wamviz: Command) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        refused(wamviz("app", "--port", port), str(port), f"--port {port + 1}")
