"""How the commands of training end."""

from __future__ import annotations

import os
import signal

import pytest

from wamviz.core.errors import WamvizError
from wamviz.training.budget import OutOfTime
from wamviz.training.command import run_command


def raising(error: BaseException):
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("work", "status", "says"),
    [
        (lambda: "anything", 0, ""),
        (raising(WamvizError("No.", "Do this.")), 2, "wamviz: No. Do this.\n"),
        (raising(OutOfTime()), 75, "the limit is reached; the same command goes on from here\n"),
        (raising(OutOfTime("all but the last")), 75, "all but the last\n"),
        (raising(KeyboardInterrupt()), 130, "stopped\n"),
        (raising(KeyboardInterrupt("2 of 3 are there")), 130, "\n2 of 3 are there\n"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), 130, "stopped\n"),
    ],
)
def test_the_status_and_the_line(capsys, work, status, says):
    """One status and one line on stderr for each end; nothing on stdout."""
    assert run_command(work) == status
    assert capsys.readouterr() == ("", says)


def test_other_errors_are_faults():
    """What nobody foresaw keeps its traceback."""
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: 1 // 0)
