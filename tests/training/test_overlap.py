"""Recording beside training: the order, the shares of the minutes, and the whole of it, tiny."""

from __future__ import annotations

import json
import math
import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.conftest import MINUTES
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ImagineRequest, Observation
from wamviz.models.mini.entry import capabilities
from wamviz.models.mini.wam import MiniWAM
from wamviz.models.protocol import collect
from wamviz.training import corpus
from wamviz.training import overlap as subject
from wamviz.training.budget import Budget, Deadline, OutOfTime
from wamviz.training.overlap import STAGES, Clock, TrainingSchedule, Watched, await_shards
from wamviz.training.pipeline import run
from wamviz.training.recipe import HELD_OUT, MOVES, Recipe
from wamviz.training.state import save_state


class Left(Deadline):
    """A deadline that stays as far away as it was."""

    def __init__(self, minutes: float) -> None:
        super().__init__(soft=True)
        self.minutes = minutes

    @property
    def minutes_left(self) -> float:
        return self.minutes


class Idle:
    """A background in which nothing happens, or something went wrong."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def check(self) -> None:
        if self.error is not None:
            raise self.error


def spend(work: Path, part: str, minutes: float) -> None:
    save_state(work / f"{part}.safetensors", [], {"spent": 60 * minutes}, {"any": torch.zeros(1)})


def make_recipe(folder: Path, **choices) -> Recipe:
    told = {"painter_minutes": 4.0, "detector_minutes": 2.0, "denoiser_minutes": 3.0, "recovery_minutes": 1.0}
    return Recipe(folder, folder / "out", **told | choices)


def test_unseen_episodes_come_first_and_the_others_take_turns(tmp_path):
    """Shards of 25, the last ones smaller; when one kind is through, the other goes on."""
    recipe = make_recipe(tmp_path, held_out=30, episodes=60, moves=110)
    jobs = [(Path(job[0]).name, job[1], job[2], job[4]) for _, job in TrainingSchedule.of(recipe).jobs()]
    assert jobs[:2] == [("validation", HELD_OUT, 25, 12), ("validation", HELD_OUT + 25, 5, 12)]
    assert [name for name, *_ in jobs[2:]] == ["shards", "moves"] * 3 + ["moves"] * 2
    assert jobs[-1] == ("moves", MOVES + 100, 10, 0) and jobs[6] == ("shards", 50, 10, 12)


def test_every_stage_gets_its_minutes_where_they_fit(tmp_path):
    """The denoiser's last stage counts from its first; without recoveries there is none."""
    clock = Clock(make_recipe(tmp_path), Left(10))
    assert [clock.budget(stage) for stage in STAGES] == [Budget(4.0), Budget(2.0), Budget(3.0), Budget(4.0)]
    none = Clock(make_recipe(tmp_path, recoveries=0), Left(math.inf))
    assert none.needs()["recovery"] == 0 and none.budget("recovery") == Budget(3.0)


def test_too_few_minutes_are_shared_alike(tmp_path):
    """Five minutes for ten: half of each; what was spent before is kept and only the rest is halved."""
    clock = Clock(make_recipe(tmp_path), Left(5))
    assert clock.budget("painter") == Budget(2.0)
    spend(tmp_path, "painter", 4.0)
    spend(tmp_path, "detector", 1.0)
    assert clock.needs() == {"painter": 0.0, "detector": 1.0, "denoiser": 3.0, "recovery": 1.0}
    assert Clock(clock.recipe, Left(2.5)).budget("detector") == Budget(1.5)
    spend(tmp_path, "denoiser", 3.5)
    assert Clock(clock.recipe, Left(0.25)).budget("recovery") == Budget(3.75)
    assert Clock(clock.recipe, Left(0.25)).budget("painter") == Budget(4 * 1.0)
    assert clock.needs()["denoiser"] == 0 and clock.needs()["recovery"] == 0.5


def test_shards_that_never_come_are_not_waited_for(tmp_path):
    """The deadline, or what went wrong, ends the waiting; what is there needs none."""
    there = tmp_path / "there"
    there.touch()
    assert await_shards([there], Idle(), Deadline(-1)) == [there]
    with pytest.raises(OutOfTime):
        await_shards([tmp_path / "never"], Idle(), Deadline(-1))
    with pytest.raises(WamvizError, match="no disk"):
        await_shards([tmp_path / "never"], Idle(WamvizError("no disk")), Deadline())


