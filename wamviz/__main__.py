"""``python -m wamviz``."""

import sys

from wamviz.cli import main

if __name__ == "__main__":
    sys.exit(main())
