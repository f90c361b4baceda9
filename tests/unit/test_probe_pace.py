"""With no viewer attached less is recorded; a viewer that attaches is told what is going on."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tests.unit.histories import BOOTED, OPENED, reduced
from tests.unit.probed import PID, Recorded, WsgiServer, plain
from tests.unit.test_probe_asgi import HTTP, Server, answer
from wsgiviz.events import (
    CallsCounted,
    ChunkWriting,
    Event,
    LineSeen,
    LoopBeat,
    RequestBegan,
    RequestEnded,
    RequestPeer,
    SlotThread,
    StepBegan,
    StepEnded,
)
from wsgiviz.probe.asgi import AsgiProbe
from wsgiviz.probe.line_sampler import AGAIN_AFTER, LineEmitter, LineSampler
from wsgiviz.probe.loop import LoopHeartbeat
from wsgiviz.probe.loop_request import LoopRequest
from wsgiviz.probe.loop_sampler import LoopSampler
from wsgiviz.probe.pace import QUIET_EVERY_S, pace_of
from wsgiviz.probe.pool_call import ThreadCall
from wsgiviz.probe.request_ids import RequestIds
from wsgiviz.probe.slot_sampler import SlotSampler
from wsgiviz.probe.source_lines import SourceLines
from wsgiviz.probe.thread_pools import ANYIO, Pool, limiter_usage
from wsgiviz.recorder import served
from wsgiviz.state import State, Task

SECRET = "hunter2"


class Guest:
    """A served directory that a test looks at, or not, and the pace of a server in it."""

    def __init__(self, directory: Path, always: bool = False) -> None:
        self.directory = directory
        (directory / served.WATCHED).touch()
        self.leave()
        environ = {"WSGIVIZ_GUEST": "1", "WSGIVIZ_RUN_DIR": str(directory), "WSGIVIZ_ALWAYS": str(int(always))}
        self.pace = pace_of(environ)

    def leave(self) -> None:
        """Long ago somebody looked for the last time."""
        os.utime(self.directory / served.WATCHED, ns=(0, 0))


def test_servers_of_our_own_are_always_recorded_in_full() -> None:
    pace = pace_of({})
    assert pace.full
    assert not pace.begins()
    assert not pace.is_guest


def test_a_guest_is_recorded_in_full_while_somebody_looks(tmp_path: Path) -> None:
    guest = Guest(tmp_path)
    assert not guest.pace.begins()
    assert not guest.pace.full
    served.watch(tmp_path)
    assert guest.pace.begins()
    assert guest.pace.full
    assert not guest.pace.begins()
    guest.leave()
    assert not guest.pace.begins()
    assert not guest.pace.full


def test_each_viewer_that_comes_begins_to_look(tmp_path: Path) -> None:
    guest = Guest(tmp_path)
    served.watch(tmp_path, begins=True)
    assert guest.pace.begins()
    served.watch(tmp_path)
    assert not guest.pace.begins()
    served.watch(tmp_path, begins=True)
    assert guest.pace.begins()


def test_one_that_is_always_recorded_in_full_knows_its_viewers_too(tmp_path: Path) -> None:
    guest = Guest(tmp_path, always=True)
    guest.pace.begins()
    assert guest.pace.full
    served.watch(tmp_path, begins=True)
    assert guest.pace.begins()


# --- with no viewer attached


def test_a_request_on_a_loop_writes_two_records_when_nobody_looks() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(5):
            await asyncio.sleep(0.001)
        await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))
        await answer(send)

    server = Server(app)
    server.emit.set_detailed(False)
    asyncio.run(server.call())
    assert server.names == ["RequestBegan", "RequestEnded"]
    assert server.the(RequestEnded).status == 200
    server.emit.set_detailed(True)
    server.inbox = [{"type": "http.request"}]
    asyncio.run(server.call())
    assert "StepBegan" in server.names


def test_an_emitter_that_is_silenced_by_a_fork_stays_silent() -> None:
    recorded = Recorded()
    recorded.emit.memory = None
    recorded.emit.set_detailed(False)
    recorded.emit.step_began(1)
    assert recorded.emit.written() == 0


def test_a_loops_heart_beats_slowly_and_says_so(tmp_path: Path) -> None:
    recorded, guest = Recorded(), Guest(tmp_path)

    async def beats() -> LoopHeartbeat:
        return LoopHeartbeat(asyncio.get_running_loop(), recorded.emit, guest.pace)

    heartbeat = asyncio.run(beats())
    beat = recorded.the(LoopBeat)
    assert beat.every_ns == QUIET_EVERY_S * 1e9
    assert heartbeat.due_ns == beat.t_ns + beat.every_ns


def test_what_each_turn_of_a_loop_pays_for_is_there_only_while_somebody_looks(tmp_path: Path) -> None:
    recorded, guest = Recorded(), Guest(tmp_path)

    async def run() -> list[tuple[bool, bool, bool]]:
        loop: Any = asyncio.get_running_loop()
        plain, select = loop.call_soon, loop._selector.select
        heartbeat, found = LoopHeartbeat(loop, recorded.emit, guest.pace), []
        for look in (guest.leave, lambda: served.watch(tmp_path), guest.leave):
            look()
            guest.pace.begins()
            heartbeat._beat()
            clock = recorded.of(LoopBeat)[-1].selector_ns >= 0
            found.append((loop.call_soon == plain, loop._selector.select == select, clock))
        return found

    assert asyncio.run(run()) == [(True, True, False), (False, False, True), (True, True, False)]


# --- when a viewer attaches


def slots(server: WsgiServer) -> SlotSampler:
    lines = LineEmitter(server.emit, SourceLines("tests"))
    return SlotSampler(server.emit, lines, {threading.get_ident(): server.connection})


def state_of(events: list[Event]) -> State:
    """Of a server whose worker's thread these are from."""
    return reduced(*(BOOTED, [replace(event, pid=100) for event in events]))


