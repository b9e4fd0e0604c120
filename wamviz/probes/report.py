"""The report of a suite: one HTML file that opens from disk, the same as Markdown and CSV, and its figures as PNG.

Everything lies in the HTML file: pictures and small videos as data URLs, no script, no address outside. Failures come
first, since they say more than averages; every setting that is needed to run it again stands at the end. Whatever would
take the file beyond ``BUDGET`` is left out, and the report says so.
"""

from __future__ import annotations

import base64
import csv
import html
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from wamviz import __version__
from wamviz.core.plain import dumps
from wamviz.core.rollout import Frames
from wamviz.probes.figure import first_run, probe_figure, save_figure, small_video
from wamviz.probes.judges import JUDGES
from wamviz.probes.probe import Probe, to_json
from wamviz.probes.ratings import of_models, of_people
from wamviz.probes.results import Results, read_results
from wamviz.probes.suite_run import CellDone
from wamviz.probes.tables import Table, all_tables, to_markdown

WIDTH = 1400  # pixels of a figure in the report
BUDGET = 28_000_000  # bytes of pictures and videos; a file of 30 MB can still be mailed
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; } pre { overflow-x: auto; font-size: .8rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #8886; padding: .3rem .7rem; text-align: left; vertical-align: top; }
figure { margin: 1rem 0; } figcaption { opacity: .8; font-size: .9rem; } img { max-width: 100%; border-radius: 4px; }
.videos { display: flex; flex-wrap: wrap; gap: .7rem; } .videos figure { margin: 0; width: 150px; }
video { width: 150px; border-radius: 4px; }
.bad { color: #c0392b; } .note { opacity: .75; font-size: .9rem; } code { font-size: .9em; }
@media (prefers-color-scheme: dark) { .bad { color: #f39a8f; } }
@media print { figure, tr { break-inside: avoid; } .videos { display: none; } details > * { display: block; } }
"""


class Media:
    """Data URLs until the budget is spent.

    Args:
        budget: bytes that may go into the file.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self.left, self.left_out = budget, 0

    def add(self, kind: str, data: bytes | None) -> str | None:
        """The data URL, or None where there is nothing or no room any more."""
        if data is None:
            return None
        url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
        if len(url) > self.left:
            self.left_out += 1
            return None
        self.left -= len(url)
        return url


def write_report(folder: str | Path) -> list[Path]:
    """Write report.html, report.md, report.csv and figures/PROBE.png into a folder of results; returns where they are,
    in this order."""
    results, path = read_results(folder), Path(folder).expanduser()
    tables, figures = all_tables(results), []
    page, words, table = path / "report.html", path / "report.md", path / "report.csv"
    drawn = {probe.name: _figures(results, probe) for probe in results.suite.probes}
    page.write_text("".join(_page(results, tables, drawn)), encoding="utf-8")
    for probe, found in drawn.items():
        for contender, figure in found.items():
            figures.append(path / "figures" / f"{probe}-{contender.replace(':', '-').replace('/', '-')}.png")
            figures[-1].parent.mkdir(exist_ok=True)
            save_figure(figures[-1], figure)
    words.write_text(_markdown(results, tables, figures), encoding="utf-8")
    table.write_text(to_csv(results.cells), encoding="utf-8")
    return [page, words, table, *figures]


def to_csv(cells: Sequence[CellDone]) -> str:
    """A row a sample: what was asked, what every judge said, the run or what went wrong."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["probe", "prompt", "contender", "sample", *JUDGES, "seconds", "run", "error"])
    for cell in cells:
        said = [cell.verdicts.get(key, "") for key in JUDGES]
        writer.writerow(
            [cell.probe, cell.prompt, cell.contender, cell.sample, *said, cell.seconds, cell.run, cell.error]
        )
    return text.getvalue()


def settings(results: Results) -> list[tuple[str, str]]:
    """What has to be known to run it again, by name."""
    found = [("Command", f"python -m wamviz probe run SUITE --models {','.join(results.contenders)} --out DIR")]
    for contender in results.contenders:
        cell = next((c for c in results.cells if c.contender == contender and c.run), None)
        run = None if cell is None else first_run(results, cell.probe, cell.prompt, contender)
        if run is not None:
            versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
            weights = f"weights {run.weights_digest[:16]}, " if run.weights_digest else ""
            found.append((contender, f"{weights}{run.steps or 'no'} steps, guidance {run.guidance:g}; {versions}"))
    seconds = [cell.seconds for cell in results.cells if cell.run]
    found.append(("Time", f"{sum(seconds):.0f} s of imagining, {np.mean(seconds) if seconds else 0:.1f} s a sample"))
    return found


def cite(results: Results) -> str:
    """A text to cite."""
    what = f"Probe suite “{results.suite.name}”: {_size(results)} of {', '.join(results.contenders)}"
    return f"{what}; wamviz {__version__}; after the experiment of Reuss 2026."


def _size(results: Results) -> str:
    contexts = len(results.suite.probes)
    return f"{contexts} context{'s' if contexts != 1 else ''}, {len(results.cells)} samples"


def _figures(results: Results, probe: Probe) -> dict[str, Frames]:
    drawn = {contender: probe_figure(results, probe, contender) for contender in results.contenders}
    return {contender: figure for contender, figure in drawn.items() if figure is not None}


def _page(results: Results, tables: Sequence[Table], drawn: dict[str, dict[str, Frames]]) -> Iterator[str]:
    title, media = f"Probe suite {results.suite.name}", Media()
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(title)}</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style><h1>{_text(title)}</h1>'
    failed = sum(bool(cell.error) for cell in results.cells)
    broken = f', <span class="bad">{failed} failed</span>' if failed else ""
    yield f"<p>{_size(results)}{broken}, wamviz {__version__}. "
    yield f"{_who_judged(results)}</p>"
    yield from _failures(results)
    for table in tables:
        yield from to_html(table)
    for probe in results.suite.probes:
        yield from _probe(results, probe, drawn[probe.name], media)
    if media.left_out:
        yield f"<p class=note>{media.left_out} figures and videos are left out: the file would exceed 30 MB.</p>"
    yield "<h2>Judges</h2><dl>"
    for one in JUDGES.values():
        yield f"<dt><b>{_text(one.title)}</b></dt><dd>{_text(one.note)}</dd>"
    yield "</dl><h2>To run it again</h2><dl>"
    for name, value in settings(results):
        yield f"<dt><b>{_text(name)}</b></dt><dd>{_text(value)}</dd>"
    asked = dumps([to_json(probe) for probe in results.suite.probes], indent=1)
    yield f"</dl><details><summary>The suite, word for word</summary><pre>{_text(asked)}</pre></details>"
    yield f"<h2>To cite</h2><p>{_text(cite(results))}</p>"


def _who_judged(results: Results) -> str:
    kept = results.ratings
    raters = {one.rater for one in of_people(kept.ratings())} | {one.rater for one in kept.votes()}
    models = sorted({one.rater for one in of_models(kept.ratings())})
    also = f" Rated by {', '.join(models)} as well." if models else ""
    if not raters:
        return f"Judged by rule; nobody has looked at them yet.{also}"
    return f"Judged by rule, and by {len(raters)} {'people' if len(raters) > 1 else 'person'}.{also}"


def _failures(results: Results) -> Iterator[str]:
    """What broke, then the prompts that nobody did once."""
    errors = [cell for cell in results.cells if cell.error]
    if errors:
        yield "<h2>Failed</h2><ul>"
        for cell in errors:
            where = f"{cell.probe}, {cell.prompt}, {cell.contender}, sample {cell.sample}"
            yield f'<li>{_text(where)}: <span class="bad">{_text(cell.error)}</span></li>'
        yield "</ul>"
    never = list(_never_done(results))
    if never:
        yield "<h2>Never done</h2><ul>" + "".join(f"<li>{_text(words)}</li>" for words in never) + "</ul>"


def _never_done(results: Results) -> Iterator[str]:
    for probe in results.suite.probes:
        for prompt in probe.prompts:
            for contender in results.contenders:
                done = _done(results, probe.name, prompt.name, contender)
                if done and not any(done):
                    yield f"{probe.name}, “{prompt.instruction}”: {contender}, 0 of {len(done)}"


def _done(results: Results, probe: str, prompt: str, contender: str) -> list[float]:
    cells = results.samples(probe, prompt, contender)
    return [cell.verdicts["done"] for cell in cells if "done" in cell.verdicts]


def to_html(table: Table) -> Iterator[str]:
    """A table as markup, in pieces."""
    yield f"<h2>{_text(table.title)}</h2><p class=note>{_text(table.note)}</p>"
    if table.rows:
        yield "<div class=wide><table><tr>" + "".join(f"<th>{_text(name)}</th>" for name in table.columns) + "</tr>"
        for row in table.rows:
            yield "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>"
        yield "</table></div>"


def _probe(results: Results, probe: Probe, drawn: dict[str, Frames], media: Media) -> Iterator[str]:
    yield f'<h2 id="{_text(probe.name)}">{_text(probe.name)}</h2>'
    yield f"<p>{_text(probe.note)} Context: <code>{_text(probe.context)}</code></p>"
    for contender, figure in drawn.items():
        url, words = media.add("image/jpeg", _jpeg(figure)), f"{probe.name}, {contender}, first sample"
        if url:
            yield f'<figure><img alt="{_text(words)}" src="{url}"><figcaption>{_text(words)}</figcaption></figure>'
    for prompt in probe.prompts:
        kind = results.kinds[probe.name, prompt.name].replace("_", " ")
        yield f"<h3>{_text(kind)}: “{_text(prompt.instruction)}”</h3><div class=videos>"
        for contender in results.contenders:
            done = _done(results, probe.name, prompt.name, contender)
            words = f"{contender}: done in {sum(done):.0f} of {len(done)}" if done else f"{contender}: cannot be judged"
            run = first_run(results, probe.name, prompt.name, contender)
            url = None if run is None else media.add("video/mp4", small_video(run))
            label = f'aria-label="{_text(words)}"'
            video = f'<video controls loop muted playsinline {label} src="{url}"></video>' if url else ""
            yield f"<figure>{video}<figcaption>{_text(words)}</figcaption></figure>"
        yield "</div>"


def _markdown(results: Results, tables: Sequence[Table], figures: Sequence[Path]) -> str:
    lines = [f"# Probe suite {results.suite.name}", "", _who_judged(results), ""]
    lines += [
        f"- Failed: {cell.probe}, {cell.prompt}, {cell.contender}: {cell.error}" for cell in results.cells if cell.error
    ]
    lines += [f"- Never done: {words}" for words in _never_done(results)]
    lines += ["", *map(to_markdown, tables), "## Figures", ""]
    lines += [f"![{figure.stem}](figures/{figure.name})" for figure in figures]
    lines += ["", "## To run it again", "", *(f"- {name}: `{value}`" for name, value in settings(results))]
    return "\n".join([*lines, "", "## To cite", "", cite(results), ""])


def _jpeg(frame: Frames) -> bytes:
    image = Image.fromarray(np.asarray(frame))
    image = image.resize((WIDTH, round(WIDTH * image.height / image.width)), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=78)
    return data.getvalue()


def _text(words: str) -> str:
    return html.escape(words, quote=True)
