"""Apps whose figures were wrong, missing or about somebody else's requests."""

import contextlib
import os
import time
import urllib.request


def leaks_a_child(environ, start_response):
    """The child returns into the server, and answers in its parent's place."""
    if os.fork() == 0:
        start_response("200 OK", [])
        return [b"child"]
    time.sleep(0.1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"parent"]


def redirects(environ, start_response):
    start_response("302 Found", [("Location", "/admin/login/?next=/admin/"), ("Content-Length", "0")])
    return [b""]


def calls_itself(environ, start_response):
    """Each request of ours makes one that is not ours."""
    if environ["PATH_INFO"] == "/data":
        time.sleep(0.2)
        start_response("404 Not Found", [("Content-Length", "4")])
        return [b"data"]
    try:
        urllib.request.urlopen(f"http://{environ['HTTP_HOST']}/data", timeout=10)
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def waits(environ, start_response):
    time.sleep(0.05)
    start_response("200 OK", [("Content-Length", "4")])
    return [b"done"]


def hello(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"hi"]


class ClosesSlowly:
    def __iter__(self):
        yield b"x"

    def close(self):
        time.sleep(0.3)


def closes_slowly(environ, start_response):
    start_response("200 OK", [("Content-Length", "1")])
    return ClosesSlowly()


async def async_hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hi"})


def stuck_on_itself(environ, start_response):
    """With one worker, nobody can answer what it waits for; it gives up after two seconds."""
    if environ["PATH_INFO"] != "/data":
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://{environ['HTTP_HOST']}/data", timeout=2).close()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
