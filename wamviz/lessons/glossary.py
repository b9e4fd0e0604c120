"""The words of the field, each explained once and with its paper: ``[[key]]`` or ``[[key|shown words]]`` in a text.

Contract: pure functions over text; where a term is explained and how it looks is the page's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wamviz.core.errors import InvalidInput, unknown_name

MARK = re.compile(r"\[\[([a-z0-9-]+)(?:\|([^\]\n]+))?\]\]")


@dataclass(frozen=True)
class Term:
    """A word of the field.

    Attributes:
        key: the same in every language.
        name: how it is written; means: in a sentence or two.
        paper, url: where it comes from; "" where there is none.
    """

    key: str
    name: str
    means: str
    paper: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.means.strip():
            raise InvalidInput(f"Term '{self.key}' needs a name and what it means.")
        if bool(self.paper) != bool(self.url) or (self.url and not self.url.startswith("https://")):
            raise InvalidInput(f"Term '{self.key}' needs both a paper and its https link, or neither.")


def terms_in(text: str) -> Iterator[str]:
    """The keys of the terms that stand in a text, in order.

    >>> list(terms_in("A [[wam]] is a policy; a [[vla|VLA policy]] too."))
    ['wam', 'vla']
    """
    return (match[1] for match in MARK.finditer(text))


def check_terms(text: str, terms: Mapping[str, Term], name: str) -> None:
    """Raise ``NotFound`` for a term of ``text`` that the glossary does not have."""
    for key in terms_in(text):
        if key not in terms:
            raise unknown_name(f"term in {name}:", key, terms)
