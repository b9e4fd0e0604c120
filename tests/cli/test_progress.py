"""The progress line: one line that rewrites itself on a terminal, few lines in a log."""

from __future__ import annotations

import io

from wamviz.cli.progress import TerminalProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, seconds_a_step: float, steps: int, every: float = 5.0) -> str:
    time = 0.0
    with TerminalProgress("imagine", stream=stream, clock=lambda: time, every=every) as progress:
        for step in range(steps + 1):
            progress(step, steps, "video")
            time += seconds_a_step
    return stream.getvalue()


def test_a_terminal_sees_one_line_that_ends() -> None:
    text = shown(Terminal(), 1.0, 4)
    assert text.count("\n") == 1 and text.endswith("\n")
    updates = text.strip("\n").split("\r")[1:]
    assert len(updates) == 5
    assert "step 2/4, 2.0 s left (video)" in updates[2]
    widths = [len(update) for update in updates]
    assert all(after >= len(before.rstrip()) for before, after in zip(updates, widths[1:], strict=False))


def test_a_log_gets_the_first_and_the_last_line_and_few_between() -> None:
    lines = shown(io.StringIO(), 0.5, 40).splitlines()
    assert lines[0].startswith("imagine: step 0/40") and lines[-1].startswith("imagine: step 40/40")
    assert len(lines) == 5  # 20 s, one line every 5 s
    assert all("\r" not in line for line in lines)


def test_nothing_is_claimed_about_the_time_before_a_step_was_measured() -> None:
    assert "left" not in shown(io.StringIO(), 1.0, 1)
