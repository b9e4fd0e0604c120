"""Run the tests against a peer's own serving code, out of a checkout of its repository.

    python tests/interop/peers.py --openpi ../openpi

The checkout is put in front of what is installed; nothing is built and nothing is downloaded.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Where the packages lie in a checkout, and the tests that run against them.
PEERS = {"openpi": (("src", "packages/openpi-client/src"), "tests/models/remote/test_peers.py")}


def main() -> int:
    """Run the tests of every peer whose checkout is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in PEERS:
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER", help=f"a checkout of {name}'s repository")
    named = {name: folder for name, folder in vars(parser.parse_args()).items() if folder is not None}
    if not named:
        parser.error(f"name a checkout: {', '.join(f'--{name} FOLDER' for name in PEERS)}")
    status = 0
    for name, folder in named.items():
        packages, tests = PEERS[name]
        places = [folder.resolve() / package for package in packages]
        missing = [str(place) for place in places if not place.is_dir()]
        if missing:
            parser.error(f"this is no checkout of {name}: there is no {missing[0]}")
        path = os.pathsep.join([*map(str, places), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", "pytest", "-q", tests]
        status |= subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}).returncode
    return status


if __name__ == "__main__":
    sys.exit(main())
