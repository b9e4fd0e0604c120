"""A server that speaks the Gemini API's wire format for Veo, for google-genai as the client.

Written from google-genai's own sources (2.34: what it sends and which names it reads): a job is given with
``:predictLongRunning``, looked at as an operation, and its file fetched, or handed over in the reply.
"""

from __future__ import annotations

import base64
import functools
import json
import re
import tempfile
from pathlib import Path

import numpy as np

from tests.models.remote.servers import Talk
from wamviz.core.media import write_mp4

NAME = "models/veo-3.1-generate-preview/operations/abc123"
FILTERED = "We encountered an issue with the words of your prompt. Support codes: 29310472"


@functools.cache
def mp4(frames: int, height: int = 72, width: int = 128, fps: float = 24.0) -> bytes:
    """A clip in which every frame has its own brightness."""
    steps = np.linspace(0, 250, frames).astype(np.uint8)
    video = np.broadcast_to(steps[:, None, None, None], (frames, height, width, 3)).copy()
    with tempfile.TemporaryDirectory() as folder:
        write_mp4(Path(folder) / "a.mp4", video, fps)
        return (Path(folder) / "a.mp4").read_bytes()


def told(status: int, words: str, code: str = "INVALID_ARGUMENT") -> bytes:
    return json.dumps({"error": {"code": status, "message": words, "status": code}}).encode()


def done(**response) -> bytes:
    return json.dumps({"name": NAME, "done": True, "response": {"generateVideoResponse": response}}).encode()


def sample(**video) -> dict:
    return {"generatedSamples": [{"video": video}]}


def veo(speaker, talk: Talk, mood: str) -> None:
    """Given a job, it is busy once, then done; ``speaker.extra`` names other endings."""
    if talk.path.startswith("/v1beta/models?"):
        names = [f"models/{name}" for name in ("gemini-x", "veo-3.1-generate-preview")]
        return talk.answer(json.dumps({"models": [{"name": name} for name in names]}).encode())
    if talk.method == "POST" and talk.path.endswith(":predictLongRunning"):
        body = json.loads(talk.body)
        speaker.heard.append({**body, "prompt": body["instances"][0]["prompt"], "path": talk.path})
        if mood == "lost":
            return None
        if mood == "silent":
            talk.wait_until_gone()
        bad = {"garbage": b"{]", "huge": b'{"name": "' + b"x" * 60_000 + b'"}', "wrong": b'{"hello": 1}'}
        if mood == "error":
            return talk.answer(told(400, "no such view"), 400)
        return talk.answer(bad.get(mood) or json.dumps({"name": NAME}).encode())
    if talk.path == f"/v1beta/{NAME}":
        speaker.count += 1
        if speaker.count % 2:
            return talk.answer(json.dumps({"name": NAME}).encode())
        return talk.answer(speaker.extra.get("end") or done(**sample(uri=URI)))
    assert re.fullmatch(r"/v1beta/files/abc123:download\?alt=media", talk.path), talk.path
    return talk.answer(mp4(int(speaker.extra.get("frames", 192))), Content_Type="video/mp4")


URI = "https://generativelanguage.googleapis.com/v1beta/files/abc123:download?alt=media"
INLINE = base64.b64encode(mp4(96)).decode()
