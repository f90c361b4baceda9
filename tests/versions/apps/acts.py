"""One app for both protocols that does what its path says, as well in an old server's environment."""

import asyncio
import ctypes
import os
import re
import time

SECONDS = 0.3  # long enough for its line to be seen a few times


def waits():
    time.sleep(SECONDS)


def computes():
    until = time.thread_time() + SECONDS
    while time.thread_time() < until:
        pass


def hangs():
    """It keeps the interpreter lock, so that no thread of its process can send gunicorn a heartbeat."""
    re.match("(a|aa)+$", "a" * 60 + "b")


def exits():
    os._exit(7)


def crashes():
    ctypes.string_at(0)


ACTS = {"/wait": waits, "/hold": waits, "/compute": computes, "/hang": hangs, "/exit": exits, "/crash": crashes}


def app(environ, start_response):
    ACTS[environ["PATH_INFO"]]()
    start_response("200 OK", [("Content-Length", "3")])
    return [b"ok\n"]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/wait":
        await asyncio.sleep(SECONDS)
    else:
        ACTS[scope["path"]]()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"ok\n"})
