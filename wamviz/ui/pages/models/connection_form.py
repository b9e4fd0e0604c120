"""The form of a connection as values: filled for a kind or a connection, and read back.

Contract: pure functions between connections and what the form's fields hold; nobody is asked and nothing is written. A
kind shows only the fields that it has.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from wamviz.core.errors import InvalidInput, WamvizError, unknown_name
from wamviz.models import backends, connect_form
from wamviz.models.availability import LOCAL_SCHEMES
from wamviz.models.backends import ConnectionKind
from wamviz.models.connect_form import ConnectionForm, pairs
from wamviz.models.connections import Connection
from wamviz.ui.markup import Node
from wamviz.ui.pages.models.view import kind_words
from wamviz.ui.run_actions import number

NEW = "Connect a model"
USUAL_PORT = "127.0.0.1:8000"


@dataclass(frozen=True)
class Filled:
    """What the form shows.

    Attributes:
        kind: whose fields.
        name, url, robot, token, timeout, rate, views, state, ca, settings: of the fields; ``settings`` by name.
        editing: the connection that Save changes, "" for a new one.
    """

    kind: ConnectionKind
    name: str = ""
    url: str = ""
    robot: str = ""
    token: str = ""
    timeout: float = 300.0
    rate: float = 0.0
    views: str = ""
    state: str = ""
    ca: str = ""
    settings: Mapping[str, str] | None = None
    editing: str = ""

    @property
    def title(self) -> str:
        """Above the form."""
        return title(self.editing)

    @property
    def about(self) -> list[Node]:
        """Under the kind."""
        return about(self.kind.name, self.robot)

    def updates(self, places: int) -> list[Any]:
        """One update a field, in the page's order; ``places`` for settings, of which some may stay empty."""
        kind, served = self.kind, not _is_here(self.kind)
        robots = list(kind.choices)
        settings = self.settings or {}
        pool = [
            gr.update(label=name, info=words, value=settings.get(name, ""), visible=True)
            for name, words in kind.settings.items()
        ]
        return [
            gr.update(value=self.name),
            gr.update(value=kind.name),
            gr.update(value=self.url, placeholder=example(kind), info=_where(kind)),
            gr.update(choices=robots, value=self.robot or next(iter(robots), None), visible=len(robots) > 1),
            gr.update(value=self.token, visible=served),
            gr.update(value=self.timeout, visible=served),
            gr.update(value=self.rate, visible=served),
            gr.update(value=self.views),
            gr.update(value=self.state, visible=served),
            gr.update(value=self.ca, visible=served and any(scheme.endswith("s") for scheme in kind.schemes)),
            *pool,
            *(gr.update(value="", visible=False) for _ in range(places - len(pool))),
        ]


def empty() -> Filled:
    """The form at first: the first kind's."""
    return of_kind(next(iter(backends.kinds())))


def of_kind(name: str, robot: str = "", *, suggested: str = "") -> Filled:
    """The form for a new connection of a kind; ``WamvizError`` with the nearest one when there is none."""
    kind, usual = kind_of(name), backends.usual(name)
    return Filled(
        kind,
        name=suggested,
        url=str(usual.get("url", "")),
        robot=robot,
        token=str(usual.get("token_env", "")),
        timeout=float(usual.get("timeout", 300.0)),
    )


def of_connection(kept: Connection) -> Filled:
    """The form for changing a connection."""
    return Filled(
        kind_of(kept.kind),
        kept.name,
        kept.url,
        kept.robot,
        kept.token_env,
        kept.timeout,
        kept.rate,
        _lines(kept.views),
        _lines(kept.state),
        kept.ca_file,
        kept.settings,
        editing=kept.name,
    )


def kind_of(name: str | None) -> ConnectionKind:
    """The kind of this name, or ``WamvizError`` with the nearest one."""
    kinds = backends.kinds()
    if name not in kinds:
        raise unknown_name("kind of connection", str(name or "")[:60], kinds)
    return kinds[name]


