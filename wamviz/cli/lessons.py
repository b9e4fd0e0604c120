"""The command ``lessons``: what the course holds, whether its languages agree, what was answered here."""

from __future__ import annotations

import argparse

from wamviz.core.errors import InvalidInput
from wamviz.core.plain import dumps

HELP = "List the lessons, compare their languages, or show what was answered before and after them."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--language", default="en", metavar="CODE", help="en or ja (default: en)")
    parser.add_argument("--check", action="store_true", help="compare the structure of all languages; 2 if they differ")
    parser.add_argument("--answers", action="store_true", help="right answers before and after, by lesson, as JSON")
    parser.add_argument("--class", dest="class_name", default=None, metavar="NAME", help="of that class (--answers)")


def run(args: argparse.Namespace) -> None:
    """List, compare, or count."""
    from wamviz.lessons import LANGUAGES, AnswerStore, before_and_after, differences, load_course, read_class

    if args.answers:
        answers = AnswerStore().read() if args.class_name is None else read_class(args.class_name)
        print(dumps(before_and_after(answers), indent=2))
        return
    if args.check:
        found = [f"{language}: {words}" for language in LANGUAGES for words in differences(language)]
        if found:
            raise InvalidInput("The languages differ. " + " ".join(found))
        print(f"{', '.join(LANGUAGES)}: the same lessons, questions, options, right answers, terms and words.")
        return
    for lesson in load_course(args.language):
        print(f"{lesson.number}. {lesson.title} ({lesson.minutes} min, experiment {lesson.experiment})")
        print(f"   {lesson.summary}")
