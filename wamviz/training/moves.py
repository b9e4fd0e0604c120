"""Windows of motion and actions: what the denoiser learns from. No picture is read here, so there can be many.

What a detector would make of the scene is played: true places, a little off, sometimes far off. Axis letters as in
``models/mini/transformer.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wamviz.models.mini.arm import fit_lag
from wamviz.models.mini.detector import facing_of
from wamviz.models.mini.raster import project
from wamviz.training.corpus import RECOVERY, THINGS, read_shard
from wamviz.worlds.tabletop.objects import LEVER_TOP

BOWL = THINGS.index("bowl")  # blocks come after it

_DOUBT = (0.002, 0.025)  # m, the range of a detector's error
_BLUNDERS, _BLUNDER = 0.02, 0.03  # share of things that are far off, and by how many m
_ASKEW = 0.08  # rad, by which a detector's yaw is off
_WORDLESS = 0.1  # share of sentences left out, for guidance
_PRESSED = 0.045  # m by which the lever is down once it needs no more pressing (LEVER_PRESSED is enough)
_NO_LAST_ACTION = 0.3  # share of contexts whose last action is not known: a single picture does not tell
_RELATIONS = ("nearest", "closest", "farthest")
_CROWDED = 0.15  # m: a hand that is turned the wrong way touches what rises so near to its target
_IN_A_CROWD = 0.35  # share of windows that are drawn from those alone
_AT_FIRST, _BEGINNING = 0.15, 3  # share of windows from the first steps: a hand that turns does so then
_STATELESS = 0.05  # share of contexts whose state is not known


@dataclass(frozen=True)
class Window:
    """Contexts and what happened next.

    Attributes:
        state: (B, D) physical; known: (B,) whether the model is told it.
        places, image, doubt, facing, last_action: see ``transformer.Scene``.
        actions: (B, K, A) physical; motion: (B, K, M) physical displacements from the context.
        texts: B sentences, empty where nothing is said; meant: (B, 2) int64, which things they mean: what is to be
            touched next, and where to go afterwards; -1 where nothing is said.
    """

    state: Tensor
    known: Tensor
    places: Tensor
    image: Tensor
    doubt: Tensor
    facing: Tensor
    last_action: Tensor
    actions: Tensor
    motion: Tensor
    texts: list[str]
    meant: Tensor


class Moves:
    """Episodes without pictures, in memory.

    Args:
        paths: shards of ``corpus``.
        horizon: K.
    """

    def __init__(self, paths: list[Path], horizon: int = 16) -> None:
        parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in ("states", "actions", "positions", "yaws")}
        cameras, ends, begins, episodes = [], [], [], []
        self.own: list[list[tuple[str, int, int]]] = []
        self.questions: list[list[tuple[str, int, int]]] = []
        self.rested: NDArray[np.bool_] = np.zeros(0, bool)  # a recovery begins in the midst of things
        count = total = 0
        for path in paths:
            shard = read_shard(path)
            for name, values in parts.items():
                values.append(getattr(shard, name))
            lengths = np.diff(shard.starts)
            cameras.append(shard.cameras)
            ends.append(np.repeat(total + shard.starts[1:] - 1, lengths))
            episodes.append(np.repeat(np.arange(count, count + len(lengths)), lengths))
            begins.append(np.repeat(total + shard.starts[:-1], lengths))
            self.rested = np.append(self.rested, np.array([style != RECOVERY for style in shard.styles], bool))
            self.own += shard.own
            self.questions += shard.questions
            count, total = count + len(lengths), total + len(shard.states)
        self.states, self.actions, self.positions, self.yaws = (
            torch.from_numpy(np.concatenate(values)) for values in parts.values()
        )
        self.cameras = torch.from_numpy(np.concatenate(cameras))
        self.begin, self.end = np.concatenate(begins), np.concatenate(ends)
        self.episode, self.horizon = np.concatenate(episodes), horizon
        self.crowded = np.flatnonzero(self._room() < _CROWDED)

    def __len__(self) -> int:
        """How many steps a window can begin at."""
        return len(self.end)

    def _room(self) -> NDArray[np.float32]:
        """How far (m, along the table) from what is to be grasped the nearest thing higher than a block is, (S,)."""
        meant = [next((thing for told in own[:1] for thing in told[1:] if thing > 0), -1) for own in self.own]
        target = torch.tensor(meant)[torch.from_numpy(self.episode)]  # (S,), -1 where nothing is to be grasped
        place = self.positions[torch.arange(len(target)), target.clamp_min(0)]  # (S, 3)
        apart = (self.positions[..., :2] - place[:, None, :2]).norm(dim=-1).nan_to_num(torch.inf)
        apart[torch.arange(len(target)), target.clamp_min(0)] = torch.inf
        apart[:, BOWL + 1 :] = torch.inf
        return apart.amin(1).masked_fill(target < 0, torch.inf).numpy()

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Steps at which windows begin, (count,): more than their share where there is little room to grasp."""
        index = rng.integers(len(self), size=count)
        if len(self.crowded):
            index = np.where(rng.random(count) < _IN_A_CROWD, rng.choice(self.crowded, count), index)
        first = np.minimum(self.begin[index] + rng.integers(_BEGINNING, size=count), self.end[index])
        return np.where(rng.random(count) < _AT_FIRST, first, index)

    def statistics(self) -> dict[str, list[float]]:
        """Means and standard deviations of states and actions, for the transformer's configuration."""
        return {
            "state_mean": self.states.mean(0).tolist(),
            "state_std": self.states.std(0).clamp_min(1e-3).tolist(),
        }

    def response(self, horizon: int) -> Tensor:
        """The arm's step response, (horizon + 1, 6): see ``transformer.MiniWAMTransformer.answer``.

        A least-squares fit to the beginnings of episodes, where the arm rests and nothing is in its way yet.
        """
        begins = np.unique(self.begin[self.end - self.begin > horizon])
        index = torch.from_numpy(begins[:, None] + np.arange(horizon + 1))
        there = self.states[index[:, 1:], :6] - self.states[index[:, :1], :6]  # (n, K, 6)
        there[..., 3:] = torch.remainder(there[..., 3:] + torch.pi, 2 * torch.pi) - torch.pi
        steps = self.actions[index[:, :-1], :6]
        gain = torch.ones(horizon + 1, 6)
        for axis in range(6):
            shifted = [torch.cat([steps.new_zeros(len(steps), j), steps[:, : horizon - j, axis]], 1) for j in range(4)]
            rows = torch.stack([*shifted[:3], steps[..., axis].cumsum(1) - sum(shifted[:3])], -1).flatten(0, 1)
            own = torch.linalg.lstsq(rows, there[..., axis].flatten()[:, None]).solution[:, 0]
            gain[:3, axis] = own[:3]
        return gain

    def lag(self, horizon: int) -> Tensor:
        """How the joints follow their targets, (T, 7): see ``arm.fit_lag``."""
        begins = np.unique(self.begin[self.rested[self.episode] & (self.end - self.begin > horizon)])
        index = torch.from_numpy(begins[:, None] + np.arange(horizon + 1))
        joints = self.states[index, 7:]
        return fit_lag(joints[:, 0], joints[:, 1:], self.actions[index[:, :-1]])

    def window(
        self, index: NDArray[np.int64], rng: np.random.Generator, exact: bool = False, asked: bool = False
    ) -> Window:
        """Windows that begin at steps ``index``.

        Args:
            exact: tell the true places, the words and the state to all.
            asked: say one of the scene's other tasks rather than the episode's own; what happens next is another
                matter.
        """
        b, k = len(index), self.horizon
        after = np.minimum(index[:, None] + np.arange(1, k + 1), self.end[index][:, None])  # (B, K)
        during = np.minimum(index[:, None] + np.arange(k), self.end[index][:, None])
        i, j = torch.from_numpy(index), torch.from_numpy(after)
        state, later = self.states[i], self.states[j]
        hand = later[..., :7] - state[:, None, :7]
        hand[..., 5] = (hand[..., 5] + np.pi) % (2 * np.pi) - np.pi
        hand[..., 6] = later[..., 6]
        true = self.positions[i]
        things = (self.positions[j] - true[:, None]).nan_to_num()
        doubt = np.exp(rng.uniform(np.log(_DOUBT[0]), np.log(_DOUBT[1]), (b, len(THINGS))))
        off = rng.normal(0, 1, (b, len(THINGS), 3)) * doubt[..., None] * [1, 1, 0.6]
        off += rng.normal(0, _BLUNDER, off.shape) * (rng.random((b, len(THINGS), 1)) < _BLUNDERS)
        if exact:
            doubt, off = np.full_like(doubt, 0.004), 0 * off
        places = true + torch.from_numpy(off.astype(np.float32))
        image, _ = project(places.nan_to_num(), self.cameras[torch.from_numpy(self.episode[index])])
        yaws = self.yaws[i] + torch.from_numpy(rng.normal(0, 0 if exact else _ASKEW, (b, len(THINGS)))).float()
        sure = 1 - (0 if exact else 0.5) * rng.random((b, len(THINGS), 1))
        sure *= 1 if exact else rng.random(sure.shape) > _BLUNDERS
        facing = facing_of(yaws) * torch.from_numpy(sure).float()
        known = np.ones(b, bool) if exact else rng.random(b) >= _STATELESS
        before = self.actions[torch.from_numpy(np.maximum(index - 1, 0))].clone()
        first = index == self.begin[index]
        before[torch.from_numpy(first)] = 0  # at rest, the hand open
        unknown = rng.random(b) < (0.5 if exact else _NO_LAST_ACTION)
        before[torch.from_numpy(unknown | (first & ~self.rested[self.episode[index]]))] = torch.nan
        texts, meant = [], np.full((b, 2), -1)
        pressed = (true[:, 0, 2] < LEVER_TOP - _PRESSED).numpy()
        for row, (episode, chance) in enumerate(zip(self.episode[index], rng.random(b), strict=True)):
            instructions = self.questions[episode] if asked else self.own[episode]
            if not instructions or (chance < _WORDLESS and not exact):
                texts.append("")
                continue
            if asked and row % 3 == 1:  # which of two blocks goes onto which is the hardest to tell ..
                instructions = [one for one in instructions if one[1] != one[2] and min(one[1:]) > BOWL] or instructions
            if asked and row % 3 == 2:  # .. but for which is the nearest
                instructions = [
                    one for one in instructions if any(word in one[0] for word in _RELATIONS)
                ] or instructions
            text, first, second = instructions[int(rng.integers(len(instructions)))]
            texts.append(text)
            meant[row] = second if pressed[row] and first == 0 else first, second
        return Window(
            state, torch.from_numpy(known), places, image, torch.from_numpy(doubt.astype(np.float32)), facing, before,
            self.actions[torch.from_numpy(during)], torch.cat([hand, things.flatten(2)], -1), texts,
            torch.from_numpy(meant),
        )  # fmt: skip
