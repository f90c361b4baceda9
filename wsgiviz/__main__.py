"""``wsgiviz`` and ``python -m wsgiviz``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line in sys.argv and give its exit status."""
    from wsgiviz.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
