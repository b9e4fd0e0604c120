"""The catalog of models: which world-action models and their neighbours there are, and what is known of each.

Contract: a table (``catalog.json``) that loads nothing and asks nobody. Every row names where its facts come from; what
those sources do not say is "not stated". ``availability`` says whether a system can be reached from here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from wamviz.core.errors import WamvizError, unknown_name

FILE = Path(__file__).with_name("catalog.json")
NOT_STATED = "not stated"
ARTICLE = "M. Reuss, Pretrained to Imagine, Fine-Tuned to Act, NVIDIA developer blog, 15 June 2026"
PARADIGMS = (
    "inverse dynamics",
    "joint prediction",
    "representation-only",
    "action-conditioned world model",
    "video model",
    "vision-language-action policy",
    NOT_STATED,
)
OTHER = "other or not stated"
# What the article's three axes (its figure 8) call the words of ``System.paradigm``, ``integration`` and
# ``architecture``; a row's own words begin with one of those on the left.
AXES: dict[str, dict[str, str]] = {
    "paradigm": {name: name for name in PARADIGMS if name != NOT_STATED},
    "integration": {
        "default action tokens": "default action tokens",
        "discrete action tokens": "default action tokens",
        "action as image": "action as image",
        "latent action": "latent actions and plans",
        "latent plan": "latent actions and plans",
        "actions are its input": "actions as input",
        "none": "no actions",
    },
    "architecture": {
        "hierarchical": "hierarchical",
        "monolithic": "monolithic",
        "unified": "monolithic",
        "mixture of transformers": "mixture of transformers",
    },
}
GIVES = ("video", "one frame", "actions", "value", "latents")
_SOURCE = re.compile(r"arXiv:\d{4}\.\d{5}|github:[\w.-]+/[\w.-]+|hf:[\w.-]+/[\w.-]+|https://[\w./-]+|article", re.ASCII)
_WEB = {"arXiv": "https://arxiv.org/abs/", "github": "https://github.com/", "hf": "https://huggingface.co/"}
_REACH = re.compile(r"[a-z0-9][a-z0-9.-]*(/[a-z0-9][a-z0-9.-]*)?")


@dataclass(frozen=True)
class System:
    """One row of the catalog.

    Attributes:
        name: unique.
        paradigm: of ``PARADIGMS``; the article's three formulations and what stands beside them.
        integration: how actions enter the model.
        backbone: what it was built on, with its size where that is stated.
        architecture: how its parts hang together.
        year: of its first publication, or None when that is not stated.
        weights: where they are, or why there are none.
        licence: as its repository or card states it.
        gives: of ``GIVES``, what it gives to whoever can run it.
        sources: ``arXiv:ID``, ``github:OWNER/NAME``, ``hf:OWNER/NAME``, an address, or ``article``.
        reach: kinds of connection that reach it, as ``KIND`` or ``KIND/ROBOT``, the best one first.
        model: its id where wamviz ships it.
        closed: why nobody outside can run it, or "".
        unreached: why wamviz has no way to it although it is not closed, or "".
        note: one thing worth knowing.
        parameters: billions, of the smallest variant; 0 where not stated.
        weights_gb: GB of its weights; 0 where not stated.
        gpu_gb: GB of GPU memory that it takes, as its authors say; 0 where not stated.
        gpus: how many cards it takes at least.
    """

    name: str
    paradigm: str
    integration: str
    backbone: str
    architecture: str
    year: int | None
    weights: str
    licence: str
    gives: tuple[str, ...]
    sources: tuple[str, ...]
    reach: tuple[str, ...] = ()
    model: str = ""
    closed: str = ""
    unreached: str = ""
    note: str = ""
    parameters: float = 0.0
    weights_gb: float = 0.0
    gpu_gb: float = 0.0
    gpus: int = 1

    def __post_init__(self) -> None:
        for name in ("name", "integration", "backbone", "architecture", "weights", "licence"):
            if not getattr(self, name).strip():
                raise self._invalid(
                    f"says nothing of its {name}", f"Write '{NOT_STATED}' where its sources are silent."
                )
        if self.paradigm not in PARADIGMS:
            raise unknown_name(f"paradigm of {self.name}", self.paradigm, PARADIGMS)
        for output in self.gives:
            if output not in GIVES:
                raise unknown_name(f"thing that {self.name} gives", output, GIVES)
        if not self.gives:
            raise self._invalid("gives nothing", f"Name what it gives: {', '.join(GIVES)}.")
        if not self.sources:
            raise self._invalid("has no source", "Name an arXiv id or a repository.")
        for source in self.sources:
            if _SOURCE.fullmatch(source) is None:
                raise self._invalid(f"has a source '{source}'", "Write arXiv:ID, github:OWNER/NAME or hf:OWNER/NAME.")
        for way in self.reach:
            if _REACH.fullmatch(way) is None:
                raise self._invalid(f"is reached by '{way}'", "Write KIND or KIND/ROBOT.")
        ways = [bool(self.reach), bool(self.model), bool(self.closed), bool(self.unreached)]
        if sum(ways) != 1:
            raise self._invalid("must have exactly one of reach, model, closed and unreached")
        if self.year is not None and not 2015 <= self.year <= 2100:
            raise self._invalid(f"has the year {self.year}")
        if min(self.parameters, self.weights_gb, self.gpu_gb) < 0 or self.gpus < 1:
            raise self._invalid("has a size below zero")

    def _invalid(self, what: str, hint: str = "") -> WamvizError:
        return WamvizError(f"The system '{self.name[:60]}' {what}.", hint)

    def find_place(self, axis: str) -> str:
        """Where it stands on one of ``AXES``, in the article's words; ``OTHER`` where neither says it.

        Raises:
            NotFound: no such axis.
        """
        if axis not in AXES:
            raise unknown_name("axis", axis, AXES)
        own = str(getattr(self, axis))
        return next((name for begins, name in AXES[axis].items() if own.startswith(begins)), OTHER)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of connection that reach it, each once."""
        return tuple(dict.fromkeys(way.partition("/")[0] for way in self.reach))

    @property
    def needs_gb(self) -> float:
        """GB of memory that it takes at the very least: as stated, else two bytes a parameter; 0 when not stated."""
        return self.gpu_gb or self.weights_gb or 2 * self.parameters


