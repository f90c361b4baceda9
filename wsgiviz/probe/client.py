"""What the kernel knows of a client: how much it has sent. Asked for by the sampler, of connections that last."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import Any

from wsgiviz.probe.redaction import REDACTS

TCP_INFO_BYTES = 136
BYTES_RECEIVED = struct.Struct("=128xQ")
"""tcpi_bytes_received of Linux's struct tcp_info (linux/tcp.h, since 4.1): payload, read by the server or not."""


def received_bytes(sock: Any) -> int:
    """What has come over this TCP connection so far; -1 where the platform does not say."""
    if sys.platform != "linux":
        return -1
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
        return int(BYTES_RECEIVED.unpack(raw)[0])
    except (OSError, AttributeError, struct.error):  # it is closed by now, or no TCP socket
        return -1


def address_of(sock: Any) -> bytes:
    """Who it is, "127.0.0.1:50312"; empty where that is not known, or not to be."""
    if REDACTS:
        return b""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        return written(sock.getpeername())
    return b""


def written(peer: Any) -> bytes:
    """An address as sockets and ASGI have it, a host and a port; empty for what is none, or is not to be known."""
    if REDACTS or not isinstance(peer, tuple | list) or len(peer) < 2 or not isinstance(peer[0], str):
        return b""
    host = f"[{peer[0]}]" if ":" in peer[0] else peer[0]
    return f"{host}:{peer[1]}".encode("ascii", "replace")
