"""Jobs of other processes: in order, urgent ones first, failures told, nobody left behind however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from multiprocessing.connection import wait
from pathlib import Path

import pytest

from wamviz.core.errors import WamvizError
from wamviz.training.background import Background


def note(path: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()}\n")


def note_and_hang(path: str) -> None:
    note(path)
    signal.pause()


def fail(what: str) -> None:
    if what == "die":
        os._exit(3)
    raise WamvizError("A job failed.", what)


def until(met) -> None:
    """Wait for what another process does; the test's own time-out is the limit."""
    while not met():
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Whether a process has ended."""
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_jobs_are_done_in_order_and_urgent_ones_first(tmp_path):
    """With one process, a job that is added as urgent overtakes all that have not begun."""
    names = [str(tmp_path / name) for name in "abcd"]
    with Background(1) as background:
        background.add([(note, names[0]), (note, names[1]), (note, names[2])])
        background.add([(note, names[3])], urgent=True)
        until(lambda: all(Path(name).exists() for name in names))
        background.check()
    times = {name: Path(name).stat().st_mtime_ns for name in names}
    assert sorted(names, key=times.__getitem__) == [names[0], names[3], names[1], names[2]]


@pytest.mark.parametrize(("how", "says"), [("as it happens", "A job failed. as it happens"), ("die", "--workers")])
def test_a_failure_stops_the_others_and_is_told(tmp_path, how, says):
    """What a job raises, and that a process died, is raised by ``check``; what has not begun never begins."""
    with Background(1) as background:
        background.add([(fail, how), (note, str(tmp_path / "later"))])
        until(lambda: background._error is not None)
        with pytest.raises(WamvizError, match=says):
            background.check()
    assert not (tmp_path / "later").exists()


def test_closing_ends_processes_in_the_middle_of_a_job(tmp_path):
    """A job that would never end does not hold the parent up, and is gone afterwards."""
    path = tmp_path / "pid"
    with Background(2) as background:
        background.add([(note_and_hang, str(path)), (note_and_hang, str(path))])
        until(lambda: path.exists() and len(path.read_text().split()) == 2)
    assert all(is_gone(int(pid)) for pid in path.read_text().split())


PARENT = """
import signal, sys
from tests.training.test_background import note_and_hang
from wamviz.training.background import Background
if __name__ == "__main__":
    with Background(1) as background:
        background.add([(note_and_hang, sys.argv[1])])
        signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_processes_end_with_their_parent(tmp_path, number):
    """Whether it is interrupted, or killed and cannot tell them."""
    path, script = tmp_path / "pid", tmp_path / "parent.py"
    script.write_text(PARENT)
    here = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(here)}
    parent = subprocess.Popen([sys.executable, str(script), str(path)], env=environment, stderr=subprocess.DEVNULL)
    try:
        until(lambda: path.exists() and path.read_text().endswith("\n"))
        child = os.pidfd_open(int(path.read_text()))
        parent.send_signal(number)
        assert parent.wait() != 0
        wait([child])
        os.close(child)
    finally:
        parent.kill()
        parent.wait()
