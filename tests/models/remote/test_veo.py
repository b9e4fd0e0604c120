"""Veo as google-genai itself speaks to it, over a local server: what is sent, cut back, paid for, and kept back."""

from __future__ import annotations

import base64
import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest

from tests.models.remote.servers import serving
from tests.models.remote.speakers import LIBERO_CONTEXT, Speaker, all_speakers
from tests.models.remote.veo_server import FILTERED, INLINE, NAME, URI, done, mp4, sample, told
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Imagined, ImagineRequest, Observation
from wamviz.core.threads import run_sync
from wamviz.models.protocol import collect
from wamviz.models.remote import veo
from wamviz.models.remote.asking import policy_request
from wamviz.models.remote.backend import capabilities_of, missing
from wamviz.models.remote.veo_options import PRICES_AS_OF, SETTINGS, VeoOptions, cost

SQUARE_VIDEO = base64.b64encode(mp4(3, 96, 96)).decode()
SQUARE = Observation({"image": np.full((96, 96, 3), 200, np.uint8)}, "pick up the orange")


@pytest.fixture
def speaker(monkeypatch: pytest.MonkeyPatch) -> Speaker:
    monkeypatch.setattr(veo, "POLL_S", 0.0)
    monkeypatch.setenv("GEMINI_API_KEY", "a-key")
    return next(one for one in all_speakers() if one.kind == "veo")


def ask(speaker: Speaker, context: Observation = LIBERO_CONTEXT, **settings: str) -> Imagined:
    with serving(speaker.speak()) as served:
        model = speaker.model(served, settings={"settings": settings})
        return collect(model, ImagineRequest(context, "video"))


def test_what_is_sent_is_what_was_set(speaker: Speaker) -> None:
    """The model in the address, the rest in the body, by Google's names; no seed exists there."""
    speaker.extra = {"frames": 96}
    end = ask(
        speaker, model="veo-3.1-fast-generate-preview", seconds="4", negative="people", resolution="720p", aspect="16:9"
    )
    heard = speaker.heard[0]
    assert heard["path"] == "/v1beta/models/veo-3.1-fast-generate-preview:predictLongRunning"
    assert heard["instances"][0]["image"]["mimeType"] == "image/png"
    assert heard["parameters"] == {
        "sampleCount": 1, "durationSeconds": 4, "aspectRatio": "16:9", "resolution": "720p", "negativePrompt": "people",
    }  # fmt: skip
    assert len(end.rollouts[0].frames) == 96 and end.rollouts[0].fps == 24 and end.rollouts[0].actions is None


def test_the_context_is_letterboxed_and_the_video_cut_back(speaker: Speaker) -> None:
    """A square context comes back as a square video: what lay over the borders is gone, and a note says so."""
    picture, inner = veo.framed(SQUARE.frame)
    assert picture.shape == (720, 1280, 3) and (picture[:, :280] == 0).all() and (picture[:, 280:1000] == 200).all()
    tall, _ = veo.framed(np.full((128, 96, 3), 9, np.uint8))
    assert tall.shape == (1280, 720, 3)
    end = ask(speaker, SQUARE)
    frames = end.rollouts[0].frames
    assert abs(frames.shape[1] - frames.shape[2]) <= 1
    assert any("black borders as 16:9" in note and "cut back" in note for note in end.notes)
    assert any("192 frames, 24 a second, all kept" in note for note in end.notes)
    same, _ = veo.decoded(mp4(3, 720, 1280), inner, picture.shape)
    assert max(same.shape[1:3]) == veo.LONGEST_SIDE


def test_a_context_of_veo_s_shape_is_sent_whole(speaker: Speaker) -> None:
    picture, inner = veo.framed(np.zeros((90, 160, 3), np.uint8))
    assert picture.shape == (720, 1280, 3) and inner == (0, 1, 0, 1)
    assert any("without borders" in note for note in ask(speaker).notes)


