"""Clients with a slow network: the driver as one of them, and the workers that they hold."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.integration.conftest import Stage
from tests.integration.driver_bench import Bench, opened, wait_until
from tests.integration.small_server import OK, Answer, SmallServer, says
from wsgiviz.events import Kind
from wsgiviz.model.state import Doing, Side

Start = Callable[..., Stage]

BIG = 8_000_000
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG + b"x" * BIG
STEPS = ["SENT", "CONNECTED", "FIRST_BYTE", "RECEIVED"]

SLACK_S = 0.6
"""A driver that shares its cores with a whole test suite is late by so much at most."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    yield from opened(tmp_path_factory.mktemp("slow") / "run")


@pytest.fixture
def bench(shared: Bench) -> Iterator[Bench]:
    """One driver for all tests; what it opened for a test it has closed after it."""
    yield shared
    shared.driver.cancel()
    wait_until(lambda: not connections(shared), "the driver to let go of its sockets")
    shared.clear()


def connections(bench: Bench) -> list[object]:
    return [*psutil.Process(bench.driver.pid).net_connections("tcp")]


class Piecewise(SmallServer):
    """Notes when each piece of a request comes, and answers when the last has."""

    def __init__(self, answer: Answer) -> None:
        self.came: dict[int, list[float]] = {}
        super().__init__(answer)

    def _serve(self, client: socket.socket, place: int) -> None:
        times = self.came[place] = []
        with client:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                piece = client.recv(65536)
                if not piece:
                    return
                times.append(time.monotonic())
                head += piece
            self.answer(client, self._note(head, place))


class Hasty(SmallServer):
    """Answers as soon as a request has begun, and waits for no more of it than that."""

    def _serve(self, client: socket.socket, place: int) -> None:
        with client:
            client.recv(1)
            self.answer(client, 0)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass


class Timed:
    """Writes an answer and notes how long the kernel took to take it: that holds a synchronous server."""

    def __init__(self, response: bytes) -> None:
        self.response = response
        self.took_s: list[float] = []

    def __call__(self, client: socket.socket, number: int) -> None:
        begun = time.monotonic()
        client.sendall(self.response)
        self.took_s.append(time.monotonic() - begun)


def served_by(bench: Bench, server: SmallServer) -> SmallServer:
    bench.servers.append(server)
    return server


def steps(bench: Bench, number: int) -> list[str]:
    return [Kind(event.kind).name for event in bench.events if event.req == number]


def between(bench: Bench, first: Kind, last: Kind) -> list[float]:
    """Seconds from one step to another of each request of the run, in the requests' order."""
    begun = {event.req: event.t_ns for event in bench.told(first)}
    return [(event.t_ns - begun[event.req]) / 1e9 for event in sorted(bench.told(last), key=lambda event: event.req)]


# --- a request that dribbles --------------------------------------------------------------------------------------


def test_a_dribbled_request_comes_in_even_pieces_and_is_answered(bench: Bench) -> None:
    server = Piecewise(says(OK))
    bench.fire(served_by(bench, server), requests=3, send_over_s=0.6)
    assert bench.finish().a == 0
    assert server.in_order() == bench.numbers(1, 2, 3)
    for times in server.came.values():
        assert len(times) >= 6
        halfway = sum(at < (times[0] + times[-1]) / 2 for at in times)
        assert 0.3 < halfway / len(times) < 0.7
    for took_s in between(bench, Kind.CONNECTED, Kind.FIRST_BYTE):
        assert 0.5 < took_s < 0.6 + SLACK_S
    assert [(event.a, event.b) for event in bench.told(Kind.RECEIVED)] == [(200, 2)] * 3
    assert [steps(bench, number) for number in bench.numbers(1, 2, 3)] == [STEPS] * 3


def test_a_dribbled_request_is_the_same_as_one_sent_at_once(bench: Bench) -> None:
    server = bench.server(says(OK))
    bench.fire(server)
    bench.finish()
    first = bench.numbers(1)[0]
    bench.fire(server, send_over_s=0.2)
    bench.finish()
    at_once, dribbled = server.heads
    assert dribbled == at_once.replace(b"%d" % first, b"%d" % bench.numbers(1)[0])


@pytest.mark.parametrize("send_over_s", [1e-6, 0.001, 0.05])
def test_however_short_the_time_all_of_the_request_is_sent(bench: Bench, send_over_s: float) -> None:
    bench.fire(bench.server(says(OK)), requests=5, send_over_s=send_over_s)
    assert bench.finish().a == 0
    assert len(bench.told(Kind.RECEIVED)) == 5
    assert max(between(bench, Kind.CONNECTED, Kind.RECEIVED)) < send_over_s + SLACK_S


def test_an_answer_before_the_end_of_the_request_is_taken(bench: Bench) -> None:
    early = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
    bench.fire(served_by(bench, Hasty(says(early))), requests=2, send_over_s=5.0)
    bench.finish()
    assert [event.a for event in bench.told(Kind.RECEIVED)] == [408, 408]
    assert max(between(bench, Kind.CONNECTED, Kind.RECEIVED)) < SLACK_S


def test_a_server_that_hangs_up_on_a_dribbling_client_is_told(bench: Bench) -> None:
    bench.fire(served_by(bench, Hasty(lambda client, number: None)), requests=2, send_over_s=5.0)
    bench.finish()
    assert set(bench.failures()) <= {"closed", "reset"}
    assert bench.failures().total() == 2


