"""What can be chosen on the page, in plain words: models, their modes, and what a mode must be given.

Contract: pure functions over capabilities; nothing here draws, loads or samples.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.rollout import MODES, Rollout
from wamviz.models import registry
from wamviz.models.protocol import Capabilities
from wamviz.runs.conditioning import REQUIRED, SUFFIXES, usable_actions
from wamviz.runs.store import Run

MODE_TITLES = {
    "joint": "Joint",
    "imagine_then_act": "Imagine, then act",
    "act_only": "Act only",
    "forward_dynamics": "Forward dynamics",
    "inverse_dynamics": "Inverse dynamics",
    "video": "Video only",
}
MODE_WORDS = {
    "joint": "Video and actions are denoised together, each seeing the other.",
    "imagine_then_act": "First the video is imagined, then the actions that would bring it about.",
    "act_only": "Actions straight away; no video is imagined.",
    "forward_dynamics": "You give the actions; the model imagines what the camera would see.",
    "inverse_dynamics": "You give the video; the model infers the actions.",
    "video": "A video without actions.",
}


@dataclass(frozen=True)
class ModelChoice:
    """One line of the model menu: what is shown, its id, and why it cannot run here (or None)."""

    label: str
    model_id: str
    missing: str | None


def models() -> list[ModelChoice]:
    """Every registered model; those that cannot run here say so and stay in the list."""
    listed = []
    for model_id, entry in registry.entries().items():
        missing = entry.missing()
        title = entry.capabilities.title
        listed.append(ModelChoice(f"{title} (not available here)" if missing else title, model_id, missing))
    return listed


def menu() -> list[tuple[str, str]]:
    """(label, id) of the lines of the model menu."""
    return [(choice.label, choice.model_id) for choice in models()]


def default_model() -> str:
    """The first model that can run here and learned something; else the first control that returns actions."""
    runnable = [choice.model_id for choice in models() if choice.missing is None]
    learned = [name for name in runnable if not capabilities(name).control]
    acting = [name for name in runnable if capabilities(name).action_space is not None]
    return (learned or acting or runnable)[0]


def read_model(text: str | None) -> str:
    """A model's id from what stands in the menu: its id or its title, however written; ``WamvizError`` with the
    nearest name for anything else.

    >>> read_model("Zero action"), read_model("hold-still")
    ('hold-still', 'hold-still')
    """
    name = (text or "").strip()
    if name in registry.entries():  # before anything that is only written alike: 'pi-05' is not 'pi05'
        return name
    known = {_plain(entry.capabilities.title): model_id for model_id, entry in registry.entries().items()}
    known |= {_plain(model_id): model_id for model_id in registry.entries()}
    return registry.entry(known.get(_plain(name), name)).capabilities.model_id


def read_mode(text: str | None) -> str:
    """A mode from what stands in the menu: its name or its title; ``WamvizError`` with the nearest name."""
    typed = (text or "").strip()
    named = {_plain(name): mode for mode, title in MODE_TITLES.items() for name in (mode, title)}.get(
        _plain(typed), typed
    )
    if named not in MODES:
        raise unknown_name("mode", typed, MODES)
    return named


def _plain(name: str) -> str:
    """``name`` without case, spaces, dashes and what stands in brackets."""
    return re.sub(r"\(.*?\)|[\W_]+", "", name.lower())


def readable(model: str | None, mode: str | None) -> tuple[str, str]:
    """What the menus mean, for explaining: the default model and its first mode in place of what is not known."""
    try:
        known = read_model(model)
    except WamvizError:
        known = default_model()
    try:
        return known, keep_mode(known, read_mode(mode))
    except WamvizError:
        return known, capabilities(known).modes[0]


def capabilities(model_id: str) -> Capabilities:
    """What a model can do; ``WamvizError`` with the nearest name for one that is not registered."""
    return registry.entry(model_id).capabilities


def modes(model_id: str) -> list[tuple[str, str]]:
    """(label, mode) of the modes that this model has."""
    return [(MODE_TITLES[mode], mode) for mode in capabilities(model_id).modes]


def keep_mode(model_id: str, mode: str) -> str:
    """``mode`` if the model has it, else the model's first."""
    offered = capabilities(model_id).modes
    return mode if mode in offered else offered[0]


def model_words(model_id: str) -> list[str]:
    """A sentence or two about a model: what it is, what it lacks here, whether words reach it."""
    caps = capabilities(model_id)
    words = [caps.description]
    missing = registry.entry(model_id).missing()
    if missing:
        words.append(f"It cannot run here: {missing}")
    if not caps.uses_instruction:
        words.append("It pays no attention to the instruction.")
    return words


def weights_words(run: Run) -> str:
    """Size and origin of the weights that made ``run``, as its model tells them; "" where it tells nothing, and where
    the run was made by other weights than those that are here now."""
    try:
        extras = capabilities(run.model).extras
    except WamvizError:
        return ""
    same = bool(run.weights_digest) and extras.get("weights_digest") == run.weights_digest
    return str(extras.get("origin", "")) if same else ""


