"""Whether every module of the product has its tests: a file of its own, or a line that says which file covers it.

The tests of ``wamviz/runs/imagine.py`` are in ``tests/runs/test_imagine.py``. Where a module has no such file,
``tests/mirror.toml`` names the tests that cover it, and each of those has to import the module, directly or by way of
others, or to name it. Packages that only gather names need nothing.

    python tools/check_tests.py              # what is missing, stale or mistaken; exit status 1 if anything is
    python tools/check_tests.py --suggest    # the lines that mirror.toml lacks, by who imports what
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tomllib
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = "tests/mirror.toml"


def list_modules(root: Path) -> list[str]:
    """The product's modules as paths below ``wamviz/``: every file but packages that define nothing."""
    found = []
    for path in sorted((root / "wamviz").rglob("*.py")):
        body = ast.parse(path.read_text()).body
        defines = any(isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) for node in body)
        if path.name != "__init__.py" or defines:
            found.append(path.relative_to(root / "wamviz").as_posix())
    return found


def own_test(module: str) -> str:
    """Where a module's own tests are, below ``tests/``."""
    path = Path(module)
    stem = path.parent.name if path.stem == "__init__" else path.stem
    return (path.parent / f"test_{stem.strip('_')}.py").as_posix()


def read_table(root: Path) -> dict[str, list[str]]:
    """Module to the tests that cover it, from ``tests/mirror.toml``."""
    file = root / TABLE
    table = tomllib.loads(file.read_text()) if file.exists() else {}
    return {module: [tests] if isinstance(tests, str) else tests for module, tests in table.items()}


def find_imports(path: Path, package: str) -> set[str]:
    """Dotted names that a file imports, inside functions too; a name may be a module or something in one."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(filter(None, (base, node.module)))
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


class ImportGraph:
    """Who imports whom among the files of ``wamviz/`` and ``tests/``."""

    def __init__(self, root: Path) -> None:
        files = {path: ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
                 for room in ("wamviz", "tests") for path in sorted((root / room).rglob("*.py"))}  # fmt: skip
        by_name = {name: path for path, name in files.items()}
        self._root = root
        self._next = {
            path: {by_name[target] for target in find_imports(path, name.rpartition(".")[0]) if target in by_name}
            for path, name in files.items()
        }

    def distances(self, test: str) -> dict[str, int]:
        """How many imports away each module of the product is from a test and the conftest files that it gets."""
        start = self._root / "tests" / test
        queue = deque([(start, 0)])
        for folder in start.relative_to(self._root).parents:
            queue.append((self._root / folder / "conftest.py", 1))
        seen: dict[Path, int] = {}
        while queue:
            path, steps = queue.popleft()
            if path in self._next and path not in seen:
                seen[path] = steps
                queue.extend((target, steps + 1) for target in self._next[path])
        product = self._root / "wamviz"
        return {p.relative_to(product).as_posix(): n for p, n in seen.items() if p.is_relative_to(product)}


def names_module(root: Path, test: str, module: str) -> bool:
    """Whether a test's text has the module's name as a word: commands and workers are started by name."""
    return re.search(rf"\b{re.escape(Path(module).stem)}\b", (root / "tests" / test).read_text()) is not None


def find_faults(root: Path) -> list[str]:
    """What is missing, stale or mistaken, one sentence each."""
    table, modules, graph = read_table(root), list_modules(root), ImportGraph(root)
    faults = [f"{TABLE}: {module} is no module of wamviz any more; take its line out." for module in table
              if module not in modules]  # fmt: skip
    for module in modules:
        own = (root / "tests" / own_test(module)).is_file()
        if own and module in table:
            faults.append(f"{TABLE}: {module} has tests/{own_test(module)}; take its line out.")
        elif not own and module not in table:
            faults.append(f"wamviz/{module} has no tests: write tests/{own_test(module)}, or name in {TABLE} what "
                          "covers it (--suggest).")  # fmt: skip
        for test in table.get(module, ()):
            if not (root / "tests" / test).is_file():
                faults.append(f"{TABLE}: tests/{test}, named for {module}, does not exist.")
            elif module not in graph.distances(test) and not names_module(root, test, module):
                faults.append(f"{TABLE}: tests/{test} does not reach {module}: it neither imports nor names it.")
    return faults


def suggest_lines(root: Path) -> list[str]:
    """A line of the table for every module that needs one: the tests nearest by imports, the same room first."""
    table, graph = read_table(root), ImportGraph(root)
    tests = [path.relative_to(root / "tests").as_posix() for path in sorted((root / "tests").rglob("test_*.py"))]
    reach = {test: graph.distances(test) for test in tests}
    lines = []
    for module in list_modules(root):
        if module in table or (root / "tests" / own_test(module)).is_file():
            continue
        room = Path(module).parts[0]
        able = [test for test in tests if module in reach[test]]
        able.sort(key=lambda test: (reach[test][module], Path(test).parts[0] != room, len(reach[test])))
        lines.append(f'"{module}" = "{able[0] if able else ""}"')
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Check the tree, or suggest lines; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suggest", action="store_true", help="print the lines that are missing")
    if parser.parse_args(arguments).suggest:
        print("\n".join(suggest_lines(ROOT)))
        return 0
    faults = find_faults(ROOT)
    print("\n".join(faults), end="\n" if faults else "", file=sys.stderr)
    return bool(faults)


if __name__ == "__main__":
    raise SystemExit(main())
