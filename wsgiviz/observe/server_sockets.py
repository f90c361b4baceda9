"""Sockets of other processes: what they listen on and what waits there, and which clients they hold.

Sources: /proc/PID/fd, whose links name sockets by inode; /proc/PID/net/{tcp,tcp6,unix} of the process's own network
namespace (proc(5)). A listening TCP socket's rx_queue there is the number of connections that wait to be accepted, a
connected one's the bytes that its process has not read (get_tcp4_sock in net/ipv4/tcp_ipv4.c). Linux only.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

LISTENS, ESTABLISHED, CLOSE_WAIT = "0A", "01", "08"
ACCEPTS_CONNECTIONS = 0x10000
"""__SO_ACCEPTCON in the flags of /proc/net/unix: the socket listens."""

UNIX_CONNECTED = "03"
MOST_LINES = 50_000
MOST_DESCRIPTORS = 65_536


@dataclass(frozen=True, slots=True)
class HeldSocket:
    """``local`` and ``peer`` are "host:port", or "unix:path" (no peer). ``waiting``: connections that wait to be
    accepted, or bytes that wait to be read; None where the kernel does not say."""

    inode: int
    local: str
    peer: str
    listening: bool
    waiting: int | None


@dataclass(frozen=True, slots=True)
class Descriptors:
    """Of a process: the inode of each socket by file descriptor; whether it has an epoll instance."""

    sockets: Mapping[int, int]
    has_epoll: bool


def descriptors(pid: int) -> Descriptors | None:
    """None when the process is gone, may not be looked at, or the platform has no /proc."""
    sockets, has_epoll, folder = {}, False, f"/proc/{pid}/fd"
    try:
        with os.scandir(folder) as entries:
            for entry in islice(entries, MOST_DESCRIPTORS):
                with contextlib.suppress(OSError, ValueError):
                    target = os.readlink(entry.path)
                    has_epoll = has_epoll or target == "anon_inode:[eventpoll]"
                    if target.startswith("socket:["):
                        sockets[int(entry.name)] = int(target[8:-1])
    except OSError:
        return None
    return Descriptors(sockets, has_epoll)


def socket_table(pid: int) -> dict[int, HeldSocket]:
    """Listening and connected sockets of the network namespace of ``pid``, by inode."""
    net = Path(f"/proc/{pid}/net")
    found = (*_tcp(_lines(net / "tcp")), *_tcp(_lines(net / "tcp6")), *_unix(_lines(net / "unix")))
    return {one.inode: one for one in found}


def _lines(path: Path) -> Iterator[str]:
    with contextlib.suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        yield from islice(file, 1, MOST_LINES)


def _tcp(lines: Iterable[str]) -> Iterator[HeldSocket]:
    for line in lines:
        with contextlib.suppress(IndexError, ValueError, OSError):
            fields = line.split()
            if fields[3] in (LISTENS, ESTABLISHED, CLOSE_WAIT):
                waiting = int(fields[4].partition(":")[2], 16)
                ends = _host_and_port(fields[1]), _host_and_port(fields[2])
                yield HeldSocket(int(fields[9]), *ends, fields[3] == LISTENS, waiting)


def _host_and_port(text: str) -> str:
    """Of "0100007F:1F90": the address is in words of four bytes, each in this machine's order."""
    packed, _, port = text.partition(":")
    raw = bytes.fromhex(packed)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    if len(raw) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, raw)}:{int(port, 16)}"
    return f"[{socket.inet_ntop(socket.AF_INET6, raw)}]:{int(port, 16)}"


def _unix(lines: Iterable[str]) -> Iterator[HeldSocket]:
    """An accepted socket has its listener's path; a client's own end has none. Neither has a queue here."""
    for line in lines:
        with contextlib.suppress(IndexError, ValueError):
            fields = line.rstrip("\n").split(None, 7)
            listening = bool(int(fields[3], 16) & ACCEPTS_CONNECTIONS)
            if len(fields) == 8 and (listening or fields[5] == UNIX_CONNECTED):
                yield HeldSocket(int(fields[6]), f"unix:{fields[7]}", "", listening, None)