def parse_source(source: str) -> tuple[str, str]:
    """(words, address) of a source; the address is "" where there is none.

    >>> parse_source("arXiv:2602.15922")
    ('arXiv 2602.15922', 'https://arxiv.org/abs/2602.15922')
    """
    if source == "article":
        return ARTICLE, ""
    if source.startswith("https://"):
        return source.removeprefix("https://").partition("/")[0], source
    where, _, name = source.partition(":")
    return (f"arXiv {name}" if where == "arXiv" else name), _WEB[where] + name


def list_places(axis: str) -> tuple[str, ...]:
    """What may be chosen on an axis, in the article's order."""
    if axis not in AXES:
        raise unknown_name("axis", axis, AXES)
    return (*dict.fromkeys(AXES[axis].values()), OTHER)


def select_systems(rows: Iterable[System], **chosen: str) -> list[System]:
    """The rows that stand at the chosen place of every axis that is named; "" on an axis takes all.

    >>> rows = select_systems(read_systems(), paradigm="joint prediction", integration="action as image")
    >>> [system.name for system in rows]
    ['Cosmos Policy']

    Raises:
        NotFound: no such axis, or no such place on it.
    """
    for axis, name in chosen.items():
        if name and name not in list_places(axis):
            raise unknown_name(axis, name, list_places(axis))
    return [row for row in rows if all(row.find_place(axis) == name for axis, name in chosen.items() if name)]


def tabulate_design_space(
    rows: Iterable[System], across: str = "paradigm", down: str = "integration"
) -> dict[str, Any]:
    """The article's figure 8 as a table that can be drawn and clicked: which systems stand where on two axes.

    The article draws its axes as lists of systems and gives no coordinates, so that a place is a cell.

    Returns:
        ``across`` and ``down`` (the places in order, without those where nobody stands) and ``cells``: (across, down)
        to the names that stand there.
    """
    cells: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        cells.setdefault((row.find_place(across), row.find_place(down)), []).append(row.name)
    return {
        "across": tuple(name for name in list_places(across) if any(cell[0] == name for cell in cells)),
        "down": tuple(name for name in list_places(down) if any(cell[1] == name for cell in cells)),
        "cells": {cell: tuple(names) for cell, names in cells.items()},
    }


@cache
def read_systems() -> tuple[System, ...]:
    """Every row, in the order of the catalog."""
    return tuple(parse_systems(json.loads(FILE.read_text("utf-8"))))


def parse_systems(rows: Iterable[dict[str, Any]]) -> list[System]:
    """Rows of JSON as checked systems; ``WamvizError`` for one that cannot be, or a name that comes twice."""
    found: dict[str, System] = {}
    for row in rows:
        facts: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in row.items()}
        system = System(**facts)
        if system.name in found:
            raise WamvizError(f"The catalog of models has two systems '{system.name}'.")
        found[system.name] = system
    return list(found.values())
