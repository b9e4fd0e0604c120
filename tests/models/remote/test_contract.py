"""What holds for every server, whatever it speaks: order, alignment, units, cancel, limits, and errors in words."""

from __future__ import annotations

import ssl
from dataclasses import replace

import numpy as np
import pytest

from tests.models.remote.canceling import left_open
from tests.models.remote.servers import Talk, serving
from tests.models.remote.speakers import DROID_CONTEXT, Speaker, all_speakers, chunk, openpi
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Imagined, ImagineRequest, Observation, Preview
from wamviz.models.protocol import WorldActionModel, collect
from wamviz.models.remote import veo, vllm_omni, zmtp
from wamviz.models.remote.asking import policy_request, protocol_of
from wamviz.models.remote.backend import capabilities_of, probe
from wamviz.models.remote.codec import CodecLimits, pack
from wamviz.models.remote.kinds import KINDS, kind_of, robot_of

# Or only the server knows which state it wants.
STATELESS = ("cosmos3-libero", "groot", "lingbot-va", "vllm-omni", "veo")
NAMES = [speaker.name for speaker in all_speakers()]
SEEDED = [speaker.name for speaker in all_speakers() if KINDS[speaker.kind].seeded]


@pytest.fixture(autouse=True)
def _no_idle_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job is looked at again at once, and nobody waits long for a greeting that does not come."""
    monkeypatch.setattr(vllm_omni, "POLL_S", 0.0)
    monkeypatch.setattr(veo, "POLL_S", 0.0)
    monkeypatch.setenv("GEMINI_API_KEY", "a-key")
    monkeypatch.setattr(zmtp, "HANDSHAKE_S", 2.0)


@pytest.fixture(params=range(len(NAMES)), ids=NAMES)
def speaker(request: pytest.FixtureRequest) -> Speaker:
    return all_speakers()[request.param]


@pytest.fixture(params=[i for i, one in enumerate(all_speakers()) if one.kind not in STATELESS], ids=lambda i: NAMES[i])
def with_state(request: pytest.FixtureRequest) -> Speaker:
    """Those that want to know the robot's state."""
    return all_speakers()[request.param]


def wish(speaker: Speaker, samples: int = 1, context: Observation | None = None) -> ImagineRequest:
    mode = capabilities_of(speaker.connection(1)).modes[0]
    return ImagineRequest(context or speaker.context, mode, samples=samples)


def test_previews_then_one_end(speaker: Speaker) -> None:
    """Steps never go back, every preview has words, and the rollouts come last and once."""
    with serving(speaker.speak()) as served:
        model = speaker.model(served)
        assert isinstance(model, WorldActionModel)
        events = list(model.imagine(wish(speaker, 2)))
    assert [type(event) for event in events] == [Preview] * (len(events) - 1) + [Imagined]
    steps = [event.step for event in events[:-1]]
    assert steps == sorted(steps) and steps[0] == 0 and steps[-1] == 2 == len(events[-1].rollouts)
    assert all(event.note for event in events[:-1]) and all(event.steps == 2 for event in events[:-1])
    rollout = events[-1].rollouts[0]
    for shown, whole in ((events[-2].actions, rollout.actions), (events[-2].frames, rollout.frames)):
        assert (shown is None) == (whole is None) and (whole is None or shown.shape == (2, *whole.shape))


def test_frames_and_actions_end_together(speaker: Speaker) -> None:
    """The first frame is the context at 0 s, the last one shows the end of the last action; units are the robot's."""
    with serving(speaker.speak()) as served:
        model = speaker.model(served)
        end = collect(model, wish(speaker))
    caps, rollout = model.capabilities, end.rollouts[0]
    assert rollout.action_space == caps.action_space and rollout.origin == "imagined"
    robot = robot_of(model.connection)
    assert (rollout.actions is None) == (caps.modes == ("video",))
    assert bool(robot.frames) == (rollout.frames is not None)
    if rollout.actions is not None:
        assert len(rollout.actions) == robot.chunk
    if rollout.frames is not None:
        assert np.isclose(rollout.fps, caps.video_fps) and len(rollout.frames) == caps.horizon + 1
        assert np.isclose(rollout.frame_times[-1], caps.horizon / caps.video_fps)
        if rollout.actions is not None:
            assert np.isclose(rollout.frame_times[-1], rollout.action_times[-1])
    assert end.timings["total"] > 0 and model.weights_digest
    assert caps.deterministic != any("seed" in note for note in end.notes)
    assert rollout.seed == (0 if caps.deterministic else None)
    assert rollout.instruction == speaker.context.instruction
    assert prompt_of(speaker.heard[0]).startswith(rollout.instruction)  # Cosmos3's LIBERO recipe adds two sentences


