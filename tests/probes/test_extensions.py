"""Extensions fit their scene: what they name is there or is meant not to be, and what is composed was never taught."""

from __future__ import annotations

import pytest

from wamviz.core.errors import WamvizError
from wamviz.probes.extensions import HELD_OUT, TEMPLATES, extend
from wamviz.probes.probe import Prompt
from wamviz.worlds.tabletop import KINDS, TabletopEnv, parse, task_for_seed
from wamviz.worlds.tabletop.objects import MOVABLE


@pytest.fixture(scope="module")
def scenes() -> list[tuple[TabletopEnv, dict[str, Prompt]]]:
    """Forty scenes with what their own tasks are extended to."""
    found = []
    for seed in range(1_071_000, 1_071_040):
        env = TabletopEnv(render=False)
        env.reset(seed)
        found.append((env, {prompt.template: prompt for prompt in extend(env, task_for_seed(env), seed)}))
    return found


def test_every_template_has_its_scenes_and_its_own_name(scenes: list[tuple[TabletopEnv, dict[str, Prompt]]]) -> None:
    assert {name for _, prompts in scenes for name in prompts} == set(TEMPLATES)
    for _, prompts in scenes:
        assert len({prompt.name for prompt in prompts.values()}) == len(prompts)


def test_parts_are_tasks_of_the_scene(scenes: list[tuple[TabletopEnv, dict[str, Prompt]]]) -> None:
    for env, prompts in scenes:
        own = task_for_seed(env)
        for name, prompt in prompts.items():
            tasks = [parse(part, env) for part in prompt.parts]
            assert bool(tasks) != prompt.still
            if name == "then":
                assert [task.kind for task in tasks] == [own.kind, HELD_OUT[own.kind]]
                assert own.target not in (tasks[1].target, tasks[1].destination)
                assert prompt.instruction == f"{prompt.parts[0]}, then {prompt.parts[1]}"
            elif name == "swapped_object":
                assert tasks[0].kind == own.kind and tasks[0].target != own.target
            elif name == "reversed_direction":
                assert tasks[0].target == own.target and {tasks[0].side, own.side} == {"left", "right"}
            elif name == "paraphrase":
                assert (tasks[0].kind, tasks[0].target, tasks[0].destination) == (own.kind, own.target, own.destination)
            elif name == "wrong_object":
                absent = [thing for thing in MOVABLE if thing not in env.present]
                assert any(thing.split("_")[0] in prompt.instruction for thing in absent)


def test_compositions_are_none_that_training_knows() -> None:
    """Of two tasks in one sentence the training mix has lever-then-pick alone."""
    composed = {kind for kind in KINDS if "then" in kind}
    assert composed == {"lever_then_pick"}
    assert {f"{first}_then_{second}" for first, second in HELD_OUT.items()}.isdisjoint(composed)


def test_the_same_seed_extends_alike_and_a_strange_template_is_refused() -> None:
    env = TabletopEnv(render=False)
    env.reset(1_071_000)
    task = task_for_seed(env)
    assert extend(env, task, 4) == extend(env, task, 4)
    assert [prompt.template for prompt in extend(env, task, 4, ["no_op"])] == ["no_op"]
    with pytest.raises(WamvizError, match="Did you mean 'no_op'"):
        extend(env, task, 4, ["noop"])
