"""A pipeline's call in a thread of its own: steps reported as they are done, stopped between two blocks.

Contract: ``beside`` runs the call and yields a ``Step`` whenever one is done, or None after every beat without news, so
that a generator around it can be closed at any time; closing it makes the call end before its next block and waits for
that. Errors come out as they were raised. It knows no model.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
BEAT_S = 0.25  # how soon a stopped page or a progress line hears of it


class Stopped(Exception):
    """Raised inside the call when nobody wants its result any more."""


@dataclass(frozen=True)
class Step:
    """A step that is done.

    Attributes:
        done: how many are.
        picture: what the latents look like now, as the model made it of them, or None.
    """

    done: int
    picture: Any = None


class Watch:
    """What the call tells, and what it is told: steps go out, a wish to stop comes in."""

    def __init__(self, inbox: queue.Queue[Any]) -> None:
        self._inbox, self._stop = inbox, threading.Event()
        self.show: Callable[[int, Any], Any] | None = None  # steps done and latents to a picture, or None

    def stop(self) -> None:
        """Ask the call to end."""
        self._stop.set()

    def check(self, *_: Any) -> None:
        """Raise ``Stopped`` where that was asked for; has the shape of a forward hook."""
        if self._stop.is_set():
            raise Stopped

    def step(self, done: int, picture: Any = None) -> None:
        """Report that ``done`` steps are done."""
        self._inbox.put(Step(done, picture))
        self.check()

    def on_step_end(self, pipe: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        """What diffusers' pipelines take as ``callback_on_step_end``."""
        self.step(index + 1, self.show(index + 1, tensors["latents"]) if self.show else None)
        return tensors


class _End(Generic[T]):
    def __init__(self, result: T | None = None, error: BaseException | None = None) -> None:
        self.result, self.error = result, error


def beside(call: Callable[[Watch], T], beat: float = BEAT_S) -> Generator[Step | None, None, T]:
    """Run ``call(watch)`` in a thread; yield what it reports, or None every ``beat`` seconds without news.

    Returns:
        What the call returned (the value of ``yield from``).
    """
    inbox: queue.Queue[Step | _End[T]] = queue.Queue()
    watch = Watch(inbox)

    def body() -> None:
        try:
            inbox.put(_End(call(watch)))
        except BaseException as error:  # the generator raises it where somebody sees it
            inbox.put(_End(error=error))

    thread = threading.Thread(target=body, name="wamviz-diffusion", daemon=True)
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
                return event.result  # type: ignore[return-value]
            yield event
    finally:
        watch.stop()
        thread.join()


@contextmanager
def stoppable(pipe: Any, watch: Watch) -> Iterator[None]:
    """Let every block of every network in a pipeline look whether it should go on.

    Steps of a large model take up to minutes, which is too long to wait for a page that was left.
    """
    import torch

    networks = [part for part in pipe.components.values() if isinstance(part, torch.nn.Module)]
    blocks = [
        block
        for network in networks
        for part in network.modules()
        if isinstance(part, torch.nn.ModuleList)
        for block in part
    ]
    hooks = [block.register_forward_pre_hook(watch.check) for block in (*networks, *blocks)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def counting(pipe: Any, watch: Watch) -> Iterator[None]:
    """For the pipelines without a callback: their progress bar tells of each step."""

    class Bar:
        done = 0

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: Any) -> None:
            pass

        def update(self, count: int = 1) -> None:
            self.done += count
            watch.step(self.done)

    pipe.progress_bar = lambda *_, **__: Bar()
    try:
        yield
    finally:
        del pipe.progress_bar
