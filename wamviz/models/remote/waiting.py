"""A coroutine beside a generator: network work that can be watched while it goes on, and really stopped.

Contract: ``stream_in_thread`` runs the coroutine in a thread of its own and yields what it reports, or None after every
beat without a report; closing the generator cancels the coroutine, which closes its connections. Errors come out of the
generator as they were raised; ``run_sync`` is the same for those who only want the end. It knows no network.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
E = TypeVar("E")
BEAT_S = 0.25  # how soon a stopped page or a progress line hears of it
_STOP_S = 5.0  # closing a connection takes milliseconds; a name that is being looked up cannot be interrupted


@dataclass(frozen=True)
class _End(Generic[T]):
    result: T | None = None
    error: BaseException | None = None


def stream_in_thread(
    work: Callable[[Callable[[E], None]], Awaitable[T]], beat: float = BEAT_S
) -> Generator[E | None, None, T | None]:
    """Run ``work(report)`` in a thread; yield its reports and, every ``beat`` seconds without one, None.

    Returns:
        What ``work`` returned (the value of ``yield from``).
    """
    inbox: queue.Queue[E | _End[T]] = queue.Queue()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = []
    ready = threading.Event()

    async def main() -> T:
        task = asyncio.current_task()
        assert task is not None
        running.append((asyncio.get_running_loop(), task))
        ready.set()
        return await work(inbox.put)

    def body() -> None:
        try:
            inbox.put(_End(asyncio.run(main())))
        except BaseException as error:  # the generator raises it where somebody sees it
            inbox.put(_End(error=error))

    thread = threading.Thread(target=body, name="wamviz-remote", daemon=True)
    thread.start()
    try:
        while True:
            try:
                event = inbox.get(timeout=beat)
            except queue.Empty:
                yield None
                continue
            if isinstance(event, _End):
                if event.error is not None:
                    raise event.error
                return event.result
            yield event
    finally:
        if thread.is_alive() and ready.wait(_STOP_S):
            loop, task = running[0]
            if not loop.is_closed():
                try:
                    loop.call_soon_threadsafe(task.cancel)
                except RuntimeError:  # it has ended between the two lines
                    pass
        thread.join(_STOP_S)


def run_sync(work: Callable[[], Awaitable[T]]) -> T:
    """Run ``work()`` to its end; unlike ``asyncio.run`` also where a loop runs already, as in a notebook.

    Whoever interrupts it (Ctrl-C) cancels the work.
    """
    with contextlib.closing(stream_in_thread(lambda report: work())) as events:
        while True:
            try:
                next(events)
            except StopIteration as end:
                result: T = end.value
                return result
