"""``python -m tests.bench.week_probe DIRECTORY REQUESTS``: a worker's probe, driven as fast as it goes.

What gunicorn's sync worker does with a connection is done here without one, so that a week's requests take a minute.
Paths, status lines and exceptions are as different as they are in production. It begins when a line comes on stdin,
and prints what the process takes in memory from time to time, then how many records it has written, and the numbers
of its first and its last request.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from time import monotonic_ns
from typing import Any

from wsgiviz.probe.connection import Connection
from wsgiviz.probe.line_sampler import LineEmitter, LineSampler
from wsgiviz.probe.request_ids import RequestIds
from wsgiviz.probe.slot_sampler import SlotSampler
from wsgiviz.probe.source_lines import SourceLines
from wsgiviz.probe.wsgi import wrap_app
from wsgiviz.recorder.emitter import create_emitter

SAMPLES = 40
PATHS, STATUSES, FAILS_EVERY = 100_003, 700, 1_009


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    number = environ["week.number"]
    if number % FAILS_EVERY == 0:
        raise ValueError(number)
    start_response(f"{200 + number % STATUSES} Some", [])
    return [b"a"] if number % 2 else iter([b"a", b"b"])


def resident() -> int:
    """Bytes of this process that are in memory, its ring with them."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    emit = create_emitter(sys.argv[1], "wsgi", "worker")
    connection = Connection(emit, RequestIds(os.getpid()))
    lines = LineEmitter(emit, SourceLines(__name__))
    LineSampler(emit, [SlotSampler(emit, lines, {threading.get_ident(): connection}).sample]).start()
    emit.worker_booting(1, threading.get_native_id(), 1, b"sync")
    emit.worker_ready()
    sys.stdin.readline()
    requests = int(sys.argv[2])
    drive(wrap_app(app, connection), connection, requests)
    print("WRITTEN", emit.written(), flush=True)
    sys.stdin.readline()  # until all is read: a reader lets a dead one's ring go


def drive(call: Any, connection: Connection, requests: int) -> None:
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET"}
    first = 0
    for number in range(1, requests + 1):
        environ["PATH_INFO"], environ["week.number"] = f"/{number % PATHS}", number
        connection.accepted_ns = connection.taken_ns = monotonic_ns()
        try:
            for _ in call(environ, lambda *_: None):
                pass
        except ValueError:
            pass
        last = connection.req
        first = first or last
        connection.release()
        if number % max(1, requests // SAMPLES) == 0:
            print("MEMORY", resident(), flush=True)
    print("NUMBERS", first, last, flush=True)


if __name__ == "__main__":
    main()
