"""Sockets of other processes: what they listen on and what waits there, and which clients they hold.

Sources: /proc/PID/fd, whose links name sockets by inode; the kernel, asked by sock_diag(7), of what each socket is.
For a process in another network namespace, or where the kernel does not answer: the tables in /proc/PID/net. What
neither says is None. Linux only.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from wsgiviz.observe.proc_net import tcp_in_tables, unix_in_table
from wsgiviz.observe.sock_diag import (
    CLOSE_WAIT,
    ESTABLISHED,
    LISTEN,
    TcpSocket,
    UnixSocket,
    tcp_sockets,
    unix_sockets,
)

PROC = Path("/proc")
LISTENING = frozenset({LISTEN})
HELD = frozenset({LISTEN, ESTABLISHED, CLOSE_WAIT})
MOST_DESCRIPTORS = 65_536
CONTROL = "/gunicorn.ctl"
"""The end of the path of gunicorn's own control socket, which its master holds and a worker may have inherited."""


@dataclass(frozen=True, slots=True)
class HeldSocket:
    """``local`` and ``peer`` are "host:port", or "unix:path" (no peer). ``waiting``: connections that wait to be
    accepted, of ``limit`` that may, or bytes that wait to be read; None where the kernel does not say."""

    inode: int
    local: str
    peer: str
    listening: bool
    waiting: int | None
    limit: int | None = None

    @property
    def address(self) -> str:
        """ "http://host:port", or "unix:path"."""
        return self.local if self.local.startswith("unix:") else f"http://{self.local}"


@dataclass(frozen=True, slots=True)
class Descriptors:
    """Of a process: the inode of each socket by file descriptor; whether it has an epoll instance."""

    sockets: Mapping[int, int]
    has_epoll: bool


def descriptors(pid: int, proc: Path = PROC) -> Descriptors | None:
    """None when the process is gone, may not be looked at, or the platform has no /proc."""
    sockets, has_epoll, folder = {}, False, f"{proc}/{pid}/fd"
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, MOST_DESCRIPTORS)]
    except OSError:
        return None
    for name in names:
        try:
            target = os.readlink(f"{folder}/{name}")
            if target.startswith("socket:["):
                sockets[int(name)] = int(target[8:-1])
            elif target == "anon_inode:[eventpoll]":
                has_epoll = True
        except (OSError, ValueError):  # it has been closed meanwhile
            continue
    return Descriptors(sockets, has_epoll)


def socket_table(pid: int, states: frozenset[int] = HELD, proc: Path = PROC) -> dict[int, HeldSocket]:
    """Sockets in these states of the network namespace of ``pid``, by inode."""
    net, asked = proc / str(pid) / "net", proc == PROC and _same_network(pid)
    found = [_of_tcp(one) for one in tcp_of(states, net, asked)]
    found += [_of_unix(one) for one in _unix_of(states, net, asked) if one.path]
    return {one.inode: one for one in found}


def listeners_of(pids: Iterable[int], proc: Path = PROC) -> list[HeldSocket]:
    """The sockets that these processes listen on, by address; not gunicorn's control socket."""
    held = {pid: found for pid in pids if (found := descriptors(pid, proc)) is not None and found.sockets}
    if not held:
        return []
    table = socket_table(next(iter(held)), LISTENING, proc)
    inodes = {inode for found in held.values() for inode in found.sockets.values()}
    mine = (table[inode] for inode in inodes if inode in table)
    return sorted((one for one in mine if not one.local.endswith(CONTROL)), key=lambda one: one.local)


def tcp_of(
    states: frozenset[int], net: Path = PROC / "net", asked: bool = True, remote_port: int = 0
) -> list[TcpSocket]:
    """All or those with this remote port. ``asked``: the kernel may be, and not only the tables in ``net``."""
    families = [socket.AF_INET, *([socket.AF_INET6] if socket.has_ipv6 else [])]
    if asked:
        with contextlib.suppress(OSError):
            return [one for family in families for one in tcp_sockets(family, states, remote_port)]
    return [one for one in tcp_in_tables(net, states) if remote_port in (0, one.remote[1])]


def _unix_of(states: frozenset[int], net: Path, asked: bool) -> list[UnixSocket]:
    if asked:
        with contextlib.suppress(OSError):
            return unix_sockets(states)
    return unix_in_table(net, states)


def _same_network(pid: int) -> bool:
    """Whether the process is in our network namespace, which is all that sock_diag answers for."""
    try:
        return os.readlink(PROC / str(pid) / "ns" / "net") == os.readlink(PROC / "self" / "ns" / "net")
    except OSError:
        return False


def _of_tcp(one: TcpSocket) -> HeldSocket:
    listening = one.state == LISTEN
    limit = one.send_queue if listening and one.send_queue >= 0 else None
    return HeldSocket(one.inode, _joined(*one.local), _joined(*one.remote), listening, one.receive_queue, limit)


def _of_unix(one: UnixSocket) -> HeldSocket:
    """An accepted socket has its listener's path; a client's own end has none."""
    listening = one.state == LISTEN
    return HeldSocket(
        one.inode, f"unix:{one.path}", "", listening, one.receive_queue, one.send_queue if listening else None
    )


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