def test_a_video_in_the_reply_needs_no_download(speaker: Speaker) -> None:
    speaker.extra = {"end": done(**sample(encodedVideo=INLINE, encoding="video/mp4"))}
    assert len(ask(speaker, seconds="4").rollouts[0].frames) == 96


def test_progress_is_told_while_it_is_imagined(speaker: Speaker) -> None:
    """First what it will cost, then the job, then waiting with what is usual beside what has gone by."""
    with serving(speaker.speak()) as served:
        events = list(speaker.model(served).imagine(ImagineRequest(LIBERO_CONTEXT, "video", samples=2)))
    notes = [event.note for event in events[:-1]]
    assert "6.40 USD" in notes[0] and "2 videos of 8 s" in notes[0], "before anything is sent"
    assert any(re.search(r"usually 11 s to 6 min\), \d+ s", note) for note in notes)
    assert events[-1].notes[0] == notes[0]


def test_stopping_at_the_first_word_sends_nothing(speaker: Speaker) -> None:
    """Whoever reads the price and stops has asked for nothing."""
    with serving(speaker.speak()) as served:
        stream = speaker.model(served).imagine(ImagineRequest(LIBERO_CONTEXT, "video"))
        assert "USD" in next(stream).note
        stream.close()
        assert served.connections == 0


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (done(raiMediaFilteredCount=1, raiMediaFilteredReasons=[FILTERED]), "filters kept.*words of your prompt"),
        (done(raiMediaFilteredCount=1), "filters kept the video back: no reason was given"),
        (done(), "there is no video in it"),
        (json.dumps({"name": NAME, "done": True}).encode(), "there is no video in it"),
        (json.dumps({"name": NAME, "done": True, "error": {"code": 13, "message": "overloaded"}}).encode(),
         "The server said: overloaded"),
        (told(429, "quota", "RESOURCE_EXHAUSTED"), "reply cannot be read|quota"),
        (done(**sample(uri="https://elsewhere.example/film.mp4")), "reply cannot be read"),
        (done(**sample(encodedVideo="AAAA", encoding="video/mp4")), "its video"),
        (done(**sample(encodedVideo=SQUARE_VIDEO, encoding="video/mp4")), "96 x 96 pixels has not the shape"),
        (b"[]", "reply cannot be read"),
    ],
)  # fmt: skip
def test_a_job_that_brings_no_video_is_explained(speaker: Speaker, end: bytes, why: str) -> None:
    speaker.extra = {"end": end}
    with pytest.raises(WamvizError, match=why):
        ask(speaker)


def test_a_download_may_be_sent_on_within_the_same_address_only(speaker: Speaker) -> None:
    """As Google's own files are; to another address nothing is sent, the key least of all."""
    well = speaker.speak()

    def script(talk):
        if talk.path.startswith("/v1beta/files/"):
            return talk.answer(b"", 302, Location="/download" + talk.path)
        if talk.path.startswith("/download"):
            return talk.answer(mp4(192))
        return well(talk)

    with serving(script) as served:
        end = collect(speaker.model(served), ImagineRequest(LIBERO_CONTEXT, "video"))
    assert len(end.rollouts[0].frames) == 192


def test_an_operation_of_another_name_is_not_looked_at(speaker: Speaker) -> None:
    with serving(lambda talk: talk.answer(b'{"name": "../../v1/secrets"}')) as served:
        with pytest.raises(WamvizError, match="no proper name"):
            collect(speaker.model(served), ImagineRequest(LIBERO_CONTEXT, "video"))
        assert served.connections == 1


def test_a_model_that_is_not_there_is_told(speaker: Speaker) -> None:
    """By --test from the list, by imagining from Google's own words."""
    with serving(speaker.speak()) as served:
        asked = policy_request(speaker.connection(served.port, settings={"model": "veo-9"}))
        with pytest.raises(WamvizError, match="no model 'veo-9'.*Its Veos: veo-3.1-generate-preview"):
            run_sync(lambda: veo.probe(asked))
    with serving(lambda talk: talk.answer(told(404, "models/veo-9 is not found", "NOT_FOUND"), 404)) as served:
        with pytest.raises(WamvizError, match="veo-9 is not found.*--test"):
            collect(speaker.model(served), ImagineRequest(LIBERO_CONTEXT, "video"))