def test_a_request_that_began_before_the_ring_lapped_is_announced(tmp_path: Path) -> None:
    """Twice told, it is as told once."""
    guest = Guest(tmp_path)
    found: list[list[Event]] = []

    def app(environ: Any, start_response: Any) -> Any:
        sampler = slots(server)
        look = LineSampler(server.emit, [sampler.sample], guest.pace).look
        sampler.sample()
        sampler.sample()
        for _ in range(server.ring.capacity):  # of other threads
            server.emit.slot_thread(5, 5)
        server.ring.reader = server.ring.another_reader()
        server.events.clear()
        served.watch(tmp_path, begins=True)
        for _ in range(2):
            look()
            sampler.sample()
            found.append(list(server.events))
        return plain(environ, start_response)

    server = WsgiServer(app)
    server.serve(time.monotonic_ns(), time.monotonic_ns())
    began = [event for event in found[1] if isinstance(event, RequestBegan)]
    assert [event.target for event in began] == ["GET /"]
    assert [event.where.split("|")[1] for event in found[1] if isinstance(event, LineSeen)] == ["app"]
    once = state_of(found[1])
    request = once.sides["wsgi"].ledger.get(began[0].req)
    assert request is not None
    assert request.where is not None
    assert request.task is Task.RUNNING
    [worker] = once.sides["wsgi"].server.workers.values()
    assert worker.req == began[0].req
    twice = state_of([*found[1], *began])
    [again] = twice.sides["wsgi"].server.workers.values()
    assert again == worker
    assert twice.sides["wsgi"].ledger.get(began[0].req) == request
    assert twice.sides["wsgi"].run.in_app == once.sides["wsgi"].run.in_app == 1
    late = [*server.events, *began]  # announced in the moment in which it ended
    over = state_of(late)
    ended = over.sides["wsgi"].ledger.get(began[0].req)
    assert ended is not None
    assert ended.ended_ns
    assert over.sides["wsgi"].run.in_app == 0
    [idle] = over.sides["wsgi"].server.workers.values()
    assert not idle.req


def test_a_chunk_that_is_being_written_and_the_thread_are_announced() -> None:
    server = WsgiServer(plain)
    connection = server.connection
    connection.thread_id = 77
    connection.taken_ns, connection.began_ns, connection.req, connection.writing_ns = 5, 6, -9, 8
    connection.chunks = 3
    slots(server).announce(lasting=False)
    assert server.the(SlotThread).thread_id == 77
    assert server.the(RequestBegan).t_ns == 6
    assert server.the(ChunkWriting).chunks == 3


def test_what_lasts_is_announced_before_the_ring_has_lost_it_with_nobody_looking(tmp_path: Path) -> None:
    """So that the black box names the request that a worker died with, however busy its other threads were."""
    guest, names = Guest(tmp_path), list[str]()

    def app(environ: Any, start_response: Any) -> Any:
        sampler = slots(server)
        lines = LineSampler(server.emit, [sampler.sample], guest.pace)
        for _ in range(2):
            sampler.sample()
        for _ in range(AGAIN_AFTER):
            server.emit.slot_thread(5, 5)
        server.ring.reader = server.ring.another_reader()
        server.events.clear()
        lines.look()
        sampler.sample()
        names.extend(server.names)
        return plain(environ, start_response)

    server = WsgiServer(app)
    server.serve()
    assert names.count("RequestBegan") == 1
    assert "LineSeen" in names


