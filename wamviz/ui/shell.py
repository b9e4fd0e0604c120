"""What every page has: the header with the way around, and the footer with the device and the fine print.

Contract: static markup; the only thing that varies, the device, is text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from wamviz import __version__
from wamviz.ui.markup import Markup, Node, h
from wamviz.ui.page import Page

# Two frames, the second one dashed: what was recorded and what is imagined.
MARK = (
    '<svg viewBox="0 0 32 32" width="34" height="34" aria-hidden="true" focusable="false">'
    '<rect x="3.2" y="3.2" width="17" height="17" rx="3" fill="none" stroke="currentColor" stroke-width="2.6"/>'
    '<rect x="11.6" y="11.6" width="17" height="17" rx="3" fill="none" class="wz-mark-2" stroke-width="2.6"'
    ' stroke-dasharray="4.2 3"/></svg>'
)
SCHEME = (
    '<button type="button" id="wz-scheme" class="wz-scheme" aria-label="Switch colours">'
    '<svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" focusable="false">'
    '<circle cx="10" cy="10" r="6.6" fill="none" stroke="currentColor" stroke-width="1.8"/>'
    '<path d="M10 3.400a6.600 6.600 0 0 1 0 13.200z" fill="currentColor"/></svg></button>'
)


def header(current: Page, pages: Sequence[Page]) -> gr.HTML:
    """The top of a page: the way around, with ``current`` marked; the script takes the tab's title from there."""
    here = ' aria-current="page"'
    links = "".join(f'<li><a href="{p.link}"{here if p is current else ""}>{p.title}</a></li>' for p in pages)
    home = "p" if current.path else "h1"
    template = (
        f'<header class="wz-header"><{home} class="wz-brand"><a href="./" aria-label="wamviz, start page">{MARK}'
        f"<span>wamviz</span></a></{home}>"
        '<p class="wz-tagline">Hand a world-action model one frame and one sentence. '
        "Watch what it imagines, beside what really happened.</p>"
        f'<nav aria-label="Pages"><ul>{links}</ul></nav>{SCHEME}</header>'
    )
    return gr.HTML(html_template=template, js_on_load="", apply_default_css=False, elem_id="wz-header", padding=False)


def footer(device: str) -> Markup:
    """The bottom of a page."""
    return Markup(footer_nodes(device), elem_id="wz-footer")


def footer_nodes(device: str) -> list[Node]:
    """Version, device, and the promise that the page keeps."""
    parts: list[Any] = [
        h("span", None, f"wamviz {__version__}"),
        h("span", {"class": "wz-device"}, f"Imagines on: {device}"),
        h("span", None, "Nothing leaves this machine."),
        h("a", {"href": "./lessons#glossary"}, "Glossary"),
        h("a", {"href": "gradio_api/openapi.json"}, "HTTP API"),
    ]
    return [h("footer", {"class": "wz-footer"}, parts)]
