"""The slow upstream service and the slow disk: ``python -m wsgiviz.backend SERVICE DISK``.

Both listen on sockets that were bound for them; their file descriptors are the arguments. The service responds to
``GET /?seconds=S`` after S seconds. To the disk a client writes the number of seconds in a line, and gets a file's
content in blocks spread over that time, then its end. (Not a Unix socket: its path may be no longer than some 100
bytes, and a run directory's can be.)
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import sys
from urllib.parse import parse_qs, urlsplit

from wsgiviz.backend import BACKLOG
from wsgiviz.lifeline import die_with_parent

LONGEST_S = 600.0
BLOCKS = 10
BLOCK = b"x" * 4096


def seconds_of(text: str) -> float:
    """A number of seconds from a client; anything else counts as zero."""
    if not re.fullmatch(r"\d{1,6}(\.\d{1,9})?(e-?\d{1,2})?", text):
        return 0.0
    return min(LONGEST_S, float(text))


async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, one request after the other (HTTP/1.1 keep-alive)."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode("latin-1")
            await asyncio.sleep(seconds_of(parse_qs(urlsplit(target).query).get("seconds", ["0"])[0]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nupstream\n")
            await writer.drain()
    writer.close()


async def disk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One file: its blocks come evenly, the last one when the time is up."""
    with contextlib.suppress(ConnectionError, ValueError):
        seconds = seconds_of((await reader.readline()).decode("latin-1").strip())
        for _ in range(BLOCKS):
            await asyncio.sleep(seconds / BLOCKS)
            writer.write(BLOCK)
            await writer.drain()
    writer.close()


async def serve(service_fd: int, disk_fd: int) -> None:
    """Serve for ever."""
    service = await asyncio.start_server(upstream, sock=socket.socket(fileno=service_fd), backlog=BACKLOG)
    files = await asyncio.start_server(disk, sock=socket.socket(fileno=disk_fd), backlog=BACKLOG)
    async with service, files:
        await asyncio.gather(service.serve_forever(), files.serve_forever())


if __name__ == "__main__":
    die_with_parent()
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
