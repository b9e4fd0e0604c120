"""What people are asked about a sample: a rubric, a file of questions that are each answered in one word.

Yes/no questions on single observations agree better between people than one mark for the whole (PhyGround, arXiv
2605.10806); ``partly`` and ``cannot tell`` keep a person from guessing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from wamviz.core.errors import InvalidInput, NotFound, unknown_name
from wamviz.probes.probe import read_small_json

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "rubrics"
FORM = 1  # of the files
MOST_QUESTIONS = 24
MOST_BYTES = 100_000
KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
YES, PARTLY, NO, UNSURE = "yes", "partly", "no", "cannot tell"
# What an answer counts, where answers are counted; one that cannot tell counts nowhere.
ANSWERS: dict[str, float | None] = {YES: 1.0, PARTLY: 0.5, NO: 0.0, UNSURE: None}


@dataclass(frozen=True)
class Question:
    """One thing to look at.

    Attributes:
        key: its name in files; text: as a person reads it; note: what counts as yes.
    """

    key: str
    text: str
    note: str = ""

    def __post_init__(self) -> None:
        if not KEY.fullmatch(self.key):
            raise InvalidInput(f"'{self.key}' is no key of a question.", "Lower-case letters, digits and underscores.")
        if not self.text.strip():
            raise InvalidInput(f"The question '{self.key}' has no text.", "Write what a rater is asked.")


@dataclass(frozen=True)
class Rubric:
    """Questions that are asked of every sample, in their order.

    Attributes:
        name: in files and commands; title: for people; note: where the questions come from.
    """

    name: str
    questions: tuple[Question, ...]
    title: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        keys = [question.key for question in self.questions]
        if not 1 <= len(keys) <= MOST_QUESTIONS:
            raise InvalidInput(f"A rubric of {len(keys)} questions cannot be rated.", f"1 .. {MOST_QUESTIONS} can.")
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice:
            raise InvalidInput(f"The rubric '{self.name}' has two questions called '{twice}'.")

    def check(self, answers: dict[str, str]) -> None:
        """Refuse answers to what is not asked, and words that are no answer.

        Raises:
            NotFound: either.
        """
        keys = [question.key for question in self.questions]
        for key, answer in answers.items():
            if key not in keys:
                raise unknown_name("question", key, keys)
            if answer not in ANSWERS:
                raise unknown_name("answer", str(answer), ANSWERS)


def read_rubric(file: str | Path) -> Rubric:
    """The rubric of a JSON file.

    Raises:
        NotFound: there is none. Damaged, InvalidInput: it is no rubric; the message says what is wrong.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise NotFound(f"There is no rubric '{file}'.", f"Shipped: {', '.join(shipped_rubrics())}.")
    plain = read_small_json(path, MOST_BYTES, "rubric")
    allowed = ("form", "name", "title", "note", "questions")
    if not isinstance(plain, dict) or not isinstance(plain.get("questions"), list):
        raise InvalidInput(f"{path.name} is no rubric.", f"It is an object with the fields {', '.join(allowed)}.")
    for field in plain:
        if field not in allowed:
            raise unknown_name(f"field of {path.name}:", field, allowed)
    if plain.get("form", FORM) != FORM:
        raise InvalidInput(f"{path.name} is of a newer form than this version reads.", f"It reads form {FORM}.")
    questions = tuple(_question(one, path.name) for one in plain["questions"])
    words = {field: plain.get(field, "") for field in ("title", "note")}
    name = plain.get("name", path.stem)
    if not all(isinstance(text, str) for text in (name, *words.values())):
        raise InvalidInput(f"In {path.name}, 'name', 'title' and 'note' are texts.")
    return Rubric(name, questions, **words)


def shipped_rubrics() -> list[str]:
    """Their names."""
    return [file.stem for file in sorted(FOLDER.glob("*.json"))]


def find_rubric(name: str = "article") -> Rubric:
    """The rubric of a file, or the shipped one of that name.

    Raises:
        NotFound: neither is there.
    """
    if Path(name).expanduser().is_file():
        return read_rubric(name)
    if name not in shipped_rubrics():
        raise unknown_name("rubric", name, shipped_rubrics())
    return read_rubric(FOLDER / f"{name}.json")


def _question(plain: object, file: str) -> Question:
    fields = ("key", "text", "note")
    if not isinstance(plain, dict) or not all(isinstance(text, str) for text in plain.values()):
        raise InvalidInput(f"In {file}, a question is an object of texts: {', '.join(fields)}.")
    for field in plain:
        if field not in fields:
            raise unknown_name(f"field of a question in {file}:", field, fields)
    if not {"key", "text"} <= plain.keys():
        raise InvalidInput(f"In {file}, a question lacks its 'key' or its 'text'.")
    return Question(**plain)
