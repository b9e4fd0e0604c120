"""Asking every contender every prompt of a suite, sample by sample, so that a run can stop anywhere and go on.

Each sample is a run of its own in a store below the output folder; ``cells.jsonl`` beside it has one line for each
that is finished, or that failed. A cell's key follows from the question alone: what was answered is not asked again,
whoever asks. A contender that fails spoils nobody else's samples.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from wamviz.core.errors import Canceled, InvalidInput, WamvizError
from wamviz.core.plain import dumps
from wamviz.models import registry
from wamviz.probes.judges import Evidence, judge_sample
from wamviz.probes.probe import Contender, Probe, Prompt, Suite, write_suite
from wamviz.probes.replay import replay
from wamviz.probes.workers import answer_all, check_workers
from wamviz.runs.expert import expert_answer
from wamviz.runs.imagine import imagine_run
from wamviz.runs.sources import Context, resolve
from wamviz.runs.store import Run, Store

log = logging.getLogger(__name__)
CELLS, SUITE, RUNS = "cells.jsonl", "suite", "runs"  # in the output folder


@dataclass(frozen=True)
class Cell:
    """One sample of one prompt by one contender."""

    probe: Probe
    prompt: Prompt
    contender: Contender
    sample: int

    @property
    def key(self) -> str:
        """24 hexadecimal digits that follow from what is asked and how it is judged, and from nothing else."""
        probe, prompt = self.probe, self.prompt
        asked = [probe.name, probe.context, probe.horizon, *vars(prompt).values(), str(self.contender), self.seed]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:24]

    @property
    def seed(self) -> int:
        """Of this sample."""
        return self.probe.seed + self.sample


@dataclass(frozen=True)
class CellDone:
    """A line of ``cells.jsonl``.

    Attributes:
        key: of the cell; probe, prompt, contender, sample: what was asked.
        run: the kept run, "" where it failed; error: why.
        verdicts: of the judges that could tell, 0 .. 1.
        seconds: that imagining took.
    """

    key: str
    probe: str
    prompt: str
    contender: str
    sample: int
    run: str = ""
    error: str = ""
    verdicts: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


def plan_cells(suite: Suite, contenders: Sequence[Contender] = ()) -> list[Cell]:
    """All cells in the order in which they are asked: the first sample of everything comes first, so that a run that
    is stopped early has something of each; then probe after probe."""
    cells = [
        Cell(probe, prompt, contender, sample)
        for probe in suite.probes
        for prompt in probe.prompts
        for contender in contenders or probe.contenders
        for sample in range(probe.samples)
    ]
    return sorted(cells, key=lambda cell: cell.sample > 0)


def run_suite(
    suite: Suite,
    out: str | Path,
    contenders: Sequence[Contender] = (),
    *,
    workers: int = 1,
    imagine: Any = imagine_run,
    find_context: Callable[[str], Context] = resolve,
) -> Iterator[CellDone]:
    """Ask what has not been asked yet; yields each cell as it is done, those of before first.

    Args:
        suite: what is asked; it is written below ``out``.
        out: the folder of the results, made where it is not there.
        contenders: who is asked in place of those that the probes name.
        workers: processes that ask at once; 1 is this one.
        imagine, find_context: what runs one sample and what reads a SOURCE in this process, for those who know better.

    Raises:
        WamvizError: a contender does not exist or cannot run here, or a context cannot be read; raised before any work.
    """
    cells, workers = plan_cells(suite, contenders), check_workers(workers)
    for contender in dict.fromkeys(cell.contender for cell in cells):
        entry = registry.entry(contender.model)
        entry.capabilities.check_mode(contender.mode)
    folder = Path(out).expanduser()
    before = [other.name for other in (folder / SUITE).iterdir()] if (folder / SUITE).is_dir() else []
    if before and suite.name not in before:
        raise InvalidInput(f"'{out}' holds the results of the suite '{before[0]}'.", "Name another folder for --out.")
    write_suite(folder / SUITE / suite.name, suite)
    asker = Asker(Store(folder / RUNS), imagine, find_context)

    def ask(left: Sequence[Cell]) -> Iterator[CellDone]:
        return answer_all(left, workers, partial(_ask_into, folder / RUNS)) if workers > 1 else map(asker.ask, left)

    return _run(cells, folder, ask)


def _ask_into(runs: Path) -> Callable[[Cell], CellDone]:
    """What a worker asks cells with."""
    return Asker(Store(runs)).ask


def _run(
    cells: Sequence[Cell], folder: Path, ask: Callable[[Sequence[Cell]], Iterator[CellDone]]
) -> Iterator[CellDone]:
    known = {one.key: one for one in read_cells(folder) if one.run}
    for cell in cells:
        if cell.key in known:
            yield known[cell.key]
    for done in ask([cell for cell in cells if cell.key not in known]):
        _keep(folder, done)
        yield done


def read_cells(folder: str | Path) -> list[CellDone]:
    """The finished cells of an output folder, the newest line of each key; a line that was cut short is left out."""
    file = Path(folder).expanduser() / CELLS
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    done: dict[str, CellDone] = {}
    for line in lines:
        try:
            one = CellDone(**json.loads(line))
        except (ValueError, TypeError):  # the machine stopped while it was written: it is asked again
            continue
        done[one.key] = one
    return list(done.values())


class Asker:
    """Asks cells one by one and has their samples judged; keeps the newest context at hand.

    Args:
        store: where the runs are kept; imagine, find_context: see ``run_suite``.
    """

    def __init__(self, store: Store, imagine: Any = imagine_run, find_context: Callable[[str], Context] = resolve):
        self.store, self._imagine, self._find = store, imagine, find_context
        self._at_hand: tuple[tuple[str, Prompt], Context] | None = None

    def ask(self, cell: Cell) -> CellDone:
        """The cell's line; whatever goes wrong is told in it.

        Raises:
            Canceled: somebody stopped it; that is nobody's failure, and no line.
        """
        named = (cell.key, cell.probe.name, cell.prompt.name, str(cell.contender), cell.sample)
        try:
            run = self._run(cell)
        except Canceled:
            raise
        except WamvizError as error:
            return CellDone(*named, error=str(error))
        except Exception as error:  # whatever a model does, the others go on
            log.exception("%s broke on %s of %s", cell.contender, cell.prompt.name, cell.probe.name)
            return CellDone(*named, error=f"It broke ({type(error).__name__}); the log says more.")
        self.store.save(run)
        sample = run.imagined[0]
        seen = Evidence(cell.prompt, sample, replay(run.world_state, sample.actions, cell.prompt.parts))
        seconds = round(run.timings.get("total", 0.0), 3)
        return CellDone(*named, run=run.id, verdicts=judge_sample(seen), seconds=seconds)

    def _run(self, cell: Cell) -> Run:
        wanted = cell.probe.context, cell.probe.reference
        if self._at_hand is None or self._at_hand[0] != wanted:
            self._at_hand = wanted, with_truth(self._find(cell.probe.context), cell.probe.reference)
        context, asked = self._at_hand[1].reworded(cell.prompt.instruction), cell.contender
        stream = self._imagine(asked.model, context, mode=asked.mode, seed=cell.seed, horizon=cell.probe.horizon)
        with closing(stream):
            for event in stream:
                if isinstance(event, Run):
                    return event
        raise InvalidInput(f"Model '{asked.model}' stopped without a rollout.")


def with_truth(context: Context, reference: Prompt) -> Context:
    """A context with what really happens when the reference is done: as it was recorded, or as the expert does it.

    The scene's own task is another one than a probe's reference, as a rule; its recording would prove nothing.
    """
    if context.observation.world_state is None or not reference.parts or reference.instruction == context.instruction:
        return context
    return replace(context, reference=expert_answer(context.observation, reference.parts))


def _keep(folder: Path, done: CellDone) -> None:
    """Append a line; one that was cut short before it stays a line of its own."""
    plain: dict[str, Any] = asdict(done)
    with (folder / CELLS).open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        whole = size == 0 or file.read(1) == b"\n"
        file.write((b"" if whole else b"\n") + dumps(plain).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