def connection(
    before: Connection | None, name: Any, kind: Any, url: Any, robot: Any, token: Any, timeout: Any, rate: Any,
    views: Any, state: Any, ca: Any, *settings: Any,
) -> Connection:  # fmt: skip
    """The connection that the form describes.

    Args:
        before: the one that is being changed: what only its server told of itself stays with it.
        name, kind, url, robot, token, timeout, rate, views, state, ca, settings: as the browser sent them.

    Raises:
        WamvizError: what is missing or cannot be.
    """
    own, called = kind_of(kind), _text(name)
    if not called:
        raise InvalidInput("Name the connection.", "It is what the model is called from then on, e.g. pi05.")
    where = _text(url)
    if not where:
        raise InvalidInput("The address is missing.", f"Write e.g. {example(own)}")
    chosen = {name: _text(value) for name, value in zip(own.settings, settings, strict=False) if _text(value)}
    if before is not None and before.kind == own.name:
        chosen = {**{name: value for name, value in before.settings.items() if name not in own.settings}, **chosen}
    return connect_form.build_connection(
        ConnectionForm(
            called,
            own.name,
            where,
            _text(robot) if own.choices else "",
            _text(token),
            number(timeout, "timeout", "Write seconds, e.g. 300."),
            _text(ca),
            number(rate or 0, "rate"),
            pairs(_rows(views), "the field Views", "one VIEW=CAMERA a line"),
            pairs(_rows(state), "the field State", "one PART=FIRST:END a line"),
            chosen,
        )
    )


def tentative(name: Any, *fields: Any) -> Connection:
    """The same for looking whether it is there, which needs no name."""
    return connection(None, _text(name) or "unnamed", *fields)


def about(kind: str, robot: str = "") -> list[Node]:
    """What a kind and a robot are, as far as that is known before the address is."""
    own = kind_of(kind)
    try:
        caps = backends.entry_of(Connection("unnamed", kind, example(own), robot)).capabilities
    except WamvizError:
        return kind_words(own)
    views = f" Its views: {', '.join(caps.cameras)}." if caps.cameras else ""
    return kind_words(own, f"{caps.description}{views}")


def example(kind: ConnectionKind) -> str:
    """An address of this kind.

    >>> example(kind_of("openpi"))
    'ws://127.0.0.1:8000'
    """
    if _is_here(kind):
        return next((f"hub:{name}" for name in getattr(kind, "hub", ())), "/folder/of/the/weights")
    return f"{kind.schemes[0]}://{USUAL_PORT}"


def slug(name: str, taken: Container[str]) -> str:
    """A name for a connection to a system of the map, which no other connection has.

    >>> slug("\u03c00.5", ()), slug("GR00T N1.x", ("gr00t-n1.x",))
    ('pi0.5', 'gr00t-n1.x-2')
    """
    plain = re.sub(r"[^a-z0-9.]+", "-", name.lower().replace("\u03c0", "pi")).strip("-.")[:36] or "model"
    number = 2
    while (found := plain if number == 2 and plain not in taken else f"{plain}-{number}") in taken:
        number += 1
    return found


def title(editing: str) -> str:
    """Above the form."""
    return f"Change {editing}" if editing else NEW


def _is_here(kind: ConnectionKind) -> bool:
    return bool(set(kind.schemes) & set(LOCAL_SCHEMES))


def _where(kind: ConnectionKind) -> str:
    if _is_here(kind):
        return "a folder of this machine, or hub:OWNER/NAME@REVISION"
    return f"{' or '.join(f'{scheme}://' for scheme in kind.schemes)}; nobody else is asked"


def _text(value: Any) -> str:
    return str(value or "").strip()


def _rows(text: Any) -> list[str]:
    return [line.strip() for line in str(text or "").splitlines() if line.strip()]


def _lines(named: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in named.items())
