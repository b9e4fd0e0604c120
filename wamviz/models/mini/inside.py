"""What the denoiser sees and does in one chunk: noise levels, paths before and after each step, attention, grounding.

Contract: ``look_inside`` imagines a request once more, with the very tensors of the model's own run (same seed, same
bits), and listens to the denoiser while one chunk is denoised; nothing of the model is changed, and nothing after that
chunk is computed. Attention is the softmax over the model's own queries and keys. The context's tokens are the state,
the things and the words: the denoiser sees no patches of the picture. While it listens, nobody else may use the model.

Axis letters: L layers, E heads, K actions, N tokens, O things, P points, S pixels a side.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import Floats, Frames, ImagineRequest
from wamviz.models.mini.layers import attention_bias
from wamviz.models.mini.pipeline import MiniWAMPipeline, Observed, SamplingStep
from wamviz.models.mini.text import EMPTY, MAX_TOKENS
from wamviz.models.mini.wam import MiniWAM
from wamviz.models.mini.warp import THINGS, WarpView
from wamviz.models.protocol import check_request


@dataclass(frozen=True)
class Token:
    """Something that an action's token can look at.

    Attributes:
        kind: ``state``, ``thing``, ``word``, ``motion`` or ``action``.
        name: of the thing, the word, or the moment (from 1).
        there: whether it is. Words and motion that are not get no attention; things that are not have a token that says
            so, which can be looked at like any other.
        seen: where the thing is in the picture, (u, v) in 0 .. 1; None for the others.
    """

    kind: str
    name: str
    there: bool = True
    seen: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class InsideStep:
    """One denoising step.

    Attributes:
        levels: noise of motion and of actions before it, 1 pure noise .. 0 clean; after: behind it.
        moves: which of the two is denoised, ``action`` or ``motion``.
        before, predicted: (K, 3) m, where the hand goes by what comes in, and by what is predicted to be clean.
        attention: (L, E, K, N) of every action's token, over the tokens of ``Inside.tokens``; rows add up to 1, and
            motion's tokens get none where there are none.
        picture: (S, S, 3) uint8, the chunk's last frame as it is foreseen now; None where nothing is.
    """

    levels: tuple[float, float]
    after: tuple[float, float]
    moves: str
    before: Floats
    predicted: Floats
    attention: Floats
    picture: Frames | None = None


@dataclass(frozen=True, eq=False)
class Inside:
    """A chunk from inside.

    Attributes:
        frame: (S, S, 3) uint8, as the model saw it; camera: (3, 4), metres to 0 .. 1 of it; hand: (3,) m.
        tokens: what can be attended to, in the order of ``attention``.
        grounding: (2, O) shares of the things: what the words mean to be touched next, and where to go afterwards.
        actions: (K, A) that came of it, or that were given.
    """

    frame: Frames
    camera: Floats
    hand: Floats
    tokens: tuple[Token, ...]
    grounding: Floats
    steps: tuple[InsideStep, ...]
    actions: Floats


def look_inside(model: MiniWAM, request: ImagineRequest, sample: int = 0, chunk: int = 0, draw: bool = True) -> Inside:
    """Look into one chunk of one sample of a request.

    Args:
        draw: whether to draw what is foreseen at each step.

    Raises:
        WamvizError: the request cannot be imagined, or has no such sample or chunk.
    """
    check_request(model.capabilities, request)
    if not 0 <= sample < request.samples:
        raise InvalidInput(f"There is no sample {sample}.", f"This run has samples 0 .. {request.samples - 1}.")
    # Where actions are read off the imagined video, each sample's reading comes after each chunk.
    calls = chunk * (1 + request.samples) if request.mode == "imagine_then_act" else chunk
    heard = _Heard(calls, sample)
    with listening(model.pipeline, heard), torch.inference_mode():
        try:
            for _ in model.imagine(request):
                pass
        except _Enough:
            model._aside.submit(lambda: None).result()  # what the painter draws from was under way beside it
    if not heard.steps:
        raise InvalidInput(f"This run has no chunk {chunk + 1}.", "Choose an earlier one.")
    with torch.inference_mode():
        return _told(model, heard, draw)


# --- listening ---


class _Enough(Exception):
    """The chunk that was asked for is denoised."""


@dataclass
class _Heard:
    """What the denoiser was asked and answered during one call of ``stream``."""

    wanted: int
    sample: int
    calls: int = 0
    on: bool = False
    asked: dict[str, Any] = field(default_factory=dict)
    observed: Observed | None = None
    view: WarpView | None = None
    steps: list[SamplingStep] = field(default_factory=list)
    inputs: list[tuple[Any, ...]] = field(
        default_factory=list
    )  # of each forward pass: motion, actions, levels, context
    projected: list[list[tuple[str, tuple[Tensor, Tensor, Tensor]]]] = field(default_factory=list)


@contextmanager
def listening(pipeline: MiniWAMPipeline, heard: _Heard) -> Iterator[None]:
    """Record the wanted call of ``stream``, and end the run after it."""
    net, stream, observe, view = pipeline.transformer, pipeline.stream, pipeline.observe, pipeline.view

    def heard_observe(*args: Any, **named: Any) -> Observed:
        heard.observed = observe(*args, **named)
        return heard.observed

    def heard_view(*args: Any, **named: Any) -> WarpView:
        heard.view = view(*args, **named)
        return heard.view

    def heard_stream(start: Any, camera: Tensor, instruction: str, **named: Any) -> Iterator[SamplingStep]:
        heard.on = heard.calls == heard.wanted
        heard.calls += 1
        if heard.on:
            heard.asked = {"start": start, "camera": camera, "instruction": instruction, **named}
        for step in stream(start, camera, instruction, **named):
            if heard.on:
                heard.steps.append(step)
            yield step
        if heard.on:
            raise _Enough

    def before(module: nn.Module, args: tuple[Any, ...]) -> None:
        if heard.on:
            heard.inputs.append(args)
            heard.projected.append([])

    def listen_to(kind: str, layer: Any) -> None:
        project = layer.project

        def heard_project(x: Tensor, modulation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            found: tuple[Tensor, Tensor, Tensor] = project(x, modulation)
            if heard.on and heard.projected:  # before the first step, the context itself is projected
                heard.projected[-1].append((kind, found))
            return found

        layer.project = heard_project

    with ExitStack() as stack:
        stack.callback(net.register_forward_pre_hook(before).remove)
        for name, found in (("stream", heard_stream), ("observe", heard_observe), ("view", heard_view)):
            pipeline.__dict__[name] = found
            stack.callback(pipeline.__dict__.pop, name)
        for kind, layers in (("motion", net.motion_layers), ("action", net.action_layers)):
            for layer in layers:
                listen_to(kind, layer)
                stack.callback(layer.__dict__.pop, "project")
        yield


def attention_of(heard: _Heard, index: int, heads: int) -> Tensor:
    """Attention (L, E, K, N) of the action tokens in the forward pass ``index``, from the model's own projections.

    The N tokens are the context's, motion's where there are any, and the actions'.
    """
    context, row = heard.inputs[index][4], heard.sample
    layers: list[Tensor] = []
    parts = heard.projected[index]
    per_layer = len(parts) // len(context.keys)
    for number in range(len(context.keys)):
        found = dict(parts[number * per_layer : (number + 1) * per_layer])
        queries, own, _ = found["action"]
        keys = [context.keys[number], *([found["motion"][1]] if "motion" in found else []), own]
        k = torch.cat([part[row : row + 1] for part in keys], 2)
        q = queries[row : row + 1]
        rest = context.mask.new_ones(1, k.shape[2] - context.mask.shape[1])
        visible = torch.cat([context.mask[row : row + 1], rest], 1)[:, None]
        bias = attention_bias(visible, q.shape[2], heads, q.dtype).unflatten(0, (1, heads))
        layers.append((q @ k.mT * q.shape[-1] ** -0.5 + bias).softmax(-1)[0])
    return torch.stack(layers)


# --- telling ---


def _told(model: MiniWAM, heard: _Heard, draw: bool) -> Inside:
    pipeline, net, row = model.pipeline, model.pipeline.transformer, heard.sample
    asked, observed = heard.asked, heard.observed
    assert observed is not None
    passes = len(heard.inputs) // (len(heard.steps) - 1)  # two a step where the words are weighed against none
    inputs = heard.inputs[::passes]
    context = inputs[0][4]
    size, heads = net.config.horizon, net.config.heads
    hand = context.hand[row]
    scale = net.motion_scale(hand)
    levels = [(float(given[2][row]), float(given[3][row])) for given in inputs]
    levels.append((0.0 if levels[-1][0] < 1 else 1.0, 0.0))
    here = context.mask.shape[1]
    pictures = _pictures(pipeline, heard, observed) if draw else {}
    steps = []
    for index, (given, after) in enumerate(zip(inputs, heard.steps[1:], strict=True)):
        motion, actions = given[0], given[1]
        moves = "motion" if levels[index + 1][1] == levels[index][1] and motion is not None else "action"
        decided = actions if after.actions is None else net.normalise_actions(after.actions)
        if moves == "action":
            before, predicted = net.paths(actions)[row], net.paths(decided)[row]
        else:
            before = motion[row, :, :3] * scale[:3]
            predicted = before if after.motion is None else after.motion[row, :, :3]
        full = attention_of(heard, index * passes, heads)
        if motion is None:  # its tokens are left out then
            full = torch.cat([full[..., :here], full.new_zeros(*full.shape[:-1], size), full[..., here:]], -1)
        steps.append(
            InsideStep(levels[index], levels[index + 1], moves, _floats(hand + before), _floats(hand + predicted),
                       _floats(full), pictures.get(index))
        )  # fmt: skip
    space = model.capabilities.action_space
    assert space is not None
    last = heard.steps[-1].actions
    known = asked.get("actions") if last is None else None
    return Inside(
        frame=((observed.image[0].movedim(0, -1) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu().numpy(),
        camera=_floats(asked["camera"][0]),
        hand=_floats(hand),
        tokens=_tokens(pipeline, heard, size),
        grounding=_floats(context.pointed[row].softmax(-1)),
        steps=tuple(steps),
        actions=np.asarray(known, np.float32) if last is None else space.clip(_floats(last[row])),
    )


def _tokens(pipeline: MiniWAMPipeline, heard: _Heard, size: int) -> tuple[Token, ...]:
    """The context's tokens, motion's and the actions', in the order in which they are attended to."""
    row, asked = heard.sample, heard.asked
    context = heard.inputs[0][4]
    start = asked["start"]
    seen = start.seen(asked["camera"])
    seen = seen[row if len(seen) > 1 else 0]
    text = asked["instruction"].strip() or EMPTY
    numbers = pipeline.tokenizer([text], truncation=True, max_length=MAX_TOKENS)["input_ids"][0]
    names = [str(name).strip("▁ ") for name in pipeline.tokenizer.convert_ids_to_tokens(numbers)]
    there = context.mask[row].tolist()
    tokens = [Token("state", "the robot's state")]
    for k, name in enumerate(THINGS):
        known = bool(context.there[row, k])
        tokens.append(Token("thing", name, known, (float(seen[k, 0]), float(seen[k, 1])) if known else None))
    count = len(there) - len(tokens)
    tokens += [Token("word", names[k] if k < len(names) else "", there[1 + len(THINGS) + k]) for k in range(count)]
    moving = any(given[0] is not None for given in heard.inputs)
    tokens += [Token("motion", str(k + 1), moving) for k in range(size)]
    return (*tokens, *(Token("action", str(k + 1)) for k in range(size)))


def _pictures(pipeline: MiniWAMPipeline, heard: _Heard, observed: Observed) -> dict[int, Frames]:
    """The chunk's last frame as it is foreseen after each step at which motion is, by the step's number."""
    asked, row = heard.asked, heard.sample
    found: dict[int, Frames] = {}
    foreseen = [
        (k, step) for k, step in enumerate(heard.steps[1:]) if step.motion is not None and step.joints is not None
    ]
    if not foreseen:
        return found
    view = heard.view or pipeline.view(observed)
    for index, step in foreseen:
        assert step.motion is not None and step.joints is not None
        given = asked.get("actions")
        acts = step.actions if step.actions is not None else torch.as_tensor(given, device=pipeline.device)[None]
        acts = acts.expand(len(step.motion), -1, -1)
        poses, _ = pipeline.follow(asked["start"], step.motion, acts, step.joints)
        last = (row + 1) * step.motion.shape[1] - 1
        for _, pixels in pipeline.paint(view, poses, [last]):
            found[index] = pixels[0]
    return found


def _floats(tensor: Tensor) -> Floats:
    return tensor.detach().float().cpu().numpy()
