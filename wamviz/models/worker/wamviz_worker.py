"""Serves one lerobot policy to wamviz, from the environment that lerobot's pins want. See docs/worker.md.

    python wamviz_worker.py --policy CHECKPOINT [--port 8765] [--fps 15] [--dataset DIR]

Contract: this one file, the standard library, numpy and the policy's own environment; wamviz is not imported. It
listens on this machine only. ``GET /info`` says what the policy wants and gives, as JSON; ``POST /imagine`` takes four
bytes of length, a JSON header and an npz, and answers with one JSON line an event: ``{"words", "step", "steps"}`` while
it goes on, ``{"error"}``, ``{"changed"}`` where the header's ``serves`` is not the digest of ``/info``, or at last
``{"done": {"bytes", "seconds"}}`` and an npz of that many bytes. Nothing is ever unpickled. When the other side hangs
up, work ends at the policy's next step. Actions come back in the units of the policy's data. Written for lerobot 0.6.1.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import inspect
import io
import json
import os
import select
import socket
import struct
import sys
import threading
import time
import traceback
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

PROTOCOL = 1
KINDS = ("ee_delta", "ee_pose", "joint_position", "joint_velocity", "unnamed")  # of actions
CONTENT = "application/x-wamviz-worker"  # no page of a browser can send this to us unasked
MAX_REQUEST = 64_000_000  # bytes: a few uncompressed views of 4 megapixels
Tick = Callable[[str, int, int], None]  # words, step, steps; raises ``Gone`` when nobody waits any more
Answer = tuple[np.ndarray, dict[str, np.ndarray]]  # K actions of A numbers; by view (T, H, W, 3) uint8


class Refused(Exception):
    """What was asked cannot be done; the message is for the user."""


class Gone(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True)
class Ask:
    """One question; ``state`` is None where the policy wants none."""

    mode: str
    instruction: str
    seed: int
    steps: int | None  # None: the policy's own number
    pictures: dict[str, np.ndarray]  # by view, (H, W, 3) uint8
    state: np.ndarray | None  # (D,) float32


# By policy: what is called once a denoising step, the setting that says how many steps, further steps beside those.
_STEPS: dict[str, tuple[str, str, str]] = {
    "fastwam": ("model.infer_action_scheduler.step", "config.num_inference_steps", ""),
    "lingbot_va": ("transformer.forward", "config.num_inference_steps", "config.action_num_inference_steps"),
    "diffusion": ("diffusion.noise_scheduler.step", "diffusion.num_inference_steps", ""),
    "pi0": ("model.denoise_step", "config.num_inference_steps", ""),
    "pi05": ("model.denoise_step", "config.num_inference_steps", ""),
    "smolvla": ("model.denoise_step", "config.num_steps", ""),
}


class LerobotPolicy:
    """A policy of lerobot with its own processors before and behind it."""

    def __init__(self, args: argparse.Namespace) -> None:
        import torch
        from lerobot.configs.policies import PreTrainedConfig
        from lerobot.policies.factory import get_policy_class, make_pre_post_processors

        if not args.policy:
            raise Refused("Name the policy: --policy OWNER/NAME of the hub, or the folder of a checkpoint.")
        device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
        config = PreTrainedConfig.from_pretrained(args.policy)
        config.device, self.kind, self._torch = device, str(config.type), torch
        config.save_predicted_video, config.compile_model = True, False  # LingBot-VA's latents; steps that can be seen
        self._policy = get_policy_class(self.kind).from_pretrained(args.policy, config=config).to(device).eval()
        self._config = self._policy.config
        here = {"device_processor": {"device": device}}
        self._before, self._after = make_pre_post_processors(
            self._config, pretrained_path=str(args.policy), preprocessor_overrides=here
        )
        keys = list(self._config.image_features)
        self._views = {key.removeprefix("observation.images.").removeprefix("observation."): key for key in keys}
        self._call, self._setting, self._beside = _STEPS.get(self.kind, ("", "", ""))
        self.info = self._described(args)

    def _described(self, args: argparse.Namespace) -> dict[str, Any]:
        config = self._config
        video = {"fastwam": ["joint", "act_only"], "lingbot_va": ["imagine_then_act"]}.get(self.kind)
        sizes = {name: list(config.image_features[key].shape[1:]) for name, key in self._views.items()}
        state, (chunk, frames) = config.robot_state_feature, self._lengths()
        return {
            "wamviz_worker": PROTOCOL,
            "policy": self.kind,
            "title": f"{self.kind} from {Path(args.policy).name if Path(args.policy).exists() else args.policy}",
            "modes": video or ["act_only"],
            # The world-action models scale each view to their own size themselves, whatever its proportions.
            "views": [{"key": n, "size": size, "fit": "stretch" if video else "pad"} for n, size in sizes.items()],
            "state": None if state is None else {"key": "state", "count": int(state.shape[0])},
            "actions": _meaning(args, config.action_feature.shape[0], getattr(config, "action_feature_names", None)),
            "chunk": chunk,
            "frames": frames,
            "steps": _number(self._policy, self._setting),
        }

    def _lengths(self) -> tuple[int, int]:
        """Actions of a chunk, and its imagined frames without the context."""
        config = self._config
        if self.kind == "fastwam":
            return config.action_horizon, (config.num_video_frames - 1) // config.action_video_freq_ratio
        if self.kind == "lingbot_va":  # of the first chunk: its first latent is the context, the others four frames
            return (config.frame_chunk_size - 1) * config.action_per_frame, (config.frame_chunk_size - 1) * 4
        return int(getattr(config, "chunk_size", 0) or config.n_action_steps), 0

    def imagine(self, ask: Ask, tick: Tick) -> Answer:
        """One chunk from one observation; the same seed, device and versions give the same one."""
        owner, name = _owner(self._policy, self._setting)
        usual = getattr(owner, name, None)
        if usual is not None and ask.steps is not None:
            setattr(owner, name, ask.steps)
        steps = _number(self._policy, self._setting) + _number(self._policy, self._beside)
        undo = _counted(self._policy, self._call, steps, tick) if self._call else lambda: None
        try:
            tick("reading the observation", 0, steps)
            self._torch.manual_seed(ask.seed)
            self._policy.reset()
            with self._torch.inference_mode():
                batch = {**self._before(self._observation(ask)), "seed": ask.seed}  # FastWAM has a fixed one otherwise
                if self.kind == "fastwam" and ask.mode == "joint":
                    return self._fastwam(batch)
                chunk = self._policy.predict_action_chunk(self._remembered(batch))
                return self._physical(chunk), self._lingbot(tick) if self.kind == "lingbot_va" else {}
        finally:
            undo()
            if usual is not None:
                setattr(owner, name, usual)

    def _observation(self, ask: Ask) -> dict[str, Any]:
        """What a dataset of lerobot would hold: pictures (1, 3, H, W) in 0 .. 1, the state (1, D), the task."""
        batch: dict[str, Any] = {"task": ask.instruction, "robot_type": ""}
        for name, key in self._views.items():
            batch[key] = self._torch.tensor(ask.pictures[name]).permute(2, 0, 1).float()[None] / 255
        if ask.state is not None:
            batch["observation.state"] = self._torch.from_numpy(ask.state)[None]
        return batch

    def _remembered(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Policies that look at several past observations get this one as each, as at the start of an episode."""
        queues = getattr(self._policy, "_queues", None) or {}
        if any(name.startswith("observation") for name in queues):
            batch = {key: value for key, value in batch.items() if key != "action"}  # the processors leave an empty one
            if self._views:
                batch["observation.images"] = self._torch.stack([batch[key] for key in self._views.values()], dim=-4)
            for name in queues.keys() & batch.keys():
                queues[name].extend([batch[name]] * queues[name].maxlen)
        return batch

    def _physical(self, chunk: Any) -> np.ndarray:
        """Actions (1, K, A) of the policy as (K, A) in the units of its data; one at a time, as lerobot does it."""
        rows = [self._after(chunk[:, index]) for index in range(chunk.shape[1])]
        return np.asarray(self._torch.stack(rows, dim=1)[0].float().cpu().numpy(), np.float32)

    def _fastwam(self, batch: dict[str, Any]) -> Answer:
        """FastWAM's joint sampling, which its ``predict_action_chunk`` leaves out: video and actions together."""
        from lerobot.policies.fastwam.modeling_fastwam import _batch_to_infer_kwargs

        joint = self._policy.model.infer_joint
        wanted = {**_batch_to_infer_kwargs(batch, self._config), "test_action_with_infer_action": False}
        wanted = {name: value for name, value in wanted.items() if name in inspect.signature(joint).parameters}
        result = joint(num_video_frames=self._lengths()[1] + 1, **wanted)
        video = np.stack([np.asarray(frame.convert("RGB"), np.uint8) for frame in result["video"]])
        names = sorted(self._views, key=lambda name: self._views[name])  # it lays them side by side in this order
        return self._physical(result["action"][None]), _side_by_side(video, names)

    def _lingbot(self, tick: Tick) -> dict[str, np.ndarray]:
        """The latents that LingBot-VA predicted with the actions, decoded and cut into its views."""
        tick("decoding the video", 0, 0)
        config, policy = self._config, self._policy
        video = np.asarray(policy.decode_predicted_latents(policy.last_predicted_latents).cpu().numpy())
        names = [next(name for name, key in self._views.items() if key == wanted) for wanted in config.obs_cam_keys]
        found, third = _side_by_side(video, names), video.shape[1] // 3
        if config.camera_layout == "robotwin_tshape":  # two half-size wrists above the head
            found = {names[0]: video[:, third:], **_side_by_side(video[:, :third], names[1:3])}
        return {name: one[:, :, ::-1] if config.image_hflip else one for name, one in found.items()}


