"""What the probe takes from a server of a person's own, under ``wsgiviz exec``, with and without a viewer.

As in `tests.bench.overhead`: servers with one worker each on the same core, which take turns in slices of a second,
there and back, and are started anew for each pair of figures. Here each is hello-world on gunicorn's sync, gthread
and asgi worker: alone; under ``wsgiviz exec`` with no viewer attached; with a reader that does what ``attach`` does;
with gunicorn's access log; with OpenTelemetry's middleware (WSGI only).

On a machine of two cores, client and reader share one: requests in a second then tell of the reader as well, CPU time
of the worker does not.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.bench.figure import Figure, Unmeasured, unmeasured
from tests.bench.overhead import (
    RATIO_BUDGET,
    READY_WITHIN_S,
    THROUGHPUT_BUDGET,
    WARM_UP_S,
    Running,
    Slice,
    load,
    measured_slice,
    on_core,
    together,
)
from wsgiviz.recorder import served

KINDS = ("sync", "gthread", "asgi")
STARTS = int(os.environ.get("WSGIVIZ_BENCH_STARTS", "6"))
ROUNDS = 2

ALONE, UNATTACHED, ATTACHED = "gunicorn alone", "exec, no viewer", "exec, attached"
LOG, TRACED = "access log", "OpenTelemetry"
BUSY_FROM = 0.5
"""Where the worker is not even so busy, how many requests it gets is not its doing."""

APPS = {"asgi": "tests.bench.hello:asgi_app"}


class Measured(NamedTuple):
    """Of one server between two starts: what it served, and the worker's memory in bytes."""

    served: Slice
    rss: int
    pss: int


Start = Mapping[str, Measured]


def figures() -> Iterable[Figure]:
    for kind in KINDS:
        starts = [_start(kind) for _ in range(STARTS)]
        yield from _of_kind(kind, starts)


# --- figures


def _of_kind(kind: str, starts: Sequence[Start]) -> Iterator[Figure]:
    alone_us = statistics.median(start[ALONE].served.cpu_us for start in starts)
    for name in (UNATTACHED, ATTACHED, LOG, TRACED):
        if name in starts[0]:
            added = [start[name].served.cpu_us - start[ALONE].served.cpu_us for start in starts]
            pairs = f"{min(added):.1f} to {max(added):.1f} in {len(starts)} pairs"
            note = f"{pairs}; a request without takes {alone_us:.0f} µs"
            yield Figure(f"{kind}: CPU added to a request: {name}", statistics.median(added), "µs", "", True, note)
    yield _less(kind, starts)
    for name in (UNATTACHED, ATTACHED):
        yield _share_of_log(kind, name, starts)
    for name in (UNATTACHED, ATTACHED):
        yield _throughput(kind, name, starts)
    for field in ("rss", "pss"):
        yield _memory(kind, field, starts)


def _paired(starts: Sequence[Start], of: Callable[[Start], float]) -> tuple[float, str]:
    found = [of(start) for start in starts]
    return statistics.median(found), f"median of {len(found)} pairs, {min(found):.3f} to {max(found):.3f}"


def _less(kind: str, starts: Sequence[Start]) -> Figure:
    value, note = _paired(starts, lambda start: start[UNATTACHED].served.cpu_us / start[ATTACHED].served.cpu_us)
    return Figure(f"{kind}: CPU of a request, no viewer / attached", value, "", "≤ 1", value <= 1, note)


def _share_of_log(kind: str, name: str, starts: Sequence[Start]) -> Figure:
    """Of medians: what is added in one pair may be less than nothing."""
    probe_us, log_us = (
        statistics.median(start[of].served.cpu_us - start[ALONE].served.cpu_us for start in starts)
        for of in (name, LOG)
    )
    title, budget = f"{kind}: CPU added, {name} / access log", f"≤ {RATIO_BUDGET}"
    if log_us <= 0:
        return unmeasured(title, budget, "the access log added nothing that could be measured")
    ratio = probe_us / log_us
    return Figure(title, ratio, "", budget, ratio <= RATIO_BUDGET, f"{probe_us:.1f} µs and {log_us:.1f} µs")


