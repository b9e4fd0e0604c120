"""Language: everything that can be said is understood, and what cannot be done is refused with a reason."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import KINDS, TabletopEnv, Task, feasible_tasks, known_words, parse, phrase, suggestions
from wamviz.worlds.tabletop.referring import descriptions
from wamviz.worlds.tabletop.tasks import FRAMES, SPLITS, registered_tasks

SEEDS = (1_000_000, 1_000_003, 1_000_010, 1_000_014)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_phrasing_of_every_task_parses_back(env: TabletopEnv, seed: int) -> None:
    """parse(phrase(task)) == task: all templates, all descriptions of target and destination, all polite frames."""
    env.reset(seed)
    count = 0
    for kind in registered_tasks():
        for task in kind.feasible(env):
            targets = descriptions(env, task.target) if task.target != "lever" else [""]
            goals = descriptions(env, task.destination) if task.destination else [""]
            for template in (*kind.phrases["train"], *kind.phrases["heldout"]):
                for target in targets:
                    text = template.format(x=target, y=goals[count % len(goals)], side=task.side)
                    text = FRAMES[count % len(FRAMES)].format(s=text)
                    count += 1
                    assert parse(text, env) == replace(task, instruction=text), text
    assert count > 300


@pytest.mark.parametrize("split", SPLITS)
def test_sampled_phrases_parse_back_and_use_known_words(full_scene: TabletopEnv, split: str) -> None:
    rng, words = np.random.default_rng(3), known_words()
    for kind in KINDS:
        for task in feasible_tasks(full_scene, kind):
            text = phrase(full_scene, task, rng, split)
            assert parse(text.upper() + "!", full_scene) == replace(task, instruction=text.upper() + "!")
            assert set(re.findall("[a-z]+", text)) <= words


def test_each_kind_has_fifteen_phrasings_and_unseen_ones_of_seen_words() -> None:
    """Of the kinds that training draws; a word that only a held-out phrasing has would be unknown to the model."""
    phrases = [kind.phrases for kind in registered_tasks() if kind.share]

    def words(templates: tuple[str, ...]) -> set[str]:
        return set(re.findall("[a-z]+", re.sub(r"\{\w+\}", " ", " ".join(templates))))

    seen = set().union(*(words(splits["train"]) for splits in phrases))
    for splits in phrases:
        assert len(set(splits["train"])) >= 15 and len(set(splits["heldout"])) >= 5
        assert not set(splits["train"]) & set(splits["heldout"])
        assert words(splits["heldout"]) <= seen


# The full scene: a yellow mug, a white bowl, the red block leftmost, the green one rightmost.
VARIANTS = {
    "Push the TOASTER lever!!": Task("lever", "", "lever"),
    "toast": Task("lever", "", "lever"),
    "press the switch on the toaster": Task("lever", "", "lever"),
    "grab orange": Task("pick", "", "orange"),
    "pick up the orange right now": Task("pick", "", "orange"),
    "I want you to put the blue cube inside the white bowl": Task("place", "", "blue_block", "bowl"),
    "put the block on the left in the bowl": Task("place", "", "red_block", "bowl"),
    "push the left block to the right": Task("push", "", "red_block", side="right"),
    "slide the green brick leftwards": Task("push", "", "green_block", side="left"),
    "stack the leftmost block on the rightmost block": Task("stack", "", "red_block", "green_block"),
    "pick the mug up after you push the lever": Task("lever_then_pick", "", "mug"),
    "grab the fruit, but push the lever first": Task("lever_then_pick", "", "orange"),
    "push the lever before you take the yellow cup": Task("lever_then_pick", "", "mug"),
}


@pytest.mark.parametrize("text", VARIANTS)
def test_reasonable_variants_are_understood(full_scene: TabletopEnv, text: str) -> None:
    assert parse(text, full_scene) == replace(VARIANTS[text], instruction=text)


REFUSALS = {
    "": "empty",
    "   ": "empty",
    "🍊": "no words",
    "x" * 401: "400",
    "dance": "On the table",
    "pick up the banana": "Try: 'push the toaster lever'",
    "don't push the lever": "what not to do",
    "pull the lever up": "only be pushed down",
    "push the toaster to the left": "stands fast",
    "pick up the black mug": "The mug is yellow",
    "pick up the orange block": "no orange block",
    "put the block in the bowl": "could mean the red block, the green block and the blue block",
    "push the red block": "to the left",
    "push the orange left and then right": "one way",
    "put the mug in the bowl": "cannot be put into the bowl",
    "put the orange on the red block": "cannot be stacked",
    "put the orange in the toaster": "in the toaster",
    "move the bowl left": "cannot be pushed",
    "stack the red block on the red block": "on itself",
    "put the red block and the green block in the bowl": "One thing at a time",
    "pick up the orange, then push the toaster lever": "push the toaster lever, then pick up the orange",
    "push the lever and stack the red block on the blue block": "one thing can be picked up",
}


@pytest.mark.parametrize("text", REFUSALS)
def test_what_cannot_be_done_is_refused_with_a_reason(full_scene: TabletopEnv, text: str) -> None:
    with pytest.raises(WamvizError, match=re.escape(REFUSALS[text])):
        parse(text, full_scene)


def test_an_absent_object_is_named_and_so_is_what_there_is(env: TabletopEnv) -> None:
    for seed in range(SEEDS[0], SEEDS[0] + 60):
        env.reset(seed)
        if "mug" not in env.present:
            break
    with pytest.raises(WamvizError, match="There is no mug in this scene.*On the table: the toaster, the orange"):
        parse("pick up the mug", env)


@pytest.mark.parametrize("seed", SEEDS)
def test_suggestions_make_sense_and_end_with_the_extension(env: TabletopEnv, seed: int) -> None:
    env.reset(seed)
    offered = suggestions(env)
    assert 4 <= len(offered) <= 9 and len(set(offered)) == len(offered)
    kinds = [parse(text, env).kind for text in offered]
    assert kinds[0] == "lever" and kinds[-1] == "lever_then_pick"