# --- an answer that is read slowly ---------------------------------------------------------------------------------


def test_a_slow_reader_holds_the_one_who_writes(bench: Bench) -> None:
    answer = Timed(LONG)
    bench.fire(bench.server(answer), requests=3, read_over_s=0.8)
    assert bench.finish().a == 0
    assert [(event.a, event.b) for event in bench.told(Kind.RECEIVED)] == [(200, BIG)] * 3
    for took_s in between(bench, Kind.FIRST_BYTE, Kind.RECEIVED):
        assert 0.7 < took_s < 0.8 + SLACK_S
    assert all(took_s > 0.5 for took_s in answer.took_s), "the kernel's buffers took it all"


@pytest.mark.parametrize(
    ("response", "body_bytes"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 0),
        (b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 300_000, 300_000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n" % (9000, b"x" * 9000) * 30
         + b"0\r\n\r\n", 270_000),
    ],
    ids=["empty", "no content", "until close", "chunked"],
)  # fmt: skip
def test_an_answer_however_framed_is_read_to_its_end(bench: Bench, response: bytes, body_bytes: int) -> None:
    bench.fire(bench.server(says(response)), requests=2, read_over_s=0.3)
    assert bench.finish().a == 0
    assert [event.b for event in bench.told(Kind.RECEIVED)] == [body_bytes] * 2


def test_a_slow_network_is_slow_both_ways(bench: Bench) -> None:
    bench.fire(bench.server(says(LONG)), requests=2, send_over_s=0.3, read_over_s=0.4)
    bench.finish()
    assert [event.b for event in bench.told(Kind.RECEIVED)] == [BIG] * 2
    assert all(0.6 < took_s < 0.7 + SLACK_S for took_s in between(bench, Kind.CONNECTED, Kind.RECEIVED))


# --- given up ------------------------------------------------------------------------------------------------------

SLOW = [
    pytest.param({"send_over_s": 20.0}, id="sending"),
    pytest.param({"read_over_s": 20.0}, id="reading"),
]


def begun(bench: Bench, slow: dict[str, float]) -> Kind:
    return Kind.CONNECTED if "send_over_s" in slow else Kind.FIRST_BYTE


@pytest.mark.parametrize("slow", SLOW)
def test_a_slow_client_is_given_up_after_its_timeout(bench: Bench, slow: dict[str, float]) -> None:
    server = bench.server(says(LONG))
    bench.fire(server, requests=3, timeout_s=0.3, **slow)
    bench.finish()
    assert bench.failures() == {"timeout": 3}
    assert all(0.29 < took_s < 0.3 + SLACK_S for took_s in between(bench, Kind.SENT, Kind.FAILED))
    ends_at_once(bench, server)


@pytest.mark.parametrize("slow", SLOW)
def test_a_slow_client_is_cancelled_and_nothing_of_it_is_left(bench: Bench, slow: dict[str, float]) -> None:
    server = bench.server(says(LONG))
    bench.fire(server, requests=3, **slow)
    wait_until(lambda: len(bench.told(begun(bench, slow))) == 3, "three slow clients")
    bench.driver.cancel()
    assert bench.finish().a == 1
    assert bench.failures() == {"cancelled": 3}
    ends_at_once(bench, server)


def ends_at_once(bench: Bench, server: SmallServer) -> None:
    """The server sees its clients go, the driver says no more of them, and the next run is served as ever."""
    gone = set(bench.numbers(1, 2, 3))
    told = Counter(event.req for event in bench.events)
    wait_until(lambda: not any(thread.is_alive() for thread in server._threads), "the server's clients to be gone")
    bench.fire(server)
    bench.finish()
    assert [event.b for event in bench.told(Kind.RECEIVED)] == [BIG]
    assert {req: count for req, count in told.items() if req in gone} == Counter(
        event.req for event in bench.events if event.req in gone
    )


# --- what they hold ------------------------------------------------------------------------------------------------


def test_slow_senders_hold_sync_workers_without_a_request_in_the_app(stage: Start) -> None:
    on = stage(scenario="slow-client", parameters={"seconds": 2.0}, workers=2, requests=4)

    def held() -> bool:
        return [worker.doing for worker in on.session.picture.wsgi.living()] == [Doing.READING] * 2

    on.until(held, "two workers that read")
    assert not on.session.picture.wsgi.in_app()
    on.finish()
    for side in on.session.picture.sides.values():
        assert (side.completed, side.failed, side.bad_status) == (4, 0, 0)


def test_slow_readers_hold_sync_workers_in_turn_and_no_loop(stage: Start) -> None:
    on = stage(scenario="slow-client", parameters={"seconds": 0.0, "reading": 1.0}, workers=2, requests=4)
    seen: set[Doing] = set()

    def all_written() -> bool:
        seen.update(worker.doing for worker in on.session.picture.wsgi.living())
        return all(side.completed == 4 for side in on.session.picture.sides.values())

    on.until(all_written, "four answers on each side")
    on.finish()
    assert Doing.WRITING in seen
    assert 1.8 < longest_s(on.session.picture.wsgi) < 2.0 + 2 * SLACK_S
    assert longest_s(on.session.picture.asgi) < 1.0 + SLACK_S


def longest_s(side: Side) -> float:
    """The longest time from connect to the whole answer."""
    return max(request.received_ns - request.sent_ns for request in side.finished) / 1e9
