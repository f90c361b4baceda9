"""A WSGI server of one thread for tests of the probe: it does what gunicorn's sync worker does with an app."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Self, TypeVar
from wsgiref.util import FileWrapper, setup_testing_defaults

from tests.unit.rings import MemoryRing
from wsgiviz.events import Event
from wsgiviz.observe.decode import decode
from wsgiviz.probe.connection import Connection
from wsgiviz.probe.request_ids import RequestIds
from wsgiviz.probe.wsgi import wrap_app

PID = 7

E = TypeVar("E", bound=Event)


class Recorded:
    """A ring in memory, and the events that were written to it."""

    def __init__(self) -> None:
        self.ring = MemoryRing(capacity=1024, pid=PID)
        self.emit = self.ring.emit
        self._events: list[Event] = []

    @property
    def events(self) -> list[Event]:
        self._events += decode(self.ring.poll(), "wsgi", PID)
        return self._events

    @property
    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def the(self, kind: type[E]) -> E:
        """The only event of this type."""
        [event] = self.of(kind)
        return event


class WsgiServer(Recorded):
    """Serves ``app`` over one slot."""

    def __init__(self, app: Callable[..., Any], **environ: str) -> None:
        super().__init__()
        self.connection = Connection(self.emit, RequestIds(PID))
        self.status = ""
        self.exc_info: Any = None
        self.body = b""
        self.returned: Any = None
        self._app = wrap_app(app, self.connection)
        self._environ = environ

    def environ(self) -> dict[str, Any]:
        made: dict[str, Any] = dict(self._environ)
        setup_testing_defaults(made)
        made["wsgi.file_wrapper"] = FileWrapper
        return made

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], None]:
        self.status, self.exc_info = status, exc_info
        return self._append

    def _append(self, data: bytes) -> None:
        self.body += data

    def call_app(self) -> Iterable[bytes]:
        self.returned = self._app(self.environ(), self.start_response)
        returned: Iterable[bytes] = self.returned
        return returned

    def serve(self, accepted_ns: int = 5, taken_ns: int = 5) -> Self:
        """One connection with one request. Whatever the app raises is raised."""
        self.connection.accepted_ns, self.connection.taken_ns = accepted_ns, taken_ns
        try:
            body = self.call_app()
            try:
                for chunk in body:
                    self.body += chunk
            finally:
                if hasattr(body, "close"):
                    body.close()
        finally:
            self.connection.release()
        return self


def plain(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"a", b"b"]


def generator(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"a"
    yield b"b"
