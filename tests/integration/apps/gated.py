"""Apps that go on when a test says so: when the file named by the variable GATE is there."""

import os
import time

import gunicorn.workers.gthread

# So long gunicorn's threads wait for the first byte of a request; its own 5 s would only make a test last.
gunicorn.workers.gthread.DEFAULT_WORKER_DATA_TIMEOUT = 0.3


def gate_is_open():
    return os.path.exists(os.environ["GATE"])


def fine(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]


def iterates(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"one "
    yield b"two"


def raises(environ, start_response):
    raise LookupError("no luck")


def waits(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    while not gate_is_open():
        time.sleep(0.005)
    return [b"waited"]


def computes(environ, start_response):
    while not gate_is_open():
        pass
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"computed"]


async def async_fine(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})


async def async_raises(scope, receive, send):
    if scope["type"] == "http":
        raise LookupError("no luck")
