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
from tests.integration.lateness import Lateness
from tests.integration.small_server import OK, Answer, SmallServer, says
from wsgiviz.events import Connected, Event, FirstByte, RequestFailed, RequestSent, ResponseReceived
from wsgiviz.load.exchange import SLOW_STEP_S
from wsgiviz.state import Activity, Side

Start = Callable[..., Stage]

BIG = 8_000_000
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG + b"x" * BIG
STEPS = [RequestSent, Connected, FirstByte, ResponseReceived]

WAITS = 50
"""A slow client sends or reads a piece, and waits, at most so often."""

Moment = type[RequestSent] | type[Connected] | type[FirstByte] | type[ResponseReceived] | type[RequestFailed]


@pytest.fixture
def lateness() -> Iterator[Lateness]:
    """How late the machine has been since the test began."""
    with Lateness() as measured:
        yield measured


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


def steps(bench: Bench, number: int) -> list[type[Event]]:
    return [type(event) for event in bench.events if getattr(event, "req", 0) == number]


def between(bench: Bench, first: Moment, last: Moment) -> list[float]:
    """Seconds from one step to another of each request of the run, in the requests' order."""
    begun = {event.req: event.t_ns for event in bench.emitted(first)}
    ended = sorted(bench.emitted(last), key=lambda event: event.req)
    return [(event.t_ns - begun[event.req]) / 1e9 for event in ended]


def responses(bench: Bench) -> list[tuple[int, int]]:
    """Status and length of each answer of the run."""
    return [(event.status, event.body_bytes) for event in bench.emitted(ResponseReceived)]


# --- a request that dribbles --------------------------------------------------------------------------------------


def test_a_dribbled_request_comes_in_even_pieces_and_is_answered(bench: Bench, lateness: Lateness) -> None:
    server = Piecewise(says(OK))
    bench.fire(served_by(bench, server), requests=3, send_over_s=0.6)
    assert not bench.finish().cancelled
    assert server.in_order() == bench.numbers(1, 2, 3)
    for times in server.came.values():
        assert len(times) >= 6
        halfway = sum(at < (times[0] + times[-1]) / 2 for at in times)
        assert 0.3 < halfway / len(times) < 0.7
    for took_s in between(bench, Connected, FirstByte):
        assert 0.5 < took_s < 0.6 + lateness.slack_s(WAITS)
    assert responses(bench) == [(200, 2)] * 3
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
def test_however_short_the_time_all_of_the_request_is_sent(
    bench: Bench, send_over_s: float, lateness: Lateness
) -> None:
    bench.fire(bench.server(says(OK)), requests=5, send_over_s=send_over_s)
    assert not bench.finish().cancelled
    assert len(responses(bench)) == 5
    assert max(between(bench, Connected, ResponseReceived)) < send_over_s + 0.1 + lateness.slack_s(WAITS)


def test_an_answer_before_the_end_of_the_request_is_taken(bench: Bench) -> None:
    early = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
    bench.fire(served_by(bench, Hasty(says(early))), requests=2, send_over_s=5.0)
    bench.finish()
    assert [status for status, _ in responses(bench)] == [408, 408]
    assert max(between(bench, Connected, ResponseReceived)) < 5.0 / 2


def test_a_server_that_hangs_up_on_a_dribbling_client_is_reported(bench: Bench) -> None:
    bench.fire(served_by(bench, Hasty(lambda client, number: None)), requests=2, send_over_s=5.0)
    bench.finish()
    assert set(bench.failures()) <= {"closed", "reset"}
    assert bench.failures().total() == 2


# --- an answer that is read slowly ---------------------------------------------------------------------------------


def test_a_slow_reader_holds_the_one_who_writes(bench: Bench, lateness: Lateness) -> None:
    answer = Timed(LONG)
    bench.fire(bench.server(answer), requests=3, read_over_s=0.8)
    assert not bench.finish().cancelled
    assert responses(bench) == [(200, BIG)] * 3
    for took_s in between(bench, FirstByte, ResponseReceived):
        assert 0.7 < took_s < 0.8 + SLOW_STEP_S + lateness.slack_s(WAITS)  # its last piece may be a step late
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
    assert not bench.finish().cancelled
    assert [length for _, length in responses(bench)] == [body_bytes] * 2


