"""Whether every module of the product has its tests: a file of its own, or a line that says which file covers it.

The tests of ``wamviz/runs/imagine.py`` are in ``tests/runs/test_imagine.py``. Where a module has no such file,
``tests/mirror.toml`` names the tests that cover it (one line a module, or a folder of them), and one of those has to
import or start the module, directly or by way of others. Packages that only gather names need nothing.

    python tools/check_tests.py              # what is missing, stale or mistaken; exit status 1 if anything is
    python tools/check_tests.py --suggest    # the lines that mirror.toml lacks, by who imports what
"""

from __future__ import annotations

import argparse
import ast
import sys
import tomllib
from collections import deque
from functools import cache
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
    """Module, or folder with a slash at its end, to the tests that cover it, from ``tests/mirror.toml``."""
    file = root / TABLE
    table = tomllib.loads(file.read_text()) if file.exists() else {}
    return {name: [tests] if isinstance(tests, str) else tests for name, tests in table.items()}


def find_line(module: str, table: dict[str, list[str]]) -> str | None:
    """The line of the table that speaks of a module: its own, else that of the nearest folder around it."""
    folders = [f"{folder.as_posix()}/" for folder in Path(module).parents]
    return next((name for name in (module, *folders) if name in table), None)


def find_imports(path: Path, package: str) -> set[str]:
    """Dotted names of what a file imports or starts, inside functions too; not each is a module.

    Names in strings count where they are all there is: modules of the own package (``import_module`` of a listed name),
    dotted names (entry points, ``python -m``) and scripts next to the file.
    """
    names: set[str] = set()
    strings: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(filter(None, (base, node.module)))
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            strings.add(node.value)
    names |= {f"{package}.{string.removesuffix('.py')}" for string in strings}
    names |= {string.partition(":")[0] for string in strings if string.startswith("wamviz.")}
    if "-m" in strings:
        names |= {f"{string}.__main__" for string in strings}
    if "iter_modules(" in path.read_text():  # every module of the package
        names |= {f"{package}.{other.stem}" for other in path.parent.iterdir()}
    return names


class ImportGraph:
    """Who imports or starts whom among the files of ``wamviz/`` and ``tests/``."""

    def __init__(self, root: Path) -> None:
        files = [path for room in ("wamviz", "tests") for path in sorted((root / room).rglob("*.py"))]
        names = {path: ".".join(path.relative_to(root).with_suffix("").parts) for path in files}
        by_name = {name.removesuffix(".__init__"): path for path, name in names.items()}
        self._root = root
        self._next = {
            path: {by_name[target] for target in find_imports(path, name.rpartition(".")[0]) if target in by_name}
            for path, name in names.items()
        }

    @cache  # noqa: B019 - one graph a run
    def distances(self, test: str) -> dict[str, int]:
        """How many imports away each module of the product is from a test and the conftest files that it gets."""
        start = self._root / "tests" / test
        queue = deque([(start, 0)])
        queue.extend((self._root / folder / "conftest.py", 1) for folder in start.relative_to(self._root).parents)
        seen: dict[Path, int] = {}
        while queue:
            path, steps = queue.popleft()
            if path in self._next and path not in seen:
                seen[path] = steps
                queue.extend((target, steps + 1) for target in self._next[path])
        product = self._root / "wamviz"
        return {p.relative_to(product).as_posix(): n for p, n in seen.items() if p.is_relative_to(product)}


def find_faults(root: Path) -> list[str]:
    """What is missing, stale or mistaken, one sentence each."""
    table, modules, graph = read_table(root), list_modules(root), ImportGraph(root)
    faults: list[str] = []
    used: set[str] = set()
    for module in modules:
        own = (root / "tests" / own_test(module)).is_file()
        line = find_line(module, table)
        if own:
            if line == module:
                faults.append(f"{TABLE}: {module} has tests/{own_test(module)}; take its line out.")
                used.add(line)
        elif line is None:
            faults.append(f"wamviz/{module} has no tests: write tests/{own_test(module)}, or name in {TABLE} what "
                          "covers it (--suggest).")  # fmt: skip
        else:
            used.add(line)
            if not any(module in graph.distances(test) for test in table[line]):
                faults.append(f"{TABLE}: no test named for {line} reaches {module}, by imports or by name.")
    for line in table:
        if line not in used:
            faults.append(f"{TABLE}: {line} names no module that needs a line; take it out.")
        for test in table[line]:
            if not (root / "tests" / test).is_file():
                faults.append(f"{TABLE}: tests/{test}, named for {line}, does not exist.")
    return faults


def suggest_lines(root: Path) -> list[str]:
    """A line of the table for every module that needs one: the tests nearest by imports, the same room first."""
    table, graph = read_table(root), ImportGraph(root)
    tests = [path.relative_to(root / "tests").as_posix() for path in sorted((root / "tests").rglob("test_*.py"))]
    reach = {test: graph.distances(test) for test in tests}
    lines = []
    for module in list_modules(root):
        if find_line(module, table) or (root / "tests" / own_test(module)).is_file():
            continue
        room = Path(module).parts[0]
        able = [test for test in tests if module in reach[test]]
        able.sort(key=lambda test: (Path(test).parts[0] != room, reach[test][module], len(reach[test])))
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
