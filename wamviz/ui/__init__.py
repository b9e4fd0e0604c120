"""The page: Gradio layout and handlers. Nobody imports this but ``app.py`` and the command line."""

from __future__ import annotations

import gradio.component_meta

from wamviz.core.environment import prepare

prepare()

# Gradio writes a .pyi beside the source of every component class it meets; running the app must not change the
# folder it is installed in.
gradio.component_meta.create_or_modify_pyi = lambda *_args, **_kwargs: None
