"""JavaScript modules as one inline script, for where a page takes text and no module.

Contract: ``inline(path)`` is the text of a module and of everything that it imports, each in a scope of its own and
in the order in which they need each other. Gradio evaluates a component's script as the body of a function and the
page's head takes a plain script, so nothing is left to fetch. Understood are named imports of files beside
(``import { a, b as c } from "./x.js";``) and named exports of declarations (``export function``, ``class``,
``const``); anything else is refused here rather than in a browser.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.{1,2}/[\w./-]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
LEFT_OVER = re.compile(r"^(?:import|export)\b.*|^.*\bimport\(.*", re.MULTILINE)
COMMENT = re.compile(r"^ */\*.*?\*/\n", re.MULTILINE | re.DOTALL)  # one that has its lines for itself


@cache
def inline(entry: Path, name: str) -> str:
    """A script that declares ``name``: what the module ``entry`` exports.

    Raises:
        ValueError: an import or export that is not understood, of a name that is not there, or in a circle.
    """
    texts: dict[Path, str] = {}
    exported: dict[Path, list[str]] = {}
    _add(entry.resolve(), (), texts, exported)
    modules = [f"const {_name(path, texts)} = {text};" for path, text in texts.items()]
    return "\n".join([*modules, f"const {name} = {_name(entry.resolve(), texts)};"])


def _add(path: Path, above: tuple[Path, ...], texts: dict[Path, str], exported: dict[Path, list[str]]) -> None:
    """This module after those that it imports."""
    if path in above:
        raise ValueError(f"{path.name} imports itself by way of {', '.join(each.name for each in above)}.")
    if path in texts:
        return
    source = COMMENT.sub("", path.read_text(encoding="utf-8"))
    taken = []
    for names, address in IMPORT.findall(source):
        other = (path.parent / address).resolve()
        _add(other, (*above, path), texts, exported)
        wanted = [part.split(" as ") for part in re.split(r",\s*", names.strip().rstrip(",")) if part]
        absent = [pair[0] for pair in wanted if pair[0] not in exported[other]]
        if absent:
            raise ValueError(f"{path.name} imports {', '.join(absent)}, which {other.name} does not export.")
        taken.append(f"const {{ {', '.join(': '.join(pair) for pair in wanted)} }} = {_name(other, texts)};")
    exported[path] = EXPORT.findall(source)
    body = EXPORT.sub("", IMPORT.sub("", source))
    odd = LEFT_OVER.search(body)
    if odd:
        raise ValueError(f"{path.name} cannot be inlined: {odd[0].strip()}")
    last = f"return {{ {', '.join(exported[path])} }};"
    texts[path] = "\n".join(["(() => {", '"use strict";', *taken, body, last, "})()"])


def _name(path: Path, texts: dict[Path, str]) -> str:
    """What a module is called in the script; two files of one name stay apart."""
    number = list(texts).index(path)
    return f"module_{number}_{re.sub(r'[^0-9a-z]', '_', path.stem)}"
