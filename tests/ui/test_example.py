"""The examples of the first page: chosen by a rule, small, and shown with what the simulator made of them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from wamviz.models import registry
from wamviz.runs.store import Store, read_run
from wamviz.ui import example
from wamviz.ui.pages.imagine import view
from wamviz.ui.run_repository import EXAMPLES, TASKS, RunRepository
from wamviz.ui.scenes import Card, Scenes

SIX_MB = 6_000_000


class Cards:
    """Scenes of which only the cards are asked for."""

    def cards(self) -> list[Card]:
        return [Card(number, kind, "", "") for number, kind in enumerate(("push", "pick", "push", "lever", "pick"))]


def test_the_rule_takes_the_first_episode_of_each_task() -> None:
    assert example.first_of_each(Cards()) == {"lever": 3, "pick": 1, "push": 0}  # type: ignore[arg-type]


def test_the_shipped_examples_follow_the_rule() -> None:
    """One of each task, from the first frame of its first episode, seed 0, one sample, as default, executed."""
    repository, first = RunRepository(), example.first_of_each(Scenes())
    assert list(repository.examples) == list(TASKS) == list(first)
    model = registry.entry("mini-wam").capabilities
    for task, run_id in repository.examples.items():
        run = repository.load(run_id)
        assert run.source == f"assets/episodes#{first[task]}@0"
        assert (run.model, run.mode, run.seed, run.samples) == ("mini-wam", model.modes[0], 0, 1)
        assert (run.steps, run.horizon, run.guidance) == (model.default_steps, None, 1.0)
        assert run.executed is not None and run.executed.frames is not None and run.imagined[0].frames is not None
        assert run.metrics["picture"]["arm_iou"] is not None
    assert sum(path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()) < SIX_MB


def test_the_page_names_the_rule_and_offers_every_example(tmp_path: Path) -> None:
    text = json.dumps(view.examples(RunRepository()))
    assert "first shipped episode of each task" in text and "seed 0" in text
    assert all(run_id in text for run_id in RunRepository().examples.values())
    assert view.examples(RunRepository(Store(tmp_path / "runs"), tmp_path / "none")) == []


def test_a_damaged_example_gives_way_to_the_next(tmp_path: Path) -> None:
    """The page opens all the same."""
    folder = next(folder for folder in EXAMPLES.iterdir() if (folder / "rollout.json").is_file())
    for task in ("lever", "pick"):
        shutil.copytree(folder, tmp_path / task)
    facts = json.loads((tmp_path / "pick" / "rollout.json").read_text())
    (tmp_path / "pick" / "rollout.json").write_text(json.dumps({**facts, "id": "0123456789abcdef"}))
    repository = RunRepository(Store(tmp_path / "runs"), tmp_path)
    assert list(repository.examples) == ["lever", "pick"] and repository.example is not None
    assert repository.example.id == read_run(folder).id
    (tmp_path / "lever" / "rollout.npz").write_bytes(b"")
    assert repository.example is not None and repository.example.id == "0123456789abcdef"


def test_an_example_that_is_taken_away_is_kept_first(tmp_path: Path) -> None:
    """Examples are read-only; a download or an execution makes a kept run of one."""
    repository = RunRepository(Store(tmp_path / "runs"))
    run_id = next(iter(repository.examples.values()))
    assert repository.list() == []
    assert repository.export(run_id, "csv").is_file()
    assert [run.id for run in repository.list()] == [run_id]
    kept, given = repository.store.load(run_id), read_run(repository._folders[run_id])
    assert kept.metrics == given.metrics and kept.imagined[0].frames is not None


def test_the_command_writes_what_the_page_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One task at a time is possible; a task that is none is refused before anything is made."""
    assert example.main(["--tasks", "juggle", "--out", str(tmp_path)]) == 2
    assert "juggle" in capsys.readouterr().err and not list(tmp_path.iterdir())
    assert example.main(["--model", "hold-still", "--tasks", "push", "--out", str(tmp_path)]) == 0
    repository = RunRepository(Store(tmp_path / "runs"), tmp_path)
    assert (
        list(repository.examples) == ["push"]
        and repository.example is not None
        and repository.example.executed is not None
    )
    assert f"push: run {repository.example.id} by hold-still" in capsys.readouterr().out


def test_an_example_that_is_imagined_anew_keeps_its_execution(tmp_path: Path) -> None:
    """The same question is the same run; from then on its files are served out of the store, its execution too."""
    repository = RunRepository(Store(tmp_path / "runs"))
    example = repository.example
    if example is None or example.executed is None:
        pytest.skip("There are no executed examples.")
    repository.keep(replace(example, executed=None))
    assert repository.folder(example.id) == tmp_path / "runs" / example.id
    again = repository.example
    assert again is not None and again.executed is not None
    assert (repository.folder(example.id) / "executed.mp4").is_file()
