"""How long ``wsgiviz dump`` takes: the whole command, of gunicorn with 32 workers under ``wsgiviz exec``.

First the black boxes are filled: wrk drives hello-world until the workers' rings hold as much as they can, or for
FILL_S seconds. Then dumps are taken one after the other, each a process of its own: in seconds, and in CPU time of
that process, which tells more where other things run beside it. The last are of the same server from outside, as if
it had no probe.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.bench.figure import Figure, Unmeasured
from wsgiviz.recorder import served
from wsgiviz.recorder.layout import CAPACITY, SUFFIX

KINDS = ("sync", "gthread", "asgi")
WORKERS = 32
DUMPS = int(os.environ.get("WSGIVIZ_BENCH_DUMPS", "5"))
FILL_S = int(os.environ.get("WSGIVIZ_BENCH_FILL_S", "40"))
BUDGET_S = 2.0
READY_WITHIN_S = 60.0
LOOKS_BACK = re.compile(r"(\d+) requests in")
APPS = {"asgi": "tests.bench.hello:asgi_app"}


class Dump(NamedTuple):
    """One command: how long it took, and the CPU time that it used (seconds)."""

    whole_s: float
    cpu_s: float


def figures() -> Iterable[Figure]:
    if shutil.which("wrk") is None:
        raise Unmeasured("needs wrk")
    for kind in KINDS:
        with _server(kind) as (server, home, url):
            served_ = _fill(url)
            note = f"{served_:,} requests served; the rings hold {_held(home):,} records of {WORKERS * CAPACITY:,}"
            yield _figure(f"dump: {WORKERS} {kind} workers, black box full", _dumps(server.pid, home), note)
            if kind == KINDS[0]:
                with tempfile.TemporaryDirectory() as nothing:
                    dumps = _dumps(server.pid, Path(nothing))
                yield _figure(f"dump: {WORKERS} {kind} workers, from outside", dumps, "with py-spy, if it is there")


def _figure(name: str, dumps: list[Dump], note: str) -> Figure:
    whole_s, cpu_s = (statistics.median(column) for column in zip(*dumps, strict=True))
    slowest_s = max(one.whole_s for one in dumps)
    words = f"median of {len(dumps)}, slowest {slowest_s:.2f} s, CPU {cpu_s:.2f} s; {note}"
    return Figure(name, whole_s, "s", f"≤ {BUDGET_S:g} s", whole_s <= BUDGET_S, words)


def _dumps(pid: int, home: Path) -> list[Dump]:
    return [_dump(pid, home) for _ in range(DUMPS)]


def _dump(pid: int, home: Path) -> Dump:
    before, began_s = _cpu_s(), time.monotonic()
    command = [sys.executable, "-m", "wsgiviz", "dump", str(pid), "--ascii"]
    done = subprocess.run(command, env=_env(home), capture_output=True, text=True, check=False)
    whole_s = time.monotonic() - began_s
    if not re.search(rf": {WORKERS} (\w+ )?workers, up", done.stdout):
        raise Unmeasured(f"the dump says: {(done.stdout + done.stderr)[:200]!r}")
    return Dump(whole_s, _cpu_s() - before)


def _cpu_s() -> float:
    """Of all children that have ended: of the dumps."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _env(home: Path) -> Mapping[str, str]:
    env = {key: value for key, value in os.environ.items() if key != "GUNICORN_CMD_ARGS"}
    return env | {served.HOME_VARIABLE: str(home)}


def _fill(url: str) -> int:
    command = ["wrk", "-t1", "-c64", f"-d{FILL_S}s", url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = LOOKS_BACK.search(said)
    return int(found[1]) if found else 0


def _held(home: Path) -> int:
    """Records that the rings hold, by their sequences."""
    held = 0
    for ring in home.glob(f"*/*-worker-*{SUFFIX}"):
        raw = ring.read_bytes()[4096:]
        held += sum(raw[at : at + 8] != bytes(8) for at in range(0, len(raw), 128))
    return held


@contextlib.contextmanager
def _server(kind: str) -> Iterator[tuple[subprocess.Popen[bytes], Path, str]]:
    with contextlib.ExitStack() as stack:
        home = Path(tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=2048))
        command = [
            sys.executable, "-m", "wsgiviz", "exec", "--", sys.executable, "-m", "gunicorn", "--worker-class", kind,
            "--workers", str(WORKERS), "--bind", f"fd://{listener.fileno()}", "--worker-tmp-dir", str(home),
            "--threads", "4" if kind == "gthread" else "1", "--no-control-socket",
            APPS.get(kind, "tests.bench.hello:app"),
        ]  # fmt: skip
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=_env(home), pass_fds=(listener.fileno(),), process_group=0,
        )  # fmt: skip
        stack.callback(_end, server)
        _until_ready(server)
        yield server, home, f"http://127.0.0.1:{listener.getsockname()[1]}/"


def _until_ready(server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until:
        if len(psutil.Process(server.pid).children()) == WORKERS:
            return
        time.sleep(0.1)
    raise Unmeasured("the server has not started its workers")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    process.kill()
    process.wait()
