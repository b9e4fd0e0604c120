"""A cheap model that can be driven, under its own name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.runs.driving.conftest import ENTRY, SIZE, context, world
from wamviz.models import registry

__all__ = ["SIZE", "context", "obedient", "world"]


@pytest.fixture(scope="module")
def obedient() -> Iterator[str]:
    """Its id, while it is registered."""
    registry.register(ENTRY)
    yield ENTRY.capabilities.model_id
    registry.reset()
