"""What the probe takes from a server: gunicorn's sync worker on hello-world, beside what people accept today.

Four servers, each with one worker on the same core: gunicorn alone, with the probe, with its own access log (into a
file), and with OpenTelemetry's WSGI middleware (a batch processor whose exporter throws the spans away). The client
has a core of its own. They take turns in slices of a second, there and back, so that a machine that gets slower does
so for all; then all are started anew, since one process is laid out in memory better than another. Each start gives
one pair of figures for each server: its own, and gunicorn's alone. Medians are over these pairs. It is the worst
case, where nothing else is done for a request.

CPU time is that of the whole worker process, with the sampler's thread (psutil). Where wrk is missing, a client of
our own sends one request after the other: CPU is measured all the same, throughput is not.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import psutil

from tests.bench.figure import Figure, Unmeasured, unmeasured
from wsgiviz.recorder.layout import SUFFIX
from wsgiviz.recorder.rundir import RunDirectory

STARTS = 8
ROUNDS = 2
"""Each of them a slice for each server in one order, and one in the other."""

SLICE_S = 1
WARM_UP_S = 2
READY_WITHIN_S = 15.0

BARE, PROBE, LOG, TRACED = "gunicorn alone", "probe", "access log", "OpenTelemetry"

RATIO_NAME = "CPU that the probe adds to a hello-world request / what gunicorn's access log adds"
RATIO_BUDGET = 0.33
THROUGHPUT_NAME = "throughput of hello-world with the probe / without"
THROUGHPUT_BUDGET = 0.95


class Slice(NamedTuple):
    """So many requests in so many seconds, and the worker's CPU time for them."""

    requests: int
    seconds: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_us(self) -> float:
        """For each request."""
        return 1e6 * self.cpu_s / self.requests


Start = Mapping[str, Slice]
"""What was measured of each server between one start and the next."""


class Running(NamedTuple):
    """A server with one worker."""

    url: str
    worker: psutil.Process


def figures() -> Iterable[Figure]:
    starts = [_start() for _ in range(STARTS)]
    yield _ratio(starts)
    yield _throughput(starts)
    for name in (PROBE, LOG, TRACED):
        yield _added(name, starts)


# --- figures


def _ratio(starts: Sequence[Start]) -> Figure:
    probe_us, log_us = (statistics.median(_pairs(name, starts)) for name in (PROBE, LOG))
    ratio = probe_us / log_us
    note = f"{probe_us:.1f} µs and {log_us:.1f} µs, medians of {len(starts)} pairs each"
    return Figure(RATIO_NAME, ratio, "", f"≤ {RATIO_BUDGET}", ratio <= RATIO_BUDGET, note)


def _throughput(starts: Sequence[Start]) -> Figure:
    budget = f"≥ {THROUGHPUT_BUDGET}"
    if shutil.which("wrk") is None:
        return unmeasured(THROUGHPUT_NAME, budget, "needs wrk: our own client is slower than the server")
    ratios = [start[PROBE].per_s / start[BARE].per_s for start in starts]
    ratio = statistics.median(ratios)
    bare = statistics.median(start[BARE].per_s for start in starts)
    note = f"median of {len(starts)} pairs, {min(ratios):.3f} to {max(ratios):.3f}; without {bare:,.0f}/s"
    return Figure(THROUGHPUT_NAME, ratio, "", budget, ratio >= THROUGHPUT_BUDGET, note)


def _added(name: str, starts: Sequence[Start]) -> Figure:
    title = f"CPU of the worker that is added to a request: {name}"
    if name not in starts[0]:
        return unmeasured(title, "", "opentelemetry-instrumentation-wsgi is not installed")
    added = _pairs(name, starts)
    bare_us = statistics.median(start[BARE].cpu_us for start in starts)
    low, _, high = statistics.quantiles(added)
    note = f"middle half of {len(starts)} pairs: {low:.1f} to {high:.1f}; a request without takes {bare_us:.0f} µs"
    return Figure(title, statistics.median(added), "µs", "", True, note)


