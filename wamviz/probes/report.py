"""The report of a suite: one HTML file that opens from disk, and the same figures as CSV.

Everything lies in the file: pictures as data URLs, no script, no address outside. Failures come first, since they say
more than averages; every setting that is needed to run it again stands at the end.
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
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Frames
from wamviz.probes.judges import JUDGES
from wamviz.probes.results import Results, read_results
from wamviz.probes.statistics import by_context, contexts_needed, paired_difference, share
from wamviz.probes.suite_run import CellDone
from wamviz.runs.store import Store
from wamviz.runs.store.slides import filmstrip, has_video

WIDTH = 1100  # pixels of a filmstrip in the report
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #8886; padding: .3rem .7rem; text-align: left; vertical-align: top; }
figure { margin: 1rem 0; } figcaption { opacity: .8; font-size: .9rem; } img { max-width: 100%; border-radius: 4px; }
.bad { color: #c0392b; } .note { opacity: .75; font-size: .9rem; } code { font-size: .9em; }
@media print { figure, tr { break-inside: avoid; } }
"""


def write_report(folder: str | Path) -> tuple[Path, Path]:
    """Write ``report.html`` and ``report.csv`` into a folder of results; returns where they are."""
    results, path = read_results(folder), Path(folder).expanduser()
    page, table = path / "report.html", path / "report.csv"
    page.write_text("".join(_page(results)), encoding="utf-8")
    table.write_text(to_csv(results.cells), encoding="utf-8")
    return page, table


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


def _page(results: Results) -> Iterator[str]:
    title = f"Probe suite {results.suite.name}"
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(title)}</title><style>{STYLE}</style>'
    yield f"<h1>{_text(title)}</h1>"
    failed = sum(bool(cell.error) for cell in results.cells)
    broken = f', <span class="bad">{failed} failed</span>' if failed else ""
    yield f"<p>{len(results.suite.probes)} contexts, {len(results.cells)} samples{broken}, wamviz {__version__}. "
    yield "Judged by rule; nobody has looked at them yet.</p>"
    yield from _overview(results)
    yield from _differences(results)
    yield from _failures(results)
    for probe in results.suite.probes:
        yield from _probe(results, probe.name)
    yield "<h2>Judges</h2><dl>"
    for one in JUDGES.values():
        yield f"<dt><b>{_text(one.title)}</b></dt><dd>{_text(one.note)}</dd>"
    yield "</dl><h2>To run it again</h2>"
    command = f"python -m wamviz probe run {results.suite.name} --out DIR --models {','.join(results.contenders)}"
    yield f"<p><code>{_text(command)}</code></p><p>To cite: "
    yield f"{_text(title)}, wamviz {__version__}, {len(results.cells)} samples; after the experiment of Reuss 2026.</p>"


def _overview(results: Results) -> Iterator[str]:
    """Every judge by contender and template."""
    templates = list(dict.fromkeys(prompt.template for probe in results.suite.probes for prompt in probe.prompts))
    yield "<h2>Results</h2><p class=note>Means of the contexts' own shares, 95 % bootstrap intervals over contexts.</p>"
    yield "<table><tr><th>Asked</th><th>Model and mode</th>"
    yield "".join(f"<th>{_text(one.title)}</th>" for one in JUDGES.values()) + "<th>Samples</th></tr>"
    for template in templates:
        for contender in results.contenders:
            cells = results.of(contender, template)
            if cells:
                shares = (share(cells, key) for key in JUDGES)
                row = "".join(f"<td>{_text(str(one)) if one else '–'}</td>" for one in shares)
                name = (template or "reference").replace("_", " ")
                yield f"<tr><th>{_text(name)}</th><td>{_text(contender)}</td>{row}<td>{len(cells)}</td></tr>"
    yield "</table>"


def _differences(results: Results) -> Iterator[str]:
    """Each contender against the first, context by context."""
    first, *others = results.contenders
    base = by_context(results.of(first), "done")
    rows = [(other, paired_difference(by_context(results.of(other), "done"), base)) for other in others]
    if not any(found for _, found in rows):
        return
    yield f"<h2>Against {_text(first)}</h2><table><tr><th>Model and mode</th><th>done, difference</th><th></th></tr>"
    for other, found in rows:
        if found is None:
            continue
        tells = found.low is not None and found.high is not None and (found.low > 0 or found.high < 0)
        words = "" if tells else f"no difference told by {found.contexts} contexts"
        yield f"<tr><td>{_text(other)}</td><td>{_text(str(found))}</td><td>{words}</td></tr>"
    yield f"</table><p class=note>{len(rows)} comparisons at 5 % each, not corrected for their number. "
    yield f"To tell 50 % from 60 % takes about {contexts_needed(0.5, 0.1)} contexts, "
    yield f"50 % from 80 % {contexts_needed(0.5, 0.3)}.</p>"


def _failures(results: Results) -> Iterator[str]:
    errors = [cell for cell in results.cells if cell.error]
    if errors:
        yield "<h2>Failed</h2><ul>"
        for cell in errors:
            where = f"{cell.probe}, {cell.prompt}, {cell.contender}, sample {cell.sample}"
            yield f'<li>{_text(where)}: <span class="bad">{_text(cell.error)}</span></li>'
        yield "</ul>"


def _probe(results: Results, name: str) -> Iterator[str]:
    probe = results.suite.probe(name)
    yield f'<h2 id="{_text(name)}">{_text(name)}</h2>'
    yield f"<p>{_text(probe.note)} Context: <code>{_text(probe.context)}</code></p>"
    for prompt in probe.prompts:
        kind = "reference" if prompt is probe.reference else (prompt.template or "extension").replace("_", " ")
        yield f"<h3>{_text(kind)}: “{_text(prompt.instruction)}”</h3>"
        for contender in results.contenders:
            cells = [c for c in results.cells if (c.probe, c.prompt, c.contender) == (name, prompt.name, contender)]
            done = [cell.verdicts["done"] for cell in cells if "done" in cell.verdicts]
            words = f"{contender}: done in {sum(done):.0f} of {len(done)}" if done else f"{contender}: cannot be judged"
            # The first sample, not the best: nobody chose it.
            first = next((cell for cell in cells if cell.run and cell.sample == 0), None)
            picture = _picture(results.store, first.run) if first is not None else None
            shown = f'<img alt="{_text(words)}" src="{picture}">' if picture else ""
            yield f"<figure>{shown}<figcaption>{_text(words)}</figcaption></figure>"


def _picture(store: Store, run_id: str) -> str | None:
    """A run's filmstrip as a data URL; None where it has no video or is not kept any more."""
    try:
        run = store.load(run_id)
    except WamvizError:
        return None
    return _data_url(filmstrip(run)) if has_video(run) else None


def _data_url(frame: Frames) -> str:
    image = Image.fromarray(np.asarray(frame))
    image = image.resize((WIDTH, round(WIDTH * image.height / image.width)), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


def _text(words: str) -> str:
    return html.escape(words, quote=True)
