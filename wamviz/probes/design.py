"""A probe from what a person writes in a form: the reference, templates by name, extensions in their own words.

Where the context lies in the tabletop, instructions are read there, so that physics can judge what it understands; what
it does not understand is asked all the same, and people judge it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence

from wamviz.core.errors import InvalidInput, WamvizError
from wamviz.core.rollout import WorldState
from wamviz.probes.extensions import extend
from wamviz.probes.probe import Contender, Probe, Prompt
from wamviz.worlds.tabletop import TabletopEnv, parse

MOST_EXTENSIONS = 20
JOINT = re.compile(r",?\s+(?:and\s+)?then\s+|;\s*", re.IGNORECASE)  # between the parts of a composed instruction


def design_probe(
    context: str,
    reference: str,
    *,
    world: WorldState | None,
    templates: Sequence[str] = (),
    own: str = "",
    contenders: Sequence[str],
    samples: int,
    seed: int = 0,
) -> Probe:
    """The probe that a form describes.

    Args:
        context: a SOURCE; world: where it lies in the tabletop, None where it does not.
        reference: what the robot is told first; templates: names of ``extensions.TEMPLATES``.
        own: further extensions, one a line.
        contenders: ``MODEL:MODE``; samples: of each prompt and contender; seed: of the first.

    Raises:
        InvalidInput: something is missing, or templates cannot be filled from this context.
    """
    lines = [line.strip() for line in own.splitlines() if line.strip()]
    if len(lines) + len(templates) > MOST_EXTENSIONS:
        raise InvalidInput(
            f"{len(lines) + len(templates)} extensions are too many.", f"{MOST_EXTENSIONS} can be asked."
        )
    if not contenders:
        raise InvalidInput("No model is chosen.", "Choose one or more, e.g. mini-wam:joint.")
    with _scene(world) as env:
        made = _by_template(env, reference, templates, seed) if templates else ()
        mine = tuple(Prompt(f"own-{k}", line, parts=parts_of(line, env)) for k, line in enumerate(lines, 1))
        first = Prompt("reference", reference.strip(), parts=parts_of(reference, env))
    who = tuple(Contender.read(name) for name in contenders)
    return Probe("mine", context.strip(), first, (*made, *mine), who, samples, seed)


def parts_of(instruction: str, env: TabletopEnv | None) -> tuple[str, ...]:
    """The single tasks of an instruction, in their order, where the scene understands every one of them."""
    if env is None:
        return ()
    for parts in (tuple(part.strip() for part in JOINT.split(instruction)), (instruction.strip(),)):
        with contextlib.suppress(WamvizError):
            for part in parts:
                parse(part, env)
            return parts
    return ()


def _by_template(env: TabletopEnv | None, reference: str, templates: Sequence[str], seed: int) -> tuple[Prompt, ...]:
    if env is None:
        raise InvalidInput(
            "Templates are filled from a scene of the tabletop, and this context is none.",
            "Write the extensions yourself, one a line.",
        )
    try:
        task = parse(reference, env)
    except WamvizError as error:
        raise error.with_text(
            message=f"Templates need a reference that this scene understands. {error.message}"
        ) from None
    return extend(env, task, seed, templates)


@contextlib.contextmanager
def _scene(world: WorldState | None) -> Iterator[TabletopEnv | None]:
    if world is None or world.world != "tabletop":
        yield None
        return
    with contextlib.closing(TabletopEnv(render=False)) as env:
        env.restore(world.seed, world.snapshot)
        yield env
