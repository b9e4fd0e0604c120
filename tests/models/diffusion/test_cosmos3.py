"""Cosmos3: its three modes, chunks, units, SeaCache; and that our tables are diffusers' own."""

from __future__ import annotations

import json

import numpy as np
import pytest
from diffusers import UniPCMultistepScheduler
from diffusers.pipelines.cosmos import pipeline_cosmos3_omni as theirs

from tests.models.diffusion import tiny
from tests.models.diffusion.conftest import CONTEXT, FRAME
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ImagineRequest, Observation
from wamviz.models.connections import Connection
from wamviz.models.diffusion.backend import entry_of
from wamviz.models.diffusion.domains import DOMAINS, TIERS, VIEWS, WITHOUT_ACTIONS
from wamviz.models.diffusion.loading import quietly
from wamviz.models.protocol import collect

CLIP = np.random.default_rng(1).integers(0, 255, (8, 48, 64, 3)).astype(np.uint8)
ACTIONS = np.random.default_rng(2).normal(0, 0.5, (6, 10)).astype(np.float32)


def ask(model, mode="joint", **options):
    return collect(model, ImagineRequest(options.pop("context", CONTEXT), mode, **{"steps": 2, **options}))


def test_the_tables_are_those_of_diffusers():
    """Every domain that diffusers runs is here, with its width; views and tiers are the same."""
    assert {name: len(domain.names) for name, domain in DOMAINS.items()} == theirs._EMBODIMENT_TO_RAW_ACTION_DIM
    assert set(theirs._EMBODIMENT_TO_DOMAIN_ID) - set(DOMAINS) == set(WITHOUT_ACTIONS)
    assert tuple(theirs._ACTION_VIEWPOINT_TEMPLATES) == VIEWS
    assert tuple(map(int, theirs._ACTION_RESOLUTION_BINS)) == TIERS


@pytest.mark.parametrize("domain", [domain for domain in DOMAINS.values() if len(domain.names) <= 16])
def test_a_domain_names_its_numbers_and_claims_no_unit(domain):
    """One name a number, none twice; that 1 is a closed gripper is claimed as little."""
    space = domain.space(domain.rate)
    assert len(set(space.names)) == space.dim and set(space.units) == {""} and space.kind == "unnamed"
    assert space.gripper_index is None


def test_given_actions_are_obeyed_and_given_back(make):
    """Forward dynamics imagines a frame an action, chunk after chunk; other actions give another video."""
    model = make("cosmos3")
    end = ask(model, "forward_dynamics", actions=ACTIONS)
    rollout = end.rollouts[0]
    assert rollout.frames.shape == (7, 48, 64, 3) and (rollout.actions == ACTIONS).all()
    assert rollout.meta["actions"] == "given" and np.isclose(rollout.frame_times[-1], rollout.action_times[-1])
    other = ask(model, "forward_dynamics", actions=-ACTIONS).rollouts[0]
    assert (other.frames[1:5] != rollout.frames[1:5]).any()
    assert any("4 steps at a time" in note for note in end.notes)


def test_a_given_video_is_explained(make):
    """Inverse dynamics gives one action a transition and imagines no frame."""
    model = make("cosmos3")
    end = ask(model, "inverse_dynamics", video=CLIP)
    rollout = end.rollouts[0]
    assert rollout.frames is None and rollout.actions.shape == (7, 10) and rollout.meta["actions"] == "imagined"
    short = ask(model, "inverse_dynamics", video=CLIP[:5]).rollouts[0]
    assert (short.actions == rollout.actions[:4]).all()  # the same chunk, the same seed


def test_what_lies_beyond_is_said(make):
    """A horizon cuts what was given, and a note says how much."""
    model = make("cosmos3")
    end = ask(model, "forward_dynamics", actions=ACTIONS, horizon=4)
    assert len(end.rollouts[0].frames) == 5 and any("last 2 of the given actions" in note for note in end.notes)


def test_actions_of_another_width_are_refused(make):
    """Before anything is computed, with the names of the numbers."""
    model = make("cosmos3")
    with pytest.raises(WamvizError, match="actions of 10 numbers, not 7.*gripper"):
        model.imagine(ImagineRequest(CONTEXT, "forward_dynamics", actions=ACTIONS[:, :7]))


@pytest.mark.parametrize(("height", "width"), [(45, 70), (16, 200), (100, 100)])
def test_nothing_of_a_context_is_cut_off(make, height, width):
    """Any shape goes in whole and comes out in that shape, within a block of rounding."""
    model = make("cosmos3")
    frame = np.random.default_rng(3).integers(0, 255, (height, width, 3)).astype(np.uint8)
    frames = ask(model, context=Observation({"exterior": frame}, "go"), steps=1).rollouts[0].frames
    got = frames.shape[2] / frames.shape[1]
    assert abs(got / (width / height) - 1) < 1 / min(frames.shape[1:3])


def test_the_view_is_told_to_the_model(make):
    """Another view is another caption, and so another rollout."""
    seen = [ask(make("cosmos3", view=view)).rollouts[0].frames for view in ("ego_view", "wrist_view")]
    assert (seen[0] != seen[1]).any()


