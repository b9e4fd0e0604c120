"""Eight lessons on world-action models: text in two languages, live experiments, questions, a glossary.

>>> from wamviz.lessons import load_course
>>> [lesson.number for lesson in load_course("en")][:1]
[1]
"""

from wamviz.lessons.answers import Answer, AnswerStore, before_and_after
from wamviz.lessons.classroom import ClassAnswer, ClassStore, read_class
from wamviz.lessons.desk import Desk
from wamviz.lessons.experiment import Choice, Experiment, Figure, Finding, Progress, Whole
from wamviz.lessons.glossary import Term, terms_in
from wamviz.lessons.lab import Lab
from wamviz.lessons.lesson import Lesson, Option, Prediction, Question
from wamviz.lessons.live_class import Classroom, Place
from wamviz.lessons.loader import LANGUAGES, find_lesson, load_course, load_words
from wamviz.lessons.registry import all_experiments
from wamviz.lessons.translation import differences

__all__ = [
    "LANGUAGES",
    "Answer",
    "AnswerStore",
    "Choice",
    "ClassAnswer",
    "ClassStore",
    "Classroom",
    "Desk",
    "Experiment",
    "Figure",
    "Finding",
    "Lab",
    "Lesson",
    "Option",
    "Place",
    "Prediction",
    "Progress",
    "Question",
    "Term",
    "Whole",
    "before_and_after",
    "differences",
    "all_experiments",
    "find_lesson",
    "load_course",
    "load_words",
    "read_class",
    "terms_in",
]
