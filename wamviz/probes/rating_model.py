"""A vision-language model as a rater: shown a sample's frames and the rubric, at an address of the user's own.

Contract: it speaks the chat-completions form that OpenAI's API has and that vLLM, SGLang, llama.cpp and Ollama serve
(``POST URL/chat/completions`` with pictures as data URLs). Its answers are ratings like anybody's, under a name that
says that a model gave them: they are never counted among people's, and are measured against them. What was answered is
not asked again; a sample that fails is told, and asked next time.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from wamviz.core.errors import InvalidInput, Unavailable, WamvizError
from wamviz.core.media import encode_png
from wamviz.core.rollout import Frames
from wamviz.core.threads import run_sync
from wamviz.models.remote.codec import malformed, unpack_json
from wamviz.models.remote.network import Server, ask, client, redact_token, refuse_error
from wamviz.probes.ratings import BY_MODEL, Rating, newest
from wamviz.probes.results import Results, read_results
from wamviz.probes.rubric import ANSWERS, UNSURE, Rubric
from wamviz.probes.suite_run import CellDone

FRAMES = 8  # of a sample, evenly over its time, the first and the last among them
PATIENCE_S = 300.0  # for one answer
_OBJECT = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True)
class RatingModel:
    """Which model, and where.

    Attributes:
        url: of the API, e.g. ``http://127.0.0.1:8000/v1``.
        name: of the model, as its server calls it.
        token: what the server wants to know, or "".
        frames: pictures of a sample that it is shown, 2 .. 32.
    """

    url: str
    name: str
    token: str = ""
    frames: int = FRAMES

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.username is not None:
            raise InvalidInput(f"'{self.url}' is no address of an API.", "Write e.g. http://127.0.0.1:8000/v1.")
        if not self.name.strip():
            raise InvalidInput("The model has no name.", "Write --model NAME, as its server calls it.")
        if not 2 <= self.frames <= 32:
            raise InvalidInput(f"{self.frames} frames cannot be shown.", "2 .. 32 can.")

    @property
    def rater(self) -> str:
        """The name that its ratings bear."""
        return f"{self.name.strip()[:40]}{BY_MODEL}"


def rate_by_model(folder: str | Path, model: RatingModel) -> Iterator[tuple[CellDone, WamvizError | None]]:
    """Ask about every sample with a video that this model has not rated yet: each, and what went wrong with it.

    Raises:
        WamvizError: there are no results, or nobody answers at the address at all.
    """
    results = read_results(folder)
    rubric, answered = results.rubric, False
    for cell in unrated(results, model.rater, rubric):
        try:
            answers = _answers_about(results, cell, rubric, model)
            results.ratings.rate(Rating(model.rater, rubric.name, cell.key, cell.run, answers), rubric, by_model=True)
        except WamvizError as error:
            if isinstance(error, Unavailable) and not answered:  # a wrong address is not told a hundred times
                raise
            yield cell, error
        else:
            answered = True
            yield cell, None


def unrated(results: Results, rater: str, rubric: Rubric) -> list[CellDone]:
    """The samples, in their order, of which a rater has said nothing by this rubric."""
    said = {one.sample for one in newest(results.ratings.ratings()) if (one.rater, one.rubric) == (rater, rubric.name)}
    return [cell for cell in results.cells if cell.run and cell.key not in said]


def write_question(instruction: str, rubric: Rubric, frames: int) -> str:
    """What the model is asked, in words."""
    lines = [f"- {one.key}: {one.text} {one.note}".rstrip() for one in rubric.questions]
    shape = ", ".join(f'"{one.key}": "..."' for one in rubric.questions)
    return "\n".join(
        [
            f"These {frames} pictures are frames of one video, in order and evenly spaced: a robot that was told",
            json.dumps(instruction, ensure_ascii=False) + ". The video was imagined by a model; judge what it shows.",
            f"Answer each question with one of: {', '.join(ANSWERS)}. Say '{UNSURE}' rather than guess.",
            *lines,
            f"Reply with this JSON object alone: {{{shape}}}",
        ]
    )


def read_answers(text: str, rubric: Rubric) -> dict[str, str]:
    """The answers in a model's reply: its last JSON object, of which what answers a question counts.

    Raises:
        WamvizError: there is none.
    """
    keys = [question.key for question in rubric.questions]
    for found in reversed(_OBJECT.findall(text)):
        try:
            plain = json.loads(found)
        except ValueError:
            continue
        said = {key: str(value).strip().lower() for key, value in plain.items() if key in keys}
        if kept := {key: value for key, value in said.items() if value in ANSWERS}:
            return kept
    raise malformed("it answers none of the questions")


def pick_frames(frames: Frames, count: int) -> Frames:
    """At most ``count`` frames (T, H, W, 3), evenly spaced from the first to the last."""
    return frames[np.unique(np.linspace(0, len(frames) - 1, count).round().astype(int))]


def _answers_about(results: Results, cell: CellDone, rubric: Rubric, model: RatingModel) -> dict[str, str]:
    frames = results.store.load(cell.run).imagined[0].frames
    if frames is None:
        raise InvalidInput("It has no video.", "A mode with video can be rated.")
    shown = pick_frames(frames, model.frames)
    text = write_question(results.instruction(cell), rubric, len(shown))
    with redact_token(model.token):
        return read_answers(run_sync(lambda: _complete(text, shown, model)), rubric)


async def _complete(text: str, frames: Sequence[Frames] | Frames, model: RatingModel) -> str:
    """The model's reply to a text and pictures."""
    headers = {"Authorization": f"Bearer {model.token}"} if model.token else {}
    server = Server(model.url, headers, reply_s=PATIENCE_S)
    pictures = [base64.b64encode(encode_png(frame)).decode() for frame in frames]
    shown = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{one}"}} for one in pictures]
    asked = {
        "model": model.name,
        "temperature": 0,
        "messages": [{"role": "user", "content": [*shown, {"type": "text", "text": text}]}],
    }
    async with client(server) as http:
        reply = unpack_json(await ask(http, server, "/chat/completions", json.dumps(asked).encode()), server.limits)
    refuse_error(reply)
    return _content(reply)


def _content(reply: Any) -> str:
    """The words of the first choice; some servers give them in parts."""
    try:
        content = reply["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError) as error:
        raise malformed("it has no choices with a message") from error
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        raise malformed("its message is no text")
    return content
