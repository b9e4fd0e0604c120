"""Every mode of a trained checkpoint, measured on unseen episodes and written beside its weights.

``python -m wamviz.training.grade`` writes ``evaluation.json`` (one ``evaluate`` result a mode) and fills the table
between the two marks of the model card from it, so that no figure of the card is typed in by hand.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from wamviz.core.errors import unknown_name
from wamviz.core.rollout import MODES
from wamviz.models.mini.entry import capabilities, checkpoint
from wamviz.models.mini.wam import MiniWAM
from wamviz.runs.evaluate import Shared, measure
from wamviz.runs.evaluation_report import EvaluationReport
from wamviz.training.command import run_command

SEEDS = range(1_000_000, 1_000_200)
PART = 5  # seeds that a process measures before it says so
DRIVING = ("act_only",)  # what also drives the robot: joint decides by the same path before it draws
START, END = "<!-- figures -->", "<!-- end of figures -->"
Results = dict[str, dict[str, Any]]


def grade(
    folder: Path, seeds: range = SEEDS, modes: tuple[str, ...] = MODES, device: str = "auto", workers: int = 1
) -> Results:
    """Measure the checkpoint in ``folder`` in every mode; write ``evaluation.json`` and the card's table.

    ``workers`` above 1 measure parts of the seeds side by side, one thread each: on a CPU that is quicker than threads.
    """
    parts = [seeds[i : i + PART] for i in range(0, len(seeds), PART)]
    found: dict[str, EvaluationReport] = {}
    results: Results = {}
    with contextlib.ExitStack() as stack:
        reports: Iterable[dict[str, EvaluationReport]]
        if workers > 1:
            pool = stack.enter_context(
                multiprocessing.get_context("spawn").Pool(workers, _prepare, (folder, modes, device, True))
            )
            reports = pool.imap(_measure, list(parts))
        else:
            _prepare(folder, modes, device)
            reports = map(_measure, list(parts))
        done = 0
        for part in tqdm(reports, total=len(parts), desc="grade", unit="part"):
            for mode, one in part.items():
                if mode in found:
                    found[mode].extend(one)
                else:
                    found[mode] = one
            done += len(parts.pop(0))
            results = {mode: found[mode].report("mini-wam", seeds[:done]) for mode in modes}
            write(folder, results)  # an evaluation that is stopped leaves what is known by then
    return results


def write(folder: Path, results: Results) -> None:
    """Keep results as ``evaluation.json``, and as the table between the marks of the card."""
    text = json.dumps(results, indent=1)
    text = re.sub(r"\[\s+([^][{}\"]*?)\s+\]", lambda found: f"[{' '.join(found[1].split())}]", text)  # a list a line
    (folder / "evaluation.json").write_text(text + "\n")
    card = folder / "README.md"
    if card.exists() and START in card.read_text():
        text = card.read_text()
        head, rest = text.split(START, 1)
        card.write_text(head + START + "\n" + table(results) + END + rest.split(END, 1)[1])


_worker: dict[str, Any] = {}  # what each process loads once


def _prepare(folder: Path, modes: tuple[str, ...], device: str, alone: bool = False) -> None:
    """Load the model; ``alone``, one of several processes: no threads of its own to fight over cores."""
    if alone:
        torch.set_num_threads(1)
        os.environ["LP_NUM_THREADS"] = "0"  # of the software renderer
    _worker.update(model=MiniWAM(folder, capabilities(), device), modes=modes)


def _measure(seeds: range) -> dict[str, EvaluationReport]:
    """Every mode on some seeds; the expert plays each once for all of them."""
    shared = Shared()
    return {
        mode: measure(_worker["model"], mode, seeds, execution=mode in DRIVING, shared=shared)
        for mode in _worker["modes"]
    }


COLUMNS = (
    "mode",
    "PSNR (dB), gain over copy-last-frame",
    "gain on moving pixels (dB)",
    "SSIM",
    "action MAE, of hold-still's",
    "position MAE (mm)",
    "gripper MAE",
    "path in the video off the actions', of staying (cm)",
    "success",
    "right object first",
)


_SEEN = ("sharpness of what moves, of real", "gain on what moves (dB)", "arm IoU", "moved objects shown in place")
PICTURE_COLUMNS = ("mode", *_SEEN, *(f"third chunk: {name}" for name in _SEEN))


def table(results: Results) -> str:
    """The results as Markdown: one row a mode, and what the controls reach on the same frames."""
    first = next(iter(results.values()))
    lines = [
        f"Seeds {first['seeds']}, {first['n']} episodes, {first['chunks']} chunks of up to 16 frames, "
        f"{first['steps']} denoising steps; 95 % confidence intervals over episodes in brackets.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
    ]
    lines += ["| " + " | ".join(_row(mode, result)) + " |" for mode, result in results.items()]
    lines += ["| " + " | ".join(_controls(results)) + " |", ""]
    return "\n".join(lines + picture_table(results))


def picture_table(results: Results) -> list[str]:
    """How imagined video looks beside physics of the same actions, as lines of Markdown; [] where none was judged."""
    shown = {mode: result["picture"] for mode, result in results.items() if result.get("picture")}
    if not shown:
        return []
    one = next(iter(shown.values()))
    lines = [
        f"Imagined against executed (physics of the same actions from the same state): {one['n']} episodes, "
        f"{one['stretches']} chunks, and the third chunk of rollouts of 48 frames from each episode's first frame; "
        "95 % bootstrap intervals over episodes in brackets.",
        "",
        "| " + " | ".join(PICTURE_COLUMNS) + " |",
        "|" + "---|" * len(PICTURE_COLUMNS),
    ]
    for mode, picture in shown.items():
        third = _picture_cells(picture.get("third_chunk") or {})
        lines.append("| " + " | ".join([f"`{mode}`", *_picture_cells(picture), *third]) + " |")
    copies = [_copy_cells(one), _copy_cells(one.get("third_chunk") or {})]
    return [*lines, "| " + " | ".join(["copy the last frame", *copies[0], *copies[1]]) + " |", ""]


def _picture_cells(picture: dict[str, Any]) -> list[str]:
    forms = (("sharpness", "{:.2f}", 1), ("moving_gain_db", "{:+.2f}", 1), ("arm_iou", "{:.2f}", 1),
             ("objects_moved", "{:.0f}%", 100))  # fmt: skip
    return [
        ""
        if picture.get(key) is None
        else form.format(scale * picture[key]) + _between(picture[f"{key}_ci95"], form.replace("+", ""), scale)
        for key, form, scale in forms
    ]


def _copy_cells(picture: dict[str, Any]) -> list[str]:
    forms = (("copy_sharpness", "{:.2f}", 1), ("copy_moving_psnr", "0 at {:.2f}", 1), ("copy_arm_iou", "{:.2f}", 1),
             ("copy_objects_moved", "{:.0f}%", 100))  # fmt: skip
    return ["" if picture.get(key) is None else form.format(scale * picture[key]) for key, form, scale in forms]


def _between(ends: list[float] | None, pattern: str, scale: float = 1.0) -> str:
    """`` [low, high]``, or nothing."""
    return "" if not ends else f" [{', '.join(pattern.format(scale * end) for end in ends)}]"


def _row(mode: str, result: dict[str, Any]) -> list[str]:
    video, actions, execution = result["video"], result["actions"], result["execution"]
    cells = [f"`{mode}`", *[""] * (len(COLUMNS) - 1)]
    if video:
        cells[1] = f"{video['psnr']:.2f}, {video['gain_db']:+.2f}{_between(video['gain_db_ci95'], '{:.2f}')}"
        cells[2] = f"{video['moving_gain_db']:+.2f}{_between(video['moving_gain_db_ci95'], '{:.2f}')}"
        cells[3] = f"{video['ssim']:.3f}"
    if actions:
        cells[4] = f"{actions['mae']:.3f}, {actions['ratio']:.2f}"
        cells[5] = f"{1000 * actions['position_mae_m']:.1f}{_between(actions['position_mae_m_ci95'], '{:.1f}', 1000)}"
        cells[6] = f"{actions['gripper_mae']:.3f}"
    if paths := result.get("consistency"):
        ends = _between(paths["stated_vs_read_path_ade_m_ci95"], "{:.1f}", 100)
        cells[7] = f"{100 * paths['stated_vs_read_path_ade_m']:.1f}{ends} of {100 * paths['staying_path_ade_m']:.1f}"
    if execution:
        cells[8] = f"{execution['success_rate']:.0%}{_between(execution['success_ci95'], '{:.0%}')}"
        if execution["right_object_rate"] is not None:
            cells[9] = f"{execution['right_object_rate']:.0%}{_between(execution['right_object_ci95'], '{:.0%}')}"
    return cells


def _controls(results: Results) -> list[str]:
    """What copying, holding still and the scripted expert reach."""
    cells = ["copy the last frame, hold still; the expert", *[""] * (len(COLUMNS) - 1)]
    if shown := next((r["video"] for r in results.values() if r["video"]), None):
        cells[1], cells[2] = f"{shown['copy_last_psnr']:.2f}, 0", "0"
        cells[3] = f"{shown['copy_last_ssim']:.3f}"
    if held := next((r["actions"] for r in results.values() if r["actions"]), None):
        cells[4], cells[6] = f"{held['hold_mae']:.3f}, 1", f"{held['hold_gripper_mae']:.3f}"
        cells[5] = f"{1000 * held['hold_position_mae_m']:.1f}"
    if driven := next((r["execution"] for r in results.values() if r["execution"]), None):
        cells[8] = f"{driven['expert_success_rate']:.0%}"
    return cells


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, measure, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m wamviz.training.grade", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=checkpoint(), help="a pipeline folder")
    parser.add_argument("--seeds", default=f"{SEEDS.start}:{SEEDS.stop}", metavar="A:B")
    parser.add_argument("--workers", type=int, default=1, help="processes that measure side by side")
    parser.add_argument("--modes", default=",".join(MODES), metavar="LIST")
    options = parser.parse_args(arguments)

    def work() -> None:
        from wamviz.runs.conditioning import parse_seeds

        modes = tuple(options.modes.split(","))
        for mode in modes:
            if mode not in MODES:
                raise unknown_name("mode", mode, MODES)
        print(table(grade(options.checkpoint, parse_seeds(options.seeds), modes, workers=options.workers)))

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
