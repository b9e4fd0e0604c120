"""Training compute by the rule C = 6 N T, with the sizes that the article's table gives.

Kaplan et al. 2020 (2001.08361): six operations a parameter and token. A lower bound, see the lesson. N and T are
quoted; every product is computed here.
"""

from __future__ import annotations

ROWS = (  # name, parameters in billions, tokens in billions
    ("foundry_llm", 1.23, 800.0),
    ("foundry_vlm", 1.32, 51.2),
    ("foundry_actions", 1.65, 56.2),
    ("pi0_fast_droid", 3.0, 43.0),
    ("dreamzero_tuning", 14.0, 107.0),
    ("summer_22b", 22.0, 500.0),
)
H100_HOURS = 936.0  # a ZFLOP, at about 30 % of the dense BF16 peak, as the article counts


def zflop(parameters: float, tokens: float) -> float:
    """6 N T in units of 10^21.

    Args:
        parameters, tokens: in billions.

    >>> zflop(14, 107)
    8.988
    """
    return 6 * parameters * 1e9 * tokens * 1e9 / 1e21
