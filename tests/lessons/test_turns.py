"""The queue of experiments is fair: one learner's many do not hold up the others."""

from __future__ import annotations

from contextlib import ExitStack

from wamviz.lessons.turns import Turn, Turns


def come(stack: ExitStack, turns: Turns, *learners: str, alone: bool = False) -> list[Turn]:
    return [stack.enter_context(turns.join(learner, alone)) for learner in learners]


def running(turns: list[Turn]) -> list[bool]:
    """Who of them runs, each asked in the order in which they came, and once more."""
    for turn in turns:
        turn.wait(0)
    return [turn.wait(0) is None for turn in turns]


def test_one_learners_many_experiments_do_not_block_the_others() -> None:
    turns = Turns(at_once=2)
    with ExitStack() as stack:
        ada = come(stack, turns, *["ada"] * 5)
        bob = come(stack, turns, "bob")
        assert running([*ada, *bob]) == [True, False, False, False, False, True]
        ada[0].__exit__(None, None, None)
        eve = come(stack, turns, "eve")
        assert running([*ada[1:], *eve]) == [False, False, False, False, True]  # she had none yet
        bob[0].__exit__(None, None, None)
        assert running(ada[1:]) == [True, False, False, False]


def test_what_two_ask_comes_as_soon_as_it_would_for_either() -> None:
    turns = Turns(at_once=3)
    with ExitStack() as stack:
        first, second = come(stack, turns, "ada", "ada")
        assert running([first, second]) == [True, False]
        second.share("bob")
        assert running([second]) == [True]


def test_who_measures_seconds_is_alone_and_is_not_put_off_for_ever() -> None:
    turns = Turns(at_once=3)
    with ExitStack() as stack:
        (ada,) = come(stack, turns, "ada")
        assert running([ada]) == [True]
        (timed,) = come(stack, turns, "bob", alone=True)
        (eve,) = come(stack, turns, "eve")
        assert running([timed, eve]) == [False, False] and eve.wait(0) == 2
        ada.__exit__(None, None, None)
        assert running([timed, eve]) == [True, False]
        timed.__exit__(None, None, None)
        assert running([eve]) == [True]


def test_whoever_leaves_makes_room_whether_or_not_they_ran() -> None:
    turns = Turns(at_once=1)
    with ExitStack() as stack:
        first, second = come(stack, turns, "ada", "bob")
        assert running([first, second]) == [True, False]
        second.__exit__(None, None, None)
        (third,) = come(stack, turns, "eve")
        first.__exit__(None, None, None)
        assert running([third]) == [True]
