"""What the commands of training share: how one ends, and what it says then."""

from __future__ import annotations

import sys
from collections.abc import Callable

from wamviz.core.errors import WamvizError
from wamviz.core.signals import terminable
from wamviz.training.budget import OutOfTime

GOES_ON = "the same command goes on from here"


def run_command(work: Callable[[], object], stopped: str = "stopped") -> int:
    """Do ``work`` and return an exit status of ``sysexits.h``'s manners; what went wrong is one line on stderr.

    0 when it is done; a ``WamvizError`` has its own, mostly 2; 75 ("try again") when the command's limit is reached;
    130 after Ctrl-C or SIGTERM, saying ``stopped`` unless the interruption has words of its own.
    """
    try:
        with terminable():
            work()
    except OutOfTime as late:
        print(str(late) or f"the limit is reached; {GOES_ON}", file=sys.stderr)
        return 75
    except WamvizError as error:
        print(f"wamviz: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as stop:
        print(f"\n{stop}".rstrip() or stopped, file=sys.stderr)
        return 130
    return 0
