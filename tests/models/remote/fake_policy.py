"""The real worker around a policy that is none: it tests the transport, and what it answers is made up.

python fake_policy.py WORKER_FILE [options of the worker]; the instruction says what happens.
"""

import importlib.util
import sys
import threading

spec = importlib.util.spec_from_file_location("wamviz_worker", sys.argv[1])
worker = importlib.util.module_from_spec(spec)
sys.modules["wamviz_worker"] = worker
spec.loader.exec_module(worker)
np = worker.np
assert "wamviz" not in sys.modules, "the worker needs no wamviz"


class FakePolicy:
    """Answers with numbers drawn from the seed; not a model."""

    def __init__(self, told):
        self.told = told
        self.info = {
            "wamviz_worker": worker.PROTOCOL, "policy": "fake", "title": "a fake policy for tests",
            "modes": ["joint", "act_only"],
            "views": [{"key": "top", "size": [32, 48], "fit": "pad"}],
            "state": {"key": "state", "count": 8},
            "actions": worker._meaning(told, 3, None),
            "chunk": 6, "frames": 3, "steps": 5,
        }  # fmt: skip

    def imagine(self, ask, tick):
        steps = ask.steps or 5
        if ask.instruction == "fail":
            raise KeyError("no such thing")
        if ask.instruction == "wait":
            while True:  # until the other side hangs up, which a tick notices
                tick("imagining", 0, steps)
                threading.Event().wait(0.01)
        for step in range(steps):
            tick("imagining", step, steps)
        rng = np.random.default_rng(ask.seed)
        actions = rng.random((6, 3), dtype=np.float32) + ask.state[:3]
        picture = ask.pictures["top"]
        video = np.stack([picture] * 4) if ask.mode == "joint" else None
        return actions, {} if video is None else {"top": video}


if __name__ == "__main__":
    sys.exit(worker.main(sys.argv[2:], FakePolicy))
