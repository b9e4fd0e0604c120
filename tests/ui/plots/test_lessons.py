"""Figures of the lessons draw exactly what was measured, in both colour schemes."""

from __future__ import annotations

import pytest

from wamviz.core.errors import WamvizError
from wamviz.lessons import Figure
from wamviz.lessons.experiment import Curve, Measure
from wamviz.ui.plots.lessons import lesson_figure

BARS = Figure("error", "%", (Measure("own", 2.0, 1.0, 4.0, 3), Measure("other", 5.0)))
LABELS = {
    "error": "Error",
    "own": "its <b>own</b> future",
    "other": "他の場面の映像を見せたときの誤差である",
    "x": "n",
    "a": "A",
}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bars_have_their_values_and_intervals(theme: str) -> None:
    (bars,) = lesson_figure(BARS, LABELS, theme).data
    assert list(bars.x) == [5.0, 2.0]  # the first on top
    assert list(bars.error_x["array"]) == [0.0, 2.0] and list(bars.error_x["arrayminus"]) == [0.0, 1.0]
    assert "<b>" not in bars.y[1] and bars.y[0].count("<br>") == 0 or "<br>" in bars.y[0]


def test_curves_have_their_values_and_places() -> None:
    curve = Curve("a", (1.0, 2.0), (3.0, 4.0), (2.5, 3.5), (3.5, 4.5))
    figure = lesson_figure(Figure("error", "%", curves=(curve,), x_name="x", log_x=True), LABELS)
    (line,) = figure.data
    assert list(line.x) == [1.0, 2.0] and list(line.y) == [3.0, 4.0] and line.name == "A"
    assert figure.layout.xaxis.type == "log"
    with pytest.raises(WamvizError, match="theme"):
        lesson_figure(BARS, LABELS, "sepia")
