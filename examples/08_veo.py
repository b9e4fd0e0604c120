"""Veo 3.1 as a model of wamviz: a frame and a sentence in, a video out, no actions. Here without a key, against a
stand-in on this machine that speaks the same API and lets MODEL do the imagining; google-genai is the client.

python examples/08_veo.py [MODEL]

With a key of your own in GEMINI_API_KEY, the same takes two commands, and Google bills it:

    python -m wamviz connect veo --kind veo --set model=veo-3.1-fast-generate-preview --test
    python -m wamviz imagine --model veo --mode video --context photo.png --instruction "open the drawer" --out out
"""

import base64
import json
import os
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from wamviz.core.media import read_image, resize, write_mp4
from wamviz.core.rollout import Imagined, ImagineRequest, Observation
from wamviz.datasets import SHIPPED
from wamviz.models import registry
from wamviz.models.connections import Connection
from wamviz.models.protocol import collect
from wamviz.models.remote.backend import entry_of
from wamviz.runs.sources import resolve

MODEL = sys.argv[1] if len(sys.argv) > 1 else "mini-wam"
JOB = "models/stand-in/operations/job"


class StandIn(BaseHTTPRequestHandler):
    """The three answers that a video takes: a job's name, "not yet", and the video."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"][0]
        frame = read_image(base64.b64decode(asked["image"]["bytesBase64Encoded"]))
        rollout = collect(model, ImagineRequest(Observation({"exterior": frame}, asked["prompt"]))).rollouts[0]
        assert rollout.frames is not None
        with tempfile.TemporaryDirectory() as folder:
            wide = resize(rollout.frames, 360, 640)  # Veo's shape; wamviz cuts its own part out of it again
            write_mp4(Path(folder) / "video.mp4", wide, rollout.fps)
            video = base64.b64encode((Path(folder) / "video.mp4").read_bytes()).decode()
        sample = {"video": {"encodedVideo": video, "encoding": "video/mp4"}}
        finished.append({"generateVideoResponse": {"generatedSamples": [sample]}})
        self._say({"name": JOB})

    def do_GET(self) -> None:
        self._say({"name": JOB, "done": True, "response": finished.pop()})

    def _say(self, reply: dict[str, Any]) -> None:
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words: Any) -> None:
        pass


os.environ["A_KEY_FOR_THE_STAND_IN"] = "none"
finished: list[dict[str, Any]] = []
model = registry.load(MODEL, "cpu")
server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
threading.Thread(target=server.serve_forever, daemon=True).start()

# Only the address and the key's variable differ from the real one's.
address = f"http://127.0.0.1:{server.server_port}"
entry = entry_of(Connection("veo", "veo", address, token_env="A_KEY_FOR_THE_STAND_IN", settings={"seconds": "4"}))
print(f"With a real key: {entry.capabilities.extras['cost']}")
if missing := entry.missing():
    print(missing)
else:
    context = resolve(f"{SHIPPED}#0")
    for event in entry.load("cpu").imagine(ImagineRequest(context.observation, "video")):
        if isinstance(event, Imagined):
            rollout = event.rollouts[0]
            assert rollout.frames is not None and rollout.actions is None
            print(f"'{rollout.instruction}': {len(rollout.frames)} frames of {rollout.duration:.1f} s, no actions")
            print("\n".join(event.notes[1:]))  # the first tells the price again
        elif "USD" not in event.note:
            print(event.note)
server.shutdown()
server.server_close()
