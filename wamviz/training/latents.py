"""Shards to latents: every frame is encoded once and kept in half precision beside its shard.

``LatentSet`` holds all episodes in memory (4 kB a frame) and hands out windows of one context and one chunk.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wamviz.models.mini.vae import MiniVAE
from wamviz.training.collect import read_shard
from wamviz.training.scenes import THINGS, Question, read_scenes
from wamviz.training.vae import to_images
from wamviz.training.words import autocast
from wamviz.worlds.tabletop.objects import LEVER_PRESSED

LEVER = THINGS.index("lever")


@torch.inference_mode()
def encode_shard(vae: MiniVAE, path: Path) -> Path:
    """Encode one shard's frames into ``<shard>.latents.npy``, (F, C, h, w) float16, unless that is already there."""
    out = path.with_suffix(".latents.npy")
    if out.exists():
        return out
    frames = read_shard(path).frames
    device = vae.to_latent.weight.device
    with autocast(device):
        parts = [vae.encode(to_images(part).to(device)) for part in np.array_split(frames, max(1, len(frames) // 64))]
    temporary = out.with_suffix(".tmp.npy")
    np.save(temporary, torch.cat(parts).to(torch.float16).cpu().numpy())
    os.replace(temporary, out)
    return out


@dataclass(frozen=True)
class Window:
    """A batch of training windows.

    Attributes:
        context: (B, C, h, w) latents at the context; future: (B, T, C, h, w) latents after it.
        state: (B, D) physical; actions: (B, T, A) physical; instructions: B strings.
        places: (B, 2, 3) m, what the words name first and where to go afterwards; NaN where nothing was said.
    """

    context: Tensor
    future: Tensor
    state: Tensor
    actions: Tensor
    instructions: list[str]
    places: Tensor


@dataclass(frozen=True)
class Asked:
    """A batch of questions about frames.

    Attributes:
        context: (B, C, h, w) latents; state: (B, D) physical; texts: B strings.
        places: (B, 2, 3) m, the answers.
    """

    context: Tensor
    state: Tensor
    texts: list[str]
    places: Tensor


class LatentSet:
    """All windows of a list of shards.

    A window may start at any frame. Past the end of an episode the robot rests: the last frame repeats and the last
    action row (which holds still) repeats with it, so that the model learns to stop when it is done.
    """

    def __init__(self, paths: list[Path], horizon: int, device: torch.device | str = "cpu") -> None:
        self.horizon, self.device = horizon, torch.device(device)
        latents, states, actions, starts = [], [], [], []
        self.own: list[list[Question]] = []
        self.questions: list[list[Question]] = []
        positions = []
        offset = 0
        for path in paths:
            shard = read_shard(path, frames=False)
            latents.append(np.load(path.with_suffix(".latents.npy"), allow_pickle=False))
            states.append(shard.states)
            actions.append(shard.actions)
            starts.append(shard.starts[:-1] + offset)
            offset += int(shard.starts[-1])
            scenes = read_scenes(path)
            positions.append(scenes.positions)
            self.own += scenes.own
            self.questions += scenes.questions
        self.latents = torch.from_numpy(np.concatenate(latents)).to(self.device)  # (F, C, h, w) float16
        self.positions = np.concatenate(positions)  # (F, things, 3) m
        self.states = torch.from_numpy(np.concatenate(states)).to(self.device)
        self.actions = torch.from_numpy(np.concatenate(actions)).to(self.device)
        self.starts = np.concatenate([*starts, [offset]])
        self.episode = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))  # (F,) frame -> episode

    def __len__(self) -> int:
        return len(self.latents)

    def window(self, frames: NDArray[np.int64], rng: np.random.Generator | None = None) -> Window:
        """The windows whose contexts are these global frame numbers (B,), in words that ``rng`` draws if given."""
        own = [self.own[e] for e in self.episode[frames]]
        said = [q[0 if rng is None else int(rng.integers(len(q)))] if q else None for q in own]
        last = self.starts[self.episode[frames] + 1] - 1  # (B,) last frame of each episode
        ahead = np.minimum(frames[:, None] + np.arange(1, self.horizon + 1), last[:, None])  # (B, T)
        acting = np.minimum(frames[:, None] + np.arange(self.horizon), last[:, None])
        return Window(
            context=self.latents[self._at(frames)].float(),
            future=self.latents[self._at(ahead)].float(),
            state=self.states[self._at(frames)],
            actions=self.actions[self._at(acting)],
            instructions=["" if q is None else q.text for q in said],
            places=self._places(frames, said),
        )

    def ask(self, frames: NDArray[np.int64], rng: np.random.Generator) -> Asked:
        """A random question about each of these frames (B,)."""
        asked = [q[int(rng.integers(len(q)))] for q in (self.questions[e] for e in self.episode[frames])]
        at = self._at(frames)
        places = self._places(frames, list(asked))
        return Asked(self.latents[at].float(), self.states[at], [q.text for q in asked], places)

    def _at(self, index: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(index)).to(self.device)

    def _places(self, frames: NDArray[np.int64], said: list[Question | None]) -> Tensor:
        """(B, 2, 3) positions of what is spoken of, NaN where nothing is.

        What comes first is what is to be touched *next*: once the lever is down, that is the thing to be picked.
        """
        things = np.array([(q.first, q.second) if q is not None else (LEVER, LEVER) for q in said])  # (B, 2)
        before = self.positions[self.starts[self.episode[frames]], LEVER, 2]
        down = before - self.positions[frames, LEVER, 2] > LEVER_PRESSED
        things[:, 0] = np.where(down & (things[:, 0] == LEVER), things[:, 1], things[:, 0])
        out = self.positions[frames[:, None], things].astype(np.float32)
        out[[q is None for q in said]] = np.nan
        return torch.from_numpy(out).to(self.device)

    def statistics(self, sample: int = 4096) -> dict[str, list[float]]:
        """Standardising constants for the transformer's config, from ``sample`` random windows."""
        rng = np.random.default_rng(0)
        w = self.window(rng.integers(len(self), size=sample))
        delta = (w.future - w.context[:, None]).transpose(1, 2).flatten(2)  # (B, C, T * h * w)
        rows = lambda x: [round(float(v), 6) for v in x]  # noqa: E731
        flat = w.actions.flatten(0, 1)
        return {
            "delta_std": rows(delta.square().mean((0, 2)).sqrt()),
            "state_mean": rows(w.state.mean(0)),
            "state_std": rows(w.state.std(0).clamp_min(0.02)),
            "action_mean": rows(flat.mean(0)),
            # Dimensions that hardly move would be blown up; a floor keeps them quiet.
            "action_std": rows(torch.maximum(flat.std(0).cpu(), torch.tensor([0.01] * 3 + [0.05] * 3 + [0.1]))),
        }
