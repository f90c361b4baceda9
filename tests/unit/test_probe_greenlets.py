"""A request in a greenlet: its steps are the switches to it and away from it, and it ends when the app is through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.probed import PID, Recorded
from wsgiviz.events import (
    BodyReturned,
    ConnectionAccepted,
    RequestBegan,
    RequestEnded,
    RequestPeer,
    ResponseStarted,
)
from wsgiviz.probe.greenlets import watch_greenlets
from wsgiviz.probe.request_ids import RequestIds

greenlet = pytest.importorskip("greenlet")

App = Callable[[dict[str, Any], Callable[..., Any]], Any]


class Worker(Recorded):
    """What the probe needs of gunicorn's gevent worker. A connection brings ``requests`` of them."""

    def __init__(self, app: App, requests: int = 1) -> None:
        super().__init__()
        self.wsgi: Any = app
        self._requests = requests
        self.in_app = watch_greenlets(self, self.emit, RequestIds(PID))

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        for _ in range(self._requests):
            body = self.wsgi({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda status, headers: None)
            for _ in body:
                pass
            if hasattr(body, "close"):
                body.close()

    def serve(self) -> Worker:
        """One connection, in a greenlet that runs until it is through or switches to its parent."""
        self.greenlet = greenlet.greenlet(self.handle)
        self.greenlet.switch(None, None, ("127.0.0.1", 4711))
        return self


@pytest.fixture(autouse=True)
def _untraced() -> Iterator[None]:
    before = greenlet.gettrace()
    yield
    greenlet.settrace(before)


def plain(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [])
    return [b"a", b"b"]


def waits(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    greenlet.getcurrent().parent.switch()
    return plain(environ, start_response)


def iterates(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    start_response("200 OK", [])
    yield b"a"


IN_ONE_STEP = ["RequestBegan", "StepBegan", "ResponseStarted", "StepEnded", "RequestEnded"]


def test_a_list_ends_the_request_when_it_is_returned() -> None:
    worker = Worker(plain).serve()
    assert worker.names == ["ConnectionAccepted", *IN_ONE_STEP]
    began, ended = worker.the(RequestBegan), worker.the(RequestEnded)
    accepted = worker.the(ConnectionAccepted)
    assert (accepted.port, began.accepted_ns, began.thread_cpu_ns) == (4711, accepted.t_ns, 0)
    assert (ended.req, ended.status, ended.chunks, ended.cpu_ns) == (began.req, 200, 2, -1)
    assert ended.response_ns == worker.the(ResponseStarted).t_ns
    assert 0 < ended.returned_ns == ended.ended_ns <= ended.t_ns


def test_a_switch_ends_a_step_and_another_begins_one() -> None:
    worker = Worker(waits).serve()
    assert worker.names[-3:] == ["RequestBegan", "StepBegan", "StepEnded"]
    [waiting] = worker.in_app.values()
    assert [frame.f_code.co_name for frame in waiting.frames()][:1] == ["waits"]
    waiting.emit_peer()
    assert worker.the(RequestPeer).address == "127.0.0.1:4711"
    worker.events.pop()
    worker.greenlet.switch()
    assert worker.names[4:] == ["StepBegan", "ResponseStarted", "StepEnded", "RequestEnded"]
    assert not worker.in_app


def test_an_iterator_ends_the_request_when_it_is_closed() -> None:
    worker = Worker(iterates).serve()
    assert worker.names == [
        "ConnectionAccepted", "RequestBegan", "StepBegan", "BodyReturned", "ResponseStarted", "StepEnded",
        "RequestEnded",
    ]  # fmt: skip
    assert (worker.the(BodyReturned).complete, worker.the(BodyReturned).cpu_ns) == (0, -1)
    assert worker.the(RequestEnded).chunks == 1


def test_requests_of_a_connection_that_is_kept_alive_end_one_by_one() -> None:
    worker = Worker(plain, requests=2).serve()
    assert worker.names == ["ConnectionAccepted", *IN_ONE_STEP * 2]
    first, second = worker.of(RequestBegan)
    assert first.req != second.req
    assert second.accepted_ns == 0


def test_an_app_that_raises_ends_its_request_once() -> None:
    def raises(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        raise LookupError

    worker = Worker(raises)
    with pytest.raises(LookupError):
        worker.serve()
    assert worker.the(RequestEnded).raised == "LookupError"
    assert not worker.in_app


def test_a_greenlet_that_is_killed_ends_its_request() -> None:
    worker = Worker(waits).serve()
    worker.greenlet.throw(greenlet.GreenletExit)
    assert worker.the(RequestEnded).raised == "GreenletExit"
    assert not worker.in_app


def test_an_app_that_is_called_without_a_connection_of_the_workers_is_recorded() -> None:
    """gevent's own WSGI server calls it (gunicorn's worker class gevent_pywsgi)."""
    worker = Worker(plain)
    run = greenlet.greenlet(lambda: worker.wsgi({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *rest: None))
    run.switch()
    assert worker.names == IN_ONE_STEP
    assert worker.the(RequestBegan).accepted_ns == 0
