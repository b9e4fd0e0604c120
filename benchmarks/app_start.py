"""Claim: once installed, the page answers within 15 s of being started.

Starts the app in a process of its own with an empty home, as on a newcomer's first day, waits for the page and for
the HTTP API's description, and stops it.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from _report import report

from wamviz.core import devices

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def once() -> float:
    """Seconds from the start of the process to a page that answers."""
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "WAMVIZ_HOME": home},
            stdout=subprocess.DEVNULL,
        )
        try:
            while not answers(f"http://127.0.0.1:{port}/"):
                if process.poll() is not None or time.perf_counter() - start > PATIENCE:
                    raise SystemExit(f"The app did not start (exit status {process.poll()}).")
                time.sleep(0.05)
            return time.perf_counter() - start
        finally:
            stop(process)


def stop(process: subprocess.Popen[Any]) -> None:
    """Ask an app to end, and see that it does."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> int:
    seconds = [once() for _ in range(3)]
    print("starts:", ", ".join(f"{value:.1f} s" for value in seconds))
    limits = {"first start (s)": (seconds[0], 15.0), "median start (s)": (statistics.median(seconds), 15.0)}
    return report("app_start", "the page answers within 15 s of being started", limits, device=devices.describe())


if __name__ == "__main__":
    sys.exit(main())
