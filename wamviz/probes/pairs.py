"""Which two samples a rater is shown next, blind: same probe and prompt, same seed, different contenders.

Contract: pure functions of what was run and voted. The order and the sides are shuffled by a hash of rater and pair:
nobody can foresee whose a side is, and the same page opened again shows the same.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from wamviz.probes.ratings import Rating, Vote
from wamviz.probes.suite_run import CellDone

Pair = tuple[CellDone, CellDone]


def all_pairs(cells: Sequence[CellDone]) -> list[Pair]:
    """Every two samples that differ in nothing but the contender."""
    groups: dict[tuple[str, str, int], list[CellDone]] = {}
    for cell in cells:
        if cell.run:
            groups.setdefault((cell.probe, cell.prompt, cell.sample), []).append(cell)
    return [
        pair
        for group in groups.values()
        for pair in combinations(sorted(group, key=lambda cell: cell.contender), 2)
        if pair[0].run != pair[1].run  # two contenders may make the very same
    ]


def next_pair(cells: Sequence[CellDone], votes: Sequence[Vote], rater: str) -> Pair | None:
    """What this rater has not voted on, of the two contenders with the fewest votes first; None when all is done.

    Returns:
        (left, right), as they stand on the screen.
    """
    keys = {cell.key: cell.contender for cell in cells}
    own = {frozenset((vote.left, vote.right)) for vote in votes if vote.rater == rater}
    met = Counter(frozenset((keys.get(vote.left, ""), keys.get(vote.right, ""))) for vote in votes)
    left = [pair for pair in all_pairs(cells) if frozenset((pair[0].key, pair[1].key)) not in own]
    if not left:
        return None
    one, other = min(left, key=lambda pair: (met[frozenset((pair[0].contender, pair[1].contender))], _mix(rater, pair)))
    return (other, one) if int(_mix(rater, (one, other))[-1], 16) % 2 else (one, other)


def next_sample(
    cells: Sequence[CellDone], ratings: Sequence[Rating], rater: str, *, again: bool = False
) -> CellDone | None:
    """What this rater has not rated in the present pass, least rated by others first, contenders mixed.

    Args:
        again: begin another pass, in another order, where the last one is complete.

    Returns:
        None when the pass is complete.
    """
    own = Counter(one.sample for one in ratings if one.rater == rater)
    others = Counter(one.sample for one in ratings if one.rater != rater)
    asked = [cell for cell in cells if cell.run]
    passes = min((own[cell.key] for cell in asked), default=0)
    left = [cell for cell in asked if own[cell.key] == passes]
    if passes and len(left) == len(asked) and not again:
        return None
    mixed = f"{rater}\n{passes}"
    return min(left, key=lambda cell: (others[cell.key], _mix(mixed, (cell, cell))), default=None)


def _mix(rater: str, pair: Pair) -> str:
    return hashlib.sha256(f"{rater}\n{pair[0].key}\n{pair[1].key}".encode()).hexdigest()
