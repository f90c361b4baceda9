"""``python -m tests.versions [PACKAGE-VERSION ...]``: versions of servers that wsgiviz says it knows, with each of
their worker classes, in environments of their own. Prints a line for each; exit status 1 when something is wrong.

The environments are kept in build/versions, for the next time.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.versions.checks import CHECKS, hangs, import_fails, in_order
from tests.versions.environments import Environments
from tests.versions.observed import APPS
from wsgiviz.interpreter import FAULTY_GUNICORNS

KEPT = Path(__file__).parents[2] / "build" / "versions"

GUNICORNS = (
    "22.0.0", "23.0.0", "24.0.0", "24.1.1", "25.0.0", "25.1.0", "25.2.0", "25.3.0", "26.0.0", "26.1.0", "26.2.0",
    "27.0.0", "27.0.1",
)  # fmt: skip
UVICORNS = (
    "0.30.0", "0.30.6", "0.32.1", "0.34.0", "0.36.0", "0.38.0", "0.40.0", "0.43.0", "0.46.0", "0.49.0", "0.51.0",
    "0.53.0", "0.54.0",
)  # fmt: skip
FIRST_WITH_ASGI = 25

WITHOUT_MASTER = tuple(check for check in CHECKS if check is not hangs)
"""Of a master that never learns of a worker's death, nobody knows that it has killed one."""


def rows() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Package, version, and the kinds of servers that run beside each other."""
    for version in GUNICORNS:
        yield "gunicorn", version, ("sync", "gthread")
        has_asgi = int(version.split(".")[0]) >= FIRST_WITH_ASGI
        yield "gunicorn", version, ("gevent", "asgi") if has_asgi else ("gevent",)
    for version in UVICORNS:
        yield "uvicorn", version, ("uvicorn",)


def faults_of(package: str, version: str, kinds: tuple[str, ...], environments: Environments) -> list[str]:
    """All that is wrong with it, in words."""
    try:
        python = environments.python(package, version, gevent="gevent" in kinds)
        if package == "gunicorn" and version in FAULTY_GUNICORNS:
            return [*in_order(python, kinds, WITHOUT_MASTER, apart=True), *import_fails(python, kinds[0])]
        return [*in_order(python, kinds), *import_fails(python, kinds[0])]
    except RuntimeError as error:
        return [str(error)]


def main() -> int:
    arguments = argparse.ArgumentParser("python -m tests.versions", description=__doc__)
    arguments.add_argument("names", nargs="*", metavar="PACKAGE-VERSION", help="beginnings of names, as gunicorn-2")
    wanted = tuple(arguments.parse_args().names) or ("",)
    environments, wrong = Environments(KEPT), 0
    os.chdir(APPS)
    for package, version, kinds in rows():
        if f"{package}-{version}".startswith(wanted):
            began = time.monotonic()
            faults = faults_of(package, version, kinds, environments)
            took_s = time.monotonic() - began
            print(f"{package} {version:8}{' '.join(kinds):14}{'' if faults else 'ok':4}{took_s:5.1f} s", flush=True)
            for fault in faults:
                print(f"    {fault}", flush=True)
            wrong += bool(faults)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
