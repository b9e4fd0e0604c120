"""Opens the app: ``python app.py`` here, and the entry point of a Hugging Face Space.

``demo`` stands at module level, so that ``gradio app.py`` and a Space find it. Run as a program it takes the
arguments of ``python -m wamviz app``: ``--host`` and ``--port``.
"""

import sys

from wamviz.core.environment import prepare

prepare()  # before gradio is imported: that is when it decides about telemetry

from wamviz.ui.app import build  # noqa: E402

demo = build()

if __name__ == "__main__":
    from wamviz.cli import main

    sys.exit(main(["app", *sys.argv[1:]], demo=demo))
