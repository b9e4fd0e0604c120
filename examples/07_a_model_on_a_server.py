"""A model behind a network address: a tiny server here, and wamviz asking it as it would ask a real one.

python examples/07_a_model_on_a_server.py [MODEL]

The server speaks Cosmos3's LIBERO protocol (one PNG in, a clip and a chunk of actions out) and lets MODEL do the
imagining. With a real server running, the same takes one command:

    python -m wamviz connect cosmos --kind cosmos3-libero --url http://127.0.0.1:8000 --test
"""

import base64
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from wamviz.core.media import encode_png, read_image
from wamviz.core.rollout import Imagined, ImagineRequest, Observation
from wamviz.datasets import SHIPPED
from wamviz.models import registry
from wamviz.models.connections import Connection
from wamviz.models.protocol import collect
from wamviz.models.remote.backend import entry_of
from wamviz.runs.sources import resolve

MODEL = sys.argv[1] if len(sys.argv) > 1 else "mini-wam"
LIBERO_SCALE = np.array([0.05, 0.05, 0.05, 0.5, 0.5, 0.5, 0.5])  # what 1 means in LIBERO's actions: m, rad, gripper


class Predict(BaseHTTPRequestHandler):
    """``POST /predict {"image", "prompt", ...}`` answers ``{"action": [[...]], "video": [PNG, ...]}``."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        frame = read_image(base64.b64decode(asked["image"]))
        rollout = collect(model, ImagineRequest(Observation({"exterior": frame}, asked["prompt"]))).rollouts[0]
        assert rollout.actions is not None and rollout.frames is not None
        actions = (rollout.actions - np.array([0, 0, 0, 0, 0, 0, 0.5])) / LIBERO_SCALE  # gripper 0 .. 1 to -1 .. 1
        video = [base64.b64encode(encode_png(one)).decode() for one in rollout.frames]
        reply = json.dumps({"action": actions.tolist(), "video": video}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *words: Any) -> None:
        pass


model = registry.load(MODEL, "cpu")
server = ThreadingHTTPServer(("127.0.0.1", 0), Predict)
threading.Thread(target=server.serve_forever, daemon=True).start()

# A connection is a name, a kind and an address; this server's model acts 5 times a second, LIBERO's usual is 20.
connection = Connection("served", "cosmos3-libero", f"http://127.0.0.1:{server.server_port}", rate=5.0)
served = entry_of(connection).load("cpu")

context = resolve(f"{SHIPPED}#0")
for event in served.imagine(ImagineRequest(context.observation)):
    if isinstance(event, Imagined):
        rollout = event.rollouts[0]
        assert rollout.frames is not None and rollout.actions is not None and rollout.action_space is not None
        print(f"'{rollout.instruction}': {len(rollout.frames)} frames of {rollout.duration:.1f} s came back,")
        print(f"{len(rollout.actions)} actions ({', '.join(rollout.action_space.names)})")
        print("\n".join(event.notes))
    elif event.note:
        print(event.note)  # closing the stream here would close the connection
server.shutdown()
server.server_close()
