"""The address that is told to others is one that they can type."""

from __future__ import annotations

import socket

import pytest

from wamviz.core import network
from wamviz.core.network import address_for_others, is_loopback


def test_every_address_is_told_as_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address_for_others("0.0.0.0") not in network.ANY
    monkeypatch.setattr(network, "FAR", ("no address", 9))
    assert address_for_others("::") == socket.gethostname()


def test_names_and_other_machines_are_not_this_one() -> None:
    assert is_loopback("127.1.2.3") and not is_loopback("robots.example") and not is_loopback("192.168.0.4")
