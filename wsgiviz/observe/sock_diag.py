"""TCP sockets of this machine, asked of the kernel by NETLINK_SOCK_DIAG (sock_diag(7)), which filters by state.

/proc/net/tcp has the same, as text and with every connection in TIME_WAIT: of a server under load there are tens of
thousands of those, and a read of the table takes a third of a second. Only sockets of this network namespace.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

ESTABLISHED, SYN_SENT, CLOSE_WAIT, LISTEN = 1, 2, 8, 10
"""States, as in the kernel's include/net/tcp_states.h."""

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST_DUMP = 0x301

MESSAGE = struct.Struct("=IHHII")
REQUEST = struct.Struct("=BBBBI")
NO_COOKIE = 0xFFFFFFFF
IDENTITY = struct.Struct("!HH16s16s")
"""Ports and addresses, in inet_diag_sockid: in network order. Behind them are an interface and a cookie."""

FOUND_AT = MESSAGE.size
IDENTITY_AT = FOUND_AT + 4
QUEUES_AT = FOUND_AT + 4 + 48 + 4
QUEUES = struct.Struct("=IIII")
"""Of inet_diag_msg, behind its timer's time: rqueue, wqueue, uid, inode."""

WITHIN_S = 1.0
RECEIVED_BYTES = 1 << 18


class TcpSocket(NamedTuple):
    """One end of a connection, or a listener. Of a listener ``receive_queue`` is the number of connections that wait
    to be accepted, and ``send_queue`` how many may (inet_diag_msg_common_fill and tcp_diag_get_info)."""

    state: int
    local: tuple[str, int]
    remote: tuple[str, int]
    receive_queue: int
    send_queue: int
    inode: int


def tcp_sockets(family: socket.AddressFamily, states: frozenset[int], remote_port: int = 0) -> list[TcpSocket]:
    """The sockets of AF_INET or AF_INET6 in these states, all or those with this remote port.

    Raises OSError where the platform has no such thing, or does not answer.
    """
    if not hasattr(socket, "AF_NETLINK"):
        raise OSError("this platform has no netlink")
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(WITHIN_S)
        kernel.send(_request(family, states, remote_port))
        found: list[TcpSocket] = []
        while True:
            data = kernel.recv(RECEIVED_BYTES)
            for kind, start, end in _messages(data):
                if kind == NLMSG_DONE:
                    return found
                if kind == NLMSG_ERROR:
                    raise OSError(-struct.unpack_from("=i", data, start)[0], "sock_diag")
                one = _parsed(data[start - FOUND_AT : end], family)
                if remote_port in (0, one.remote[1]):
                    found.append(one)


def _request(family: int, states: frozenset[int], remote_port: int) -> bytes:
    mask = sum(1 << state for state in states)
    body = REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, mask)
    body += struct.pack("!HH32x", 0, remote_port) + struct.pack("=III", 0, NO_COOKIE, NO_COOKIE)
    return MESSAGE.pack(MESSAGE.size + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST_DUMP, 1, 0) + body


def _messages(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The kind of each message in ``data``, and where what it holds begins and ends."""
    at = 0
    while at + MESSAGE.size <= len(data):
        length, kind, *_ = MESSAGE.unpack_from(data, at)
        if length < MESSAGE.size:
            return
        yield kind, at + MESSAGE.size, at + length
        at += (length + 3) & ~3


def _parsed(message: bytes, family: socket.AddressFamily) -> TcpSocket:
    state = message[FOUND_AT + 1]
    local_port, remote_port, local, remote = IDENTITY.unpack_from(message, IDENTITY_AT)
    receive, send, _, inode = QUEUES.unpack_from(message, QUEUES_AT)
    size = 4 if family == socket.AF_INET else 16
    here, there = (socket.inet_ntop(family, address[:size]) for address in (local, remote))
    return TcpSocket(state, (here, local_port), (there, remote_port), receive, send, inode)
