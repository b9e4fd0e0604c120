"""`export` from the command line: by id and by folder, refused early, and readable by `inspect` and `imagine`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from wamviz import cli
from wamviz.runs.sources import resolve

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ``home`` that keeps one run of the control `hold-still`, and that ``run`` beside it."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAMVIZ_HOME", str(folder / "home"))
        words = ["--model", "hold-still", "--context", f"{ROOT}/assets/episodes#0@2", "--out", str(folder / "run")]
        assert cli.main(["imagine", *words]) == 0
    return folder


@pytest.fixture
def kept(made: Path, home: Path, tmp_path: Path) -> tuple[str, Path]:
    """(id, folder) of that run, kept in this test's home."""
    shutil.copytree(made / "home", home)
    folder = Path(shutil.copytree(made / "run", tmp_path / "run"))
    return json.loads((folder / "rollout.json").read_text())["id"], folder


def test_by_id_and_by_folder(kept: tuple[str, Path], tmp_path: Path, wamviz: Command) -> None:
    name, folder = kept
    for run, out in ((name, tmp_path / "a"), (folder, tmp_path / "b")):
        status, text, err = wamviz("export", run, "--format", "lerobot", "--out", out)
        assert status == 0, err
        assert "2 datasets" in text and "1 imagined" in text and "1 recorded" in text
    status, text, _ = wamviz("inspect", f"{tmp_path}/a/imagined#0", "--json")
    facts = json.loads(text)
    assert status == 0 and facts["origin"] == facts["what_follows"]["origin"] == "imagined"
    assert facts["facts"]["run"] == name and facts["facts"]["model"] == "hold-still"


def test_imagined_frames_are_a_context_but_never_a_reference(
    kept: tuple[str, Path], tmp_path: Path, wamviz: Command
) -> None:
    assert wamviz("export", kept[0], "--out", tmp_path / "a")[0] == 0
    assert resolve(f"{tmp_path}/a/imagined#0@1").reference is None
    reference = resolve(f"{tmp_path}/a/recorded#0@1").reference
    assert reference is not None and reference.origin == "recorded"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["0123456789abcdef"], "No run 0123456789abcdef is kept here"),
        (["nonsense"], "'nonsense' is no run"),
        (["RUN", "--format", "lerobt"], "Did you mean 'lerobot'"),
        (["RUN", "--format", "rrd", "--only", "imagned"], "Did you mean 'imagined'"),
        (["RUN", "--only", "imagned"], "Did you mean 'imagined'"),
        (["RUN", "--only", "executed"], "no executed rollout"),
        ([], "No run was named. Give a run's id or its folder, or --all. Kept are, newest first: "),
        (["RUN", "--all"], "Runs were named beside --all"),
    ],
)
def test_refusals_are_one_line(
    kept: tuple[str, Path], words: list[str], says: str, tmp_path: Path, wamviz: Command
) -> None:
    words = [kept[0] if word == "RUN" else word for word in words]
    status, _, err = wamviz("export", *words, "--out", tmp_path / "d")
    assert status == 2 and says in err and not (tmp_path / "d").exists()


def test_a_folder_in_use_needs_force(kept: tuple[str, Path], tmp_path: Path, wamviz: Command) -> None:
    words = ["export", kept[0], "--without-states", "--out", tmp_path / "d"]
    assert wamviz(*words)[0] == 0
    status, _, err = wamviz(*words)
    assert status == 2 and "--force" in err
    assert wamviz(*words, "--force")[0] == 0


def test_ctrl_c_is_answered_in_words(
    kept: tuple[str, Path], tmp_path: Path, wamviz: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("wamviz.runs.store.episodes.move_into_place", stopped)
    status, _, err = wamviz("export", kept[0], "--out", tmp_path / "d")
    assert status == 130 and "nothing was written" in err
    assert not (tmp_path / "d").exists() and not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_rates_are_told_and_listed(kept: tuple[str, Path], tmp_path: Path, wamviz: Command) -> None:
    """A run at 5 Hz and one at 15 Hz in one command: a dataset a rate, each named in what is printed."""
    from dataclasses import replace

    from wamviz.runs.store import read_run, write_run

    run = replace(read_run(kept[1]), reference=None)
    quick = [
        replace(one, fps=15.0, action_space=replace(one.action_space, rate=15.0))
        for one in run.imagined
        if one.action_space is not None
    ]
    write_run(tmp_path / "quick", replace(run, id="0123456789abcdef", imagined=tuple(quick)))
    out = tmp_path / "d"
    status, text, err = wamviz("export", kept[1], tmp_path / "quick", "--only", "imagined", "--out", out)
    assert status == 0, err
    assert "go at 5 and 15 rows a second" in text and f"{out}/5hz: 5 rows" in text and f"{out}/15hz: 15 rows" in text
    for name, fps in (("5hz", 5.0), ("15hz", 15.0)):
        status, facts, _ = wamviz("inspect", f"{out}/{name}", "--json")
        assert status == 0 and json.loads(facts)["fps"] == fps


def test_all_kept_runs_are_exported_at_once(
    kept: tuple[str, Path], root: Path, tmp_path: Path, wamviz: Command
) -> None:
    """What History shows, each run with its provenance; without any kept run a sentence."""
    context = f"{root}/assets/episodes#1@2"
    status, _, err = wamviz("imagine", "--model", "hold-still", "--context", context, "--out", tmp_path / "second")
    assert status == 0, err
    second = json.loads((tmp_path / "second/rollout.json").read_text())["id"]
    out = tmp_path / "d"
    status, text, err = wamviz("export", "--all", "--only", "imagined", "--out", out)
    assert status == 0 and "2 imagined" in text, err
    told = json.loads((out / "meta/wamviz.json").read_text())["episodes"]
    assert {episode["run"] for episode in told} == {kept[0], second}


def test_all_of_nothing_is_refused(home: Path, tmp_path: Path, wamviz: Command) -> None:
    status, _, err = wamviz("export", "--all", "--out", tmp_path / "d")
    assert status == 2 and "Nothing is kept yet" in err and err.count("\n") == 1


def test_one_odd_run_does_not_hold_up_the_others(
    kept: tuple[str, Path], home: Path, tmp_path: Path, wamviz: Command
) -> None:
    """LeRobot has no place for frames that are finer than their actions; all others are written, and that is said."""
    from dataclasses import replace

    from wamviz.runs.store import Store, read_run

    run = read_run(kept[1])
    odd = replace(run, id="0123456789abcdef", imagined=(replace(run.imagined[0], fps=24.0),), reference=None)
    Store().save(odd)
    out = tmp_path / "d"
    status, text, err = wamviz("export", "--all", "--only", "imagined", "--out", out)
    assert status == 0, err
    assert "1 episode (1 imagined)" in text and "Left out: The imagined sample 0 of run 0123456789abcdef" in text
    status, _, err = wamviz("export", odd.id, kept[0], "--only", "imagined", "--out", tmp_path / "e")
    assert status == 2 and "0123456789abcdef" in err and not (tmp_path / "e").exists()
