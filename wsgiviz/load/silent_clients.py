"""Clients that connect and send nothing, as browsers do in advance, and load balancers to see who listens."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from types import TracebackType
from urllib.parse import urlsplit

from wsgiviz.load.plan import Target


class SilentClients:
    """So many connections to each target, which say nothing from the time it is entered until it is left.

    One that can't be made is left out: how many there are is seen at the server.
    """

    def __init__(self, targets: Iterable[Target], count: int) -> None:
        self._addresses = [_address(target) for target in targets for _ in range(count)]
        self._sockets: list[socket.socket] = []

    async def __aenter__(self) -> None:
        await asyncio.gather(*(self._connect(*address) for address in self._addresses))

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        for sock in self._sockets:
            sock.close()

    async def _connect(self, host: str, port: int) -> None:
        with contextlib.suppress(OSError):
            sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            self._sockets.append(sock)
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (host, port))


def _address(target: Target) -> tuple[str, int]:
    url = urlsplit(target.url)
    return url.hostname or "", url.port or 80
