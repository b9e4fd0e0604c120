"""A probe and a suite of them, as files that people read, share and cite.

A suite is a folder of JSON files, one a probe, in the order of their names; ``probe.schema.json`` beside this module
describes them to editors. Reading refuses what it does not know, so that a misspelt field is no silent default.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from wamviz.core.errors import Damaged, InvalidInput, NotFound, unknown_name
from wamviz.core.plain import dumps
from wamviz.core.rollout import MODES

FORM = 1  # of the files
SAMPLES = 12  # a prompt and contender, as in Wiedemer et al. 2025, arXiv 2509.20328
MOST_SAMPLES = 1000
MOST_BYTES = 1_000_000  # of one file
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True)
class Prompt:
    """One thing that is asked of every contender.

    Attributes:
        name: within its probe; lower-case letters, digits and hyphens.
        instruction: the words, as the model is told them.
        template: how it was made of the reference, a name of ``extensions.TEMPLATES``; "" where it was written.
        parts: the single tasks that it holds, in their order, each a sentence that the tabletop understands. What
            physics can judge follows from them; empty where nobody can.
        still: doing nothing at all is what is asked, or all that can be done.
    """

    name: str
    instruction: str
    template: str = ""
    parts: tuple[str, ...] = ()
    still: bool = False

    def __post_init__(self) -> None:
        _check_name("prompt", self.name)
        if not self.instruction.strip():
            raise InvalidInput(f"The prompt '{self.name}' has no instruction.", "Say what the robot should do.")
        if self.still and self.parts:
            raise InvalidInput(f"The prompt '{self.name}' asks for nothing and for {len(self.parts)} tasks at once.")


@dataclass(frozen=True)
class Contender:
    """A model in one mode."""

    model: str
    mode: str

    @classmethod
    def read(cls, text: str) -> Contender:
        """``MODEL`` or ``MODEL:MODE``.

        Raises:
            NotFound: no such mode.
        """
        model, _, mode = text.partition(":")
        if mode and mode not in MODES:
            raise unknown_name("mode", mode, MODES)
        return cls(model, mode or "joint")

    def __str__(self) -> str:
        return f"{self.model}:{self.mode}"


@dataclass(frozen=True)
class Probe:
    """A context, a reference task with ground truth, and extensions beyond it.

    Attributes:
        name: within its suite.
        context: a SOURCE, as every command takes it.
        reference: what was recorded, or what the world knows how to judge.
        extensions: what goes beyond it.
        contenders: who is asked where the command names nobody.
        samples: of each prompt and contender; seed: of the first, the next ones count on from it.
        horizon: frames to imagine; None leaves it to the model.
        note: why it is asked, where it comes from.
    """

    name: str
    context: str
    reference: Prompt
    extensions: tuple[Prompt, ...] = ()
    contenders: tuple[Contender, ...] = (Contender("mini-wam", "joint"),)
    samples: int = SAMPLES
    seed: int = 0
    horizon: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        _check_name("probe", self.name)
        if not self.context.strip():
            raise InvalidInput(f"The probe '{self.name}' has no context.", "Name one, e.g. tabletop:1000003.")
        if not 1 <= self.samples <= MOST_SAMPLES:
            raise InvalidInput(f"{self.samples} samples of '{self.name}' cannot be drawn.", f"1 .. {MOST_SAMPLES} can.")
        names = [prompt.name for prompt in self.prompts]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise InvalidInput(f"The probe '{self.name}' has two prompts called '{twice}'.", "Give each its own name.")

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The reference, then the extensions."""
        return (self.reference, *self.extensions)


@dataclass(frozen=True)
class Suite:
    """Probes that are run and reported together."""

    name: str
    probes: tuple[Probe, ...] = field(default=())

    def __post_init__(self) -> None:
        names = [probe.name for probe in self.probes]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise InvalidInput(f"The suite '{self.name}' has two probes called '{twice}'.")
        if not names:
            raise InvalidInput(f"The suite '{self.name}' holds no probe.", "A probe is a .json file in its folder.")

    def probe(self, name: str) -> Probe:
        """The probe of that name.

        Raises:
            NotFound: there is none.
        """
        for probe in self.probes:
            if probe.name == name:
                return probe
        raise unknown_name("probe", name, [probe.name for probe in self.probes])


def read_suite(folder: str | Path) -> Suite:
    """The suite in a folder, or the one probe of a file.

    Raises:
        NotFound: nothing is there. Damaged, InvalidInput: a file that is no probe; the message names it.
    """
    path = Path(folder).expanduser()
    files = [path] if path.is_file() else sorted(path.glob("*.json")) if path.is_dir() else []
    if not files:
        raise NotFound(
            f"There is no suite '{folder}'.", "Name a folder with .json files: `wamviz probe list` lists some."
        )
    return Suite(path.stem if path.is_file() else path.name, tuple(_read_file(file) for file in files))


