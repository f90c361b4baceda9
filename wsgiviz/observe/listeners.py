"""Accept queues of somebody else's server: the listening sockets that one of its processes holds, and what waits.

Sources: /proc/PID/fd, whose links name sockets by inode; sock_diag(7) for TCP, which needs no list of all connections
(`wsgiviz.observe.sock_diag`). For a process in another network namespace, or where the kernel does not answer:
/proc/net/tcp and tcp6, where a listening socket's rx_queue is the number of connections that wait to be accepted
(get_tcp4_sock in net/ipv4/tcp_ipv4.c), read through /proc/PID/net, so in the namespace of that process. And
/proc/net/unix, which has no queue: that depth stays unknown.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from wsgiviz.observe.sock_diag import LISTEN, tcp_sockets

LISTENS = "0A"
ACCEPTS_CONNECTIONS = 0x10000
"""__SO_ACCEPTCON, in the flags of /proc/net/unix: the socket listens."""
MOST_DESCRIPTORS = 65_536
PROC = Path("/proc")


class Listener(NamedTuple):
    """A listening socket: ``address`` is "http://host:port" or "unix:path". ``depth`` connections wait to be
    accepted, and ``limit`` may (listen(2)'s backlog); -1 where that is not known."""

    inode: int
    address: str
    depth: int
    limit: int = -1


def socket_inodes(pid: int, proc: Path = PROC) -> set[int]:
    """Inodes of the sockets that the process holds; empty when it is gone, or may not be looked at."""
    found: set[int] = set()
    try:
        with os.scandir(proc / str(pid) / "fd") as entries:
            for _, entry in zip(range(MOST_DESCRIPTORS), entries, strict=False):
                try:
                    target = os.readlink(entry.path)
                except OSError:
                    continue
                number = target[8:-1] if target.startswith("socket:[") else ""
                if number.isdigit():
                    found.add(int(number))
    except OSError:
        return set()
    return found


def listeners_of(pid: int, proc: Path = PROC) -> list[Listener]:
    """The sockets that the process listens on, by address."""
    inodes = socket_inodes(pid, proc)
    if not inodes:
        return []
    net = proc / str(pid) / "net"
    tcp = _asked() if proc == PROC and _same_network(pid) else None
    if tcp is None:
        tcp = [*_tcp(net / "tcp"), *_tcp(net / "tcp6")]
    every = (*tcp, *_unix(net / "unix"))
    return sorted((one for one in every if one.inode in inodes), key=lambda one: one.address)


def _same_network(pid: int) -> bool:
    """Whether the process is in our network namespace, which is all that sock_diag answers for."""
    try:
        return os.readlink(PROC / str(pid) / "ns" / "net") == os.readlink(PROC / "self" / "ns" / "net")
    except OSError:
        return False


def _asked() -> list[Listener] | None:
    """All TCP listeners of this network namespace; None where the kernel does not say."""
    try:
        found = [(socket.AF_INET, one) for one in tcp_sockets(socket.AF_INET, frozenset({LISTEN}))]
        if socket.has_ipv6:
            found += [(socket.AF_INET6, one) for one in tcp_sockets(socket.AF_INET6, frozenset({LISTEN}))]
    except OSError:
        return None
    return [
        Listener(one.inode, f"http://{_joined(family, *one.local)}", one.receive_queue, one.send_queue)
        for family, one in found
    ]


def _joined(family: int, host: str, port: int) -> str:
    return f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").splitlines()[1:]
    except OSError:
        return []


def _tcp(path: Path) -> Iterator[Listener]:
    for line in _lines(path):
        fields = line.split()
        try:
            if fields[3] == LISTENS:
                depth = int(fields[4].partition(":")[2], 16)
                yield Listener(int(fields[9]), f"http://{_host_and_port(fields[1])}", depth)
        except (IndexError, ValueError, OSError):
            continue


def _host_and_port(text: str) -> str:
    """Of "0100007F:1F90": the address is in words of four bytes, each in this machine's order."""
    packed, _, port = text.partition(":")
    raw = bytes.fromhex(packed)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    if len(raw) == 4:
        return _joined(socket.AF_INET, socket.inet_ntop(socket.AF_INET, raw), int(port, 16))
    return _joined(socket.AF_INET6, socket.inet_ntop(socket.AF_INET6, raw), int(port, 16))


def _unix(path: Path) -> Iterator[Listener]:
    for line in _lines(path):
        fields = line.split(None, 7)
        try:
            if int(fields[3], 16) & ACCEPTS_CONNECTIONS and len(fields) == 8:
                yield Listener(int(fields[6]), f"unix:{fields[7]}", -1)
        except (IndexError, ValueError):
            continue
