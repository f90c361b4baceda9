"""Reading a file from a slow disk. On port SLOW_DISK another process sends the content slowly."""

import asyncio
import os
import socket

from demo_apps.http_text import HEADERS, lifespan, number, send_text


def wsgi_app(environ, start_response):
    seconds = number(environ["QUERY_STRING"], "seconds", 0.5)
    content = read_slow_file(seconds)
    start_response("200 OK", HEADERS)
    return [f"read {len(content)} bytes\n".encode()]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    seconds = number(scope["query_string"], "seconds", 0.5)
    # asyncio has no file I/O: a thread must wait, and there are only min(32, cores + 4).
    content = await asyncio.to_thread(read_slow_file, seconds)
    await send_text(send, f"read {len(content)} bytes\n")


def read_slow_file(seconds):
    with open_slow_file(seconds) as file:
        return file.read()  # returns when the last block has come


def open_slow_file(seconds):
    with socket.create_connection(("127.0.0.1", os.environ["SLOW_DISK"])) as disk:
        disk.sendall(f"{seconds}\n".encode())
        return disk.makefile("rb", buffering=0)
