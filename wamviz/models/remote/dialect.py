"""What a module that speaks a protocol offers, and the module of a kind, imported when somebody asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any, Protocol, cast

from wamviz.models.remote.asking import Question, Reply
from wamviz.models.remote.kinds import Kind


class Dialect(Protocol):
    """What the module of a kind offers."""

    def check(self, question: Question) -> None:
        """Raise ``WamvizError`` before anything is sent when the context lacks what the server needs."""

    def ask(self, question: Question, report: Callable[[str | Reply], None]) -> Awaitable[None]:
        """Ask for ``question.request.samples`` samples; report each as it comes, and words in between."""

    def probe(self, question: Question) -> Awaitable[str]:
        """Say in a sentence what answers there, without asking for actions."""


def dialect_of(kind: Kind) -> Dialect:
    """The module that speaks the protocol of a kind."""
    module: Any = import_module(f"wamviz.models.remote.{kind.module}")
    return cast(Dialect, module)