@pytest.mark.parametrize("name", SEEDED)
def test_a_promised_seed_reaches_the_server(name: str) -> None:
    """Sample i is asked for with the seed + i, and says so of itself."""
    speaker = next(one for one in all_speakers() if one.name == name)
    with serving(speaker.speak()) as served:
        end = collect(speaker.model(served), replace(wish(speaker, 2), seed=5))
    assert [int(told["seed"]) for told in speaker.heard] == [5, 6] == [one.seed for one in end.rollouts]


def prompt_of(told: dict) -> str:
    if "observation" in told:
        return told["observation"]["language"]["annotation.language.language_instruction"][0][0]
    return told.get("prompt") or told.get("task_description")


def test_rate_of_the_user_wins(speaker: Speaker) -> None:
    """``connect --rate`` changes the seconds of actions and video alike."""
    with serving(speaker.speak()) as served:
        if capabilities_of(speaker.connection(served.port)).action_space is None:
            with pytest.raises(WamvizError, match="no actions, so that they have no rate"):
                speaker.model(served, settings={"rate": 5.0})
            return
        model = speaker.model(served, settings={"rate": 5.0})
        rollout = collect(model, wish(speaker)).rollouts[0]
    assert rollout.action_space.rate == 5.0
    assert np.isclose(rollout.duration, len(rollout.actions) / 5.0)


def test_cancel_stops_waiting(speaker: Speaker) -> None:
    """Closing the stream closes the connection: the server notices, and nothing is left running."""
    with serving(speaker.speak("silent")) as served:
        stream = speaker.model(served).imagine(wish(speaker))
        assert isinstance(next(event for event in stream if speaker.heard), Preview)
        stream.close()
        assert served.gone.wait(10)


def test_a_reply_that_takes_too_long_is_given_up(speaker: Speaker) -> None:
    with serving(speaker.speak("silent")) as served:
        model = speaker.model(served, settings={"timeout": 0.3})
        with pytest.raises(WamvizError, match=r"no reply within 0.3 s.*--timeout"):
            collect(model, wish(speaker))
        assert served.gone.wait(10)


def test_the_server_s_own_words_are_shown(speaker: Speaker) -> None:
    """One line without a traceback."""
    with serving(speaker.speak("error")) as served:
        with pytest.raises(WamvizError, match="The server said: ") as caught:
            collect(speaker.model(served), wish(speaker))
    text = str(caught.value)
    assert "no such view" in text or "said: error" in text
    assert "Traceback" not in text and "\n" not in text and "File" not in text


@pytest.mark.parametrize("mood", ["garbage", "wrong"])
def test_a_malformed_reply_is_refused(speaker: Speaker, mood: str) -> None:
    with serving(speaker.speak(mood)) as served:
        with pytest.raises(WamvizError, match="reply cannot be read"):
            collect(speaker.model(served), wish(speaker))


def test_an_oversized_reply_is_refused(speaker: Speaker) -> None:
    with serving(speaker.speak("huge")) as served:
        with pytest.raises(WamvizError, match=r"more than 0\.05 MB"):
            collect(speaker.model(served, limits=CodecLimits(message_bytes=50_000)), wish(speaker))


def test_a_lost_connection_is_tried_once_more(speaker: Speaker) -> None:
    """Except where asking again would start a second job."""
    with serving(speaker.speak("lost once")) as served:
        if speaker.repeats:
            assert len(collect(speaker.model(served), wish(speaker)).rollouts) == 1
        else:
            with pytest.raises(WamvizError, match="was lost.*not given again"):
                collect(speaker.model(served), wish(speaker))
        assert served.connections == 1 + speaker.repeats