def test_a_key_is_needed_and_comes_from_the_environment(speaker: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from the variables that google-genai would look into by itself."""
    monkeypatch.setenv("GOOGLE_API_KEY", "another")
    bare = replace(speaker.connection(9), token_env="")
    assert "--token-env GEMINI_API_KEY" in (missing(bare) or "") and missing(speaker.connection(9)) is None
    with pytest.raises(WamvizError, match="needs a key.*--token-env"):
        veo.check(policy_request(bare, ImagineRequest(LIBERO_CONTEXT, "video")))
    with serving(speaker.speak()) as served:
        collect(speaker.model(served), ImagineRequest(LIBERO_CONTEXT, "video"))
        assert {talk.headers["x-goog-api-key"] for talk in served.talks} == {"a-key"}
        assert all("a-key" not in talk.path for talk in served.talks)


def test_a_missing_or_too_new_package_is_told_with_what_to_install(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """google-genai 3 makes no videos with a key; found out before anything is sent."""
    from google import genai

    asked = policy_request(speaker.connection(9), ImagineRequest(LIBERO_CONTEXT, "video"))
    monkeypatch.setattr(genai, "__version__", "3.1.0")
    with pytest.raises(WamvizError, match="google-genai 3.1.0 makes no videos.*pip install 'google-genai>=1.55,<3'"):
        veo.check(asked)
    monkeypatch.delattr(sys.modules["google"], "genai")
    monkeypatch.setitem(sys.modules, "google.genai", None)
    assert "pip install 'google-genai" in (missing(speaker.connection(9)) or "")
    with pytest.raises(WamvizError, match="not installed.*pip install 'google-genai>=1.55,<3'"):
        veo.check(asked)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"seconds": "5"}, "clips of 4, 6, 8 seconds"),
        ({"resolution": "480p"}, "resolution '480p'"),
        ({"resolution": "1080p", "seconds": "4"}, "1080p only of 8 seconds"),
        ({"aspect": "4:3"}, "aspect '4:3'"),
        ({"model": "../../secrets"}, "no name of a Veo"),
        ({"price": "free"}, "no price"),
        ({"second": "4"}, "Did you mean 'seconds'"),
    ],
)
def test_settings_that_cannot_be_are_refused(speaker: Speaker, settings: dict, why: str) -> None:
    with pytest.raises(WamvizError, match=why):
        capabilities_of(speaker.connection(9, settings=settings))


def test_a_price_has_a_source_or_is_not_told() -> None:
    """A number only with its source and day, or where the user gave it."""
    assert "3.20 USD" in cost({}, 1) and PRICES_AS_OF in cost({}, 1) and "may have changed" in cost({}, 1)
    assert "4.80 USD" in cost({"resolution": "4k"}, 1)
    fast = cost({"model": "veo-3.1-fast-generate-preview"}, 1)
    assert "USD" not in fast and "ai.google.dev" in fast
    assert "1.20 USD" in cost({"model": "veo-3.1-fast-generate-preview", "price": "0.15", "seconds": "4"}, 2)
    assert set(SETTINGS) == {name for name in VeoOptions.__dataclass_fields__}


def test_what_it_can_is_known_without_asking(speaker: Speaker) -> None:
    """A video model: no actions, no seed, frames as long as its clips, and its price among the facts."""
    known = capabilities_of(speaker.connection(9, settings={"seconds": "6"}))
    assert known.modes == ("video",) and known.action_space is None and known.horizon == 6 * 24 - 1
    assert known.video_fps == 24 and not known.deterministic and "2.40 USD" in known.extras["cost"]
    assert URI.startswith("https://")
