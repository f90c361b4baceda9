"""The load driver: what it sends and when, and what it emits of each outcome."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.integration.driver_bench import DEADLINE_S, Bench, opened, wait_until
from tests.integration.small_server import OK, Answer, closes, resets, says
from wsgiviz.events import (
    RUN_STRIDE,
    Connected,
    EventsLost,
    FirstByte,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RunEnded,
    RunGrew,
    RunStarted,
)
from wsgiviz.load.plan import Target
from wsgiviz.recorder.layout import CAPACITY

pytestmark = pytest.mark.xdist_group("driver")  # it judges no times


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    yield from opened(tmp_path_factory.mktemp("driver") / "run")


@pytest.fixture
def bench(shared: Bench) -> Iterator[Bench]:
    """One driver for all tests that let it live."""
    yield shared
    shared.driver.cancel()
    shared.clear()


def test_a_burst_connects_in_order_with_numbers_in_the_header(bench: Bench) -> None:
    server = bench.server(says(OK))
    bench.fire(server, requests=40)
    assert bench.finish().cancelled == 0
    numbers = bench.numbers(*range(1, 41))
    assert server.in_order() == numbers
    assert [event.req for event in bench.emitted(RequestSent)] == numbers
    [started] = bench.emitted(RunStarted)
    assert started.planned == 40
    assert {event.planned_ns for event in bench.emitted(RequestSent)} == {started.start_ns}
    assert server.heads[0].startswith(b"GET /path?x=1 HTTP/1.1\r\n")
    assert b"\r\nconnection: close\r\n" in server.heads[0].lower()


def test_each_request_is_recorded_step_by_step(bench: Bench) -> None:
    bench.fire(bench.server(says(OK)), requests=5)
    bench.finish()
    for req in bench.numbers(*range(1, 6)):
        steps = [type(event) for event in bench.events if getattr(event, "req", 0) == req]
        assert steps == [RequestSent, Connected, FirstByte, ResponseReceived]


def test_a_status_is_recorded_as_it_is(bench: Bench) -> None:
    statuses = [200, 204, 302, 404, 500, 503, 599, 799]

    def answer(client: socket.socket, number: int) -> None:
        status = statuses[number % RUN_STRIDE - 1]
        client.sendall(b"HTTP/1.1 %d Oh\r\nLocation: /\r\nContent-Length: 0\r\n\r\n" % status)

    bench.fire(bench.server(answer), requests=len(statuses))
    bench.finish()
    assert {e.req % RUN_STRIDE: e.status for e in bench.emitted(ResponseReceived)} == dict(enumerate(statuses, 1))
    assert not bench.failures()


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"".join(b"%x;x=y\r\n%b\r\n" % (size, b"x" * size) for size in (1, 10, 70_000))
    + b"0\r\nTrailer: x\r\n\r\n"
)


@pytest.mark.parametrize(
    ("response", "body_bytes"),
    [
        (OK, 2),
        (CHUNKED, 70_011),
        (b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 100_000, 100_000),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 2),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000, 300_000),
    ],
    ids=["length", "chunked", "close", "interim", "long"],
)
def test_a_body_is_counted_however_it_is_framed(bench: Bench, response: bytes, body_bytes: int) -> None:
    bench.fire(bench.server(says(response, piece=5_001)), requests=3)
    bench.finish()
    assert [(event.status, event.body_bytes) for event in bench.emitted(ResponseReceived)] == [(200, body_bytes)] * 3


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (resets, "reset"),
        (closes, "closed"),
        (says(OK[:-1]), "closed"),
        (says(b"HTTP/1.1 200"), "closed"),
        (says(CHUNKED[:-2]), "closed"),
        (says(b"220 mail.example.org ESMTP\r\n\r\n"), "protocol"),
        (says(CHUNKED.replace(b"a;x=y", b"g;x=y")), "protocol"),
    ],
    ids=["reset", "closed", "in body", "in head", "in chunks", "no http", "bad chunk"],
)
def test_an_answer_that_fails_is_recorded_with_its_reason(bench: Bench, answer: Answer, reason: str) -> None:
    bench.fire(bench.server(answer), requests=3)
    assert bench.finish().cancelled == 0
    assert bench.failures() == {reason: 3}
    assert not bench.emitted(ResponseReceived)


def test_the_answer_to_head_has_a_length_and_no_body(bench: Bench) -> None:
    bench.fire(bench.server(says(OK.removesuffix(b"ok"))), requests=2, method="HEAD")
    bench.finish()
    assert [(event.status, event.body_bytes) for event in bench.emitted(ResponseReceived)] == [(200, 0)] * 2


def test_a_refused_connection_is_recorded(bench: Bench) -> None:
    with socket.socket() as bound:  # a port that is taken, and where nobody listens
        bound.bind(("127.0.0.1", 0))
        nobody = Target("wsgi", f"http://127.0.0.1:{bound.getsockname()[1]}/")
        bench.fire(targets=(nobody,), requests=3)
        bench.finish()
    assert bench.failures() == {"refused": 3}
    assert len(bench.emitted(RequestSent)) == 3
    assert not bench.emitted(Connected)


def test_a_request_is_given_up_after_its_timeout(bench: Bench) -> None:
    bench.fire(bench.holding(), requests=3, timeout_s=0.2)
    bench.finish()
    assert bench.failures() == {"timeout": 3}
    sent = {event.req: event.t_ns for event in bench.emitted(RequestSent)}
    for event in bench.emitted(RequestFailed):
        assert (event.t_ns - sent[event.req]) / 1e9 >= 0.19


def test_outcomes_are_counted_each_by_its_reason(bench: Bench) -> None:
    answers = [says(OK), resets, closes, says(b"no\r\n\r\n")]
    server = bench.server(lambda client, number: answers[number % 4](client, number))
    bench.fire(server, requests=20)
    bench.finish()
    assert bench.failures() == {"reset": 5, "closed": 5, "protocol": 5}
    assert len(bench.emitted(ResponseReceived)) == 5


def test_a_cancel_gives_up_what_is_in_flight(bench: Bench) -> None:
    bench.fire(bench.holding(), requests=6)
    bench.connected(6)
    bench.driver.cancel()
    assert bench.finish().cancelled == 1
    assert bench.failures() == {"cancelled": 6}
    bench.driver.cancel()  # nothing is on
    bench.fire(bench.server(says(OK)), requests=2)
    assert bench.finish().cancelled == 0
    assert len(bench.emitted(ResponseReceived)) == 2


def test_more_requests_join_the_run_that_is_in_progress(bench: Bench) -> None:
    server = bench.holding()
    bench.fire(server, requests=2)
    bench.connected(2)
    bench.driver.more(3)
    bench.connected(5)
    [grew] = bench.emitted(RunGrew)
    assert (grew.run, grew.planned) == (bench.run, 5)
    server.released.set()
    bench.finish()
    assert sorted(event.req for event in bench.emitted(RequestSent)) == bench.numbers(1, 2, 3, 4, 5)


def test_more_requests_go_to_a_side_that_is_through_and_to_one_that_is_not(bench: Bench) -> None:
    held = bench.holding()
    bench.fire(held, bench.server(says(OK)), requests=2)
    bench.connected(2)
    assert bench.finish("asgi").cancelled == 0
    bench.driver.more(1)
    bench.connected(3)
    wait_until(lambda: len(bench.emitted(RunEnded, "asgi")) == 2, "the second end at the side that was through")
    assert [grew.planned for grew in bench.emitted(RunGrew, "asgi")] == [3]
    for side in ("wsgi", "asgi"):
        assert sorted(event.req for event in bench.emitted(RequestSent, side)) == bench.numbers(1, 2, 3)
    held.released.set()
    bench.finish()


def test_more_requests_go_to_a_run_that_is_over_one_after_the_other(bench: Bench) -> None:
    bench.fire(bench.server(says(OK)), requests=2)
    bench.finish()
    for ends in (2, 3):
        bench.driver.more(1)
        wait_until(lambda ends=ends: len(bench.emitted(RunEnded)) == ends, f"end {ends}")  # type: ignore[misc]
    assert [event.req for event in bench.emitted(RequestSent)] == bench.numbers(1, 2, 3, 4)
    assert len(bench.emitted(ResponseReceived)) == 4
    assert len(bench.emitted(RunStarted)) == 1


def test_more_requests_wait_for_the_turn_of_their_side(bench: Bench) -> None:
    first = bench.holding()
    bench.fire(first, bench.server(says(OK)), requests=2, order="in-turn")
    bench.connected(2)
    bench.driver.more(1)
    bench.connected(3)
    first.released.set()
    bench.finish("asgi")
    assert len(bench.emitted(RequestSent, "asgi")) == 3


def test_a_request_added_after_a_run_is_cancelled_by_the_next_one(bench: Bench) -> None:
    server = bench.server(says(OK))
    bench.fire(server)
    bench.finish()
    server.answer = server.hold
    bench.driver.more(1)
    bench.connected(2)
    first = bench.run
    bench.fire(bench.server(says(OK)))
    bench.finish()
    assert [ended.cancelled for ended in bench.emitted(RunEnded, run=first)] == [0, 1]
    assert bench.failures(first) == {"cancelled": 1}


def test_a_second_run_cancels_the_first_and_begins_after_it(bench: Bench) -> None:
    bench.fire(bench.holding(), requests=4)
    bench.connected(4)
    first = bench.run
    bench.fire(bench.server(says(OK)), requests=3)
    assert bench.finish().cancelled == 0
    assert bench.finish(run=first).cancelled == 1
    assert bench.failures(first) == {"cancelled": 4}
    assert len(bench.emitted(ResponseReceived)) == 3
    marks = [(type(e), e.run - first) for e in bench.events if isinstance(e, RunStarted | RunEnded)]
    assert marks == [(RunStarted, 0), (RunEnded, 0), (RunStarted, 1), (RunEnded, 1)]


def test_every_run_ends_at_each_side_however_soon_it_is_cancelled(bench: Bench) -> None:
    server = bench.server(says(OK))
    first = bench.run + 1
    for at in range(30):
        bench.fire(server, server, order=("together", "in-turn")[at % 2])
        if at % 3 == 0:
            bench.driver.cancel()
    for run in range(first, bench.run + 1):
        for side in ("wsgi", "asgi"):
            assert bench.finish(side, run).cancelled == int(run < bench.run)
            assert len(bench.emitted(RunStarted, side, run)) == 1


def test_silent_clients_come_first_say_nothing_and_stay_until_the_end(bench: Bench) -> None:
    servers = bench.holding(), bench.server(says(OK))
    bench.fire(*servers, requests=2, silent_clients=3)
    bench.connected(2)
    wait_until(lambda: servers[1].positions() == [3, 4], "the requests that are answered")
    wait_until(lambda: (servers[0].positions(), servers[0].open) == ([3, 4], 5), "those that are held")
    servers[0].released.set()
    bench.finish("wsgi")
    bench.finish("asgi")
    wait_until(lambda: servers[0].open == servers[1].open == 0, "the end of the silent clients")
    assert [len(server.heads) for server in servers] == [2, 2]


def test_silent_clients_that_are_refused_are_left_out(bench: Bench) -> None:
    with socket.socket() as bound:  # a port that is taken, and where nobody listens
        bound.bind(("127.0.0.1", 0))
        nobody = Target("wsgi", f"http://127.0.0.1:{bound.getsockname()[1]}/")
        bench.fire(targets=(nobody,), silent_clients=2)
        bench.finish()
    assert bench.failures() == {"refused": 1}


def test_both_sides_start_on_the_same_tick(bench: Bench) -> None:
    servers = bench.server(says(OK)), bench.server(says(OK))
    bench.fire(*servers, requests=4)
    bench.finish("wsgi")
    bench.finish("asgi")
    starts = {event.start_ns for side in ("wsgi", "asgi") for event in bench.emitted(RunStarted, side)}
    assert len(starts) == 1
    for side, server in zip(("wsgi", "asgi"), servers, strict=True):
        assert min(event.t_ns for event in bench.emitted(RequestSent, side)) >= min(starts)
        assert server.in_order() == bench.numbers(1, 2, 3, 4)


def test_in_turn_the_second_side_waits_for_the_first(bench: Bench) -> None:
    bench.fire(bench.server(says(OK)), bench.server(says(OK)), requests=4, order="in-turn")
    second = bench.finish("asgi")
    first = bench.finish("wsgi")
    [started] = bench.emitted(RunStarted, "asgi")
    assert first.t_ns <= started.t_ns <= started.start_ns <= second.t_ns
    assert len(bench.emitted(ResponseReceived, "asgi")) == 4


def test_a_cancel_in_the_first_sides_turn_ends_the_second_side_too(bench: Bench) -> None:
    other = bench.server(says(OK))
    bench.fire(bench.holding(), other, requests=2, order="in-turn")
    bench.connected(2)
    bench.driver.cancel()
    assert bench.finish("wsgi").cancelled == 1
    assert bench.finish("asgi").cancelled == 1
    assert not other.in_order()


def test_closed_arrivals_never_exceed_their_users(bench: Bench) -> None:
    everybody = threading.Barrier(4)

    def answer(client: socket.socket, number: int) -> None:
        if number % RUN_STRIDE <= 4:
            everybody.wait(DEADLINE_S)  # the first four are all here at once
        client.sendall(OK)

    server = bench.server(answer)
    bench.fire(server, requests=30, arrivals="closed", concurrency=4)
    bench.finish()
    assert sorted(server.in_order()) == bench.numbers(*range(1, 31))
    assert len(bench.emitted(ResponseReceived)) == 30
    steps = [e for e in bench.events if isinstance(e, RequestSent | ResponseReceived)]
    flights = [sum(1 if isinstance(e, RequestSent) else -1 for e in steps[: at + 1]) for at in range(len(steps))]
    assert (max(flights), flights[-1]) == (4, 0)
    assert all(event.planned_ns <= event.t_ns for event in bench.emitted(RequestSent))


def slowly(client: socket.socket, number: int) -> None:
    time.sleep(0.02)
    client.sendall(OK)


def test_closed_arrivals_end_after_their_duration_with_the_last_answers(bench: Bench) -> None:
    server = bench.server(slowly)
    bench.fire(server, requests=100_000, arrivals="closed", concurrency=3, duration_s=0.3)
    ended = bench.finish()
    [started] = bench.emitted(RunStarted)
    assert ended.cancelled == 0
    assert ended.t_ns >= started.start_ns + 0.28e9
    assert all(event.planned_ns < started.start_ns + 0.3e9 for event in bench.emitted(RequestSent))
    assert 3 <= len(bench.emitted(ResponseReceived)) == len(bench.emitted(RequestSent)) <= 3 * 15


def test_more_users_than_requests_are_no_more_than_a_burst(bench: Bench) -> None:
    server = bench.server(says(OK))
    bench.fire(server, requests=3, arrivals="closed", concurrency=50)
    bench.finish()
    assert server.in_order() == bench.numbers(1, 2, 3)


def test_what_it_emits_is_kept_while_nobody_reads(bench: Bench) -> None:
    """A viewer without a core for a while: more events than a worker's ring holds wait for it in the driver's."""
    [ring] = [one for one in bench.collector.headers() if (one.role, one.side) == ("driver", "wsgi")]
    assert ring.capacity >= 4 * CAPACITY
    bench.fire(bench.server(says(OK)), requests=CAPACITY // 3, arrivals="closed", concurrency=8)
    wait_until(lambda: len(bench.servers[-1].heads) == CAPACITY // 3, "all requests")
    bench.finish()
    assert len(bench.emitted(ResponseReceived)) == len(bench.emitted(RequestSent)) == CAPACITY // 3
    assert not bench.emitted(EventsLost)