@pytest.mark.parametrize("mood", ["error", "lost"])
def test_what_came_is_kept_when_a_later_sample_fails(speaker: Speaker, mood: str) -> None:
    """The second of three fails: the first one is there, a note says why no other is, and nobody asks a third time."""
    if KINDS[speaker.kind].together:
        pytest.skip("one question asks for all of its samples")
    script = speaker.script
    speaker.script = lambda one, talk, _: script(one, talk, mood if one.heard else "well")
    with serving(speaker.speak()) as served:
        end = collect(speaker.model(served), wish(speaker, 3))
    assert len(end.rollouts) == 1
    why = "no such view" if mood == "error" else "was lost"
    assert any("Sample 2 failed" in note and why in note for note in end.notes)
    assert any("gave 1 of the 3 samples" in note for note in end.notes)
    assert len(speaker.heard) == 2 + (mood == "lost" and speaker.repeats)


def test_a_server_that_closes_while_it_infers_is_lost_and_asked_again() -> None:
    """openpi's answers no ping meanwhile, so that its own library ends the connection (openpi#717)."""
    speaker, closed = all_speakers()[0], []

    def script(one: Speaker, talk: Talk, mood: str) -> None:
        if closed:
            return openpi(lambda s: {"actions": chunk(15, 8)})(one, talk, mood)
        talk.accept()
        talk.send(pack({}))
        closed.append(talk.message())
        talk.close(1011, "keepalive ping timeout")

    speaker.script = script
    with serving(speaker.speak()) as served:
        assert len(collect(speaker.model(served), wish(speaker)).rollouts) == 1
        assert served.connections == 2


def test_each_sample_has_a_connection_of_its_own() -> None:
    speaker = all_speakers()[0]
    with serving(speaker.speak()) as served:
        collect(speaker.model(served), wish(speaker, 3))
        assert served.connections == 3


def test_an_error_says_what_happened_first() -> None:
    """A server that dies while it answers is no server that was never there."""
    speaker = all_speakers()[0]

    def script(one: Speaker, talk: Talk, mood: str) -> None:
        talk.accept()
        talk.send(pack({}))
        talk.message()
        talk.served.refuse()  # it is dead from now on

    speaker.script = script
    with serving(speaker.speak()) as served:
        with pytest.raises(WamvizError, match="connection to .* was lost. Asked once more: Connection refused: ws:"):
            collect(speaker.model(served), wish(speaker))


def test_a_connection_lost_twice_is_told(speaker: Speaker) -> None:
    with serving(speaker.speak("lost")) as served:
        with pytest.raises(WamvizError, match="connection to 127.0.0.1:.* was lost"):
            collect(speaker.model(served), wish(speaker))
        assert served.connections == 1 + speaker.repeats


def test_nobody_there_is_told(speaker: Speaker) -> None:
    with serving(speaker.speak()) as served:
        model = speaker.model(served)
    with pytest.raises(WamvizError, match="Connection refused: .*127.0.0.1"):
        collect(model, wish(speaker))


def test_another_kind_of_server_is_told(speaker: Speaker) -> None:
    """An HTTP server that knows nothing of it, which is what a wrong port most often is."""
    with serving(lambda talk: talk.answer(b"<html>", 404)) as served:
        with pytest.raises(WamvizError, match="Is it this kind of server"):
            collect(speaker.model(served), wish(speaker))


def test_a_redirect_is_not_followed(speaker: Speaker) -> None:
    """Nobody is asked whom the user did not name."""
    if speaker.scheme == "tcp":
        pytest.skip("ZeroMQ knows no redirects")
    with serving(lambda talk: talk.answer(b"")) as elsewhere:
        target = f"http://127.0.0.1:{elsewhere.port}/"
        with serving(lambda talk: talk.answer(b"", 307, Location=target)) as served:
            with pytest.raises(WamvizError, match="307"):
                collect(speaker.model(served), wish(speaker))
        assert elsewhere.connections == 0


