"""The shipped suites are what their seeds make, and hold what they promise."""

from __future__ import annotations

from collections import Counter

import pytest

from wamviz.core.errors import WamvizError
from wamviz.probes.shipped import ARTICLE, SEEDS, find_suite, shipped_suites, tabletop_suite, toaster_suite
from wamviz.worlds.tabletop import KINDS


def test_the_files_are_what_their_seeds_make() -> None:
    """`python -m wamviz.probes.shipped` writes them."""
    assert shipped_suites() == [tabletop_suite(), toaster_suite()]


def test_the_articles_prompt_is_asked_word_for_word() -> None:
    """Reuss 2026."""
    probe = find_suite("toaster").probes[0]
    assert ARTICLE in [prompt.instruction for prompt in probe.extensions]
    assert ARTICLE.startswith("Given this initial frame, generate a video of the robot arm pushing the toaster lever.")


def test_thirty_probes_five_of_each_kind_in_scenes_of_their_own() -> None:
    suite = find_suite("tabletop")
    kinds = Counter(probe.name.rpartition("-")[0].replace("-", "_") for probe in suite.probes)
    assert kinds == dict.fromkeys(KINDS, 5)
    seeds = [int(probe.context.partition(":")[2]) for probe in suite.probes]
    assert len(set(seeds)) == 30 and min(seeds) >= SEEDS
    assert all(probe.samples == 12 and len(probe.extensions) >= 4 for probe in suite.probes)


def test_an_unknown_suite_is_refused_with_the_nearest() -> None:
    with pytest.raises(WamvizError, match="Did you mean 'toaster'"):
        find_suite("toster")
