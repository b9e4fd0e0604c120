"""What changed between two runs of the same suite, of another checkpoint say: pairs of the same context and seed."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

from wamviz.core.errors import InvalidInput
from wamviz.probes.judges import JUDGES
from wamviz.probes.report import STYLE, settings, to_html
from wamviz.probes.results import Results, read_results
from wamviz.probes.statistics import by_context, paired_difference
from wamviz.probes.suite_run import CellDone
from wamviz.probes.tables import Table, rated, to_markdown

Matched = list[tuple[str, str]]  # contender of the first and of the second


def match_contenders(one: Results, other: Results) -> Matched:
    """Who is compared with whom: the same names, or the only ones of each.

    Raises:
        InvalidInput: they have nobody and nothing in common.
    """
    same = [(name, name) for name in one.contenders if name in other.contenders]
    if not same and len(one.contenders) == len(other.contenders) == 1:
        same = [(one.contenders[0], other.contenders[0])]
    probes = {probe.name for probe in one.suite.probes} & {probe.name for probe in other.suite.probes}
    if not same or not probes:
        what = "model" if probes else "probe"
        raise InvalidInput(f"These results have no {what} in common.", "Compare two runs of one suite.")
    return same


def changed(one: Results, other: Results, matched: Matched) -> Table:
    """Each judge, the second against the first, context by context."""
    rows = []
    for first, second in matched:
        for key, judge in JUDGES.items():
            found = paired_difference(by_context(other.of(second), key), by_context(one.of(first), key))
            if found is not None:
                tells = found.low is not None and found.high is not None and (found.low > 0 or found.high < 0)
                words = ("better" if found.mean > 0 else "worse") if tells else "no difference told"
                rows.append((_named(first, second), judge.title, str(found), str(found.contexts), words))
    note = f"Second less first, 95 % bootstrap over contexts, {len(rows)} comparisons at 5 % each, not corrected."
    note = note if rows else "It takes two contexts that both were judged on."
    return Table("What changed", ("Model and mode", "Judge", "Difference", "Contexts", ""), tuple(rows), note)


def flipped(one: Results, other: Results, matched: Matched) -> Table:
    """The samples that were done in one and not in the other."""
    rows = []
    for first, second in matched:
        before = {(c.probe, c.prompt, c.sample): c for c in one.of(first)}
        for cell in other.of(second):
            was = before.get((cell.probe, cell.prompt, cell.sample))
            if was is not None and _done(was) is not None and _done(cell) is not None and _done(was) != _done(cell):
                turned = "lost" if _done(was) else "won"
                rows.append((turned, _named(first, second), cell.probe, other.instruction(cell), str(cell.sample)))
    rows.sort()
    note = "Of the same context and seed." if rows else "No sample that physics could judge turned."
    return Table("Samples that turned", ("", "Model and mode", "Probe", "Instruction", "Sample"), tuple(rows), note)


def with_what(one: Results, other: Results) -> Table:
    """The settings that differ."""
    before, after = dict(settings(one)), dict(settings(other))
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    rows = tuple((name, before.get(name, "–"), after.get(name, "–")) for name in names)
    return Table("Settings that differ", ("Setting", "First", "Second"), rows, "" if rows else "None.")


def compare_results(first: str | Path, second: str | Path) -> list[Table]:
    """Everything that changed, as tables.

    Raises:
        NotFound: nothing was run in one of the folders. InvalidInput: they have nothing in common.
    """
    one, other = read_results(first), read_results(second)
    matched = match_contenders(one, other)
    people = [_retitled(rated(results), place) for results, place in ((one, "first"), (other, "second"))]
    return [changed(one, other, matched), flipped(one, other, matched), with_what(one, other), *people]


def write_comparison(first: str | Path, second: str | Path) -> list[Path]:
    """Write comparison.html and comparison.md into the second folder; returns where they are."""
    tables = compare_results(first, second)
    folder = Path(second).expanduser()
    title = f"{Path(first).name} and {Path(second).name}"
    page, words = folder / "comparison.html", folder / "comparison.md"
    page.write_text("".join(_page(title, tables)), encoding="utf-8")
    words.write_text("\n".join([f"# {title}", "", *map(to_markdown, tables)]), encoding="utf-8")
    return [page, words]


def _page(title: str, tables: list[Table]) -> Iterator[str]:
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
    yield f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>"
    for table in tables:
        yield from to_html(table)


def _retitled(table: Table, place: str) -> Table:
    return Table(f"{table.title}, {place}", table.columns, table.rows, table.note)


def _named(first: str, second: str) -> str:
    return first if first == second else f"{second} against {first}"


def _done(cell: CellDone) -> bool | None:
    return None if "done" not in cell.verdicts else bool(cell.verdicts["done"] > 0.5)
