"""The suites that come with wamviz, and where a name of one leads.

``python -m wamviz.probes.shipped`` writes them again from their seeds.
"""

from __future__ import annotations

from pathlib import Path

from wamviz.core.errors import unknown_name
from wamviz.probes.extensions import extend
from wamviz.probes.probe import Contender, Probe, Prompt, Suite, read_suite, write_suite

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "probes"
SEEDS = 1_070_000  # of the tabletop suite, which neither training nor validation uses
A_KIND = 5  # probes
MODES = ("joint", "act_only", "imagine_then_act")
# Verbatim: Reuss 2026, the experiment with Veo 3.1.
ARTICLE = (
    "Given this initial frame, generate a video of the robot arm pushing the toaster lever. After finishing that task, "
    "the robot should pick up the orange on the left side of the toaster and stop after it has picked it up."
)


def shipped_suites() -> list[Suite]:
    """All of them, by name."""
    return [read_suite(folder) for folder in sorted(FOLDER.iterdir()) if folder.is_dir()] if FOLDER.is_dir() else []


def find_suite(name: str) -> Suite:
    """The suite of a folder or file, or the shipped one of that name.

    Raises:
        NotFound: neither is there.
    """
    if Path(name).expanduser().exists():
        return read_suite(name)
    for suite in shipped_suites():
        if suite.name == name:
            return suite
    raise unknown_name("suite", name, [suite.name for suite in shipped_suites()])


def toaster_suite() -> Suite:
    """The article's experiment: its prompt word for word, and the tabletop's plain words for the same."""
    seed = next(seed for seed in range(SEEDS, SEEDS + 1000) if _has_orange_at_left(seed))
    lever, orange = "push the toaster lever", "pick up the orange"
    contenders = tuple(Contender("mini-wam", mode) for mode in MODES)
    article = Prompt("article", ARTICLE, "then", (lever, orange))
    plain = Prompt("then", f"{lever}, then {orange}", "then", (lever, orange))
    reference = Prompt("reference", lever, parts=(lever,))
    note = "The experiment of Reuss 2026 in the tabletop: its prompt word for word, and in the tabletop's words."
    return Suite("toaster", (Probe("toaster", f"tabletop:{seed}", reference, (plain, article), contenders, note=note),))


def tabletop_suite() -> Suite:
    """Thirty probes, five of each kind of task, with compositions that training never showed."""
    from wamviz.worlds.tabletop import KINDS, TabletopEnv, task_for_seed

    env, kinds = TabletopEnv(render=False), {kind: 0 for kind in KINDS}
    probes, seed = [], SEEDS
    contenders = tuple(Contender("mini-wam", mode) for mode in MODES)
    while min(kinds.values()) < A_KIND:
        env.reset(seed)
        task = task_for_seed(env)
        if kinds.get(task.kind, A_KIND) < A_KIND:
            kinds[task.kind] += 1
            name = f"{task.kind.replace('_', '-')}-{kinds[task.kind]}"
            reference = Prompt("reference", task.instruction, parts=(task.instruction,))
            extensions = extend(env, task, seed)
            probes.append(Probe(name, f"tabletop:{seed}", reference, extensions, contenders))
        seed += 1
    return Suite("tabletop", tuple(sorted(probes, key=lambda probe: probe.name)))


def _has_orange_at_left(seed: int) -> bool:
    """Whether a scene has an orange at the left of its toaster, as the article's has."""
    from wamviz.worlds.tabletop import TabletopEnv

    env = TabletopEnv(render=False)
    env.reset(seed)
    if "orange" not in env.present:
        return False
    along = (env.position("orange")[:2] - env.layout.toaster.xy) @ env.image_right()
    return bool(along < -0.1)


def main() -> None:
    """Write the shipped suites."""
    for suite in (toaster_suite(), tabletop_suite()):
        write_suite(FOLDER / suite.name, suite)


if __name__ == "__main__":
    main()
