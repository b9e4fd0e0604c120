"""What a person writes in a form becomes a probe that physics can judge as far as it understands it."""

from __future__ import annotations

import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import WorldState
from wamviz.probes import Contender
from wamviz.probes.design import design_probe
from wamviz.worlds.tabletop import TabletopEnv, suggestions


@pytest.fixture(scope="module")
def world() -> WorldState:
    env = TabletopEnv(render=False)
    env.reset(1_000_003)
    return WorldState("tabletop", 1_000_003, env.snapshot())


@pytest.fixture(scope="module")
def tasks() -> tuple[str, str]:
    """Two instructions that the scene understands."""
    env = TabletopEnv(render=False)
    env.reset(1_000_003)
    first, second = suggestions(env)[:2]
    return first, second


def test_own_words_are_judged_where_the_scene_understands_them(world: WorldState, tasks: tuple[str, str]) -> None:
    first, second = tasks
    probe = design_probe(
        "tabletop:1000003", f" {first} ", world=world, own=f"{first}, then {second}\n\n wave <b>twice</b> ",
        contenders=["mini-wam:joint"], samples=2, seed=5,
    )  # fmt: skip
    assert probe.reference.instruction == first and probe.reference.parts == (first,)
    assert [prompt.name for prompt in probe.extensions] == ["own-1", "own-2"]
    assert probe.extensions[0].parts == (first, second) and probe.extensions[1].parts == ()
    assert (probe.contenders, probe.samples, probe.seed) == ((Contender("mini-wam", "joint"),), 2, 5)


def test_templates_are_filled_from_the_scene(world: WorldState, tasks: tuple[str, str]) -> None:
    probe = design_probe(
        "tabletop:1000003", tasks[0], world=world, templates=["no_op", "impossible"], contenders=["a"], samples=1
    )
    assert [(prompt.template, prompt.still) for prompt in probe.extensions] == [("no_op", True), ("impossible", True)]


def test_what_is_missing_is_told(world: WorldState, tasks: tuple[str, str]) -> None:
    asked = {"contenders": ["a"], "samples": 1}
    with pytest.raises(WamvizError, match="this context is none"):
        design_probe("a.png", tasks[0], world=None, templates=["then"], **asked)
    with pytest.raises(WamvizError, match="Templates need a reference"):
        design_probe("tabletop:1000003", "sing a song", world=world, templates=["then"], **asked)
    with pytest.raises(WamvizError, match="21 extensions"):
        design_probe("a.png", tasks[0], world=None, own="wave\n" * 21, **asked)
    with pytest.raises(WamvizError, match="No model is chosen"):
        design_probe("a.png", tasks[0], world=None, contenders=[], samples=1)
    with pytest.raises(WamvizError, match="no instruction"):
        design_probe("a.png", "  ", world=None, **asked)
