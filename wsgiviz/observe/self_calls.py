"""Connections that a server's own workers have to it as clients: an app that calls itself. From the kernel's tables.

A connection has two ends, each a socket that the kernel lists (`wsgiviz.observe.sockets`): the client's has the
server's port as its remote one, and an inode, which is among the descriptors of the process that it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wsgiviz.observe.sock_diag import ESTABLISHED, SYN_SENT
from wsgiviz.observe.sockets import descriptors, tcp_of

OPEN = frozenset({ESTABLISHED, SYN_SENT})
"""States of connections to a server that accepts nobody."""


def self_calls(port: int, pids: Iterable[int]) -> Mapping[int, int]:
    """How many connections to the local ``port`` each of these processes has as a client; those with none are left
    out. Empty where the platform has no such tables."""
    inodes = {one.inode for one in tcp_of(OPEN, remote_port=port)}
    found = {pid: sum(inode in inodes for inode in _sockets_of(pid)) for pid in pids} if inodes else {}
    return {pid: count for pid, count in found.items() if count}


def _sockets_of(pid: int) -> Iterable[int]:
    held = descriptors(pid)
    return held.sockets.values() if held is not None else ()
