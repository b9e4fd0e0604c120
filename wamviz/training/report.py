"""The curves of a training run as one SVG, drawn here so that a picture needs no plotting library to be kept in git."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 260, 56, 40, 24
SERIES = (
    ("painter", "sharpness", "drawn: sharpness, 1 = real", "#0072B2", ""),
    ("detector", "median", "found: median error, cm", "#009E73", "2 3"),
    ("denoiser", "act", "actions: error / hold still", "#D55E00", "6 4"),
)


def validation_rows(log: Path) -> list[dict[str, Any]]:
    """The validation rows of a training log, in order of time; broken lines of an interrupted run are skipped."""
    rows = []
    for line in log.read_text().splitlines() if log.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and str(row.get("phase", "")).endswith(" validation"):
            rows.append(row)
    return sorted(rows, key=lambda row: float(row["seconds"]))


def _line(rows: Sequence[dict[str, Any]], stage: str, name: str, minutes: float, top: float) -> str:
    across = (WIDTH - LEFT - 16) / max(minutes, 1e-9)
    down = (HEIGHT - TOP - BOTTOM) / top
    return " ".join(
        f"{LEFT + across * row['seconds'] / 60:.1f},{HEIGHT - BOTTOM - down * min(row[name], top):.1f}"
        for row in rows
        if row["phase"] == f"{stage} validation"
    )


def curve_svg(rows: Sequence[dict[str, Any]]) -> str:
    """Validation curves of the three parts, each against the minutes of its own training."""
    minutes = max((row["seconds"] / 60 for row in rows), default=1.0)
    top = 1.2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Validation of the three parts over {minutes:.0f} minutes" '
        'font-family="sans-serif" font-size="11" fill="#333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for tick in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2):
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * tick / top
        shade = "#999" if tick == 1.0 else "#e5e5e5"
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - 16}" stroke="{shade}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:.1f}</text>')
    for part in range(5):
        x = LEFT + (WIDTH - LEFT - 16) * part / 4
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{minutes * part / 4:.0f}</text>'
        )
    parts.append(f'<text x="{(WIDTH + LEFT) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">minutes of training</text>')
    for number, (stage, name, label, colour, dash) in enumerate(SERIES):
        points = _line(rows, stage, name, minutes, top)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
        )
        x = LEFT + (0, 210, 400)[number]
        parts.append(f'<path d="M{x} 12h24" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        parts.append(f'<text x="{x + 30}" y="16">{escape(label)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def write_report(log: Path, out: Path) -> Path:
    """Draw the validation curve of ``log`` into ``out/curves.svg``, its numbers beside it, and return the picture."""
    rows = validation_rows(log)
    out.mkdir(parents=True, exist_ok=True)
    (out / "curves.json").write_text(json.dumps(rows, indent=1) + "\n")
    picture = out / "curves.svg"
    picture.write_text(curve_svg(rows))
    return picture
