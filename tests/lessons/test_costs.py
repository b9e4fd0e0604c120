"""6 N T gives what the article's table says, to its own rounding."""

from __future__ import annotations

import pytest

from wamviz.lessons.costs import ROWS, zflop

TOLD = {"foundry_llm": 5.9, "foundry_vlm": 0.41, "foundry_actions": 0.56, "pi0_fast_droid": 0.77,
        "dreamzero_tuning": 9.0, "summer_22b": 66.0}  # fmt: skip


@pytest.mark.parametrize(("name", "parameters", "tokens"), ROWS)
def test_a_row_of_the_table(name: str, parameters: float, tokens: float) -> None:
    assert zflop(parameters, tokens) == pytest.approx(TOLD[name], rel=0.015)
