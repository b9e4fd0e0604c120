"""Errors: one tree, and every answer of the command line and of HTTP derives from the class."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from wamviz.core import errors
from wamviz.core.errors import Busy, Canceled, Damaged, InvalidInput, NotFound, Unavailable, Unsafe, WamvizError

ROOT = Path(__file__).parents[2]
CLASSES = (WamvizError, InvalidInput, NotFound, Unsafe, Damaged, Unavailable, Busy, Canceled)


def test_the_docstring_draws_every_class():
    drawn = re.findall(r"(?:├──|└──|^    )\s*([A-Z]\w+)", errors.__doc__ or "", re.M)
    assert {cls.__name__ for cls in CLASSES} == set(drawn) - {"ConnectionLost"}


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_is_caught_as_one_and_keeps_its_text(cls):
    error = cls(" It is so. ", "Do this.")
    assert isinstance(error, WamvizError) and (error.message, error.hint) == ("It is so.", "Do this.")
    assert str(error) == "It is so. Do this." and error.exit_code != 0 and 400 <= error.http_status < 600


def test_titles_are_told_apart():
    assert len({cls.title for cls in CLASSES}) == len(CLASSES)


@pytest.mark.parametrize(("cls", "exit_code"), [(InvalidInput, 2), (NotFound, 2), (Unsafe, 2), (Damaged, 2),
                                                (Unavailable, 2), (Busy, 75), (Canceled, 130)])  # fmt: skip
def test_what_has_to_be_changed_first_exits_with_2_and_what_may_be_tried_again_does_not(cls, exit_code):
    assert cls("x").exit_code == exit_code


def test_another_text_stays_the_same_sort_of_error():
    error = Unsafe("A link.", "It leads out.").with_text(message="Another link.")
    assert type(error) is Unsafe and str(error) == "Another link. It leads out."


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(errors).failed == 0


def test_nobody_branches_on_the_text_of_an_error():
    """A text is for people: code that reads one breaks as soon as a sentence is improved."""
    pattern = re.compile(
        r"""["']\s+(not\s+)?in\s+(str\(error\)|error\.(hint|message)\b)|error\.(hint|message)\.(startswith|endswith)"""
        r"""|(str\(error\)|error\.(hint|message))\s*=="""
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "wamviz").rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_the_page_of_the_documentation_says_what_the_classes_say():
    text = (ROOT / "docs/errors.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\d+) \| (\d+) \|$", text, re.M)
    assert {(cls.__name__, str(cls.exit_code), str(cls.http_status)) for cls in CLASSES[1:]} == set(rows)
