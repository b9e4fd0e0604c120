"""Training while the episodes are being recorded: for machines whose minutes are too dear to wait in.

Processes record from the first second to the last: unseen episodes, then episodes with and without pictures in turn,
then, once the denoiser can drive, recoveries before anything else. Each stage begins with the shards that are there and
takes in what appears. Budgets shrink alike when the limit would not hold them all, and a stage that the limit still
catches stops there: averaged weights of every stage are always exported.

Not repeatable to the bit: what a stage has seen depends on how fast the machine records. Its first weights and the
statistics in them do not; they come from the first shards alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import torch

from wamviz.core.devices import pick
from wamviz.training import parts
from wamviz.training.background import Background, Job
from wamviz.training.budget import Budget, Deadline, OutOfTime
from wamviz.training.command import GOES_ON
from wamviz.training.corpus import ShardJob, collect_shard, shard_jobs, shard_paths
from wamviz.training.denoiser import train_denoiser
from wamviz.training.detector import train_detector
from wamviz.training.export import finish
from wamviz.training.joining import grow_moves, grow_pictures
from wamviz.training.moves import Moves
from wamviz.training.painter import load_pictures, train_painter
from wamviz.training.recipe import HELD_OUT, MOVES, RECOVERIES, Recipe
from wamviz.training.recoveries import RecoveryJob, recover_shard, recovery_jobs, recovery_paths
from wamviz.training.state import read_facts

FIRST = 4  # shards of each kind that training waits for
RECOVERED = 5  # recoveries a shard: they are waited for
EXPORT_MINUTES = 0.8  # kept for exporting, or a tenth of the limit where that is less
STAGES = ("painter", "detector", "denoiser", "recovery")
_LOOK = 0.25  # s between two looks whether a shard is there


@dataclass(frozen=True)
class TrainingSchedule:
    """What is recorded, in order."""

    unseen: list[ShardJob]
    drawn: list[ShardJob]
    moved: list[ShardJob]

    @classmethod
    def of(cls, recipe: Recipe) -> TrainingSchedule:
        """The shards of a recipe."""
        work, views = recipe.work, recipe.views
        held_out = range(HELD_OUT, HELD_OUT + recipe.held_out)
        return cls(
            shard_jobs(work / "validation", held_out, views=views),
            shard_jobs(work / "shards", range(recipe.episodes), views=views),
            shard_jobs(work / "moves", range(MOVES, MOVES + recipe.moves), views=0),
        )

    def jobs(self) -> list[Job]:
        """Unseen ones first, then the others in turn."""
        turns = chain.from_iterable(zip_longest(self.drawn, self.moved))
        return [(collect_shard, job) for job in (*self.unseen, *(job for job in turns if job is not None))]


@dataclass(frozen=True)
class Clock:
    """Shares out what the limit leaves among the stages, in minutes."""

    recipe: Recipe
    deadline: Deadline

    def totals(self) -> dict[str, float]:
        """How long each stage may train in all; ``recovery`` goes on where ``denoiser`` ends."""
        recipe = self.recipe
        whole = recipe.denoiser_minutes + (recipe.recovery_minutes if recipe.recoveries else 0.0)
        minutes = (recipe.painter_minutes, recipe.detector_minutes, recipe.denoiser_minutes, whole)
        return dict(zip(STAGES, minutes, strict=True))

    def needs(self) -> dict[str, float]:
        """How long each stage still has to train."""
        totals, spent = self.totals(), {part: minutes_spent(self.recipe.work, part) for part in STAGES[:3]}
        left = {part: max(0.0, totals[part] - spent[part]) for part in spent}
        begun = min(max(spent["denoiser"], totals["denoiser"]), totals["recovery"])
        return left | {"recovery": totals["recovery"] - begun}

    def budget(self, stage: str) -> Budget:
        """The minutes of a stage, those of earlier runs among them: all of them, or its share of what is left."""
        needs, total = self.needs(), self.totals()[stage]
        later = sum(needs[name] for name in STAGES[STAGES.index(stage) :])
        if later <= self.deadline.minutes_left:
            return Budget(total)
        spent = total - needs[stage]
        return Budget(max(spent + needs[stage] * self.deadline.minutes_left / later, 1e-3))


def minutes_spent(work: Path, part: str) -> float:
    """Minutes that a part has trained for so far."""
    file = work / f"{part}.safetensors"
    return float(read_facts(file)["spent"]) / 60 if file.exists() else 0.0


def await_shards(paths: Iterable[Path], background: Background, deadline: Deadline) -> list[Path]:
    """Wait until all of ``paths`` are there, and return them.

    Raises:
        OutOfTime: the deadline came first. Whatever recording failed with is raised as well.
    """
    paths = list(paths)
    while not all(path.exists() for path in paths):
        background.check()
        deadline.check()
        time.sleep(_LOOK)
    return paths


class Watched(Deadline):
    """A soft deadline that also notices that recording failed, since every loop looks at it."""

    def __init__(self, minutes: float | None, background: Background) -> None:
        super().__init__(minutes, soft=True)
        self.background = background

    @property
    def passed(self) -> bool:
        """Whether it is over; raises what recording failed with."""
        self.background.check()
        return super().passed


def run_overlapped(recipe: Recipe) -> Path:
    """Record and train at once, export, and return the pipeline folder.

    Raises:
        OutOfTime: the limit cut a stage short. What was learnt by then is exported all the same, unless the limit came
            before the first episodes; the same call goes on.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(max(1, cores - recipe.workers))
    device, plan, work = torch.device(pick(recipe.device)), TrainingSchedule.of(recipe), recipe.work
    unseen, drawn, moved = (shard_paths(jobs) for jobs in (plan.unseen, plan.drawn, plan.moved))
    with Background(recipe.workers) as background:
        limit = None if recipe.limit is None else recipe.limit - min(EXPORT_MINUTES, recipe.limit / 10)
        clock = Clock(recipe, Watched(limit, background))
        background.add(plan.jobs())
        painter = parts.start_painter(recipe.seed).to(device)
        await_shards([*unseen, *drawn[:FIRST], *moved[:FIRST]], background, clock.deadline)
        held_out, unseen_moves = load_pictures(unseen), Moves(unseen)
        pictures, moves = grow_pictures(drawn[:FIRST], drawn), grow_moves(drawn[:FIRST] + moved[:FIRST], drawn + moved)
        detector = parts.start_detector(pictures.latest, recipe.seed).to(device)
        model, tokenizer = parts.start_denoiser(moves.latest, recipe.seed)
        model.to(device)
        common: dict[str, Any] = {"seed": recipe.seed, "log": recipe.log, "deadline": clock.deadline}
        frames = {**common, "batch": recipe.pictures}
        windows = {**common, "batch": recipe.batch, "peak": recipe.peak}
        with pictures, moves:
            train_painter(painter, pictures, held_out, work, budget=clock.budget("painter"), **frames)
            train_detector(detector, pictures, held_out, work, budget=clock.budget("detector"), **frames)
            train_denoiser(model, tokenizer, moves, unseen_moves, work, budget=clock.budget("denoiser"), **windows)
            if recipe.recoveries and not clock.deadline.passed:
                driver = work / "driver"
                parts.assemble(detector, painter, model, tokenizer).save_pretrained(driver)
                jobs = plan_recoveries(recipe, driver)
                background.add([(recover_shard, job) for job in jobs], urgent=True)
                moves.expect(recovery_paths(jobs))
                train_denoiser(model, tokenizer, moves, unseen_moves, work, budget=clock.budget("recovery"), **windows)
    torch.set_num_threads(cores)
    late = [stage for stage, minutes in clock.needs().items() if minutes > 0]
    pipeline = parts.assemble(detector, painter, model, tokenizer)
    folder = finish(pipeline, recipe, pictures.latest, held_out, unseen, describe_outcome(recipe, plan, late))
    if late:
        raise OutOfTime(f"the limit cut {', '.join(late)} short; the weights are exported as they are; {GOES_ON}")
    return folder


