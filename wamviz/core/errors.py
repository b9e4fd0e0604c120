"""The one exception that people see, and the helper that finds the nearest valid name.

The same text is shown by the command line (exit status 2), the HTTP API and the page, so it has to
teach: what was wrong, what is allowed, and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WamvizError(ValueError):
    """Bad input or a missing part, explained in one or two plain sentences.

    Args:
        message: what was wrong, naming the offending value.
        hint: what is allowed or the command that fixes it; shown after the message.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message.strip()
        self.hint = hint.strip()
        super().__init__(f"{self.message} {self.hint}".strip())


def unknown_name(what: str, name: str, allowed: Iterable[str]) -> WamvizError:
    """Build the error for a name outside ``allowed``, suggesting the nearest valid one.

    >>> str(unknown_name("mode", "joiint", ["joint", "act_only"]))
    "Unknown mode 'joiint'. Did you mean 'joint'? Allowed: joint, act_only."
    """
    names = list(allowed)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f"Did you mean '{near[0]}'? " if near else ""
    return WamvizError(f"Unknown {what} '{name}'.", f"{guess}Allowed: {', '.join(names) or 'none'}.")
