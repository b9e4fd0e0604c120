"""The page's scripts: their rules by node's own test runner, their messages, and what they may never do."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from wamviz.ui import markup, theme
from wamviz.ui.scripts import inline
from wamviz.ui.stage import Stage, typedefs

ROOT = Path(__file__).resolve().parents[2]
UI = ROOT / "wamviz" / "ui"
SCRIPTS = sorted(UI.rglob("*.js"))
ENTRIES = (
    UI / "stage" / "js" / "stage.js",
    UI / "static" / "page.js",
    UI / "static" / "markup.js",
    UI / "pages" / "drive" / "js" / "drive.js",
    UI / "pages" / "drive" / "js" / "path.js",
    UI / "pages" / "imagine" / "js" / "inside.js",
    UI / "pages" / "lessons" / "js" / "controls.js",
    UI / "classroom" / "js" / "learner.js",
    UI / "classroom" / "js" / "teacher.js",
)
MISSING = "node 18 or newer is missing, so the scripts' own tests are left out: apt-get install nodejs."


def node() -> str | None:
    """Node, if it has a test runner."""
    program = shutil.which("node")
    if program is None:
        return None
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    return program if told.startswith("v") and int(told[1:].split(".")[0]) >= 18 else None


@pytest.mark.parametrize("file", sorted((ROOT / "tests" / "js").glob("*.test.js")), ids=lambda path: path.name)
def test_node(file: Path) -> None:
    program = node()
    if program is None:
        pytest.skip(MISSING)
    done = subprocess.run([program, "--test", str(file)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_types_are_those_of_python() -> None:
    """Written anew by: python -m wamviz.ui.stage.typedefs"""
    assert typedefs.TARGET.read_text(encoding="utf-8") == typedefs.javascript()


def test_every_field_of_a_message_is_described() -> None:
    for message in typedefs.messages.MESSAGES:
        assert set(typedefs.described(message)) == set(message.__dataclass_fields__), message


def test_the_scripts_write_no_markup_and_load_nothing() -> None:
    """What people wrote must stay text, and nothing comes from elsewhere."""
    banned = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function")
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        assert not [word for word in banned if word in text], path
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), path


def test_every_script_is_reached_from_a_page() -> None:
    inlined = "".join(inline(entry, "entry") for entry in ENTRIES)
    assert set(ENTRIES) <= set(SCRIPTS)
    for path in SCRIPTS:
        assert f"_{path.stem} = (() => {{" in inlined, f"nobody imports {path.name}"


def test_modules_keep_their_names_to_themselves(tmp_path: Path) -> None:
    """Two modules may each have a name of the other; only what is exported is seen."""
    (tmp_path / "a.js").write_text("const own = 1;\nexport const seen = own + 1;\n", encoding="utf-8")
    entry = tmp_path / "b.js"
    entry.write_text(
        'import {\n  seen as two,\n} from "./a.js";\n\n'
        "const own = 40;\nexport function sum() {\n  return own + two;\n}\n",
        encoding="utf-8",
    )
    script = inline(entry, "entry")
    assert script.endswith("const entry = module_1_b;") and "import" not in script and "export" not in script
    program = node()
    if program is not None:
        told = subprocess.run(
            [program, "-e", script + "\nconsole.log(entry.sum());"], capture_output=True, text=True, check=True
        )
        assert told.stdout.strip() == "42"


@pytest.mark.parametrize(
    "text, complaint",
    [
        ('import { a } from "./b.js";\n', "imports itself"),
        ('import { a } from "./other.js";\n', "does not export"),
        ('import other from "./other.js";\n', "cannot be inlined"),
        ('import { b } from "far-away";\n', "cannot be inlined"),
        ("export default 1;\n", "cannot be inlined"),
        ('const late = await import("./other.js");\n', "cannot be inlined"),
    ],
)
def test_what_cannot_be_inlined_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "other.js").write_text("export const b = 1;\n", encoding="utf-8")
    entry = tmp_path / "b.js"
    entry.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        inline(entry, "entry")


def test_the_pages_get_plain_scripts() -> None:
    """Gradio runs them as the body of a function, and the head as a script: neither may import."""
    for script in (Stage().js_on_load, markup.Markup().js_on_load, theme.head()):
        assert "import " not in script and "export " not in script and ".start(" in script