def write_suite(folder: str | Path, suite: Suite) -> None:
    """Write a suite as ``read_suite`` reads it; other files of the folder stay."""
    path = Path(folder).expanduser()
    path.mkdir(parents=True, exist_ok=True)
    for probe in suite.probes:
        (path / f"{probe.name}.json").write_text(dumps(to_json(probe), indent=2) + "\n", encoding="utf-8")


def to_json(probe: Probe) -> dict[str, Any]:
    """A probe as its file has it; what has its usual value is left out."""
    plain = {"form": FORM, **asdict(probe), "contenders": [str(one) for one in probe.contenders]}
    plain["reference"], plain["extensions"] = _short(plain["reference"]), [_short(one) for one in plain["extensions"]]
    if probe.horizon is None:
        del plain["horizon"]
    return {name: value for name, value in plain.items() if name != "note" or value}


def from_json(plain: Any, file: str = "the probe") -> Probe:
    """A probe from what ``to_json`` made or a person wrote.

    Raises:
        InvalidInput: a field that is missing, unknown or of the wrong kind.
    """
    fields = _fields(plain, file, FIELDS, needed=("name", "context", "reference"))
    if fields.pop("form", FORM) != FORM:
        raise InvalidInput(f"{file} is of a newer form than this version reads.", f"It reads form {FORM}.")
    contenders = [Contender.read(text) for text in fields.pop("contenders", [])]
    return Probe(
        **{
            **fields,
            "reference": _prompt(fields["reference"], f"{file}, reference", "reference"),
            "extensions": tuple(
                _prompt(one, f"{file}, extension {k + 1}", "") for k, one in enumerate(fields.get("extensions", ()))
            ),
            **({"contenders": tuple(contenders)} if contenders else {}),
        }
    )


FIELDS: dict[str, type | tuple[type, ...]] = {
    "form": int, "name": str, "context": str, "reference": dict, "extensions": list, "contenders": list,
    "samples": int, "seed": int, "horizon": (int, type(None)), "note": str,
}  # fmt: skip
PROMPT_FIELDS: dict[str, type | tuple[type, ...]] = {
    "name": str, "instruction": str, "template": str, "parts": list, "still": bool,
}  # fmt: skip


def _prompt(plain: Any, where: str, name: str) -> Prompt:
    fields = {"name": name, **_fields(plain, where, PROMPT_FIELDS, needed=("instruction",))}
    parts = fields.pop("parts", [])
    if not all(isinstance(part, str) for part in parts):
        raise InvalidInput(f"In {where}, 'parts' is a list of sentences.")
    return Prompt(**fields, parts=tuple(parts))


def _fields(
    plain: Any, where: str, known: Mapping[str, type | tuple[type, ...]], needed: tuple[str, ...]
) -> dict[str, Any]:
    if not isinstance(plain, dict):
        raise InvalidInput(f"{where} is no JSON object.", f"It has the fields {', '.join(known)}.")
    for name, value in plain.items():
        if name not in known:
            raise unknown_name(f"field of {where}:", name, known)
        wanted = known[name]
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            kinds = wanted if isinstance(wanted, tuple) else (wanted,)
            raise InvalidInput(f"In {where}, '{name}' is {value!r}.", f"It has to be {' or '.join(map(_kind, kinds))}.")
    missing = [name for name in needed if name not in plain]
    if missing:
        raise InvalidInput(f"In {where}, '{missing[0]}' is missing.", f"Needed: {', '.join(needed)}.")
    return dict(plain)


def _kind(kind: type) -> str:
    words = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "an object"}
    return words.get(kind, "null")


def _short(prompt: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in prompt.items() if name in ("name", "instruction") or value}


def _read_file(file: Path) -> Probe:
    return from_json(read_small_json(file, MOST_BYTES, "probe"), file.name)


def read_small_json(file: Path, most: int, what: str) -> Any:
    """The JSON of a file that is no larger than any probe, or rubric, can be.

    Raises:
        InvalidInput: it is larger than ``most`` bytes. Damaged: it is no JSON.
    """
    if file.stat().st_size > most:
        size = f"{most // 10**6} MB" if most >= 10**6 else f"{most // 1000} kB"
        raise InvalidInput(f"{file.name} is larger than {size}: no {what} is.")
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Damaged(f"{file.name} is no JSON: {error}.") from error


def _check_name(what: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"'{name}' is no name of a {what}.", "Lower-case letters, digits and hyphens, 64 of them at most."
        )
