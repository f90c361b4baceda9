"""Connections that a server's own workers have to it as clients: an app that calls itself. From the kernel's tables.

A connection has two ends, each a socket that the kernel lists (`wsgiviz.observe.sock_diag`, or /proc/net/tcp where it
does not answer that): the client's has the server's port as its remote one, and an inode, which is among the
descriptors of the process that it belongs to.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from wsgiviz.observe.sock_diag import ESTABLISHED, SYN_SENT, tcp_sockets

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
OPEN = frozenset({ESTABLISHED, SYN_SENT})
"""States of connections to a server that accepts nobody."""
OPEN_IN_TABLES = frozenset(f"{state:02X}" for state in OPEN)

MOST_CONNECTIONS = 20_000
"""Of a longer table only so many lines are looked at."""


def self_calls(port: int, pids: Iterable[int]) -> Mapping[int, int]:
    """How many connections to the local ``port`` each of these processes has as a client; those with none are left
    out. Empty where the platform has no such tables."""
    inodes = frozenset(_clients_of(port))
    found = {pid: sum(inode in inodes for inode in _sockets_of(pid)) for pid in pids} if inodes else {}
    return {pid: count for pid, count in found.items() if count}


def _clients_of(port: int) -> Iterator[str]:
    """The inodes of all sockets of this machine whose remote port is ``port``."""
    try:
        families = [socket.AF_INET, *([socket.AF_INET6] if socket.has_ipv6 else [])]
        found = [one for family in families for one in tcp_sockets(family, OPEN, port)]
    except OSError:
        return _in_tables(port)
    return (str(one.inode) for one in found)


def _in_tables(port: int) -> Iterator[str]:
    remote = f":{port:04X}"
    for table in TABLES:
        with contextlib.suppress(OSError):
            for line in table.read_text().splitlines()[1:MOST_CONNECTIONS]:
                fields = line.split(None, 10)
                if len(fields) > 9 and fields[3] in OPEN_IN_TABLES and fields[2].endswith(remote):
                    yield fields[9]


def _sockets_of(pid: int) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                target = os.readlink(f"{folder}/{name}")
                if target.startswith("socket:["):
                    yield target[8:-1]