def test_requests_on_a_loop_are_announced_with_their_steps() -> None:
    recorded = Recorded()
    found: list[Event] = []

    class Idle:
        due_ns = 1 << 62

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/waits":
            await released.wait()
        else:
            recorded.emit.set_detailed(True)
            LoopSampler(recorded.emit, lines, probe.requests, Idle()).announce(lasting=False)
            found.extend(recorded.events)
            released.set()

    async def run() -> None:
        recorded.emit.set_detailed(False)
        waiting = asyncio.create_task(probe({**HTTP, "headers": [], "path": "/waits"}, None, None))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await probe({**HTTP, "headers": [], "path": "/runs"}, None, None)  # type: ignore[arg-type]
        await waiting

    released = asyncio.Event()
    lines = LineEmitter(recorded.emit, SourceLines("tests"))
    probe = AsgiProbe(app, recorded.emit, RequestIds(PID), lambda port, unknown: unknown)
    asyncio.run(run())
    announced = found[2:]
    of_each = RequestBegan, RequestPeer
    assert [type(event) for event in announced] == [*of_each, StepEnded, *of_each, StepBegan]
    assert {event.address for event in announced if isinstance(event, RequestPeer)} == {"127.0.0.1:4711"}
    assert [event.target for event in announced if isinstance(event, RequestBegan)] == ["GET /waits", "GET /runs"]
    asgi = [replace(event, side="asgi") for event in announced]
    once, twice = reduced(OPENED, asgi).sides["asgi"], reduced(OPENED, asgi, asgi).sides["asgi"]
    assert {request.target: request.task for request in once.ledger.in_flight()} == {
        "GET /waits": Task.AWAITING,
        "GET /runs": Task.RUNNING,
    }
    assert list(twice.ledger.in_flight()) == list(once.ledger.in_flight())
    assert twice.run.in_app == once.run.in_app == 2


def test_calls_in_threads_are_counted_anew() -> None:
    recorded = Recorded()

    class Limiter:
        total_tokens = 4.0

    recorded.emit.set_detailed(False)
    limiter = Limiter()
    request = LoopRequest(-3, recorded.emit, None, type("About", (), {
        "accepted_ns": 0, "target": b"GET /", "began_ns": 5, "response_ns": 0, "status": 0, "client": None,
    }))  # fmt: skip
    for _ in range(2):
        ThreadCall(request, print, Pool(ANYIO, limiter, -3, limiter_usage))
    recorded.emit.set_detailed(True)
    request.announce()
    request.announce()
    assert [(event.queued, event.running) for event in recorded.of(CallsCounted)] == [(2, 0), (2, 0)]
    side = reduced(OPENED, [replace(event, side="asgi") for event in recorded.events]).sides["asgi"]
    known = side.ledger.get(-3)
    assert known is not None
    assert (known.calls.queued, known.calls.running) == (2, 0)


# --- redaction

REDACTED = f"""
import sys
from tests.unit.probed import WsgiServer
from tests.unit.test_probe_asgi import HTTP, Server
import asyncio, socket

def app(environ, start_response):
    start_response("200 OK", [])
    raise ValueError("{SECRET}")

for method in ("GET", "{SECRET}"):
    server = WsgiServer(app, PATH_INFO="/{SECRET}", QUERY_STRING="{SECRET}", REQUEST_METHOD=method)
    try:
        server.serve()
    except ValueError:
        pass
    sys.stdout.buffer.write(bytes(server.ring.memory))

async def asgi(scope, receive, send):
    raise ValueError("{SECRET}")

server = Server(asgi, {{**HTTP, "path": "/{SECRET}", "query_string": b"{SECRET}"}})
try:
    asyncio.run(server.call())
except ValueError:
    pass
sys.stdout.buffer.write(bytes(server.ring.memory))

from wsgiviz.probe.client import address_of
with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
    print("ADDRESS", address_of(client))
"""


def written(redact: str) -> bytes:
    """What a probe writes into its rings."""
    env = {**os.environ, "WSGIVIZ_REDACT": redact}
    return subprocess.check_output([sys.executable, "-c", REDACTED], env=env, timeout=60)


def test_a_redacted_ring_holds_no_secret() -> None:
    assert SECRET.encode() in written("0")
    redacted = written("1")
    assert SECRET.encode() not in redacted
    assert redacted.count(b"GET [redacted]") == 2
    assert b"OTHER [redacted]" in redacted
    assert b"ValueError" in redacted
    assert b"ADDRESS b''" in redacted


def test_no_record_holds_a_query_string() -> None:
    server = WsgiServer(plain, QUERY_STRING=f"token={SECRET}").serve()
    assert SECRET.encode() not in bytes(server.ring.memory)
