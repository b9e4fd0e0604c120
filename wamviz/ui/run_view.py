"""Words about a run, as markup nodes (its metrics are in ``measures``).

Contract: pure functions from runs and numbers to nodes; every number comes out of the run, every missing one is
said in words, and each stands beside its control. Nothing here samples, reads or writes.
"""

from __future__ import annotations

from datetime import datetime

from wamviz.core.rollout import CAUTIONS, Preview
from wamviz.runs.store import Run
from wamviz.ui import agreement
from wamviz.ui.choices import MODE_TITLES
from wamviz.ui.markup import Node, h
from wamviz.ui.plots import alt_text, text_table
from wamviz.ui.run_repository import KINDS

DOWNLOADS = {
    "mp4": "720p with instruction, labels and paths",
    "gif": "the same, for chats and slides",
    "png": "a filmstrip in the layout of papers",
    "npz": "frames, actions and states",
    "csv": "actions, one row a step",
    "zip": "everything, to be read again",
    "lerobot": "a dataset of its rollouts, v3.0",
}
TITLES = {"lerobot": "LeRobot", "png": "Filmstrip"}  # of downloads that are not called after their suffix


def status(kind: str, text: str, detail: str = "", done: float | None = None) -> list[Node]:
    """The status line. ``kind``: ``idle``, ``busy``, ``good``, ``warm`` or ``bad``; ``done`` (0..1) adds a bar."""
    bar = None
    if done is not None:
        percent = str(round(100 * min(1.0, max(0.0, done))))
        bar = h("progress", {"class": "wz-progress", "max": "100", "value": percent, "aria-hidden": "true"})
    words = h("p", {"class": "wz-words"}, h("strong", None, text), f" {detail}" if detail else None)
    return [h("div", {"class": f"wz-status wz-{kind}"}, words, bar)]


def step_status(preview: Preview, remaining: float | None) -> list[Node]:
    """Steps done and the time that is left."""
    if preview.step == 0:
        note = preview.note[:1].upper() + preview.note[1:] if preview.note else "Reading the context"
        return status("busy", f"{note} …", done=0.0)
    left = "" if remaining is None else f"about {seconds(remaining)} left"
    detail = " · ".join(part for part in (preview.note, left) if part)
    return status("busy", f"Step {preview.step} of {preview.steps}", detail, preview.step / max(1, preview.steps))


def execution_status(step: int, steps: int) -> list[Node]:
    """Actions done, while the simulator executes them."""
    return status("busy", f"Action {step} of {steps}", "in the simulator", step / max(1, steps))


def seconds(value: float) -> str:
    """A duration as people say it.

    >>> seconds(0.34), seconds(12.4), seconds(150)
    ('0.3 s', '12 s', '3 min')
    """
    if value < 9.95:
        return f"{value:.1f} s"
    return f"{value:.0f} s" if value < 99.5 else f"{value / 60:.0f} min"


def finished(run: Run) -> list[Node]:
    """The status line after a run."""
    took, first = run.timings.get("total"), run.imagined[0]
    text = "Imagined" if not _is_control(run) else "Done (a baseline, not a trained model)"
    parts = [f"in {seconds(took)}" if took is not None else "", run.versions.get("device", "")]
    if first.frames is not None:
        parts[1] = f"{len(first.frames) - 1} frames, {first.duration:.1f} s. {parts[1]}".strip()
    if cautions(run):  # said at the picture; green would contradict them
        return status("warm", f"{text} {parts[0]}".strip() + ", with a warning below the picture.", parts[1])
    return status("good", f"{text} {parts[0]}".strip() + ".", parts[1])


SUCCESS: dict[bool | None, tuple[str, str]] = {
    True: ("good", "In the simulator the task succeeded."),
    False: ("warm", "In the simulator the task failed."),
    None: ("idle", "Whether the task succeeded in the simulator cannot be told for this instruction."),
}


def verdict(run: Run) -> list[Node]:
    """What the simulator made of the imagined actions and, beside it, whether the imagined video shows the same;
    nothing before they were executed."""
    executed, warned = run.executed, warnings(run)
    if executed is None:
        return warned
    found = agreement.agreement(run)
    sides = [status(*SUCCESS[executed.success], how_far(run) or str(executed.meta.get("note", "") or ""))]
    sides.append(status(found.kind, found.sentence, found.detail))
    return [h("div", {"class": "wz-verdicts"}, *sides), *warned]


def warnings(run: Run) -> list[Node]:
    """What has to be known before the picture is believed, at the picture: its model's own doubts, and that it
    hardly moves."""
    notes = cautions(run)
    if (run.metrics.get("execution") or {}).get("moves_enough") is False:
        notes.append("The imagined video hardly moves, while its own actions move the arm in the simulator.")
    if not notes and hardly_acts(run):
        notes.append("These actions hardly move the arm: the model answers as if there were nothing to do.")
    return (
        [h("div", {"class": "wz-status wz-warm wz-warnings"}, [h("p", None, note) for note in notes])] if notes else []
    )


