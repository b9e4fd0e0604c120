"""The tables of ``docs/diffusers.md``, written from the code, so that the page cannot say anything else.

    python -m wamviz.models.diffusion.document docs/diffusers.md

rewrites what stands between the marks ``<!-- NAME -->`` and ``<!-- end -->``; a test fails while the page differs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from wamviz.models.diffusion.domains import DOMAINS
from wamviz.models.diffusion.kinds import KINDS, PipelineKind

COMMAND = "python -m wamviz.models.diffusion.document docs/diffusers.md"


def page(text: str) -> str:
    """The page with every marked part written anew."""
    parts = {"kinds": kinds(), "settings": settings(), "domains": domains()}

    def fresh(match: re.Match[str]) -> str:
        return f"<!-- {match[1]} -->\n{parts[match[1]]}\n<!-- end -->"

    return re.sub(rf"<!-- ({'|'.join(parts)}) -->\n.*?<!-- end -->", fresh, text, flags=re.DOTALL)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def kinds() -> str:
    """What there is: a row a kind."""

    def row(kind: PipelineKind) -> tuple[str, ...]:
        size = "the context's" if kind.acts or not kind.sized else f"{kind.size[0]} x {kind.size[1]}"
        long = f"{kind.frames - 1} a chunk" if kind.acts else f"{kind.frames - 1} at {kind.fps:g} Hz"
        return (
            f"`{kind.name}`", f"`{kind.pipeline}`", "<br>".join(f"`hub:{name}`" for name in kind.hub),
            ", ".join(mode.replace("_", " ") for mode in kind.modes), size, long, f"{kind.steps}, {kind.guidance:g}",
            ", ".join(f"`{name}`" for name in kind.needs) or "",
        )  # fmt: skip

    head = ("`--kind`", "class of diffusers", "checkpoints that fit", "modes", "size", "frames", "steps, guidance",
            "needs")  # fmt: skip
    return _table(head, map(row, KINDS.values()))


def settings() -> str:
    """What can be set, and by which kinds."""
    sentences: dict[tuple[str, str], list[str]] = {}
    for kind in KINDS.values():
        for name, words in kind.settings.items():
            # Defaults differ between kinds and stand in the first table and in connect --kinds.
            sentence = re.sub(r"; [^;]* by default$|; here \w+$|; \d+x\d+ by default$", "", words)
            sentence = re.sub(r"none or [\w, -]+:", "none, or a cache of the kind:", sentence)
            sentence = re.sub(r"multiple of \d+$", "multiple of what its autoencoder needs", sentence)
            sentence = re.sub(r"multiples of \d+", "whole blocks", sentence)
            sentences.setdefault((name, sentence), []).append(kind.name)
    everywhere = len(KINDS)
    rows = [
        (f"`{name}`", words, "all" if len(who) == everywhere else ", ".join(f"`{one}`" for one in who))
        for (name, words), who in sentences.items()
    ]
    return _table(("`--set`", "what it is", "kinds"), rows)


def domains() -> str:
    """The robots of Cosmos3."""

    def numbers(names: tuple[str, ...], known: bool) -> str:
        if not known:
            return "order not known"
        return ", ".join(names) if len(names) <= 10 else f"{', '.join(names[:3])} ... {names[-1]}"

    rows = (
        (f"`{one.name}`", one.title, str(len(one.names)), numbers(one.names, one.known), f"{one.rate:g}",
         str(one.chunk), one.view.replace("_", " "))
        for one in DOMAINS.values()
    )  # fmt: skip
    return _table(("`domain`", "robot", "numbers", "in order", "Hz", "chunk", "view"), rows)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(page(file.read_text("utf-8")), "utf-8")
