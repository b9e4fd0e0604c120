"""The grid of samples as markup: rows are instructions, columns contenders and their samples.

Contract: pure functions of results; samples are shown by address, each with the permalink of its run, and every video
of a page plays in lockstep (``static/page/lockstep.js``). Words of people are text.
"""

from __future__ import annotations

from collections.abc import Sequence

from wamviz.probes import Suite
from wamviz.probes.probe import Prompt
from wamviz.probes.results import Results
from wamviz.probes.suite_run import CellDone
from wamviz.ui.markup import Node, h

NOTHING = "Nothing has been run yet. Design a probe on the left, or choose a suite, and press Run."


def nothing() -> list[Node]:
    """In place of a grid."""
    return [h("p", {"class": "wz-empty"}, NOTHING)]


def grid(results: Results, probe_name: str, contenders: Sequence[str]) -> list[Node]:
    """Rows are instructions, columns contenders and their samples; all videos play in lockstep."""
    probe = results.suite.probe(probe_name)
    found = {(c.prompt, c.contender, c.sample): c for c in results.cells if c.probe == probe.name}
    samples = max([probe.samples, *(sample + 1 for _, _, sample in found)])
    head = [h("th", {"scope": "col"}, "Instruction")]
    head += [
        h("th", {"scope": "col", "colspan": samples}, name.replace(":", ", ").replace("_", " ")) for name in contenders
    ]
    rows = [
        h(
            "tr", None, _asks(results.kinds[probe.name, prompt.name], prompt),
            [_cell(results, found.get((prompt.name, who, k)), who, k) for who in contenders for k in range(samples)],
        )
        for prompt in probe.prompts
    ]  # fmt: skip
    caption = h("caption", {"class": "wz-sr"}, f"Samples of {probe.name} by instruction, model and seed")
    table = h("table", {"class": "wz-cells"}, caption, h("thead", None, h("tr", None, head)), h("tbody", None, rows))
    scroll = {"class": "wz-scroll wz-lockstep", "tabindex": "0", "role": "region", "aria-label": "Samples"}
    return [player(), h("div", {**scroll, "data-lockstep": True}, table)]


def player() -> Node:
    """The buttons that move every video of a page at once."""
    acts = (("toggle", "Play or pause"), ("back", "A step back"), ("on", "A step on"), ("start", "To the start"))
    buttons = [
        h("button", {"type": "button", "class": "wz-button", "data-together": act}, title) for act, title in acts
    ]
    return h("div", {"class": "wz-together", "role": "group", "aria-label": "All videos"}, buttons)


def _asks(kind: str, prompt: Prompt) -> Node:
    return h("th", {"scope": "row"}, h("small", None, kind.replace("_", " ")), prompt.instruction)


def _cell(results: Results, cell: CellDone | None, contender: str, sample: int) -> Node:
    name = f"{contender}, sample {sample + 1}"
    if cell is None:
        return h("td", {"class": "wz-waiting"}, h("span", {"class": "wz-sr"}, f"{name}: not asked yet"))
    if not cell.run:
        return h("td", {"class": "wz-failed", "title": cell.error}, h("span", None, "failed"),
                 h("span", {"class": "wz-sr"}, f"{name}: {cell.error}"))  # fmt: skip
    done = cell.verdicts.get("done")
    words, kind = {None: ("", ""), 1.0: ("done", "wz-good")}.get(done, ("not done", "wz-bad"))
    badge = h("span", {"class": f"wz-mark {kind}"}, words) if words else None
    label = f"{name}{': ' + words if words else ''}, open its run"
    return h("td", None, h("a", {"href": f"./?run={cell.run}", "aria-label": label}, moving(results, cell.run), badge))


def moving(results: Results, run_id: str) -> Node:
    """A run's video, or its context where it has none."""
    if has_video(results, run_id):
        return h("video", {"src": f"runs/{run_id}/rollout.mp4", "poster": f"runs/{run_id}/context.png", "muted": True,
                           "playsinline": True, "preload": "none"})  # fmt: skip
    return h("img", {"src": f"runs/{run_id}/context.png", "alt": "no video"})


def has_video(results: Results, run_id: str) -> bool:
    """Whether there is something to look at."""
    return (results.store.root / run_id / "rollout.mp4").is_file()


def contenders_of(suite: Suite) -> list[str]:
    """Everybody that its probes ask, by name."""
    return list(dict.fromkeys(str(one) for probe in suite.probes for one in probe.contenders))
