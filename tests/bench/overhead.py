"""What the probe takes from a server: gunicorn's sync worker on hello-world, with the probe and without.

Pairs of runs of wrk in changing order, each on a server of its own: a machine that gets slower meanwhile does so
for both. Server and wrk have a core each: on one core they would be in each other's way, and chance would tell.
It is the worst case, where nothing else is done for a request.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import socket
import statistics
import subprocess
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.bench.figure import Figure, Unmeasured, unmeasured
from wsgiviz.recorder.layout import SUFFIX
from wsgiviz.recorder.rundir import RunDirectory
from wsgiviz.servers.launch import BACKLOG, Launch

PAIRS = 9
SECONDS = 3
WARM_UP = 2000
READY_WITHIN_S = 10.0
BUDGET = 0.98
NAME = "throughput of hello-world with the probe / without"
PROBE = ("--config", "python:wsgiviz.probe.gunicorn_conf")


class Rate(NamedTuple):
    """Requests a second, and the worker's CPU time for each."""

    per_s: float
    cpu_us: float


Pair = tuple[Rate, Rate]
"""With the probe, and without."""


class Running(NamedTuple):
    """A server with one worker."""

    url: str
    master: psutil.Process


def figures() -> Iterable[Figure]:
    budget = f"≥ {BUDGET}"
    wrk = shutil.which("wrk")
    if wrk is None:
        return [unmeasured(NAME, budget, "needs wrk")]
    pairs = [_pair(wrk, with_first=bool(at % 2)) for at in range(PAIRS)]
    return [_throughput(pairs, budget), _cpu(pairs)]


def _throughput(pairs: Sequence[Pair], budget: str) -> Figure:
    ratios = [probed.per_s / bare.per_s for probed, bare in pairs]
    ratio = statistics.median(ratios)
    probed_best, best = (max(rate.per_s for rate in column) for column in zip(*pairs, strict=True))
    note = f"median of {len(pairs)} pairs, {min(ratios):.3f} to {max(ratios):.3f}; "
    note += f"best with {probed_best:,.0f}/s, best without {best:,.0f}/s: {probed_best / best:.3f}"
    return Figure(NAME, ratio, "", budget, ratio >= BUDGET, note)


def _cpu(pairs: Sequence[Pair]) -> Figure:
    """Between the runs that were disturbed least: neighbours on the machine can only make it more."""
    probed_us, bare_us = (min(rate.cpu_us for rate in column) for column in zip(*pairs, strict=True))
    note = f"least of {len(pairs)}: {probed_us:.0f} µs with, {bare_us:.0f} µs without, {probed_us / bare_us - 1:+.1%}"
    return Figure("worker's CPU time that the probe adds to a request", probed_us - bare_us, "µs", "", True, note)


def _pair(wrk: str, with_first: bool) -> Pair:
    found = {probed: _rate(wrk, probed) for probed in (with_first, not with_first)}
    return found[True], found[False]


def _rate(wrk: str, probed: bool) -> Rate:
    with _server(probed) as server:
        for _ in range(WARM_UP):
            with urllib.request.urlopen(server.url, timeout=READY_WITHIN_S) as answer:
                answer.read()
        [worker] = server.master.children()
        before = _cpu_s(worker)
        command = [wrk, "-t1", "-c4", f"-d{SECONDS}s", server.url]
        said = subprocess.check_output(command, text=True, timeout=30, preexec_fn=_on_core(-1))
        spent_s = _cpu_s(worker) - before
    rate, count = re.search(r"Requests/sec:\s*([\d.]+)", said), re.search(r"(\d+) requests in", said)
    if rate is None or count is None or "Non-2xx" in said:
        raise Unmeasured(f"wrk said: {said}")
    return Rate(float(rate[1]), 1e6 * spent_s / int(count[1]))


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


@contextlib.contextmanager
def _server(probed: bool) -> Iterator[Running]:
    place = RunDirectory()
    listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    server = _spawn(place.path, listener.fileno(), probed)
    try:
        yield Running(f"http://127.0.0.1:{listener.getsockname()[1]}/", psutil.Process(server.pid))
        if probed != bool(list(place.path.glob(f"*{SUFFIX}"))):
            raise Unmeasured("the probe was there without being asked for, or the other way round")
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(5)
        server.kill()
        server.wait()
        listener.close()
        place.remove()


def _spawn(place: Path, fd: int, probed: bool) -> subprocess.Popen[bytes]:
    """The command that a session starts, or the same without its configuration module."""
    launch = Launch(
        side="wsgi", app="tests.bench.hello:app", kind="sync", workers=1, threads=1, timeout_s=0,
        host="127.0.0.1", rundir=place, env={},
    )  # fmt: skip
    command = [word for word in launch.command(fd) if probed or word not in PROBE]
    env = {key: value for key, value in os.environ.items() if key != "GUNICORN_CMD_ARGS"}
    env |= {"WSGIVIZ_RUN_DIR": str(place), "WSGIVIZ_SIDE": "wsgi", "PYTHONHASHSEED": "0"}
    with (place / "log").open("ab") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, pass_fds=(fd,), process_group=0,
            preexec_fn=_on_core(0),
        )  # fmt: skip


def _on_core(at: int) -> Callable[[], None] | None:
    """Binds a child to one of this process's cores; None where the platform can't."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    return functools.partial(os.sched_setaffinity, 0, {sorted(os.sched_getaffinity(0))[at]})