def test_a_slow_network_is_slow_both_ways(bench: Bench, lateness: Lateness) -> None:
    bench.fire(bench.server(says(LONG)), requests=2, send_over_s=0.3, read_over_s=0.4)
    bench.finish()
    assert [length for _, length in responses(bench)] == [BIG] * 2
    most_s = 0.7 + SLOW_STEP_S + lateness.slack_s(WAITS)
    assert all(0.6 < took_s < most_s for took_s in between(bench, Connected, ResponseReceived))


# --- given up ------------------------------------------------------------------------------------------------------

SLOW = [
    pytest.param({"send_over_s": 20.0}, id="sending"),
    pytest.param({"read_over_s": 20.0}, id="reading"),
]


def begun(bench: Bench, slow: dict[str, float]) -> type[Connected] | type[FirstByte]:
    return Connected if "send_over_s" in slow else FirstByte


@pytest.mark.parametrize("slow", SLOW)
def test_a_slow_client_is_given_up_after_its_timeout(
    bench: Bench, slow: dict[str, float], lateness: Lateness
) -> None:
    server = bench.server(says(LONG))
    bench.fire(server, requests=3, timeout_s=0.3, **slow)
    bench.finish()
    assert bench.failures() == {"timeout": 3}
    assert all(0.29 < took_s < 0.3 + lateness.slack_s(WAITS) for took_s in between(bench, RequestSent, RequestFailed))
    ends_at_once(bench, server)


@pytest.mark.parametrize("slow", SLOW)
def test_a_slow_client_is_cancelled_and_nothing_of_it_is_left(bench: Bench, slow: dict[str, float]) -> None:
    server = bench.server(says(LONG))
    bench.fire(server, requests=3, **slow)
    wait_until(lambda: len(bench.emitted(begun(bench, slow))) == 3, "three slow clients")
    bench.driver.cancel()
    assert bench.finish().cancelled
    assert bench.failures() == {"cancelled": 3}
    ends_at_once(bench, server)


def ends_at_once(bench: Bench, server: SmallServer) -> None:
    """The server sees its clients go, the driver says no more of them, and the next run is served as ever."""
    gone = set(bench.numbers(1, 2, 3))
    said = Counter(getattr(event, "req", 0) for event in bench.events)
    wait_until(lambda: not any(thread.is_alive() for thread in server._threads), "the server's clients to be gone")
    bench.fire(server)
    bench.finish()
    assert [length for _, length in responses(bench)] == [BIG]
    after = Counter(getattr(event, "req", 0) for event in bench.events)
    assert {req: said[req] for req in gone} == {req: after[req] for req in gone}


# --- what they hold ------------------------------------------------------------------------------------------------


def test_slow_senders_hold_sync_workers_without_a_request_in_the_app(stage: Start) -> None:
    on = stage(scenario="slow-client", parameters={"seconds": 2.0}, workers=2, requests=4)

    def held() -> bool:
        return [worker.activity for worker in on.wsgi.server.living()] == [Activity.READING] * 2

    on.until(held, "two workers that read")
    assert not on.wsgi.in_app()
    on.finish()
    for side in on.state.sides.values():
        assert (side.run.completed, side.run.failed, side.run.bad_status) == (4, 0, 0)


def test_slow_readers_hold_sync_workers_in_turn_and_no_loop(stage: Start) -> None:
    on = stage(scenario="slow-client", parameters={"seconds": 0.0, "reading": 1.0}, workers=2, requests=4)
    seen: set[Activity] = set()

    def all_written() -> bool:
        seen.update(worker.activity for worker in on.wsgi.server.living())
        return all(side.run.completed == 4 for side in on.state.sides.values())

    on.until(all_written, "four answers on each side")
    on.finish()
    assert Activity.WRITING in seen
    # Two workers have four readers of a second each: that takes two seconds, and on a loop one.
    assert longest_s(on.asgi) < longest_s(on.wsgi)
    assert longest_s(on.wsgi) > 1.8


def longest_s(side: Side) -> float:
    """The longest time from connect to the whole answer."""
    return max(request.received_ns - request.sent_ns for request in side.ledger.ours()) / 1e9