def _pairs(name: str, starts: Sequence[Start]) -> list[float]:
    """What was added in each start, in microseconds for each request."""
    return [start[name].cpu_us - start[BARE].cpu_us for start in starts]


# --- measuring


def _start() -> Start:
    """Start all servers, give each its slices, and end them."""
    names = [BARE, PROBE, LOG]
    if importlib.util.find_spec("opentelemetry") and importlib.util.find_spec("opentelemetry.instrumentation.wsgi"):
        names.append(TRACED)
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(_server(name)) for name in names}
        slices: dict[str, list[Slice]] = {name: [] for name in names}
        for at in range(ROUNDS):
            order = names[at % len(names) :] + names[: at % len(names)]
            for name in (*order, *reversed(order)):
                slices[name].append(measured_slice(servers[name]))
    return {name: together(found) for name, found in slices.items()}


def measured_slice(server: Running) -> Slice:
    before_s, began = cpu_s(server.worker), time.monotonic()
    count = load(server.url, SLICE_S)
    return Slice(count, time.monotonic() - began, cpu_s(server.worker) - before_s)


def together(slices: Sequence[Slice]) -> Slice:
    return Slice(*map(sum, zip(*slices, strict=True)))


def load(url: str, seconds: int) -> int:
    """Send requests for so long, from the last core; how many were answered."""
    wrk = shutil.which("wrk")
    command = [wrk, "-t1", "-c4", f"-d{seconds}s", url] if wrk else [
        sys.executable, "-m", "tests.bench.one_by_one", url, str(seconds),
    ]  # fmt: skip
    output = subprocess.check_output(command, text=True, timeout=30 + seconds, preexec_fn=on_core(-1))
    count = re.search(r"(\d+) requests in", output)
    if count is None or not int(count[1]) or "Non-2xx" in output or "Socket errors" in output:
        raise Unmeasured(f"the client said: {output}")
    return int(count[1])


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


# --- servers


@contextlib.contextmanager
def _server(name: str) -> Iterator[Running]:
    place = RunDirectory()
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    server = _spawn(place, listener.fileno(), name)
    try:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        load(url, WARM_UP_S)  # the server has its worker by then
        [worker] = psutil.Process(server.pid).children()
        if (name == PROBE) != bool(list(place.path.glob(f"*{SUFFIX}"))):
            raise Unmeasured("the probe was there without being asked for, or the other way round")
        yield Running(url, worker)
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(5)
        server.kill()
        server.wait()
        listener.close()
        place.remove()


def _spawn(place: RunDirectory, fd: int, name: str) -> subprocess.Popen[bytes]:
    """gunicorn as a session starts it, with what ``name`` adds."""
    added = {
        PROBE: ["--config", "python:wsgiviz.probe.gunicorn_conf"],
        LOG: ["--access-logfile", str(place.logs / "access.log")],
    }
    app = "tests.bench.hello_traced:app" if name == TRACED else "tests.bench.hello:app"
    command = [
        sys.executable, "-m", "gunicorn", "--worker-class", "sync", "--workers", "1", "--bind", f"fd://{fd}",
        "--worker-tmp-dir", str(place.path), "--no-control-socket", *added.get(name, []), app,
    ]  # fmt: skip
    env = {key: value for key, value in os.environ.items() if key != "GUNICORN_CMD_ARGS"}
    env |= {"WSGIVIZ_RUN_DIR": str(place.path), "WSGIVIZ_SIDE": "wsgi", "PYTHONHASHSEED": "0"}
    with (place.logs / "server.log").open("ab") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, pass_fds=(fd,), process_group=0,
            preexec_fn=on_core(0),
        )  # fmt: skip


def on_core(at: int) -> Callable[[], None] | None:
    """Binds a child to one of this process's cores; None where the platform can't."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    return functools.partial(os.sched_setaffinity, 0, {sorted(os.sched_getaffinity(0))[at]})