def horizon_label(model_id: str) -> str:
    """What stands above the slider of the horizon: what 0 means, a frame's length, and when the model starts anew.

    >>> horizon_label("hold-still")
    'Horizon (frames, 5 a second; 16 a chunk; 0: one chunk)'
    """
    caps = capabilities(model_id)
    zero = f"until it is done, {caps.open_horizon} at most" if caps.open_horizon else "one chunk"
    return f"Horizon (frames, {caps.video_fps:g} a second; {caps.horizon} a chunk; 0: {zero})"


def first_horizon(model_id: str) -> int:
    """Where that slider stands at first: 0 for a model that goes on until the task is done, else at one chunk."""
    caps = capabilities(model_id)
    return 0 if caps.open_horizon else caps.horizon


def suggested_horizon(model_id: str, seconds: float | None) -> int:
    """The horizon (frames) for a task that takes ``seconds``, or None where that is not known: whole chunks that cover
    it, as far as the model goes; 0 for a model that goes on until the task is done.

    >>> suggested_horizon("mini-wam", 8.0), suggested_horizon("hold-still", None)
    (0, 16)
    """
    caps = capabilities(model_id)
    if seconds is None or caps.open_horizon:
        return first_horizon(model_id)
    chunks = max(1, math.ceil(seconds * caps.video_fps / caps.horizon - 1e-6))
    return min(chunks * caps.horizon, caps.longest)


def horizon_words(model_id: str, horizon: int, kind: str, seconds: float | None) -> str:
    """What the horizon means for the task of the instruction; "" where nobody knows how long that takes."""
    caps = capabilities(model_id)
    if seconds is None or caps.longest <= 1:
        return ""
    needs = math.ceil(seconds * caps.video_fps)
    words = f"'{kind}' takes the scripted expert up to {seconds:.1f} s, {needs} frames."
    if not horizon and caps.open_horizon:
        return f"{words} At 0 the model goes on until it takes the task for done."
    frames = horizon or caps.horizon
    if frames < needs:
        return f"{words} {frames} frames may be too few."
    return f"{words} {frames} frames are enough."


def settings_title(model_id: str, horizon: int, seconds: float | None) -> str:
    """What stands on the button of the settings: how far the model will imagine.

    >>> settings_title("mini-wam", 0, 8.0), settings_title("mini-wam", 16, 8.0)
    ('Settings · until it is done, about 40 frames', 'Settings · 16 frames, the task needs about 40')
    """
    caps = capabilities(model_id)
    if caps.longest <= 1:
        return "Settings"
    needs = math.ceil((seconds or 0) * caps.video_fps)
    if not horizon and caps.open_horizon:
        return "Settings · until it is done" + (f", about {needs} frames" if needs else "")
    frames = horizon or caps.horizon
    return f"Settings · {frames} frames" + (f", the task needs about {needs}" if frames < needs else "")


def file_words(caps: Capabilities) -> str:
    """What a file of actions for this model holds; "" for a model without actions."""
    space = caps.action_space
    if space is None:
        return ""
    columns = ", ".join(f"{name} ({unit})" if unit not in ("", "1") else name
                        for name, unit in zip(space.names, space.units, strict=True))  # fmt: skip
    closed = (
        ""
        if space.gripper_index is None
        else (f"; {space.names[space.gripper_index]} is {space.gripper_closed:g} closed, {space.gripper_open:g} open")
    )
    kinds = ", ".join(SUFFIXES)
    return f"It holds one row an action, {space.rate:g} a second, of {space.dim} numbers: {columns}{closed} ({kinds})."


def steps_label(model_id: str) -> str:
    """What stands above the slider of the denoising steps.

    >>> steps_label("hold-still")
    'Denoising steps'
    """
    usual = capabilities(model_id).default_steps
    return (
        f"Denoising steps (usually {usual}; more take longer and need not look better)" if usual else "Denoising steps"
    )


def given_words(model_id: str, mode: str, reference: Rollout | None) -> str:
    """What a mode that must be given something will be given when the visitor uploads nothing."""
    what = REQUIRED.get(mode)
    if what is None:
        return ""
    caps = capabilities(model_id)
    how = "" if reference is None else reference.origin  # recorded, or executed in the simulator
    if what == "actions":
        count = usable_actions(caps, reference, caps.longest)
        if count > caps.horizon:
            whole = ", all at 0" if caps.open_horizon else ""
            first = f"{count} actions were {how} after this frame; as many as the horizon says are given{whole}."
            return f"{first} Upload a file to use your own. {file_words(caps)}"
        if count:
            first = f"Conditioned on the {count} {how} actions that follow this frame. Upload a file to use your own."
            return f"{first} {file_words(caps)}"
        first = "Nothing was recorded after this frame that this model takes: upload a file of actions."
        return f"{first} {file_words(caps)}"
    if reference is not None and reference.frames is not None and len(reference.frames) > 1:
        return f"Actions are inferred from the {how} video that follows this frame. Upload a video to use your own."
    return "No video was recorded after this frame: upload the video whose actions to infer."
