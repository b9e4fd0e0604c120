"""How the page looks: the Gradio theme, the style sheet and what goes into the page's head.

Contract: everything is local (fonts that Gradio bundles, files in ``static``), so the page asks nobody for
anything. Colours are defined once, in ``static/style.css``, and the theme only points to them.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from wamviz.ui.scripts import inline

STATIC = Path(__file__).parent / "static"
STYLES = (STATIC / "tokens.css", STATIC / "style.css", STATIC / "lessons.css")
FAVICON = STATIC / "favicon.svg"


def theme() -> gr.themes.Base:
    """Quiet surfaces and one petrol accent; IBM Plex throughout, its mono cut for numbers."""
    sans = (gr.themes.Font("Wamviz Sans"), gr.themes.Font("system-ui"), gr.themes.Font("sans-serif"))
    mono = (gr.themes.Font("Wamviz Mono"), gr.themes.Font("ui-monospace"), gr.themes.Font("monospace"))
    base = gr.themes.Base(
        primary_hue=gr.themes.colors.cyan,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_md,
        spacing_size=gr.themes.sizes.spacing_md,
        text_size=gr.themes.sizes.text_md,
        font=sans,
        font_mono=mono,
    )
    both = {
        "color_accent": "var(--wz-accent)",
        "body_background_fill": "var(--wz-paper)",
        "body_text_color": "var(--wz-ink)",
        "body_text_color_subdued": "var(--wz-ink-2)",
        "background_fill_primary": "var(--wz-card)",
        "background_fill_secondary": "var(--wz-sunken)",
        "border_color_primary": "var(--wz-line)",
        "border_color_accent": "var(--wz-accent)",
        "border_color_accent_subdued": "var(--wz-accent-soft)",
        "color_accent_soft": "var(--wz-accent-soft)",
        "block_background_fill": "var(--wz-card)",
        "block_border_color": "var(--wz-line)",
        "block_border_width": "1px",
        "block_label_background_fill": "var(--wz-card)",
        "block_label_text_color": "var(--wz-ink-2)",
        "block_title_text_color": "var(--wz-ink)",
        "block_info_text_color": "var(--wz-ink-2)",
        "block_shadow": "none",
        "input_background_fill": "var(--wz-field)",
        "input_border_width": "1px",
        "input_border_color": "var(--wz-line-strong)",
        "input_border_color_focus": "var(--wz-accent)",
        "input_placeholder_color": "var(--wz-ink-3)",
        "input_shadow_focus": "0 0 0 3px var(--wz-ring)",
        "button_primary_background_fill": "var(--wz-accent)",
        "button_primary_background_fill_hover": "var(--wz-accent-strong)",
        "button_primary_text_color": "var(--wz-on-accent)",
        "button_primary_border_color": "var(--wz-accent)",
        "button_secondary_background_fill": "var(--wz-card)",
        "button_secondary_background_fill_hover": "var(--wz-sunken)",
        "button_secondary_text_color": "var(--wz-ink)",
        "button_secondary_border_color": "var(--wz-line-strong)",
        "button_border_width": "1px",
        "button_primary_border_color_hover": "var(--wz-accent-strong)",
        "button_secondary_border_color_hover": "var(--wz-ink-3)",
        "slider_color": "var(--wz-accent)",
        "link_text_color": "var(--wz-accent)",
        "link_text_color_hover": "var(--wz-accent-strong)",
        "link_text_color_active": "var(--wz-accent-strong)",
        "link_text_color_visited": "var(--wz-accent)",
        "loader_color": "var(--wz-accent)",
        "panel_background_fill": "var(--wz-card)",
        "panel_border_color": "var(--wz-line)",
        "error_background_fill": "var(--wz-bad-soft)",
        "error_border_color": "var(--wz-bad)",
        "error_text_color": "var(--wz-bad)",
        "error_icon_color": "var(--wz-bad)",
    }
    known = set(gr.themes.Base.set.__code__.co_varnames)
    for name in [name for name in both if f"{name}_dark" in known]:
        both[f"{name}_dark"] = both[name]  # the variables themselves change with the colour scheme
    return base.set(**both)


def fonts() -> str:
    """Faces for IBM Plex out of the files that Gradio bundles.

    Its own SemiBold and Medium files hold Vietnamese letters only (Gradio 6.31), so that a heading would be set in
    two fonts; Bold stands in for every weight above regular.
    """
    face = (
        "@font-face{{font-family:'Wamviz {cut}';font-style:normal;font-display:swap;font-weight:{weight};"
        "src:url('static/fonts/IBMPlex{cut}/IBMPlex{cut}-{file}.woff2') format('woff2')}}"
    )
    weights = (("400", "Regular"), ("500 700", "Bold"))
    return "".join(face.format(cut=cut, weight=w, file=f) for cut in ("Sans", "Mono") for w, f in weights)


def css() -> str:
    """The style sheet of the whole page."""
    return "\n".join(path.read_text(encoding="utf-8") for path in STYLES)


# Gradio's own menu, which ours replaces, comes and goes while it loads; the rest appears once it stands (ready.js).
FIRST = (
    "html{overflow-y:scroll}"  # a scroll bar that comes later would move the header
    ".nav-holder{display:none!important}"
    "html:not([data-wz-ready]) .gradio-container .main{visibility:hidden}"
    "html:not([data-wz-ready]) #wz-header{visibility:visible}"
)


def head() -> str:
    """The page's own script, inline: it runs before the first paint and needs no further request."""
    script = "{\n" + inline(STATIC / "page.js", "page") + "\npage.start();\n}"  # a block: its names are its own
    if "</script" in script.lower():
        raise ValueError("The page's script must not close its own script element.")
    return (
        '<meta name="color-scheme" content="light dark">'
        '<meta name="description" content="See what a world-action model imagines, beside what really happened.">'
        f"<style>{fonts()}{FIRST}</style><script>{script}</script>"
    )