def cautions(run: Run) -> list[str]:
    """What its model says against its own answer (out of distribution, unknown words), each once."""
    return list(dict.fromkeys(str(note) for one in run.imagined for note in one.meta.get(CAUTIONS) or ()))


HARDLY = 0.02  # metres of end-effector travel in all: below, nothing is lifted, pushed or placed


def hardly_acts(run: Run) -> bool:
    """Whether the first sample's commanded path is shorter than two centimetres; False where it is not known."""
    length = (run.metrics.get("execution") or {}).get("stated_length_m")
    return length is not None and length < HARDLY and not _is_control(run)


def how_far(run: Run) -> str:
    """How far a task came that was not done; "" where it was, or where nobody knows.

    The tabletop's own measure of progress, 0 .. 100 %: of the way that the lever, the lift or the push takes, with
    halves for the steps of a task in two parts.
    """
    executed = run.executed
    share = None if executed is None or executed.success is not False else executed.meta.get("progress")
    return "" if share is None else f"It came {share:.0%} of the way."


def executed(run: Run) -> list[Node]:
    """The status line after an execution: physics first, then the picture."""
    kind, text = SUCCESS[None if run.executed is None else run.executed.success]
    text = f"{text} {how_far(run)}".strip()
    found = agreement.agreement(run)
    kind = found.kind if kind == "good" and found.kind != "idle" else kind  # a success that is not shown is none to see
    return status(kind, f"Executed. {text}", found.sentence)


def facts(run: Run) -> list[Node]:
    """Everything that is needed to make this run again."""
    pairs = [
        ("Run", run.id),
        ("Model", run.model + (f" ({run.weights_digest[:12]})" if run.weights_digest else "")),
        ("Mode", MODE_TITLES.get(run.mode, run.mode)),
        ("Instruction", run.instruction or "none"),
        ("Context", run.source),
        ("Seed", _seeds(run)),
        ("Steps", "none" if run.steps is None else str(run.steps)),
        *([("Horizon", f"{run.horizon} frames")] if run.horizon is not None else []),
        *([("Guidance", f"{run.guidance:g}")] if run.guidance != 1 else []),
        ("Made", format_time(run.created)),
        ("Seconds", ", ".join(f"{name} {value:.2f}" for name, value in run.timings.items()) or "not measured"),
        ("Device", run.versions.get("device", "not known")),
        ("Versions", ", ".join(f"{name} {value}" for name, value in run.versions.items() if name != "device")),
    ]
    return [
        h(
            "dl",
            {"class": "wz-facts"},
            [h("div", None, h("dt", None, a), h("dd", None, b)) for a, b in pairs],
        )
    ]


def _seeds(run: Run) -> str:
    if run.imagined[0].seed is None:
        return "not told to the model, which draws its own"
    return str(run.seed) if len(run.imagined) == 1 else f"{run.seed} … {run.seed + len(run.imagined) - 1}"


def format_time(created: str) -> str:
    """A creation time for people.

    >>> made("2026-11-22T18:40:09+00:00")
    '2026-11-22 18:40 UTC'
    """
    try:
        return datetime.fromisoformat(created).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return created


def downloads(run_id: str) -> list[Node]:
    """Links to everything that a run can be taken away as."""
    links = [
        h(
            "li",
            None,
            h(
                "a",
                {"href": f"runs/{run_id}/download/{kind}", "download": True, "data-kind": kind},
                h("b", None, TITLES.get(kind, kind.upper())),
                h("small", {"class": "wz-note"}, DOWNLOADS[kind]),
            ),
        )
        for kind in KINDS
    ]
    return [
        h(
            "details",
            {"class": "wz-menu", "data-run": run_id},
            h("summary", {"data-testid": "download", "role": "button"}, "Download"),
            h("ul", None, links),
        ),
        h("a", {"href": f"./compare?run={run_id}", "class": "wz-link"}, "Compare models"),
    ]


def numbers(run: Run) -> list[Node]:
    """The figures as a table: one row a time, every value that is plotted."""
    head, rows = text_table(run)
    if not rows:
        return [h("p", {"class": "wz-empty"}, "There are no actions and no compared frames to list.")]
    body = [h("tr", None, h("th", {"scope": "row"}, first), [h("td", {"class": "wz-number"}, v) for v in rest])
            for first, *rest in rows]  # fmt: skip
    table = h(
        "table",
        {"class": "wz-table wz-wide"},
        h("caption", {"class": "wz-sr"}, "Everything that the plots show, by time"),
        h("thead", None, h("tr", None, [h("th", {"scope": "col"}, title) for title in head])),
        h("tbody", None, body),
    )
    frame = {"class": "wz-scroll", "tabindex": "0", "role": "region", "aria-label": "Plotted values by time"}
    return [h("div", frame, table)]


def plot_words(run: Run) -> list[Node]:
    """What the plots show, in a sentence or two, for those who do not see them."""
    return [h("p", {"class": "wz-sr"}, alt_text(run))]


def _is_control(run: Run) -> bool:
    return run.model in ("copy-last-frame", "hold-still")
