"""Which models can be driven, and the device for one step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wamviz.core.errors import Busy, InvalidInput
from wamviz.models import registry
from wamviz.models.cache import resolve_device
from wamviz.models.protocol import Capabilities, ModelEntry
from wamviz.models.queue import BEAT_S, DEVICE_QUEUE

PATIENCE_BEATS = 4  # a step waits so long for the device, and is dropped then: it must not come after the next


def check_drivable(caps: Capabilities) -> None:
    """Raise ``InvalidInput`` unless a model can be driven."""
    if not caps.drivable or caps.action_space is None:
        names = [one.capabilities.title for one in registry.entries().values() if one.capabilities.drivable]
        raise InvalidInput(
            f"{caps.title} cannot be driven: it does not go on from what it imagined, a few actions at a time.",
            f"These can: {', '.join(names) or 'none'}.",
        )


@contextmanager
def take_turn(entry: ModelEntry, device: str = "auto") -> Iterator[None]:
    """The device, for one step.

    Raises:
        Busy: somebody else has it for longer than a step can wait.
    """
    with DEVICE_QUEUE.join(resolve_device(entry, device), f"drive {entry.capabilities.model_id}") as turn:
        # What takes no device's time need not wait for it.
        if entry.resident and all(turn.wait(BEAT_S) is not None for _ in range(PATIENCE_BEATS)):
            raise Busy("Somebody else is imagining just now.", "Press again in a moment.")
        yield
