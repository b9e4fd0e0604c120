"""A server that speaks the worker's protocol with its own code; what it sends is made up, as in every test of the wire.

The real worker is run in test_worker.py.
"""

from __future__ import annotations

import io
import json
import struct

import numpy as np

from tests.models.remote.servers import Talk

INFO = {
    "wamviz_worker": 1,
    "policy": "made-up",
    "title": "a made-up policy",
    "modes": ["joint", "act_only"],
    "views": [
        {"key": "top", "size": [64, 64], "fit": "stretch"},
        {"key": "wrist", "size": [64, 64], "fit": "stretch"},
    ],
    "state": {"key": "state", "count": 8},
    "actions": {"names": [f"a{i}" for i in range(7)], "units": ["rad"] * 7, "kind": "joint_position", "rate": 20.0},
    "chunk": 16,
    "frames": 4,
    "steps": 3,
}


def npz(**arrays) -> bytes:
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def line(**event) -> bytes:
    return json.dumps(event).encode() + b"\n"


def heard(body: bytes) -> dict:
    size = struct.unpack(">I", body[:4])[0]
    with np.load(io.BytesIO(body[4 + size :]), allow_pickle=False) as arrays:
        return {**json.loads(body[4 : 4 + size]), **{name: arrays[name] for name in arrays.files}}


def finish(talk: Talk, data: bytes) -> None:
    """The end of an answer whose beginning was sent."""
    talk.link.sendall(line(done={"bytes": len(data), "seconds": 0.5}) + data)


def worker(speaker, talk: Talk, mood: str) -> None:
    if (talk.method, talk.path) == ("GET", "/info"):
        return talk.answer(json.dumps({**INFO, **speaker.extra}).encode())
    if (talk.method, talk.path) != ("POST", "/imagine"):
        return talk.answer(b"not found", 404)
    assert talk.headers["content-type"] == "application/x-wamviz-worker"
    told = heard(talk.body)
    speaker.heard.append({**told, "prompt": told["instruction"]})
    if mood == "lost":
        return None
    talk.link.sendall(b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n")
    if mood == "silent":
        talk.wait_until_gone()
    speaker.count += 1
    talk.link.sendall(line(words="imagining", step=1, steps=3))
    if mood == "error":
        return talk.link.sendall(line(error="KeyError: no such view"))
    if mood == "garbage":
        return talk.link.sendall(b"{]\n")
    if mood == "wrong":
        return talk.link.sendall(line(hello=1))
    if mood == "huge":
        return finish(talk, npz(actions=np.zeros((10_000, 7), np.float32)))
    rows = np.arange(16 * 7, dtype=np.float32).reshape(16, 7) / 112 + told["seed"]
    video = np.broadcast_to(np.arange(5, dtype=np.uint8)[:, None, None, None] * 9, (5, 64, 64, 3))
    return finish(talk, npz(actions=rows, **{"view/top": video, "view/wrist": video + 1}))
