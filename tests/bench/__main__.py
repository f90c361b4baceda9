"""``python -m tests.bench [NAME ...] [--json FILE]``: measures the budgets, and prints each figure beside its own.

The exit status is 0 whenever everything was measured: a missed budget is shown, and is no failure.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.figure import Figure, Unmeasured, unmeasured
from wsgiviz.errors import WsgivizError

NAMES = (
    "reducer",
    "frames",
    "makespan",
    "load",
    "replay",
    "startup",
    "screen",
    "viewer",
    "overhead",
    "production",
    "dump",
    "week",
)
"""One module each; the longest are last."""


def main() -> int:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    found: list[Figure] = []
    for name in arguments.names or NAMES:
        found += _measure(name)
    Console(width=None if sys.stdout.isatty() else 140).print(table(found))
    if arguments.json:
        figures = [asdict(figure) | {"value": _finite(figure.value)} for figure in found]
        Path(arguments.json).write_text(json.dumps({"cores": os.cpu_count(), "figures": figures}, indent=1) + "\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in NAMES:
            parser.error(f"there is no benchmark {name!r}; there are {', '.join(NAMES)}")
    return arguments


def _measure(name: str) -> list[Figure]:
    """The figures of one module, told on stderr as they come. What can't be measured is a figure that says so."""
    print(f"{name} ...", file=sys.stderr, flush=True)
    began = time.monotonic()
    found = []
    try:
        for figure in importlib.import_module(f"tests.bench.{name}").figures():
            found.append(figure)
            print(f"  {figure.name}: {shown(figure)}", file=sys.stderr, flush=True)
    except (Unmeasured, WsgivizError, OSError, subprocess.SubprocessError) as error:
        found.append(unmeasured(name, "", error))
        print(f"  n/a: {error}", file=sys.stderr, flush=True)
    print(f"  ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    return found


def table(figures: Iterable[Figure]) -> Table:
    columns = Table(title=f"wsgiviz on {os.cpu_count()} cores", title_justify="left")
    columns.add_column("figure", ratio=5)
    columns.add_column("measured", justify="right", no_wrap=True)
    columns.add_column("budget", no_wrap=True)
    columns.add_column("met", no_wrap=True)
    columns.add_column("note", ratio=6, style="dim")
    for figure in figures:
        told = figure.budget and math.isfinite(figure.value)
        met = ("[green]yes" if figure.met else "[bold red]NO") if told else ""
        columns.add_row(figure.name, shown(figure), figure.budget, met, figure.note)
    return columns


def shown(figure: Figure) -> str:
    """The value as a person reads it: three significant digits or so."""
    value = figure.value
    if not math.isfinite(value):
        return "n/a"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 3
    return f"{value:,.{digits}f} {figure.unit}".rstrip()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


if __name__ == "__main__":
    sys.exit(main())
