"""The file of named servers: it comes back as it was written, and no secret gets into it."""

from __future__ import annotations

import json

import pytest

from wamviz.core.errors import WamvizError
from wamviz.models import backends, connections, registry
from wamviz.models.connections import Connection

PI = Connection("pi05", "openpi", "ws://127.0.0.1:8000")
FULL = Connection(
    "cosmos", "openpi", "wss://robots.example:8443/policy", "cosmos3-droid", "POLICY_TOKEN", 60.0, "ca.pem", 10.0,
    {"exterior_image_2_left": "exterior"}, {"joint_position": "7:14"},
)  # fmt: skip


def test_what_is_kept_comes_back(home):
    """All settings, in order; a second one of the same name replaces the first."""
    assert connections.read() == {}
    connections.keep(PI)
    connections.keep(FULL)
    assert list(connections.read().values()) == [PI, FULL] and FULL.places() == {"joint_position": (7, 14)}
    connections.keep(Connection("pi05", "openpi", "ws://127.0.0.1:9000"))
    assert connections.read()["pi05"].url.endswith("9000") and list(connections.read()) == ["pi05", "cosmos"]
    connections.forget("pi05")
    assert list(connections.read()) == ["cosmos"]
    with pytest.raises(WamvizError, match="Did you mean 'cosmos'"):
        connections.forget("cosmo")


@pytest.mark.parametrize(
    "url",
    [
        "ws://user:secret@127.0.0.1:8000", "ws://secret@host", "https://host/act?token=secret", "https://host/#secret",
    ],
)  # fmt: skip
def test_an_address_with_a_secret_in_it_is_not_kept(url):
    with pytest.raises(WamvizError, match="may hold a secret") as caught:
        Connection("x", "openpi", url)
    assert "secret@" not in str(caught.value) and "=secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "Two Words"}, "cannot be the name"),
        ({"name": ""}, "cannot be the name"),
        ({"name": "../x"}, "cannot be the name"),
        ({"url": "127.0.0.1:8000"}, "an invalid server address"),
        ({"url": "ftp://host/weights"}, "an invalid server address"),
        ({"url": "file:weights"}, "no whole path of a folder"),
        ({"url": "ws://"}, "an invalid server address"),
        ({"url": "ws://host:99999"}, "an invalid server address"),
        ({"url": "ws://host:80\r\nX: y"}, "an invalid server address"),
        ({"token_env": "sk-123-the-token-itself"}, "name the environment variable"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"rate": -1}, "rate"),
        ({"rate": "fast"}, "rate"),
        ({"views": ["a"]}, "map text to text"),
        ({"state": {"joints": "7"}}, "FIRST:END"),
        ({"state": {"joints": "7:3"}}, "FIRST:END"),
        ({"robot": 3}, "must be text"),
    ],
)
def test_connections_are_checked_when_built(change, why):
    with pytest.raises(WamvizError, match=why):
        Connection(**{"name": "x", "kind": "openpi", "url": "ws://127.0.0.1:8000", **change})


