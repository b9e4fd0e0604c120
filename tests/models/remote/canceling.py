"""Cancel a coroutine at each of the places at which it waits, and see that nothing stays open."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from wamviz.core.threads import run_sync


class CanceledAt:
    """``work``, whose task is canceled when it awaits for the ``count``-th time, and then ``times - 1`` times more."""

    def __init__(self, work: Awaitable[Any], count: int, times: int = 1) -> None:
        self._work, self._from, self._to, self.waits = work, count, count + times, 0

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        step = steps.__next__
        while True:
            try:
                waited_for = step()
            except StopIteration as end:
                return end.value
            self.waits += 1
            if self._from <= self.waits < self._to:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                value = yield waited_for
            except BaseException as error:
                step = _call(steps.throw, error)
            else:
                step = _call(steps.send, value)


def _call(function: Callable[[Any], Any], value: Any) -> Callable[[], Any]:
    return lambda: function(value)


def left_open(work: Callable[[], Awaitable[Any]], count: int, times: int = 1) -> tuple[bool, list[str]]:
    """Whether ``work()`` awaits ``count`` times at all, and the sockets and transports left open when it is canceled.

    Python says itself what was never closed, once the garbage is collected.
    """
    canceled = CanceledAt(work(), count, times)

    async def main() -> None:
        await canceled

    gc.freeze()  # what was there before is not looked through again, now or later
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        try:
            run_sync(main)
        except asyncio.CancelledError:
            pass
        gc.collect()
    return canceled.waits >= count, [str(one.message) for one in told if issubclass(one.category, ResourceWarning)]
