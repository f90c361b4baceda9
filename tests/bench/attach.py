"""``python -m tests.bench.attach [--times N] [--full] [KIND ...]``: viewers come and go while wrk drives a server.

The server is a person's own, under ``wsgiviz exec``. One viewer is attached from before wrk's first request to after
its last, and records. Beside it others attach and leave again, each second one by SIGKILL. No request may fail, no
process of the server may be another than before, and what was recorded has to agree with wrk: its count, and those
requests, one for each connection at most, that were in progress when it stopped counting.

The app waits for 20 ms, so that the viewers get their share of the CPU. With ``--full`` it does not; the figures have
to agree all the same, though a viewer may then be too slow to read all events: how many it has lost is printed.

Not one of the benchmarks that `tests.bench` runs: it takes a minute for each kind. Exit status 1 when something was
wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.bench.figure import Unmeasured
from tests.bench.terminal import Terminal
from wsgiviz.analysis.attached import served
from wsgiviz.log import open_recording
from wsgiviz.recorder import served as place
from wsgiviz.state import State

BIN = Path(sys.executable).parent
WITHIN_S = 60.0
CONNECTIONS = 8
WORKERS = 2
OWN_REQUESTS = 1
VISIT_S = 0.3
SETTLED_S = 3.5
"""So long after the last answer a viewer knows of each request that it is over (`wsgiviz.probe.over`)."""

COLUMNS, LINES = 100, 30
SEEN = b"served"
"""The row that says how many; it is on the screen once the server's side is."""

GUNICORN = f"gunicorn -w {WORKERS} -b 127.0.0.1:{{port}}"
KINDS = {
    "sync": f"{GUNICORN} -k sync tests.bench.hello:{{pace}}app",
    "gthread": f"{GUNICORN} -k gthread --threads 4 tests.bench.hello:{{pace}}app",
    "asgi": f"{GUNICORN} -k asgi tests.bench.hello:{{pace}}asgi_app",
    "uvicorn": f"uvicorn --port {{port}} --workers {WORKERS} --no-access-log tests.bench.hello:{{pace}}asgi_app",
}


class Compared(NamedTuple):
    """What wrk has counted, and what the viewer that was always there has recorded, without our own requests."""

    sent: int
    served: int
    in_app: int
    lost: int
    failed: tuple[str, ...]
    """wrk's lines on what failed."""

    workers_changed: bool
    visits: int
    seconds: float

    def problems(self) -> Iterator[str]:
        yield from self.failed
        if self.workers_changed:
            yield "the server has other processes than before"
        if self.in_app:
            yield f"{self.in_app} requests are said to be in progress at the end"
        if not self.sent <= self.served <= self.sent + CONNECTIONS:
            yield f"wrk has counted {self.sent}, and the viewer {self.served}"


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.bench.attach", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)} (default: all)")
    parser.add_argument("--times", type=int, default=20, help="how often a viewer leaves each way (default: 20)")
    parser.add_argument("--full", action="store_true", help="the app does not wait")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    wrong = 0
    for kind in arguments.kinds or KINDS:
        found = compare(kind, arguments.times, arguments.full)
        problems = list(found.problems())
        wrong += len(problems)
        rate = found.sent / found.seconds
        counts = f"wrk {found.sent} ({rate:.0f}/s), viewer {found.served}, {found.lost} events lost"
        print(f"{kind}: {found.visits} visits, {counts}, {len(problems)} problems", flush=True)
        for problem in problems:
            print(f"  {problem}", flush=True)
    return 1 if wrong else 0


def compare(kind: str, times: int, full: bool = False) -> Compared:
    """Drive a server of this ``kind`` until viewers have come and gone so often. Raises Unmeasured without wrk."""
    line = KINDS[kind].replace("{pace}", "" if full else "waiting_")
    wrk = shutil.which("wrk")
    if wrk is None:
        raise Unmeasured("needs wrk")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        env = {place.HOME_VARIABLE: str(folder / "home")}
        server, url = stack.enter_context(_server(line, folder, env))
        recording = folder / "r.wviz"
        with _viewer(server, env, "--record", str(recording)) as always, _reading(always):
            before, began = _processes(server), time.monotonic()
            with _wrk(wrk, url) as client:
                try:
                    for _ in range(times):
                        _visit(server, env, kill=False)
                        _visit(server, env, kill=True)
                finally:
                    client.send_signal(signal.SIGINT)  # it then says what it has counted
                seconds = time.monotonic() - began
                said, _ = client.communicate(timeout=WITHIN_S)
            time.sleep(SETTLED_S)
            changed = _processes(server) != before
        state = _last(recording)
    [side] = state.sides.values()
    count = re.search(r"(\d+) requests in", said)
    return Compared(
        sent=int(count[1]) if count else 0,
        served=served(side) - OWN_REQUESTS,
        in_app=side.run.in_app,
        lost=state.lost,
        failed=tuple(line.strip() for line in said.splitlines() if "Non-2xx" in line or "Socket errors" in line),
        workers_changed=changed,
        visits=2 * times,
        seconds=seconds,
    )


def _wrk(program: str, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen([program, "-t1", f"-c{CONNECTIONS}", "-d1h", url], stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def _server(line: str, folder: Path, env: dict[str, str]) -> Iterator[tuple[psutil.Process, str]]:
    """One that has served OWN_REQUESTS, all its workers running, and its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [str(BIN / "wsgiviz"), "exec", *line.format(port=port).split()]
    env = {**os.environ, **env, "PATH": f"{BIN}:{os.environ['PATH']}"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _until(lambda: len(list(folder.glob("home/*/*-worker-*.ring"))) == WORKERS, "its workers")
        url = f"http://127.0.0.1:{port}/"
        _until(lambda: _answers(url), "its first answer")
        yield psutil.Process(process.pid), url
    finally:
        process.terminate()
        try:
            process.wait(WITHIN_S)
        finally:
            process.kill()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=WITHIN_S).close()
    except OSError:
        return False
    return True


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        if time.monotonic() > deadline:
            raise Unmeasured(f"never came: {what}")
        time.sleep(0.02)


def _processes(server: psutil.Process) -> set[psutil.Process]:
    """A process that is another's successor is another, also with its pid."""
    return {server, *server.children(recursive=True)}


@contextlib.contextmanager
def _viewer(server: psutil.Process, env: Mapping[str, str], *options: str) -> Iterator[Terminal]:
    with Terminal("attach", *options, str(server.pid), columns=COLUMNS, lines=LINES, env=env) as terminal:
        terminal.until(lambda piece: SEEN in piece.data, WITHIN_S, "the server")
        yield terminal


def _visit(server: psutil.Process, env: Mapping[str, str], kill: bool) -> None:
    with _viewer(server, env) as visitor:
        visitor.during(VISIT_S)
        if kill:
            visitor.process.kill()
        else:
            visitor.press("q")
        visitor.until_ended()
        if not kill and visitor.process.returncode:
            raise Unmeasured(f"a viewer ended with status {visitor.process.returncode}")


@contextlib.contextmanager
def _reading(terminal: Terminal) -> Iterator[None]:
    """Take in, in a thread, what it writes; a program whose terminal is full waits."""
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            terminal.during(0.1)
            terminal.pieces.clear()

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _last(recording: Path) -> State:
    with open_recording(recording) as opened:
        *_, last = opened.snapshots()
        if opened.damage:
            raise Unmeasured(f"the recording is damaged: {opened.damage}")
    return last.state


if __name__ == "__main__":
    sys.exit(main())
