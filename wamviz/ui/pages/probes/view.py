"""What the page of probes shows and does, as named parts; no layout and no event.

Contract: plain values in, dicts of parts out; whatever is refused becomes a sentence in the status. Samples are shown
by address, each with the permalink of its run; words of people are text.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from wamviz.core.errors import Canceled, InvalidInput, NotFound
from wamviz.core.media import read_image
from wamviz.probes import Contender, Suite, run_suite
from wamviz.probes.design import design_probe
from wamviz.probes.probe import read_suite
from wamviz.probes.results import Results, ResultsShelf, read_results
from wamviz.probes.shipped import find_suite, shipped_suites
from wamviz.probes.suite_run import RUNS, SUITE, CellDone, plan_cells
from wamviz.runs.pictures import keep_picture
from wamviz.runs.store import Store
from wamviz.ui import choices, run_view
from wamviz.ui.contexts import find_context
from wamviz.ui.jobs import Switch
from wamviz.ui.markup import Node, h
from wamviz.ui.pages.probes.grid import contenders_of, grid, nothing
from wamviz.ui.pictures import thumbnail
from wamviz.ui.run_actions import Parts, imagine_on_card, refused, whole
from wamviz.ui.run_repository import RunRepository
from wamviz.ui.scenes import Scenes, bounded

OWN = ""  # among the suites: the probe of the form
FIRST_CONTEXT, FIRST_REFERENCE = "tabletop:1070005", "turn the toaster on"  # the first of the shipped suite
MOST_SAMPLES, MOST_CONTENDERS = 24, 6


@dataclass(frozen=True)
class Form:
    """What the form holds, as the browser sent it; ``here`` says whether the visitor sits at this machine."""

    suite: Any
    context: str
    reference: str
    templates: Sequence[str]
    lines: str
    contenders: Sequence[str]
    samples: Any
    seed: Any
    here: bool = False


def suite_choices() -> list[tuple[str, str]]:
    """(label, name): the probe of the form, then the shipped suites."""
    shipped = [(f"{suite.name}: {_count(len(suite.probes), 'probe')}", suite.name) for suite in shipped_suites()]
    return [("A probe of my own", OWN), *shipped]


def first_contenders() -> list[str]:
    """What is asked at first: two formulations of the default model."""
    caps = choices.capabilities(choices.default_model())
    return [f"{caps.model_id}:{mode}" for mode in caps.modes[:2]]


def make_suite(form: Form, scenes: Scenes) -> Suite:
    """The suite that the form asks for.

    Raises:
        WamvizError: something in the form cannot be.
    """
    samples, seed = whole(form.samples, "number of samples"), whole(form.seed, "seed")
    if not 1 <= samples <= MOST_SAMPLES:
        raise InvalidInput(f"{samples} samples of each are not run on a page.", f"1 .. {MOST_SAMPLES} are.")
    if form.suite:
        suite = find_suite(form.suite) if form.suite in {name for _, name in suite_choices()} else None
        if suite is None or not form.contenders:
            raise InvalidInput("Choose a suite of the list and at least one model.")
        who = tuple(Contender.read(name) for name in form.contenders)
        again = (replace(probe, contenders=who, samples=samples, seed=seed) for probe in suite.probes)
        return Suite(suite.name, tuple(again))
    world = find_context(form.context, scenes, form.here).observation.world_state
    probe = design_probe(
        form.context, form.reference, world=world, templates=form.templates or (), own=form.lines or "",
        contenders=form.contenders or (), samples=samples, seed=seed,
    )  # fmt: skip
    return Suite("mine", (probe,))


def add_picture(file: str | None) -> Parts:
    """A picture of one's own: its source as ``context``, a thumbnail as ``picture``; or why it is none."""
    try:
        if not file:
            raise InvalidInput("No picture was chosen.")
        frame = bounded(read_image(file))
        height, width = frame.shape[:2]
        words = f"Your picture ({width} x {height}) is the context."
        why = "It is no scene that templates know: write the reference and the extensions yourself."
        small = h("img", {"src": thumbnail(frame), "alt": "your picture", "width": "56", "height": "56"})
        return {"context": keep_picture(frame), "picture": [small], "status": run_view.status("idle", words, why)}
    except Exception as error:
        return refused(error)


