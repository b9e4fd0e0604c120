"""What a visitor does on Gradio's pages, no sooner than a visitor could do it."""

from __future__ import annotations

from playwright.sync_api import Page

# A fold that opens builds its fields, and one frame later Gradio 6.31 writes their values into them once more
# (AppTree.render_previously_invisible_children). Nobody types into a field that was never painted; a test would, and
# what it typed would be written over.
PAINTED = """() => new Promise((done) => {
  const wait = (frames) => requestAnimationFrame(() => setTimeout(() => (frames > 1 ? wait(frames - 1) : done())));
  wait(3);
})"""


def wait_painted(page: Page) -> None:
    """Wait until what is in the page was on the screen."""
    page.evaluate(PAINTED)


def type_into(page: Page, elem_id: str, text: str) -> None:
    """Write into the field of one of Gradio's components."""
    wait_painted(page)
    page.locator(f"#{elem_id} :is(input, textarea)").first.fill(text)


def choose_option(page: Page, label: str, option: str) -> None:
    """Pick an option of one of Gradio's menus."""
    wait_painted(page)
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()
