"""What may be loaded when: the app and the command line answer before torch, MuJoCo and gradio are needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = ("torch", "diffusers", "transformers", "mujoco", "gradio", "plotly")


def loaded(code: str, root: Path, names: tuple[str, ...] = HEAVY) -> set[str]:
    """The ``names`` that a fresh interpreter has imported after running ``code``."""
    probe = f"{code}\nimport sys\nprint('LOADED', *[n for n in {names!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED")[2].split())


def test_the_app_is_built_without_torch_and_telemetry_is_off_before_gradio_is_imported(root: Path) -> None:
    """MuJoCo may be there: the first paint suggests what can be done in the scene that it shows."""
    code = (
        "import os, sys\n"
        "seen = []\n"
        "class Watch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'gradio':\n"
        "            seen.append(os.environ.get('GRADIO_ANALYTICS_ENABLED'))\n"
        "sys.meta_path.insert(0, Watch())\n"
        "import app\n"
        "assert app.demo is not None\n"
        "assert seen == ['False'], seen\n"
    )
    assert loaded(code, root) <= {"gradio", "plotly", "mujoco"}


LIGHT = (
    "core.rollout",
    "core.errors",
    "models.registry",
    "models.diffusion.backend",
    "cli",
    "cli.imagine",
    "cli.inspect",
    "runs.sources",
    "metrics.summary",  # comparing needs neither a model nor a world
)


def test_the_light_modules_the_help_and_the_table_of_models_load_nothing_heavy(root: Path) -> None:
    """One after the other in one interpreter: what is still not there after the last, none of them has loaded."""
    code = (
        "import importlib, sys\n"
        f"for name in {LIGHT!r}:\n"
        "    importlib.import_module(f'wamviz.{name}')\n"
        f"    found = [heavy for heavy in {HEAVY!r} if heavy in sys.modules]\n"
        "    assert not found, f'wamviz.{name} loads {found}'\n"
        "from wamviz.cli import main\n"
        "assert main(['models']) == 0\n"
    )
    assert not loaded(code, root)