def _throughput(kind: str, name: str, starts: Sequence[Start]) -> Figure:
    title, budget = f"{kind}: throughput, {name} / alone", f"≥ {THROUGHPUT_BUDGET}"
    if shutil.which("wrk") is None:
        return unmeasured(title, budget, "needs wrk: our own client is slower than the server")
    busy = statistics.median(start[ALONE].served.cpu_s / start[ALONE].served.seconds for start in starts)
    if busy < BUSY_FROM:
        return unmeasured(title, budget, f"the worker is busy for {busy:.0%} of the time: it is not what limits")
    ratio, note = _paired(starts, lambda start: start[name].served.per_s / start[ALONE].served.per_s)
    return Figure(title, ratio, "", budget, ratio >= THROUGHPUT_BUDGET, note)


def _memory(kind: str, field: str, starts: Sequence[Start]) -> Figure:
    """Of a worker: with what the probe's modules, its ring (1 MiB, shared) and its thread take."""
    added = [(getattr(start[UNATTACHED], field) - getattr(start[ALONE], field)) / 2**20 for start in starts]
    alone = statistics.median(getattr(start[ALONE], field) for start in starts) / 2**20
    note = f"{min(added):.1f} to {max(added):.1f} in {len(added)} pairs; without {alone:.1f} MiB"
    title = f"{kind}: memory that the probe adds to a worker ({field.upper()})"
    return Figure(title, statistics.median(added), "MiB", "", True, note)


# --- measuring


def _start(kind: str) -> Start:
    names = [ALONE, UNATTACHED, ATTACHED, LOG]
    if kind != "asgi" and importlib.util.find_spec("opentelemetry"):
        names.append(TRACED)
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(_server(kind, name)) for name in names}
        slices: dict[str, list[Slice]] = {name: [] for name in names}
        for at in range(ROUNDS):
            order = names[at % len(names) :] + names[: at % len(names)]
            for name in (*order, *reversed(order)):
                slices[name].append(measured_slice(servers[name]))
        memory = {name: server.worker.memory_full_info() for name, server in servers.items()}
    return {name: Measured(together(slices[name]), memory[name].rss, memory[name].pss) for name in names}


@contextlib.contextmanager
def _server(kind: str, name: str) -> Iterator[Running]:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        home = Path(tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else folder))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=2048))
        server = _spawn(kind, name, listener.fileno(), Path(folder), home)
        stack.callback(_end, server)
        worker = _worker(server)
        if name == ATTACHED:
            [directory] = [path for path in home.iterdir() if path.is_dir()]
            command = [sys.executable, "-m", "tests.bench.looks", str(directory)]
            stack.callback(_end, subprocess.Popen(command, preexec_fn=on_core(-1)))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        load(url, WARM_UP_S)
        if (name in (UNATTACHED, ATTACHED)) != bool(list(home.glob("*/*-worker-*.ring"))):
            raise Unmeasured("the probe was there without being asked for, or the other way round")
        yield Running(url, worker)


def _spawn(kind: str, name: str, fd: int, folder: Path, home: Path) -> subprocess.Popen[bytes]:
    added = {LOG: ["--access-logfile", str(folder / "access.log")]}
    exec_ = [sys.executable, "-m", "wsgiviz", "exec", "--"] if name in (UNATTACHED, ATTACHED) else []
    app = "tests.bench.hello_traced:app" if name == TRACED else APPS.get(kind, "tests.bench.hello:app")
    command = [
        *exec_, sys.executable, "-m", "gunicorn", "--worker-class", kind, "--workers", "1", "--bind", f"fd://{fd}",
        "--threads", "4" if kind == "gthread" else "1", "--worker-tmp-dir", str(home), "--no-control-socket",
        *added.get(name, []), app,
    ]  # fmt: skip
    env = {key: value for key, value in os.environ.items() if key != "GUNICORN_CMD_ARGS"}
    env |= {served.HOME_VARIABLE: str(home), "PYTHONHASHSEED": "0"}
    with (folder / "server.log").open("ab") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, pass_fds=(fd,), process_group=0,
            preexec_fn=on_core(0),
        )  # fmt: skip


def _worker(server: subprocess.Popen[bytes]) -> psutil.Process:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until:
        children = psutil.Process(server.pid).children()
        if len(children) == 1:
            return children[0]
        time.sleep(0.05)
    raise Unmeasured("the server has not started a worker")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    process.kill()
    process.wait()
