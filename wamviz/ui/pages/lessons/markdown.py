"""The Markdown of our own lessons as markup nodes: paragraphs, lists, quotes, tables, emphasis, links and terms.

Contract: a pure function over text of this package; what is not understood stays text, and nothing becomes HTML. A term
``[[key]]`` becomes a button whose explanation shows on hover and on focus, and stays while either is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import count

from wamviz.lessons import Term
from wamviz.lessons.glossary import MARK
from wamviz.ui.markup import Node, h

INLINE = re.compile(
    rf"(?P<term>{MARK.pattern})|\*\*(?P<strong>[^*]+)\*\*|\*(?P<em>[^*]+)\*|`(?P<code>[^`]+)`"
    r"|\[(?P<link>[^\]]+)\]\((?P<url>(?:https://|\./)[^)\s]*)\)"
)
CLOSING = re.compile(r"[.,:;!?)»”。、：；！？）」]+")
_numbers = count(1)  # of explanations, whose ids must not come twice on a page


def render(text: str, terms: Mapping[str, Term]) -> list[Node]:
    """The blocks of a text."""
    return [_block(block.split("\n"), terms) for block in re.split(r"\n\s*\n", text.strip()) if block.strip()]


def _block(lines: list[str], terms: Mapping[str, Term]) -> Node:
    def say(line: str) -> list[Node]:
        return inline(line, terms)

    if lines[0].startswith("### "):
        return h("h3", None, say(lines[0][4:]))
    if all(line.startswith(">") for line in lines):
        return h("blockquote", None, h("p", None, say(_joined([line[1:] for line in lines]))))
    if lines[0].startswith("|"):
        return _table(lines, say)
    for mark, tag in ((r"- ", "ul"), (r"\d+\. ", "ol")):
        if re.match(mark, lines[0]):
            items = re.split(rf"(?m)^{mark}", "\n".join(lines))[1:]
            return h(tag, None, [h("li", None, say(_joined(item.strip().split("\n")))) for item in items])
    return h("p", None, say(_joined(lines)))


def _joined(lines: list[str]) -> str:
    """Lines of a paragraph as one; between two Japanese characters no space comes in."""
    text = lines[0].strip()
    for line in lines[1:]:
        wide = ord(text[-1]) > 0x2E7F and ord(line.strip()[0]) > 0x2E7F
        text += ("" if wide else " ") + line.strip()
    return text


def _table(lines: list[str], say: Callable[[str], list[Node]]) -> Node:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    head = h("thead", None, h("tr", None, [h("th", {"scope": "col"}, say(cell)) for cell in rows[0]]))
    body = [
        h("tr", None, h("th", {"scope": "row"}, say(first)), [h("td", None, say(cell)) for cell in rest])
        for first, *rest in rows[2:]
    ]
    table = h("table", {"class": "wz-table"}, head, h("tbody", None, body))
    return h("div", {"class": "wz-scroll", "tabindex": "0", "role": "region", "aria-label": rows[0][0]}, table)


def inline(text: str, terms: Mapping[str, Term]) -> list[Node]:
    """Words with emphasis, links and terms as nodes."""
    nodes: list[Node] = []
    end = 0
    for match in INLINE.finditer(text):
        if match.start() > end:
            nodes.append(text[end : match.start()])
        end = match.end()
        if match["term"]:
            key, shown = match[2], match[3]
            node = explained(terms[key], shown or terms[key].name)
            after = CLOSING.match(text, end)
            if after is not None:  # a browser may break a line after a button, and a line must not begin with a colon
                node, end = h("span", {"class": "wz-together"}, node, after[0]), after.end()
            nodes.append(node)
        elif match["link"]:
            nodes.append(link(match["link"], match["url"]))
        else:
            tag = next(tag for tag in ("strong", "em", "code") if match[tag])
            nodes.append(h(tag, None, match[tag]))
    return [*nodes, text[end:]] if end < len(text) else nodes


def link(words: str, url: str) -> Node:
    """A link; outside ones open in a tab of their own."""
    outside = {"target": "_blank", "rel": "noreferrer noopener"} if url.startswith("https:") else {}
    return h("a", {"href": url, **outside}, words)


def explained(term: Term, shown: str) -> Node:
    """A term with its explanation."""
    tip = f"wz-tip-{next(_numbers)}"
    button = h("button", {"type": "button", "class": "wz-term", "aria-describedby": tip}, shown)
    paper = link(term.paper, term.url) if term.paper else None
    said = h("span", {"class": "wz-tip", "id": tip}, h("b", None, term.name), f" {term.means} ", paper)
    return h("span", {"class": "wz-explained"}, button, said)