def _side_by_side(video: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
    """(T, H, n W, 3) cut into n views."""
    width = video.shape[2] // len(names)
    return {name: video[:, :, index * width : (index + 1) * width] for index, name in enumerate(names)}


def _owner(policy: Any, path: str) -> tuple[Any, str]:
    *holders, name = path.split(".")
    for holder in holders:
        policy = getattr(policy, holder)
    return policy, name


def _number(policy: Any, path: str) -> int:
    return int(getattr(*_owner(policy, path))) if path else 0


def _counted(policy: Any, path: str, steps: int, tick: Tick) -> Callable[[], None]:
    """Tick before every call of ``path`` until the returned function is called."""
    owner, name = _owner(policy, path)
    call, done = getattr(owner, name), [0]

    def ticking(*args: Any, **kwargs: Any) -> Any:
        tick("imagining", min(done[0], steps), steps)
        done[0] += 1
        return call(*args, **kwargs)

    object.__setattr__(owner, name, ticking)  # past the modules' own bookkeeping
    return lambda: object.__delattr__(owner, name)


def _meaning(args: argparse.Namespace, dim: int, known: list[str] | None) -> dict[str, Any]:
    """What the actions mean, as far as the policy, its data set or the user says; nothing is guessed."""
    rate, names, units = args.fps, args.action_names.split(","), args.action_units.split(",")
    if args.dataset:
        facts = json.loads((Path(args.dataset) / "meta" / "info.json").read_text("utf-8"))
        rate = rate or facts.get("fps")
        recorded = facts.get("features", {}).get("action", {}).get("names")
        # Some data sets name them under a heading.
        known = next(iter(recorded.values()), None) if isinstance(recorded, dict) else recorded or known
    if not rate:
        raise Refused("The policy does not say how fast it acts: give --fps, or --dataset with the data it learned.")
    names = names if args.action_names else [str(one) for one in known or (f"action_{index}" for index in range(dim))]
    units = units * dim if len(units) == 1 else units
    for what, found in (("names", names), ("units", units)):
        if len(found) != dim:
            raise Refused(f"The policy's actions have {dim} numbers; {len(found)} {what} were given: {found}")
    return {"names": names, "units": units, "kind": args.action_kind, "rate": float(rate)}


def unpack(data: bytes) -> dict[str, np.ndarray]:
    """The arrays of an npz: plain numbers, and no more of them than ``MAX_REQUEST`` bytes once unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(one.file_size for one in packed.infolist()) > MAX_REQUEST:
                raise Refused(f"The arrays have more than {MAX_REQUEST} bytes.")
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (zipfile.BadZipFile, ValueError, OSError, KeyError, EOFError) as error:
        raise Refused("The arrays cannot be read; they are sent as npz.") from error


def parse_request(data: bytes, info: Mapping[str, Any]) -> Ask | None:
    """A request as it was sent, judged against what the policy wants; None when it is meant for another policy."""
    size = struct.unpack(">I", data[:4])[0] if len(data) >= 4 else 0
    try:
        header = json.loads(data[4 : 4 + size])
        mode, words, seed, steps = (header[name] for name in ("mode", "instruction", "seed", "steps"))
        if type(words) is not str or type(seed) is not int or not (steps is None or 1 <= int(steps) <= 1000):
            raise ValueError
    except (ValueError, KeyError, TypeError) as error:
        raise Refused("The header needs mode, instruction, seed and steps.") from error
    if header.get("serves") not in (None, hashlib.sha256(json.dumps(info, sort_keys=True).encode()).hexdigest()):
        return None
    if mode not in info["modes"]:
        raise Refused(f"This policy has no mode '{mode}', only {', '.join(info['modes'])}.")
    arrays = unpack(data[4 + size :])
    pictures = {view["key"]: arrays.get(f"view/{view['key']}") for view in info["views"]}
    for name, picture in pictures.items():
        if picture is None or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise Refused(f"View '{name}' is missing or no uint8 (H, W, 3).")
    state, wanted = arrays.get("state"), info["state"]
    if wanted is not None and (state is None or state.dtype != np.float32 or state.shape != (wanted["count"],)):
        raise Refused(f"The state is missing or no float32 ({wanted['count']},).")
    return Ask(mode, words, seed, steps, pictures, state if wanted is not None else None)  # type: ignore[arg-type]


class Worker(ThreadingHTTPServer):
    """Serves one policy, anything with ``info`` and ``imagine(ask, tick)``, to one question at a time."""

    daemon_threads = True

    def __init__(self, policy: Any, port: int, token: str = "") -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.policy, self.token, self.turn = policy, token, threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """One connection: it is closed after the answer, whose end is counted in bytes."""

    server: Worker
    server_version, sys_version, timeout = "wamviz-worker", "", 60

    def do_GET(self) -> None:
        if self._welcome("/info"):
            self._plain(200, json.dumps(self.server.policy.info).encode())

    def do_POST(self) -> None:
        if not self._welcome("/imagine"):
            return
        size = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Content-Type") != CONTENT or not 0 < size <= MAX_REQUEST:
            return self._plain(400, f"send {CONTENT}, up to {MAX_REQUEST} bytes".encode())
        data = self.rfile.read(size)
        try:
            self.send_response(200)
            self.end_headers()
            self._answer(data)
        except (Gone, ConnectionError, TimeoutError):
            self.log_message("%s", "nobody waits any more: stopped")
        except Refused as error:
            self._line({"error": str(error)})
        except Exception as error:  # the worker outlives a failed question, and the user reads why it failed
            traceback.print_exc()
            self._line({"error": f"{type(error).__name__}: {error}"})

    def _answer(self, data: bytes) -> None:
        ask = parse_request(data, self.server.policy.info)
        if ask is None:
            return self._line({"changed": True})
        while not self.server.turn.acquire(timeout=0.2):
            self._tick("waiting for another question's end", 0, 0)
        try:
            started = time.perf_counter()
            actions, videos = self.server.policy.imagine(ask, self._tick)
        finally:
            self.server.turn.release()
        packed, parts = io.BytesIO(), {"actions": actions, **{f"view/{name}": one for name, one in videos.items()}}
        np.savez(packed, **parts)
        body = packed.getvalue()
        self._line({"done": {"bytes": len(body), "seconds": round(time.perf_counter() - started, 3)}})
        self.wfile.write(body)

    def _tick(self, words: str, step: int, steps: int) -> None:
        if select.select([self.connection], [], [], 0)[0] and self.connection.recv(1, socket.MSG_PEEK) == b"":
            raise Gone
        self._line({"words": words, "step": step, "steps": steps})

    def _line(self, event: dict[str, Any]) -> None:
        self.wfile.write(json.dumps(event).encode() + b"\n")

    def _welcome(self, path: str) -> bool:
        token, sent = f"Bearer {self.server.token}", self.headers.get("Authorization", "")
        known = not self.server.token or hmac.compare_digest(sent.encode(), token.encode())
        known &= self.headers.get("Host", "").partition(":")[0] in ("127.0.0.1", "localhost")  # no page that rebinds
        if not known or self.path != path:
            self._plain(404 if known else 403, b"GET /info, POST /imagine" if known else b"a token is wanted")
        return known and self.path == path

    def _plain(self, status: int, words: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)


def main(words: list[str] | None = None, make: Callable[[argparse.Namespace], Any] = LerobotPolicy) -> int:
    """Load the policy, then serve it until it is interrupted."""
    parser = argparse.ArgumentParser(prog="wamviz_worker", description="Serves one lerobot policy to wamviz.")
    parser.add_argument("--port", type=int, default=8765, help="on 127.0.0.1; 0 takes a free one (default: 8765)")
    parser.add_argument("--fps", type=float, default=None, help="actions a second")
    for name, what in {
        "policy": "a repository of the hub, or the folder of a checkpoint",
        "device": "cpu, cuda, mps ... (default: cuda where there is one)",
        "token-env": "the environment variable with a token that wamviz has to send",
        "dataset": "folder of the LeRobot data set it learned: rate and names of the actions",
        "action-names": "what each number of an action is, comma-separated",
        "action-units": "their units, one for all or comma-separated",
    }.items():
        parser.add_argument(f"--{name}", default="", help=what)
    parser.add_argument("--action-kind", default="unnamed", choices=KINDS, help="how the pose part is to be read")
    args = parser.parse_args(words)
    try:
        token = os.environ.get(args.token_env, "").strip() if args.token_env else ""
        if args.token_env and not token:
            raise Refused(f"The environment variable {args.token_env} is not set.")
        worker = Worker(make(args), args.port, token)
    except (Refused, OSError, ImportError, ValueError) as error:
        print(f"wamviz_worker: {error}", file=sys.stderr)
        return 2
    print(f"serving {worker.policy.info['title']} at http://127.0.0.1:{worker.server_port}", flush=True)
    with worker, suppress(KeyboardInterrupt):
        worker.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
