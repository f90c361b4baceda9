"""The driver against the plainest client there is: a burst of 500 on an app that awaits one second.

Both against the same server, in pairs of changing order, each client in a process of its own.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator

from tests.bench import runs
from tests.bench.figure import Figure, Unmeasured
from wsgiviz.analysis.metrics import makespan_ns

REQUESTS = 500
SECONDS = 1.0
PAIRS = 5
BUDGET = 1.05


def figures() -> Iterator[Figure]:
    pairs: list[tuple[float, float]] = []
    settings = {"scenario": "sleep", "parameters": {"seconds": SECONDS}, "only": "asgi", "requests": REQUESTS}
    with runs.session(**settings) as opened:
        _driver(opened)  # the first burst also warms the server
        for at in range(PAIRS):
            order = (_driver, _raw) if at % 2 else (_raw, _driver)
            found = {client: client(opened) for client in order}
            pairs.append((found[_driver], found[_raw]))
    ratios = [driver / raw for driver, raw in pairs]
    ratio = statistics.median(ratios)
    driver_s, raw_s = (statistics.median(column) for column in zip(*pairs, strict=True))
    note = f"median of {PAIRS} pairs, {min(ratios):.3f} to {max(ratios):.3f}; {driver_s:.3f} s and {raw_s:.3f} s"
    name = f"burst of {REQUESTS} on a {SECONDS:g} s await: driver's makespan / a raw client's"
    yield Figure(name, ratio, "", f"≤ {BUDGET:.2f}", ratio <= BUDGET, note)


def _driver(opened: runs.Session) -> float:
    return makespan_ns(opened.run().sides["asgi"]) / 1e9


def _raw(opened: runs.Session) -> float:
    command = [sys.executable, "-m", "tests.bench.raw_client", opened.url("asgi"), str(REQUESTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        opened.pump_until(lambda: client.poll() is not None, "the raw client")
        said = client.stdout.read() if client.stdout else ""
    if client.returncode:
        raise Unmeasured(f"the raw client ended with status {client.returncode}")
    return float(said)