def test_a_token_comes_from_the_environment_and_goes_over_tls(monkeypatch):
    """In the clear it goes to this machine alone."""
    monkeypatch.delenv("POLICY_TOKEN", raising=False)
    with pytest.raises(WamvizError, match="POLICY_TOKEN is not set"):
        FULL.token()
    monkeypatch.setenv("POLICY_TOKEN", "hush")
    assert FULL.token() == "hush" and PI.token() == ""
    for url in ("ws://127.0.0.1:1", "ws://localhost:1", "ws://[::1]:1", "http://127.9.9.9", "tcp://127.0.0.1:5555"):
        assert Connection("x", "openpi", url, token_env="POLICY_TOKEN").token() == "hush"
    for url in ("ws://robots.example", "http://10.0.0.1", "ws://localhost.example", "tcp://robots.example:5555"):
        way = "Use a tunnel" if url.startswith("tcp") else "Use (ws|http)s:// or a tunnel"  # ZeroMQ has no TLS
        with pytest.raises(WamvizError, match=f"only over TLS. {way}"):
            Connection("x", "openpi", url, token_env="POLICY_TOKEN").token()
    monkeypatch.setenv("POLICY_TOKEN", "a\r\nX-Header: b")
    with pytest.raises(WamvizError, match="no usable token"):
        FULL.token()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "cannot be understood"),
        ("[]", "no list 'connections'"),
        ('{"connections": [{}]}', "needs name, kind and url"),
        ('{"connections": [{"name": "a", "kind": "openpi", "url": "ws://h", "tocken_env": "A"}]}', "token_env"),
        ('{"connections": [{"name": "a", "kind": "openpi", "url": "h"}]}', "an invalid server address"),
        ('{"connections": [' + ", ".join(['{"name": "a", "kind": "openpi", "url": "ws://h"}'] * 2) + "]}", "twice"),
        ("[" * 100_000, "cannot be understood"),
    ],
)
def test_a_file_that_was_spoilt_by_hand_is_named_and_takes_nothing_down(home, text, why):
    home.mkdir()
    connections.path().write_text(text)
    with pytest.raises(WamvizError, match=why):
        connections.read()
    with pytest.warns(UserWarning, match="connections.json"):
        assert backends.register_models() == []


def test_connections_are_models(home, monkeypatch):
    """They stand in the registry like any other, and cost no request to list."""
    connections.keep(PI)
    connections.keep(FULL)
    monkeypatch.delenv("POLICY_TOKEN", raising=False)
    registry.reset()
    try:
        found = registry.entries()
        assert {"pi05", "cosmos", "mini-wam"} <= set(found)
        assert found["pi05"].missing() is None and "POLICY_TOKEN is not set" in found["cosmos"].missing()
        caps = found["cosmos"].capabilities
        assert caps.modes == ("joint",) and caps.video_fps == 10.0 and caps.action_space.rate == 10.0
        assert found["pi05"].capabilities.horizon == 15 and found["pi05"].load("cpu").weights_digest
        with pytest.raises(WamvizError, match="POLICY_TOKEN"):
            registry.load("cosmos")
    finally:
        registry.reset()


def test_a_connection_that_cannot_be_is_left_out(home):
    """The others stay."""
    connections.keep(PI)
    connections.keep(Connection("old", "telepathy", "ws://127.0.0.1:1"))
    connections.keep(Connection("wrong", "openpi", "http://127.0.0.1:1"))
    connections.keep(Connection("odd", "openpi", "ws://127.0.0.1:1", "octopus"))
    connections.keep(Connection("file", "openpi", "file:///etc/passwd"))  # a server is no folder
    connections.keep(Connection("set", "openpi", "ws://127.0.0.1:1", settings={"volume": "11"}))
    with pytest.warns(UserWarning, match="is left out") as caught:
        assert [one.capabilities.model_id for one in backends.register_models()] == ["pi05"]
    words = " ".join(str(one.message) for one in caught)
    assert (
        "Allowed: openpi, roboarena" in words
        and "ws or wss, not http" in words
        and "ws or wss, not file" in words
        and "droid, libero" in words
    )
    assert "Unknown setting of kind openpi 'volume'" in words


def test_the_file_holds_nothing_that_was_not_said(home):
    connections.keep(PI)
    assert json.loads(connections.path().read_text()) == {
        "connections": [{"name": "pi05", "kind": "openpi", "url": "ws://127.0.0.1:8000"}]
    }


def test_a_connection_that_stays_as_it_was_keeps_its_entry(home):
    """So a model that is loaded stays in memory when another one is connected or forgotten."""
    registry.reset()
    try:
        connections.keep(PI)
        registry.refresh()
        entry = registry.entries()["pi05"]
        connections.keep(Connection("other", "openpi", "ws://127.0.0.1:1"))
        registry.refresh()
        assert registry.entries()["pi05"] is entry and "other" in registry.entries()
        connections.keep(Connection("pi05", "openpi", "ws://127.0.0.1:9000"))
        registry.refresh()
        assert registry.entries()["pi05"] is not entry
    finally:
        registry.reset()