def test_a_loop_hears_that_recording_failed():
    """Every look at the deadline is one at the background."""
    assert not Watched(None, Idle()).passed and Watched(-1, Idle()).passed and Watched(1, Idle()).soft
    with pytest.raises(WamvizError, match="no disk"):
        Watched(None, Idle(WamvizError("no disk"))).passed  # noqa: B018 - it raises


class AfterThePainter(Watched):
    """Passes when the painter has been trained."""

    work: Path

    @property
    def passed(self) -> bool:
        return super().passed or (self.work / "painter.safetensors").exists()


@pytest.mark.slow
def test_it_records_while_it_trains_and_exports_what_it_has(tmp_path, small_parts, monkeypatch):
    """A stage takes in shards that appear while it is on; a limit cuts stages short, and the next call goes on."""
    monkeypatch.setattr(corpus, "SHARD", 1)
    monkeypatch.setattr(subject, "FIRST", 1)
    monkeypatch.setattr(subject, "RECOVERED", 1)
    work = tmp_path / "work"
    recipe = Recipe(
        work, tmp_path / "out", tmp_path / "parts", episodes=3, moves=2, held_out=2, views=4, batch=4, pictures=2,
        workers=2, recoveries=1, device="cpu", graded=0, overlap=True, limit=0.001, **MINUTES,
    )  # fmt: skip
    with pytest.raises(OutOfTime):
        run(recipe)
    assert not recipe.out.exists() and not multiprocessing.active_children()  # nothing was there to learn from
    recipe = replace(recipe, limit=None)

    train, begun_with = subject.train_painter, []

    def train_once_more_is_there(painter, pictures, *others, **choices) -> None:
        begun_with.append(pictures.shards)
        await_shards(drawn, choices["deadline"].background, choices["deadline"])  # they come while this stage is on
        while pictures.shards < len(drawn):
            assert not choices["deadline"].passed
        train(painter, pictures, *others, **choices)

    drawn = corpus.shard_paths(TrainingSchedule.of(recipe).drawn)
    monkeypatch.setattr(subject, "train_painter", train_once_more_is_there)
    AfterThePainter.work = work
    with monkeypatch.context() as early:
        early.setattr(subject, "Watched", AfterThePainter)
        with pytest.raises(OutOfTime, match="detector, denoiser, recovery short; the weights are exported"):
            run(recipe)
    assert begun_with == [1] and not multiprocessing.active_children()
    told = json.loads((recipe.out / "training.json").read_text())
    assert told["cut_short"] == ["detector", "denoiser", "recovery"]
    assert told["episodes"] == 3 and told["painter_minutes"] > 0 == told["detector_minutes"] == told["recoveries"]
    assert [part.name for part in (tmp_path / "parts").iterdir()] == ["mini-wam.tar.00"]
    stamp = (work / "painter.safetensors").stat().st_mtime_ns

    learn, recovered = subject.train_denoiser, work / "recoveries" / "shard-0300000.npz"

    def learn_once_recovered(*parts, **choices) -> None:
        if (work / "driver").exists():  # they come while its second stage is on
            await_shards([recovered], choices["deadline"].background, choices["deadline"])
        learn(*parts, **choices)

    monkeypatch.setattr(subject, "train_denoiser", learn_once_recovered)
    assert run(recipe) == recipe.out and not multiprocessing.active_children()
    assert (work / "painter.safetensors").stat().st_mtime_ns == stamp  # it was finished
    told = json.loads((recipe.out / "training.json").read_text())
    assert "cut_short" not in told and told["recoveries"] == 1 and told["moves"] >= 1
    phases = {row["phase"] for row in json.loads((recipe.out / "curves.json").read_text())}
    assert phases == {f"{part} validation" for part in ("painter", "detector", "denoiser")}
    context = Observation({"exterior": np.zeros((64, 64, 3), np.uint8)}, "pick up the orange")
    (rollout,) = collect(MiniWAM(recipe.out, capabilities(), "cpu"), ImagineRequest(context, horizon=3)).rollouts
    assert rollout.frames.shape == (4, 256, 256, 3) and rollout.actions.shape == (3, 7)