def run(form: Form, shelf: ResultsShelf, repository: RunRepository, scenes: Scenes, switch: Switch) -> Iterator[Parts]:
    """Ask cell by cell; the grid fills, and what was answered before is there at once."""
    try:
        yield {"status": run_view.status("busy", "Reading the context …", done=0.0)}
        suite = make_suite(form, scenes)
        name, folder = shelf.place(suite)
        stream = run_suite(
            suite, folder, imagine=stoppable(switch),
            find_context=lambda source: find_context(source, scenes, form.here),
        )  # fmt: skip
        repository.mount(Store(folder / RUNS))
        count, probe, done = len(plan_cells(suite)), suite.probes[0].name, []
        names = {"results": (shelf.names(), name), "probe": ([one.name for one in suite.probes], probe)}
        yield {**names, "grid": grid(Results(suite, (), Store(folder / RUNS), folder), probe, contenders_of(suite))}
        pace = Pace(count)
        with closing(stream), contextlib.suppress(Canceled):  # type: ignore[type-var]
            for cell in stream:
                done.append(cell)
                pace.add(cell)
                results = Results(suite, tuple(done), Store(folder / RUNS), folder)
                shown = {"grid": grid(results, probe, contenders_of(suite))} if cell.probe == probe else {}
                yield {**shown, "status": pace.status(cell)}
                if switch.off:
                    break
        yield {"status": _ended(done, count, left_out(form, suite))}
    except Exception as error:  # whatever it was, the page stays usable and nothing entered is lost
        yield {**refused(error)}


def stoppable(switch: Switch) -> Callable[..., Iterator[Any]]:
    """What runs one sample, until somebody asks to stop: then it ends after the step that is under way."""

    def imagine(*args: Any, **options: Any) -> Iterator[Any]:
        with closing(imagine_on_card(*args, **options)) as stream:  # type: ignore[type-var]
            for event in stream:
                if switch.off:
                    raise Canceled("Stopped.")
                yield event

    return imagine


def left_out(form: Form, suite: Suite) -> list[str]:
    """The templates that were asked for and that the scene has nothing for."""
    made = {prompt.template for probe in suite.probes for prompt in probe.prompts}
    return [] if form.suite else [name.replace("_", " ") for name in form.templates or () if name not in made]


class Pace:
    """How far a run is, and how long it will take.

    Args:
        count: of cells in all.
    """

    def __init__(self, count: int) -> None:
        self.count, self.done, self._asked, self._spent = count, 0, 0, 0.0
        self._last = time.monotonic()

    def add(self, cell: CellDone) -> None:
        """One more is there; those of before come at once and say nothing of the pace."""
        now = time.monotonic()
        self.done += 1
        if now - self._last > 0.02:
            self._asked, self._spent = self._asked + 1, self._spent + now - self._last
        self._last = now

    def status(self, cell: CellDone) -> list[Node]:
        """The status line after a cell."""
        left = self._spent / self._asked * (self.count - self.done) if self._asked else None
        words = f"{cell.prompt}, {cell.contender}" + ("" if left is None else f" · about {run_view.seconds(left)} left")
        return run_view.status("busy", f"{self.done} of {self.count} samples", words, self.done / max(1, self.count))


def _ended(done: Sequence[CellDone], count: int, lacking: Sequence[str]) -> list[Node]:
    failed = [cell for cell in done if cell.error]
    why = f"{failed[0].contender}: {failed[0].error}" if failed else "Rate them, or look at the figures."
    why += f" This scene has nothing for: {', '.join(lacking)}." if lacking else ""
    if len(done) < count:
        return run_view.status("idle", f"Stopped after {len(done)} of {count} samples.", "Run goes on from there.")
    if failed:
        return run_view.status("warm", f"{count - len(failed)} of {count} samples answered.", why)
    return run_view.status("good", f"{count} samples are there.", why)


def mount_all(shelf: ResultsShelf, repository: RunRepository) -> None:
    """Make the runs of all results readable, so that their permalinks open before this page is seen."""
    for name in shelf.names():
        repository.mount(Store(shelf.folder(name) / RUNS))


def open_results(name: str, shelf: ResultsShelf, repository: RunRepository) -> Results:
    """The results of a name, their runs readable on the page; a suite that nobody has answered yet has no cells.

    Raises:
        NotFound: there are none.
    """
    folder = shelf.folder(name or "")
    store = Store(folder / RUNS)
    repository.mount(store)
    try:
        return read_results(folder)
    except NotFound:
        return Results(read_suite(next(iter(sorted((folder / SUITE).iterdir())))), (), store, folder)


def show(name: str | None, probe: str | None, shelf: ResultsShelf, repository: RunRepository) -> Parts:
    """The grid of a probe of some results; the first one where it has no such probe."""
    try:
        if not name:
            return {"grid": nothing(), "probe": ([], None)}
        results = open_results(name, shelf, repository)
        names = [one.name for one in results.suite.probes]
        chosen = probe if probe in names else names[0]
        asked = results.contenders or contenders_of(results.suite)
        return {"probe": (names, chosen), "grid": grid(results, chosen, asked)}
    except Exception as error:
        return {"grid": nothing(), "probe": ([], None), **refused(error)}


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