def test_flow_shift_changes_the_schedule(make):
    """Ten by default, as NVIDIA's examples have it for actions; the checkpoint's own was 1."""
    assert make("cosmos3").loaded().pipe.scheduler.config.flow_shift == 10.0
    assert make("cosmos3", flow_shift="3").loaded().pipe.scheduler.config.flow_shift == 3.0


def test_seacache_skips_and_starts_anew(make):
    """A generous threshold changes the result; the same seed gives the same bits again all the same."""
    plain = ask(make("cosmos3"), steps=6).rollouts[0].frames
    model = make("cosmos3", cache="sea", cache_threshold="5")
    first, again = (ask(model, steps=6) for _ in range(2))
    assert (first.rollouts[0].frames != plain).any()
    assert (first.rollouts[0].frames == again.rollouts[0].frames).all()
    assert any("skipped (cache sea, threshold 5)" in note for note in first.notes)


def test_seacache_without_flow_sigmas_says_that_it_does_nothing(make, checkpoint, tmp_path):
    """diffusers only logs that; here it is a note, and it is true."""
    checkpoint("cosmos3")
    with quietly():
        tiny.save("cosmos3", tmp_path / "plain", scheduler=UniPCMultistepScheduler())
    plain = ask(make("cosmos3", tmp_path / "plain"), steps=4)
    cached = ask(make("cosmos3", tmp_path / "plain", cache="sea", cache_threshold="5"), steps=4)
    assert (plain.rollouts[0].frames == cached.rollouts[0].frames).all()
    assert any("SeaCache skips nothing here" in note for note in cached.notes)
    assert any("flow_shift changes nothing" in note for note in cached.notes)


def test_statistics_make_physical_numbers(make, checkpoint, tmp_path):
    """What comes back is centre + half range x model, what is given is turned the other way, units are the file's."""
    rng = np.random.default_rng(4)
    low, high = rng.uniform(-2, 0, 10), rng.uniform(1, 3, 10)
    stats = {"action": {"min": low.tolist(), "max": high.tolist(), "units": ["m"] * 3 + [""] * 6 + ["1"]}}
    file = tmp_path / "stats.json"
    file.write_text(json.dumps(stats))
    bare, physical = make("cosmos3"), make("cosmos3", statistics=str(file))
    assert physical.capabilities.action_space.units == ("m",) * 3 + ("",) * 6 + ("1",)
    model = ask(bare).rollouts[0].actions
    wanted = (low + high) / 2 + (high - low) / 2 * model
    assert np.allclose(ask(physical).rollouts[0].actions, wanted, atol=1e-5)
    given = (low + high) / 2 + (high - low) / 2 * ACTIONS[:4]
    obeyed = ask(physical, "forward_dynamics", actions=given.astype(np.float32)).rollouts[0]
    straight = ask(bare, "forward_dynamics", actions=ACTIONS[:4]).rollouts[0]
    assert np.abs(obeyed.frames.astype(int) - straight.frames).max() <= 1 and np.allclose(obeyed.actions, given)


def test_a_checkpoint_without_room_is_refused_before_it_is_loaded(checkpoint):
    """A domain wider than the action head, and one without any width."""
    folder = str(checkpoint("cosmos3"))
    wide = Connection("t", "cosmos3", folder, settings={"domain": "hand_pose", "safety": "off"})
    assert "57 numbers; this checkpoint has room for 16" in entry_of(wide).missing()
    with pytest.raises(WamvizError, match="Did you mean 'droid_lerobot'"):
        entry_of(Connection("t", "cosmos3", folder, settings={"domain": "droid_lerobt"}))
    with pytest.raises(WamvizError, match="no fixed width of actions"):
        entry_of(Connection("t", "cosmos3", folder, settings={"domain": "libero"}))


def test_the_guardrail_is_asked_for_unless_it_was_turned_off(checkpoint):
    """The library's default stays; where the package is missing, that is said with both ways out."""
    folder = str(checkpoint("cosmos3"))
    assert "cosmos_guardrail" in entry_of(Connection("t", "cosmos3", folder)).missing()
    assert entry_of(Connection("t", "cosmos3", folder, settings={"safety": "off"})).missing() is None


def test_the_guardrail_s_refusal_is_shown(make):
    """Its own words, in one line."""
    model = make("cosmos3")
    pipe = model.loaded().pipe

    class Strict:
        def to(self, device):
            return self

        def check_text_safety(self, prompt):
            return False

    pipe.register_modules(safety_checker=Strict())
    theirs_was, theirs.CosmosSafetyChecker = theirs.CosmosSafetyChecker, Strict
    object.__setattr__(model.options, "guard", True)
    try:
        with pytest.raises(WamvizError, match="Cosmos Guardrail detected unsafe text"):
            ask(model)
    finally:
        theirs.CosmosSafetyChecker = theirs_was


def test_a_chunk_is_as_long_as_its_connection_says(make):
    """Eight actions, eight frames, at the rate of the domain."""
    rollout = ask(make("cosmos3", chunk="8", fps="7.5"), steps=1).rollouts[0]
    assert len(rollout.actions) == 8 and len(rollout.frames) == 9 and rollout.fps == 7.5
    assert rollout.action_space.rate == 7.5 and (rollout.frames[0] == FRAME).all()
