"""Who is preferred, from blind votes on pairs: Bradley-Terry strengths, with what keeps them honest.

Strengths compare contenders only where votes connect them, and a contender that never lost has no finite one. So the
votes' graph is looked at first, and each pair that met is given one tie beside its votes (a weak prior: it pulls
towards even and fades as votes come). Intervals are bootstraps over contexts, as everywhere here; where all votes are
of fewer than five contexts, over votes, which says nothing of other contexts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from wamviz.probes.ratings import LEFT, RIGHT, Vote
from wamviz.probes.statistics import share_words
from wamviz.probes.suite_run import CellDone

RESAMPLES = 1000
FEW_CONTEXTS = 5  # below, a bootstrap over contexts has too little to draw from
MARGIN = 0.15  # half the width of a share's 95 % interval that a pair of contenders should reach
FEW_VOTES = 10  # in a group, below which a bootstrap only repeats what little there is
PAIRS_NEEDED = math.ceil(1.959964**2 * 0.25 / MARGIN**2)  # votes on two contenders for that, at worst (a share of 1/2)


@dataclass(frozen=True)
class Duel:
    """One vote, and whose the two samples were.

    Attributes:
        one, other: contenders; won: 1 if the first was preferred, 0 if the other, 0.5 for a tie; context: of both.
    """

    one: str
    other: str
    won: float
    context: str


@dataclass(frozen=True)
class Standing:
    """A contender's place.

    Attributes:
        contender: who.
        strength: the chance to be preferred to the field's (geometric) mean, 0 .. 1; low, high: its 95 % interval,
            None where there are too few votes for one.
        votes: that it was part of.
    """

    contender: str
    strength: float
    low: float | None
    high: float | None
    votes: int

    def __str__(self) -> str:
        return share_words(self.strength, self.low, self.high)


@dataclass(frozen=True)
class Preferences:
    """What the votes say.

    Attributes:
        groups: contenders in their order, each group connected by votes; two groups cannot be compared.
        notes: what a reader has to know before believing it, in sentences.
    """

    groups: tuple[tuple[Standing, ...], ...]
    votes: int
    notes: tuple[str, ...]


def duels(votes: Sequence[Vote], cells: Mapping[str, CellDone]) -> list[Duel]:
    """The votes that compare two contenders; of a rater's several on one pair, the last counts."""
    last = {(vote.rater, frozenset((vote.left, vote.right))): vote for vote in votes}
    found = []
    for vote in last.values():
        left, right = cells.get(vote.left), cells.get(vote.right)
        if left is not None and right is not None and left.contender != right.contender:
            won = {LEFT: 1.0, RIGHT: 0.0}.get(vote.choice, 0.5)
            found.append(Duel(left.contender, right.contender, won, left.probe))
    return found


def rank_contenders(fought: Sequence[Duel]) -> Preferences:
    """Strengths of everyone who met somebody, with intervals and what to beware of."""
    groups = connected(fought)
    notes = []
    if len(groups) > 1:
        told = "; ".join(", ".join(group) for group in groups)
        notes.append(
            f"Votes do not connect all contenders, so these groups cannot be compared with each other: {told}."
        )
    counts = {
        pair: sum({one.one, one.other} == set(pair) for one in fought)
        for group in groups
        for pair in combinations(group, 2)
    }
    few = {pair: count for pair, count in counts.items() if count < PAIRS_NEEDED}
    if few:
        (one, other), least = min(few.items(), key=lambda item: item[1])
        notes.append(
            f"Too few votes: an interval of ±{MARGIN:.0%} takes {PAIRS_NEEDED} for each two contenders; "
            f"{one} against {other} has {least}."
        )
    contexts = len({one.context for one in fought})
    if fought and contexts < FEW_CONTEXTS:
        notes.append(f"{contexts} context{'s' if contexts > 1 else ''}: the intervals say nothing of others.")
    return Preferences(tuple(_standings(group, fought) for group in groups), len(fought), tuple(notes))


def connected(fought: Sequence[Duel]) -> list[tuple[str, ...]]:
    """Groups of contenders that votes connect, each sorted, the largest first."""
    groups: list[set[str]] = []
    for one in fought:
        touched = [group for group in groups if one.one in group or one.other in group]
        groups = [group for group in groups if group not in touched]
        groups.append({one.one, one.other}.union(*touched))
    return sorted((tuple(sorted(group)) for group in groups), key=lambda group: (-len(group), group))


def _standings(group: Sequence[str], fought: Sequence[Duel]) -> tuple[Standing, ...]:
    inside = [one for one in fought if one.one in group]
    strengths = bradley_terry(group, inside, np.ones(len(inside)))  # (N,)
    low: Sequence[float | None] = [None] * len(group)
    high: Sequence[float | None] = [None] * len(group)
    if len(inside) >= FEW_VOTES:
        drawn = [bradley_terry(group, inside, weights) for weights in resample([one.context for one in inside])]
        low, high = (ends.tolist() for ends in np.quantile(drawn, [0.025, 0.975], axis=0))
    found = [
        Standing(name, float(strengths[k]), low[k], high[k],
                 sum(name in (one.one, one.other) for one in inside))
        for k, name in enumerate(group)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda standing: -standing.strength))


def bradley_terry(names: Sequence[str], fought: Sequence[Duel], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chance of each to be preferred to the field's mean, (N,) 0 .. 1 (Bradley & Terry 1952), one tie a pair beside the
    votes.

    Args:
        names: N contenders that votes connect.
        weights: how often each vote counts.
    """
    import evalica

    pairs = sorted({tuple(sorted((one.one, one.other))) for one in fought})
    outcomes = {1.0: evalica.Winner.X, 0.0: evalica.Winner.Y}
    result = evalica.bradley_terry(
        [*(one.one for one in fought), *(first for first, _ in pairs)],
        [*(one.other for one in fought), *(second for _, second in pairs)],
        [*(outcomes.get(one.won, evalica.Winner.Draw) for one in fought), *(evalica.Winner.Draw for _ in pairs)],
        weights=[*weights, *(1.0 for _ in pairs)],
        tolerance=1e-9,
        limit=10_000,
    )
    logs = np.log(np.array([float(result.scores[name]) for name in names]))
    return np.asarray(1.0 / (1.0 + np.exp(logs.mean() - logs)))


def resample(contexts: Sequence[str], count: int = RESAMPLES) -> NDArray[np.float64]:
    """How often each of M things counts in each of ``count`` bootstraps, (count, M): contexts are drawn whole, or
    things one by one where there are fewer than five contexts."""
    names, of = np.unique(np.asarray(contexts, dtype=str), return_inverse=True)
    if len(names) < FEW_CONTEXTS:
        of = np.arange(len(contexts))
    units = int(of.max()) + 1 if len(of) else 0
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(units, np.full(units, 1 / max(units, 1)), size=count)  # (count, units)
    return np.asarray(drawn[:, of], np.float64)
