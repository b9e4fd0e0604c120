"""Signals: being told to end (SIGTERM) is answered as Ctrl-C is, so that what cleans up after one does after both."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


@contextmanager
def handling(number: signal.Signals, handler: Any) -> Iterator[None]:
    """Answer a signal in another way inside the block; does nothing outside the main thread, which may not."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


class Ended:
    """Whether SIGTERM came, for an exit status that says so."""

    def __init__(self) -> None:
        self.told = False

    def __bool__(self) -> bool:
        return self.told


@contextmanager
def terminable() -> Iterator[Ended]:
    """Let SIGTERM stop the block as Ctrl-C does: with a ``KeyboardInterrupt``."""
    ended = Ended()

    def stop(number: int, frame: object) -> None:
        ended.told = True
        raise KeyboardInterrupt

    with handling(signal.SIGTERM, stop):
        yield ended


def ignore_sigint() -> AbstractContextManager[None]:
    """Ignore Ctrl-C inside the block."""
    return handling(signal.SIGINT, signal.SIG_IGN)