def plan_recoveries(recipe: Recipe, driver: Path) -> list[RecoveryJob]:
    """The recoveries from the mistakes of the pipeline in the folder ``driver``."""
    if not recipe.recoveries:
        return []
    seeds = range(RECOVERIES, RECOVERIES + recipe.recoveries)
    return recovery_jobs(driver, recipe.work / "recoveries", seeds, shard=RECOVERED)


def describe_outcome(recipe: Recipe, plan: TrainingSchedule, late: Sequence[str]) -> dict[str, Any]:
    """What was really recorded and trained, in place of what the recipe had in mind, and which stages were ``late``."""

    def episodes(counts: Iterable[int], paths: Iterable[Path]) -> int:
        return sum(count for count, path in zip(counts, paths, strict=True) if path.exists())

    recoveries = plan_recoveries(recipe, recipe.work / "driver")
    spent = {part: minutes_spent(recipe.work, part) for part in STAGES[:3]}
    denoiser = min(spent["denoiser"], recipe.denoiser_minutes)
    minutes = {**spent, "denoiser": denoiser, "recovery": spent["denoiser"] - denoiser}
    return {
        "episodes": episodes((job[2] for job in plan.drawn), shard_paths(plan.drawn)),
        "moves": episodes((job[2] for job in plan.moved), shard_paths(plan.moved)),
        "recoveries": episodes((job[3] for job in recoveries), recovery_paths(recoveries)),
        **{f"{stage}_minutes": round(value, 2) for stage, value in minutes.items()},
        **({"cut_short": list(late)} if late else {}),
    }