def test_a_proxy_of_the_environment_is_not_asked(speaker: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions and tokens go to the address that was named, whatever a variable says."""
    with serving(lambda talk: talk.answer(b"", 502)) as proxy, serving(speaker.speak()) as served:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert collect(speaker.model(served), wish(speaker)).rollouts
        assert proxy.connections == 0


def test_a_token_travels_where_the_protocol_has_it_and_nowhere_else(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICY_TOKEN", "hush")
    with serving(speaker.speak()) as served:
        model = speaker.model(served, settings={"token_env": "POLICY_TOKEN"})
        end = collect(model, wish(speaker))
        if speaker.scheme == "tcp":
            assert set(speaker.tokens) == {"hush"}
        else:
            assert served.talks[0].headers[speaker.token_header].split(" ")[-1] == "hush"
    assert "hush" not in repr(end) + repr(model.connection.to_json()) + repr(model.capabilities)


def test_a_server_that_repeats_the_token_does_not_make_us_show_it(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    if speaker.scheme == "tcp":
        pytest.skip("ZeroMQ knows no status to say it with")
    monkeypatch.setenv("POLICY_TOKEN", "hush-1234")
    with serving(lambda talk: talk.answer(b"bad token hush-1234 given", 500)) as served:
        model = speaker.model(served, settings={"token_env": "POLICY_TOKEN"})
        with pytest.raises(WamvizError, match=r"bad token \*\*\* given"):
            collect(model, wish(speaker))
        try:
            told = probe(model.connection)  # Cosmos Policy has nothing to ask it: whatever answers is there
        except WamvizError as error:
            told = str(error)
        assert told and "hush-1234" not in told


def test_a_context_without_the_views_asks_nobody(speaker: Speaker) -> None:
    """What is wanted, what is there, how to say which is which; told before anything is sent."""
    only = replace(speaker.context, frames={"wrist_cam": next(iter(speaker.context.frames.values()))})
    with serving(speaker.speak()) as served:
        with pytest.raises(WamvizError, match=r"needs the view.*has the cameras wrist_cam.*--view \w+=CAMERA"):
            collect(speaker.model(served), wish(speaker, context=only))
        assert not speaker.heard


def test_a_context_without_a_state_asks_nobody(with_state: Speaker) -> None:
    with serving(with_state.speak()) as served:
        with pytest.raises(WamvizError, match="needs the robot's state.*This context has none"):
            with_state.model(served).imagine(wish(with_state, context=replace(with_state.context, state=None)))
        assert served.connections == 0


def test_a_state_of_another_length_says_how_to_place_it(with_state: Speaker) -> None:
    odd = replace(with_state.context, state=np.zeros(31, np.float32))
    with serving(with_state.speak()) as served:
        with pytest.raises(WamvizError, match=r"state of 31 numbers is not known.*--state \w+=FIRST:END"):
            with_state.model(served).imagine(wish(with_state, context=odd))


def test_other_modes_are_refused() -> None:
    speaker = all_speakers()[0]
    with serving(speaker.speak()) as served:
        with pytest.raises(WamvizError, match="no mode 'joint'.*act_only"):
            speaker.model(served).imagine(ImagineRequest(DROID_CONTEXT, "joint"))


# One of each transport: websocket, HTTP once and again and again, ZeroMQ, google-genai, a stream of lines.
TRANSPORTS = ("openpi", "roboarena", "cosmos-policy", "vllm-omni", "groot", "veo", "worker")


@pytest.mark.parametrize("kind", TRANSPORTS)
def test_nothing_stays_open_wherever_a_question_is_canceled(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Canceled at each place at which it waits, while it connects, asks, reads or closes."""
    trusted = ssl.create_default_context()  # read once: it takes longer than a whole question
    monkeypatch.setattr(ssl, "create_default_context", lambda *wish, **how: trusted)
    speaker = next((one for one in all_speakers() if one.kind == kind), None)
    if speaker is None:
        pytest.skip("pyzmq is not installed")
    with serving(speaker.speak()) as served:
        connection = speaker.connection(served.port)
        plain = {name: np.zeros_like(frame) for name, frame in speaker.context.frames.items()}  # soon written as PNG
        policy = policy_request(connection, wish(speaker, context=replace(speaker.context, frames=plain)))

        async def ask() -> None:
            await protocol_of(kind_of(kind)).ask(policy, lambda event: None)

        for count in range(1, 200):
            awaited, found = left_open(ask, count)
            assert not found, f"canceled at wait {count}: {found}"
            if not awaited:
                break
        assert 3 < count < 199
