"""A model rates over the chat-completions form, against a local stand-in: what it is shown, told, and believed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.models.remote.servers import Served, Talk, serving
from tests.probes.conftest import Echo
from wamviz.core.errors import InvalidInput, Unavailable, WamvizError
from wamviz.core.media import read_image
from wamviz.models.connections import read_token
from wamviz.probes import Suite, run_suite
from wamviz.probes.rating_model import RatingModel, pick_frames, rate_by_model, read_answers
from wamviz.probes.ratings import Rating, Ratings
from wamviz.probes.rubric import find_rubric

RUBRIC = find_rubric()
GOOD = '{"same_robot": "yes", "stopped": "cannot tell"}'


def completion(content: object) -> bytes:
    return json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": content}}]}).encode()


class Rater:
    """Answers like an OpenAI-compatible server; ``says`` makes a reply of what is the nth request."""

    def __init__(self, says: Callable[[int], tuple[bytes, int]]) -> None:
        self.says, self.heard, self.headers = says, [], []

    def __call__(self, talk: Talk) -> None:
        assert (talk.method, talk.path) == ("POST", "/v1/chat/completions")
        self.heard.append(json.loads(talk.body))
        self.headers.append(talk.headers)
        talk.answer(*self.says(len(self.heard)))


@pytest.fixture
def out(suite: Suite, echo: Echo, tmp_path: Path) -> Path:
    """Results of twelve samples."""
    list(run_suite(suite, tmp_path / "out"))
    return tmp_path / "out"


@pytest.fixture
def serve() -> Iterator[Callable[[Rater], RatingModel]]:
    """Starts a stand-in and says how to reach it."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(rater: Rater, token: str = "") -> RatingModel:
            served: Served = stack.enter_context(serving(rater))
            return RatingModel(f"http://127.0.0.1:{served.port}/v1", "eye-7b", token)

        yield start


def test_every_sample_is_shown_once_and_kept_as_a_models_word(out: Path, serve) -> None:
    rater = Rater(lambda n: (completion(f"Let me look. {GOOD}"), 200))
    model = serve(rater, "secret")
    told = list(rate_by_model(out, model))
    assert len(told) == 12 and not any(error for _, error in told)
    asked = rater.heard[0]
    *pictures, words = asked["messages"][0]["content"]
    assert asked["model"] == "eye-7b" and asked["temperature"] == 0 and len(pictures) == 5
    for one in pictures:
        head, data = one["image_url"]["url"].split(",")
        assert head == "data:image/png;base64"
        assert read_image(base64.b64decode(data)).shape == (16, 16, 3)
    assert '"wave"' in words["text"] and all(one.text in words["text"] for one in RUBRIC.questions)
    assert rater.headers[0]["authorization"] == "Bearer secret"
    kept = Ratings(out).ratings()
    assert {one.rater for one in kept} == {"eye-7b (model)"}
    assert kept[0].answers == {"same_robot": "yes", "stopped": "cannot tell"}
    assert list(rate_by_model(out, model)) == [] and len(rater.heard) == 12  # nothing is asked again


def test_one_bad_reply_costs_one_sample_which_is_asked_next_time(out: Path, serve) -> None:
    bad = {2: (completion("I cannot help with that."), 200), 3: (b'{"error": {"message": "too long"}}', 200),
           4: (b"overloaded", 503), 5: (completion(None), 200)}  # fmt: skip
    rater = Rater(lambda n: bad.get(n, (completion([{"type": "text", "text": GOOD}]), 200)))
    model = serve(rater)
    errors = [str(error) for _, error in rate_by_model(out, model) if error]
    assert [word in error for word, error in zip(("none of", "too long", "503", "no text"), errors, strict=True)] == [
        True
    ] * 4
    assert len(list(rate_by_model(out, model))) == 4 and len(Ratings(out).ratings()) == 12


def test_an_address_where_nobody_rates_is_told_once(out: Path, serve) -> None:
    model = serve(Rater(lambda n: (b"who are you?", 401)), "secret")
    with pytest.raises(Unavailable, match="token") as caught:
        list(rate_by_model(out, model))
    assert "secret" not in str(caught.value) and not Ratings(out).ratings()


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ('```json\n{"same_robot": "Yes "}\n```', {"same_robot": "yes"}),
        ('{"same_robot": "no"} Or rather {"same_robot": "partly", "colour": "red"}', {"same_robot": "partly"}),
        ('{"same_robot": "maybe", "stopped": "no"}', {"stopped": "no"}),
    ],
)
def test_the_last_object_with_an_answer_counts(text: str, answers: dict[str, str]) -> None:
    assert read_answers(text, RUBRIC) == answers


@pytest.mark.parametrize("text", ["", "yes", '{"same_robot": 1}', "{same_robot: yes}", '{"other": "yes"}'])
def test_what_answers_nothing_is_refused(text: str) -> None:
    with pytest.raises(WamvizError, match="none of the questions"):
        read_answers(text, RUBRIC)


def test_frames_are_spread_from_the_first_to_the_last() -> None:
    frames = np.arange(17, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    assert pick_frames(frames, 5)[:, 0, 0, 0].tolist() == [0, 4, 8, 12, 16]
    assert len(pick_frames(frames[:3], 8)) == 3


@pytest.mark.parametrize(
    ("url", "name", "frames"),
    [("ftp://a/v1", "m", 8), ("127.0.0.1:8000", "m", 8), ("http://u:p@a/v1", "m", 8), ("http://a/v1", " ", 8),
     ("http://a/v1", "m", 1)],
)  # fmt: skip
def test_what_names_no_model_is_refused(url: str, name: str, frames: int) -> None:
    with pytest.raises(InvalidInput):
        RatingModel(url, name, frames=frames)


def test_a_token_comes_from_the_environment_and_travels_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    here = "http://127.0.0.1:8000/v1"
    monkeypatch.setenv("EYE_TOKEN", " abc ")
    assert read_token("EYE_TOKEN", here) == "abc" and read_token("", here) == ""
    with pytest.raises(WamvizError, match="EAR_TOKEN is not set"):
        read_token("EAR_TOKEN", here)
    with pytest.raises(WamvizError, match="only over TLS"):
        read_token("EYE_TOKEN", "http://elsewhere.example/v1")


def test_nobody_rates_under_a_models_name(out: Path) -> None:
    with pytest.raises(InvalidInput, match="how a model is named"):
        Ratings(out).rate(Rating("Ada (model)", RUBRIC.name, "s", "r", {"stopped": "yes"}), RUBRIC)
