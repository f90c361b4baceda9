"""The line shown is the view's own: Flask, Starlette, FastAPI and Django, in each way that a view may wait.

One server for each row of `SERVERS`. All of its paths are requested at once; each waits at the line of its app that
ends with that path, until a request for /go-on.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import pytest

from tests.integration.conftest import APPS, DEADLINE_S, Stage

pytestmark = pytest.mark.xdist_group("frameworks")  # it judges no times

Start = Callable[..., Stage]


class Served(NamedTuple):
    """An app, on which server, and paths of the app that are not for that kind of server."""

    module: str
    attribute: str
    settings: dict[str, Any]
    never: tuple[str, ...] = ()


THREADS = {"only": "wsgi", "workers": 1, "threads": 16}
SERVERS = {
    "flask": Served("flask_app", "app", THREADS),
    "starlette": Served("starlette_app", "app", {"only": "asgi"}),
    "fastapi": Served("fastapi_app", "app", {"only": "asgi", "async_server": "uvicorn"}),
    "django-wsgi": Served("django_app", "wsgi", THREADS),
    "django-asgi": Served("django_app", "asgi", {"only": "asgi", "async_server": "uvicorn"}),
}


def expected(module: str) -> dict[str, str]:
    """Path → the line at which it waits, in words, from the app's source."""
    found: dict[str, str] = {}
    for number, line in enumerate((APPS / "frameworks" / f"{module}.py").read_text().splitlines(), 1):
        if waits := re.search(r"(asyncio\.wrap_future|go_on\.result)\(.*  # (/.*)", line):
            found |= {path: f"{module}.py:{number} {waits[1]}" for path in waits[2].split()}
    return found


@contextmanager
def asked(on: Stage, path: str) -> Iterator[socket.socket]:
    """A request for ``path`` has been sent."""
    with socket.create_connection(on.address(on.only.name), timeout=DEADLINE_S) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
        yield client


def hang_up(clients: list[socket.socket]) -> None:
    """Read every answer, and close each connection at once when it has ended: gunicorn waits for that, up to 2 s."""
    while clients:
        ready, _, _ = select.select(clients, [], [], DEADLINE_S)
        assert ready, "no answer"
        for client in ready:
            if not client.recv(1 << 16):
                client.close()
                clients.remove(client)


def lines(on: Stage) -> dict[str, str]:
    """Path → the line at which its request is."""
    there = [request for request in on.only.ledger.in_flight() if request.where is not None]
    return {request.target.removeprefix("GET "): request.where.words for request in there if request.where}


def settled(on: Stage, awaited: dict[str, str]) -> dict[str, str]:
    """The lines as soon as they are what is awaited; else as they are at the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while (found := lines(on)) != awaited and time.monotonic() < deadline:
        on.controller.pump()
        time.sleep(0.01)
    return found


@pytest.mark.parametrize("name", SERVERS)
def test_each_request_is_at_its_views_own_line(stage: Start, name: str) -> None:
    served = SERVERS[name]
    awaited = {path: line for path, line in expected(served.module).items() if path not in served.never}
    protocol = served.settings["only"]
    on = stage(fire=False, **{protocol: f"frameworks.{served.module}:{served.attribute}"}, **served.settings)
    on.ready()
    with ExitStack() as clients:
        sent = [clients.enter_context(asked(on, path)) for path in awaited]
        try:
            assert settled(on, awaited) == awaited
        finally:
            with asked(on, "/go-on") as opens:
                opens.recv(1)
            hang_up(sent)
