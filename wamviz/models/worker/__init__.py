"""A policy in an environment of its own, behind a local socket: one file that runs there without wamviz."""

from pathlib import Path

FILE = Path(__file__).with_name("wamviz_worker.py")
