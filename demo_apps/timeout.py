"""A request that takes longer than the server's patience. gunicorn's --timeout is about workers, not requests."""

import asyncio
import contextlib
import time

from demo_apps.http_text import HEADERS, lifespan, number, send_text


def wsgi_app(environ, start_response):
    seconds = number(environ["QUERY_STRING"], "seconds", 5.0)
    wait_whatever_comes(seconds)  # the master hears nothing, and kills the worker
    start_response("200 OK", HEADERS)
    return [b"late\n"]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    seconds = number(scope["query_string"], "seconds", 5.0)
    await asyncio.sleep(seconds)  # the loop goes on, and so does the heartbeat
    await send_text(send, "late\n")


def wait_whatever_comes(seconds):
    """As in a bare `except:`, or in C code: SIGABRT goes unheard. SIGKILL does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(SystemExit):  # what the handler of SIGABRT raises
            time.sleep(max(0, end - time.monotonic()))
