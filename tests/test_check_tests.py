"""The check that every module has its tests: what it accepts, and each thing that it finds."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

TREE = {
    "wamviz/__init__.py": '"""Names only."""\n__version__ = "1"\n',
    "wamviz/core/shape.py": "def area(): ...\n",
    "wamviz/core/_hidden.py": "X = 1\n",
    "wamviz/cli/__init__.py": 'from importlib import import_module\nNAMES = ("draw",)\ndef main(): ...\n',
    "wamviz/cli/draw.py": "from wamviz.core import hidden\nfrom wamviz.core.far import away\n",
    "wamviz/core/far.py": "def away(): ...\n",
    "tests/core/test_shape.py": "from wamviz.core.shape import area\n",
    "tests/core/test_hidden.py": "from wamviz.core import _hidden\n",
    "tests/cli/test_commands.py": "def test():\n    from wamviz.cli import main\n",
    "tests/mirror.toml": '"cli/" = "cli/test_commands.py"\n"core/far.py" = ["cli/test_commands.py"]\n',
}


@pytest.fixture(scope="module")
def tool(request: pytest.FixtureRequest) -> SimpleNamespace:
    """The tool's functions."""
    return SimpleNamespace(**runpy.run_path(str(request.config.rootpath / "tools" / "check_tests.py")))


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """``tree(**changes)``: a small checkout in which nothing is at fault but the changes; None leaves a file out."""

    def build(changes: dict[str, str | None]) -> Path:
        for name, text in (TREE | changes).items():
            if text is not None:
                (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / name).write_text(text)
        return tmp_path

    return build


def test_a_tree_in_which_every_module_is_covered_has_no_fault(tool: SimpleNamespace, tree: Callable) -> None:
    """By a file of its own, by its folder's line or by its own line; commands are reached by their names."""
    assert tool.find_faults(tree({})) == []


MIRROR = TREE["tests/mirror.toml"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"tests/core/test_shape.py": None}, "wamviz/core/shape.py has no tests: write tests/core/test_shape.py"),
        ({"tests/mirror.toml": None}, "wamviz/cli/draw.py has no tests"),
        ({"tests/mirror.toml": MIRROR + '"core/shape.py" = "core/test_shape.py"\n'}, "core/shape.py has tests/core"),
        ({"tests/mirror.toml": MIRROR + '"core/gone.py" = "core/test_shape.py"\n'}, "core/gone.py names no module"),
        ({"tests/mirror.toml": MIRROR.replace('["cli', '["core/test_no.py", "cli')}, "core/test_no.py, named for"),
        ({"tests/mirror.toml": MIRROR.replace('["cli/test_commands', '["core/test_shape')}, "reaches core/far.py"),
        ({"wamviz/core/new.py": "A = 1\n"}, "write tests/core/test_new.py"),
        ({"wamviz/core/__init__.py": "def f(): ...\n"}, "write tests/core/test_core.py"),
    ],
)
def test_what_is_missing_stale_or_mistaken_is_said(
    tool: SimpleNamespace, tree: Callable, changes: dict, fault: str
) -> None:
    faults = tool.find_faults(tree(changes))
    assert any(fault in line for line in faults), faults


def test_the_nearest_test_of_the_same_room_is_suggested(tool: SimpleNamespace, tree: Callable) -> None:
    root = tree({"tests/mirror.toml": None})
    assert tool.suggest_lines(root) == [
        '"cli/__init__.py" = "cli/test_commands.py"',
        '"cli/draw.py" = "cli/test_commands.py"',
        '"core/far.py" = "cli/test_commands.py"',
    ]
