"""The exceptions that people see, and the helper that finds the nearest valid name.

    WamvizError                 anything that is explained in plain sentences instead of a traceback
    ├── InvalidInput            a value, a name or a combination that cannot be: change the request
    │   └── NotFound            the model, run, episode, file or name that was named does not exist
    ├── Unsafe                  refused to protect this machine: a path that leaves its folder, a pickle, a zip bomb
    ├── Damaged                 it exists, and cannot be read: cut short, corrupt, of another format than it says
    ├── Unavailable             a package, device, renderer, server or network that is needed is not there
    │   └── ConnectionLost      (wamviz.models.remote.network) it was there, and broke on the way
    ├── Busy                    somebody else is using it; the same request can succeed later
    └── Canceled                stopped because a person asked for it

The command line's exit status, the HTTP status and the title that the API gives an error are attributes of its class,
and whoever treats one sort of error differently catches the class: the text is for people and no code reads it. The
same text is shown by command line, HTTP API and page, so it has to teach: what was wrong, what is allowed, and what to
do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar, Self


class WamvizError(ValueError):
    """Bad input or a missing part, explained in one or two plain sentences.

    Args:
        message: what was wrong, naming the offending value.
        hint: what is allowed or the command that fixes it; shown after the message.

    Attributes:
        title: the sort of error in a word or two, which the HTTP API sends beside the text.
        exit_code: what the command line exits with. 2 is for all that has to be changed before another try.
        http_status: what a plain HTTP route answers with.
    """

    title: ClassVar[str] = "Not possible"
    exit_code: ClassVar[int] = 2
    http_status: ClassVar[int] = 400

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message.strip()
        self.hint = hint.strip()
        super().__init__(f"{self.message} {self.hint}".strip())

    def with_text(self, *, message: str | None = None, hint: str | None = None) -> Self:
        """An error of the same class with another message, another hint or both.

        >>> Damaged("It is cut short.").with_text(hint="Download it again.")
        Damaged('It is cut short. Download it again.')
        """
        return type(self)(self.message if message is None else message, self.hint if hint is None else hint)


class InvalidInput(WamvizError):
    """A value, a name or a combination of them that cannot be."""

    title = "Invalid input"


class NotFound(InvalidInput):
    """What was named does not exist, or not any more."""

    title = "Not found"
    http_status = 404


class Unsafe(WamvizError):
    """Refused whatever the person says: opening it could harm this machine or show what is not theirs."""

    title = "Unsafe"
    http_status = 403


class Damaged(WamvizError):
    """A file or a reply that is there and cannot be read."""

    title = "Damaged"
    http_status = 422


class Unavailable(WamvizError):
    """Something outside the request is missing: a package, a device, a server, the network."""

    title = "Unavailable"
    http_status = 503


class Busy(WamvizError):
    """In use by somebody else; trying the same again later can succeed."""

    title = "Busy"
    exit_code = 75  # EX_TEMPFAIL of sysexits.h: scripts may try again
    http_status = 409


class Canceled(WamvizError):
    """Stopped on request; what is kept is said in the text."""

    title = "Canceled"
    exit_code = 130  # what a shell reports after Ctrl-C
    http_status = 499


def unknown_name(what: str, name: str, allowed: Iterable[str]) -> NotFound:
    """Build the error for a name outside ``allowed``, suggesting the nearest valid one.

    >>> str(unknown_name("mode", "joiint", ["joint", "act_only"]))
    "Unknown mode 'joiint'. Did you mean 'joint'? Allowed: joint, act_only."
    """
    names = list(allowed)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f"Did you mean '{near[0]}'? " if near else ""
    return NotFound(f"Unknown {what} '{name}'.", f"{guess}Allowed: {', '.join(names) or 'none'}.")
