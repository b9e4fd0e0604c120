"""A pipeline's call, watched: its steps reported as they are done, stopped between two blocks.

``run_in_thread`` runs the call in a thread (``wamviz.core.threads``) and yields a ``DenoisingStep`` whenever one is
done, or None after every beat without news; closing it makes the call end before its next block and waits for that.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from wamviz.core.threads import BEAT_S, Reporter, stream_in_thread

T = TypeVar("T")


@dataclass(frozen=True)
class DenoisingStep:
    """A step that is done.

    Attributes:
        done: how many are.
        picture: what the latents look like now, as the model made it of them, or None.
    """

    done: int
    picture: Any = None


class Watch:
    """What the call holds: steps go out, the wish to stop comes in."""

    def __init__(self, reporter: Reporter[DenoisingStep]) -> None:
        self._reporter, self.check = reporter, reporter.check
        self.show: Callable[[int, Any], Any] | None = None  # steps done and latents to a picture, or None

    def step(self, done: int, picture: Any = None) -> None:
        """Report that ``done`` steps are done."""
        self._reporter(DenoisingStep(done, picture))

    def on_step_end(self, pipe: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        """What diffusers' pipelines take as ``callback_on_step_end``."""
        self.step(index + 1, self.show(index + 1, tensors["latents"]) if self.show else None)
        return tensors


def run_in_thread(call: Callable[[Watch], T], beat: float = BEAT_S) -> Generator[DenoisingStep | None, None, T]:
    """Run ``call(watch)`` in a thread; yield what it reports, or None every ``beat`` seconds without news.

    Returns:
        What the call returned (the value of ``yield from``).
    """
    return stream_in_thread(lambda reporter: call(Watch(reporter)), beat, name="wamviz-diffusion")


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
