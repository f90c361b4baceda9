"""Sockets as /proc/PID/net/{tcp,tcp6,unix} list them, of the network namespace of that process (proc(5)).

For where the kernel does not answer `wsgiviz.observe.sock_diag`, and for processes of other namespaces. A listening
TCP socket's rx_queue is the number of connections that wait to be accepted, a connected one's the bytes that its
process has not read (get_tcp4_sock in net/ipv4/tcp_ipv4.c). How many may wait is not there; of unix sockets, nothing
of queues is.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from wsgiviz.observe.sock_diag import ESTABLISHED, LISTEN, TcpSocket, UnixSocket

ACCEPTS_CONNECTIONS = 0x10000
"""__SO_ACCEPTCON in the flags of /proc/net/unix: the socket listens."""

UNIX_CONNECTED = 3
MOST_LINES = 50_000
UNKNOWN = -1


def tcp_in_tables(net: Path, states: frozenset[int]) -> list[TcpSocket]:
    """Those of IPv4 and IPv6; ``send_queue`` is UNKNOWN. Empty where there are no such tables."""
    return [one for name in ("tcp", "tcp6") for one in _tcp(_lines(net / name)) if one.state in states]


def unix_in_table(net: Path, states: frozenset[int]) -> list[UnixSocket]:
    """Their queues are None."""
    return [one for one in _unix(_lines(net / "unix")) if one.state in states]


def _lines(path: Path) -> Iterator[str]:
    with contextlib.suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        yield from islice(file, 1, MOST_LINES)


def _tcp(lines: Iterable[str]) -> Iterator[TcpSocket]:
    for line in lines:
        with contextlib.suppress(IndexError, ValueError, OSError):
            fields = line.split()
            waiting = int(fields[4].partition(":")[2], 16)
            ends = _host_and_port(fields[1]), _host_and_port(fields[2])
            yield TcpSocket(int(fields[3], 16), *ends, waiting, UNKNOWN, int(fields[9]))


def _host_and_port(text: str) -> tuple[str, int]:
    """Of "0100007F:1F90": the address is in words of four bytes, each in this machine's order."""
    packed, _, port = text.partition(":")
    raw = bytes.fromhex(packed)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw), int(port, 16)


def _unix(lines: Iterable[str]) -> Iterator[UnixSocket]:
    for line in lines:
        with contextlib.suppress(IndexError, ValueError):
            fields = line.rstrip("\n").split(None, 7)
            listens = bool(int(fields[3], 16) & ACCEPTS_CONNECTIONS)
            if len(fields) == 8 and (listens or int(fields[5], 16) == UNIX_CONNECTED):
                yield UnixSocket(LISTEN if listens else ESTABLISHED, fields[7], None, None, int(fields[6]))
