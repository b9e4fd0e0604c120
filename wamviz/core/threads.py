"""Work beside a generator: done in a thread, watched while it goes on, and stopped when nobody wants its result.

``stream_in_thread`` runs a function and ``stream_coroutine`` a coroutine in a thread of its own. Both yield what the
work reports, or None after every beat without a report, so that a generator around them can be closed at any time;
closing stops the work. Errors come out of the generator as they were raised, the result is the value of ``yield from``.
``run_sync`` is for those who only want the end of a coroutine. This module knows no network, no model and no page.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from wamviz.core.errors import Canceled

T = TypeVar("T")
E = TypeVar("E")
E_contra = TypeVar("E_contra", contravariant=True)
BEAT_S = 0.25  # how soon a stopped page or a progress line hears of it
_STOP_S = 5.0  # closing a connection takes milliseconds; a name that is being looked up cannot be interrupted


@dataclass(frozen=True)
class _End(Generic[T]):
    result: T | None = None
    error: BaseException | None = None


class Reporter(Generic[E_contra]):
    """What the work holds: reports go out through it, the wish to stop comes in."""

    def __init__(self, inbox: queue.Queue[Any]) -> None:
        self._inbox, self._lock = inbox, threading.Lock()
        self._stopped = False
        self._callbacks: list[Callable[[], None]] = []

    def __call__(self, event: E_contra) -> None:
        """Report ``event``.

        Raises:
            Canceled: nobody wants the result any more.
        """
        self._inbox.put(event)
        self.check()

    def check(self, *_: Any) -> None:
        """Raise ``Canceled`` when nobody wants the result any more; has the shape of a forward hook of torch."""
        if self._stopped:
            raise Canceled("Stopped.")

    def stop(self) -> None:
        """Ask the work to end."""
        with self._lock:
            self._stopped = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called, from the thread that stops, as soon as the work is asked to end."""
        with self._lock:
            if not self._stopped:
                self._callbacks.append(callback)
                return
        callback()


def stream_in_thread(
    work: Callable[[Reporter[E]], T],
    beat: float = BEAT_S,
    *,
    name: str = "wamviz-work",
    wait_s: float | None = None,
    latest: bool = False,
) -> Generator[E | None, None, T]:
    """Run ``work(report)`` in a thread; yield its reports and, every ``beat`` seconds without one, None.

    Args:
        name: of the thread.
        wait_s: seconds that closing waits for the work to end; None waits for as long as it takes.
        latest: of several reports since the last one yielded, only the latest counts.

    Returns:
        What ``work`` returned (the value of ``yield from``).
    """
    inbox: queue.Queue[E | _End[T]] = queue.Queue()
    reporter: Reporter[E] = Reporter(inbox)

    def body() -> None:
        try:
            inbox.put(_End(work(reporter)))
        except BaseException as error:  # the generator raises it where somebody sees it
            inbox.put(_End(error=error))

    thread = threading.Thread(target=body, name=name, daemon=True)
    thread.start()
    try:
        while True:
            try:
                event = inbox.get(timeout=beat)
            except queue.Empty:
                yield None
                continue
            with contextlib.suppress(queue.Empty):
                while latest and not isinstance(event, _End):
                    event = inbox.get_nowait()
            if isinstance(event, _End):
                if event.error is not None:
                    raise event.error
                return event.result  # type: ignore[return-value]  # there is no error, so there is a result
            yield event
    finally:
        reporter.stop()
        thread.join(wait_s)


def stream_coroutine(
    work: Callable[[Callable[[E], None]], Awaitable[T]], beat: float = BEAT_S
) -> Generator[E | None, None, T]:
    """Run ``work(report)`` in a loop of its own; closing the generator cancels it, which closes its connections.

    Returns:
        What ``work`` returned (the value of ``yield from``).
    """

    def run(reporter: Reporter[E]) -> T:
        async def main() -> T:
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            assert task is not None

            def cancel() -> None:
                with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                    loop.call_soon_threadsafe(task.cancel)

            reporter.on_stop(cancel)
            return await work(reporter)

        return asyncio.run(main())

    return (yield from stream_in_thread(run, beat, name="wamviz-remote", wait_s=_STOP_S))


def run_sync(work: Callable[[], Awaitable[T]]) -> T:
    """Run ``work()`` to its end; unlike ``asyncio.run`` also where a loop runs already, as in a notebook.

    Whoever interrupts it (Ctrl-C) cancels the work.
    """
    with contextlib.closing(stream_coroutine(lambda report: work())) as events:
        while True:
            try:
                next(events)
            except StopIteration as end:
                result: T = end.value
                return result
