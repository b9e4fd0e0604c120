"""Every mode of a trained checkpoint, measured on unseen episodes and written beside its weights.

``python -m wamviz.training.grade`` writes ``evaluation.json`` (one ``evaluate`` result a mode) and fills the table
between the two marks of the model card from it, so that no figure of the card is typed in by hand.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from wamviz.errors import WamvizError
from wamviz.models.mini.entry import capabilities, checkpoint
from wamviz.models.mini.wam import MiniWAM
from wamviz.rollout import MODES
from wamviz.training.evaluate import evaluate

SEEDS = range(1_000_000, 1_000_060)
DRIVING = ("joint", "act_only")  # the modes that also drive the robot here; the slow part
START, END = "<!-- figures -->", "<!-- end of figures -->"
Results = dict[str, dict[str, Any]]


def grade(folder: Path, seeds: range = SEEDS, modes: tuple[str, ...] = MODES, device: str = "auto") -> Results:
    """Measure the checkpoint in ``folder`` in every mode; write ``evaluation.json`` and the card's table."""
    model = MiniWAM(folder, capabilities(), device)
    results: Results = {}
    for mode in modes:
        with tqdm(total=len(seeds), desc=mode, unit="episode") as bar:

            def seen(done: int, total: int, words: str, bar: Any = bar) -> None:
                bar.update(done - bar.n)

            results[mode] = evaluate("mini-wam", mode, seeds, progress=seen, execution=mode in DRIVING, model=model)
    (folder / "evaluation.json").write_text(json.dumps(results, indent=1) + "\n")
    card = folder / "README.md"
    if card.exists() and START in card.read_text():
        text = card.read_text()
        head, rest = text.split(START, 1)
        card.write_text(head + START + "\n" + table(results) + END + rest.split(END, 1)[1])
    return results


def table(results: Results) -> str:
    """The results as Markdown: one row a mode, and what the controls reach on the same frames."""
    first = next(iter(results.values()))
    lines = [
        f"Seeds {first['seeds']}, {first['n']} episodes, {first['chunks']} chunks of up to 16 frames, "
        f"{first['steps']} denoising steps.",
        "",
        "| mode | PSNR (dB), gain over copy-last-frame [95 %] | PSNR on moving pixels (dB) | SSIM | action MAE, "
        "of hold-still's | position MAE (mm) | gripper MAE | "
        "path in the video off the actions', of staying (cm) | success [95 %], right object first |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for mode, result in results.items():
        video, actions, execution = result["video"], result["actions"], result["execution"]
        cells = [f"`{mode}`", "", "", "", "", "", "", "", ""]
        if video:
            low, high = video["gain_db_ci95"] or (video["gain_db"],) * 2
            cells[1] = f"{video['psnr']:.2f}, {video['gain_db']:+.2f} [{low:.2f}, {high:.2f}]"
            cells[2] = f"{video['moving_psnr']:.2f}"
            cells[3] = f"{video['ssim']:.3f}"
        if actions:
            cells[4] = f"{actions['mae']:.3f}, {actions['ratio']:.2f}"
            cells[5] = f"{1000 * actions['position_mae_m']:.1f}"
            cells[6] = f"{actions['gripper_mae']:.3f}"
        if paths := result.get("consistency"):
            cells[7] = f"{100 * paths['stated_vs_read_path_ade_m']:.1f} of {100 * paths['staying_path_ade_m']:.1f}"
        if execution:
            right = execution["right_object_rate"]
            low, high = execution["success_ci95"]
            cells[8] = (
                f"{execution['success_rate']:.0%} [{low:.0%}, {high:.0%}], {'' if right is None else f'{right:.0%}'}"
            )
        lines.append("| " + " | ".join(cells) + " |")
    control = next((r for r in results.values() if r["video"]), None)
    held = next((r for r in results.values() if r["actions"]), None)
    cells = ["the controls", "", "", "", "", "", "", "", ""]
    if control:
        video = control["video"]
        cells[1:4] = [f"{video['copy_last_psnr']:.2f}", f"{video['copy_last_moving_psnr']:.2f}"] + [
            f"{video['copy_last_ssim']:.3f}"
        ]
    if held:
        actions = held["actions"]
        cells[4:7] = [f"{actions['hold_mae']:.3f}, 1", f"{1000 * actions['hold_position_mae_m']:.1f}"] + [
            f"{actions['hold_gripper_mae']:.3f}"
        ]
    return "\n".join([*lines, "| " + " | ".join(cells) + " |", ""])


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, measure, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m wamviz.training.grade", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=checkpoint(), help="a pipeline folder")
    parser.add_argument("--seeds", default=f"{SEEDS.start}:{SEEDS.stop}", metavar="A:B")
    parser.add_argument("--modes", default=",".join(MODES), metavar="LIST")
    options = parser.parse_args(arguments)
    try:
        from wamviz.inputs import parse_seeds

        print(table(grade(options.checkpoint, parse_seeds(options.seeds), tuple(options.modes.split(",")))))
    except WamvizError as error:
        print(f"wamviz: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
