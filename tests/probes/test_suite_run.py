"""A suite is asked sample by sample; it can stop anywhere, and what fails spoils nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.probes.conftest import Echo
from wamviz.core.errors import WamvizError
from wamviz.probes import Contender, Prompt, Suite, run_suite
from wamviz.probes.suite_run import CELLS, RUNS, plan_cells, read_cells, with_truth
from wamviz.runs.imagine import imagine_run
from wamviz.runs.sources import Context, resolve
from wamviz.runs.store import Store


def test_every_cell_is_a_kept_run_of_its_own_seed(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    done = list(run_suite(suite, tmp_path / "out"))
    assert [cell.key for cell in done] == [cell.key for cell in plan_cells(suite)] and len(done) == 12
    store = Store(tmp_path / "out" / RUNS)
    for cell in done:
        run = store.load(cell.run)
        assert (run.seed, run.samples, run.model) == (cell.sample, 1, "echo")
    assert [cell.sample for cell in done[:4]] == [0] * 4  # a run that is stopped early has something of each


def test_a_stopped_run_goes_on_and_asks_nothing_twice(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    out = tmp_path / "out"
    stream = run_suite(suite, out)
    first = list(islice(stream, 5))
    stream.close()
    with (out / CELLS).open("a", encoding="utf-8") as file:
        file.write('{"key": "cut sho')  # the machine went down here
    again = list(run_suite(suite, out))
    assert len(echo.asked) == 12 and {cell.key for cell in first} < {cell.key for cell in again}
    assert {cell.key for cell in run_suite(suite, out)} == {cell.key for cell in again}
    assert len(echo.asked) == 12 and len(read_cells(out)) == 12


def test_what_breaks_is_told_and_tried_again(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    probe = replace(suite.probes[0], extensions=(Prompt("broken", "a broken one"),))
    broken = Suite(suite.name, (probe, suite.probes[1]))
    done = list(run_suite(broken, tmp_path / "out"))
    failed = [cell for cell in done if cell.error]
    assert {(cell.probe, cell.prompt) for cell in failed} == {("one", "broken")} and len(failed) == 3
    assert all("secret" not in cell.error and not cell.run for cell in failed)
    assert sum(bool(cell.run) for cell in done) == 9
    before = len(echo.asked)
    list(run_suite(broken, tmp_path / "out"))
    assert len(echo.asked) == before + 3


def test_who_cannot_be_asked_is_refused_before_any_work(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    with pytest.raises(WamvizError, match="Did you mean 'echo'"):
        run_suite(suite, tmp_path / "out", [Contender("ecko", "joint")])
    with pytest.raises(WamvizError, match="video"):
        run_suite(suite, tmp_path / "out", [Contender("echo", "video")])
    assert not (tmp_path / "out").exists() and not echo.asked


def test_a_folder_holds_the_results_of_one_suite(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    list(run_suite(suite, tmp_path / "out"))
    with pytest.raises(WamvizError, match="results of the suite 'small'"):
        run_suite(Suite("other", suite.probes), tmp_path / "out")


def test_a_cell_is_known_by_what_is_asked_and_how_it_is_judged(suite: Suite) -> None:
    keys = [cell.key for cell in plan_cells(suite)]
    assert len(set(keys)) == 12
    noted = Suite("renamed", (replace(suite.probes[0], note="Another."),))
    assert {cell.key for cell in plan_cells(noted)} < set(keys)
    later = Suite("moved", (replace(suite.probes[0], seed=1),))
    assert len({cell.key for cell in plan_cells(later)} & set(keys)) == 4
    judged = Suite("judged", (replace(suite.probes[0], reference=Prompt("reference", "wave", parts=("wave",))),))
    assert len({cell.key for cell in plan_cells(judged)} & set(keys)) == 3


def test_the_truth_of_a_probe_is_its_reference_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the scene's own task; nothing where nobody can do it; a recording of the very words stays."""
    monkeypatch.setattr("wamviz.runs.sources.TABLETOP_SIZE", 64)
    context = resolve("tabletop:1070002")
    told = "push the toaster lever"
    assert context.instruction != told
    truth = with_truth(context, Prompt("reference", told, parts=(told,))).reference
    assert truth is not None and truth.success and truth.instruction == told
    assert truth.frames is not None and truth.frames.shape[1:] == (64, 64, 3)
    assert np.array_equal(truth.frames[0], context.observation.frames["exterior"])
    assert with_truth(context, Prompt("reference", "fly away", parts=("fly away",))).reference is None
    for same in (Prompt("reference", context.instruction, parts=(context.instruction,)), Prompt("reference", told)):
        assert with_truth(context, same) is context


def test_probes_of_one_context_have_each_their_own_truth(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    """What is kept at hand belongs to the context and the reference together."""
    scene = resolve("tabletop:1070002")
    told = ("push the toaster lever", "pick up the orange")
    one = replace(suite.probes[0], context="tabletop:1070002", extensions=(), samples=1)
    probes = [
        replace(one, name=f"p{k}", reference=Prompt("reference", text, parts=(text,))) for k, text in enumerate(told)
    ]
    contexts: list[str] = []

    def imagine(model: str, context: Context, **options: Any) -> Iterator[Any]:
        assert context.reference is not None
        contexts.append(context.reference.instruction)
        return imagine_run(model, context, **options)

    list(run_suite(Suite("two", tuple(probes)), tmp_path / "out", imagine=imagine, find_context=lambda _: scene))
    assert set(contexts) == set(told)
