"""Sockets of this machine, asked of the kernel by NETLINK_SOCK_DIAG (sock_diag(7)), which filters by state.

/proc/net/tcp has the same, as text and with every connection in TIME_WAIT: of a server under load there are tens of
thousands of those, and a read of the table takes a third of a second. Of unix sockets /proc/net/unix has no queues.
Only sockets of this network namespace.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

ESTABLISHED, SYN_SENT, CLOSE_WAIT, LISTEN = 1, 2, 8, 10
"""States, as in the kernel's include/net/tcp_states.h; unix sockets have the first and the last."""

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

UNIX_REQUEST = struct.Struct("=BBHIIIII")
"""unix_diag_req: family, protocol, padding, states, inode (0: all), what to show, a cookie of two."""

UNIX_SHOW_NAME_AND_QUEUES = 0x11
UNIX_FOUND = struct.Struct("=BBBBI8x")
"""unix_diag_msg: family, type, state, padding, inode; behind its cookie are attributes."""

ATTRIBUTE = struct.Struct("=HH")
UNIX_NAME, UNIX_QUEUES = 0, 4
UNIX_QUEUE_LENGTHS = struct.Struct("=II")

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


class UnixSocket(NamedTuple):
    """The same of a unix socket (sk_diag_show_rqlen in net/unix/diag.c); the queues are None where the kernel leaves
    them out. ``path``: "" where it has none, "@name" of an abstract one."""

    state: int
    path: str
    receive_queue: int | None
    send_queue: int | None
    inode: int


def tcp_sockets(family: socket.AddressFamily, states: frozenset[int], remote_port: int = 0) -> list[TcpSocket]:
    """The sockets of AF_INET or AF_INET6 in these states, all or those with this remote port.

    Raises OSError where the platform has no such thing, or does not answer.
    """
    body = REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, _mask(states))
    body += struct.pack("!HH32x", 0, remote_port) + struct.pack("=III", 0, NO_COOKIE, NO_COOKIE)
    found = [_tcp(message, family) for message in _answers(body)]
    return [one for one in found if remote_port in (0, one.remote[1])]


def unix_sockets(states: frozenset[int]) -> list[UnixSocket]:
    """The unix sockets in these states. Raises OSError as `tcp_sockets` does; some kernels have only that."""
    given = 0, 0, _mask(states), 0, UNIX_SHOW_NAME_AND_QUEUES, NO_COOKIE, NO_COOKIE
    return [_unix(message) for message in _answers(UNIX_REQUEST.pack(socket.AF_UNIX, *given))]


def _mask(states: frozenset[int]) -> int:
    return sum(1 << state for state in states)


def _answers(body: bytes) -> Iterator[bytes]:
    """The messages that the kernel answers to a request, each from its header on."""
    if not hasattr(socket, "AF_NETLINK"):
        raise OSError("this platform has no netlink")
    request = MESSAGE.pack(MESSAGE.size + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST_DUMP, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(WITHIN_S)
        kernel.send(request)
        while True:
            data = kernel.recv(RECEIVED_BYTES)
            for kind, start, end in _messages(data):
                if kind == NLMSG_DONE:
                    return
                if kind == NLMSG_ERROR:
                    raise OSError(-struct.unpack_from("=i", data, start)[0], "sock_diag")
                yield data[start - FOUND_AT : end]


def _messages(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The kind of each message in ``data``, and where what it holds begins and ends."""
    at = 0
    while at + MESSAGE.size <= len(data):
        length, kind, *_ = MESSAGE.unpack_from(data, at)
        if length < MESSAGE.size:
            return
        yield kind, at + MESSAGE.size, at + length
        at += (length + 3) & ~3


def _tcp(message: bytes, family: socket.AddressFamily) -> TcpSocket:
    state = message[FOUND_AT + 1]
    local_port, remote_port, local, remote = IDENTITY.unpack_from(message, IDENTITY_AT)
    receive, send, _, inode = QUEUES.unpack_from(message, QUEUES_AT)
    size = 4 if family == socket.AF_INET else 16
    here, there = (socket.inet_ntop(family, address[:size]) for address in (local, remote))
    return TcpSocket(state, (here, local_port), (there, remote_port), receive, send, inode)


def _unix(message: bytes) -> UnixSocket:
    _, _, state, _, inode = UNIX_FOUND.unpack_from(message, FOUND_AT)
    attributes = dict(_attributes(message, FOUND_AT + UNIX_FOUND.size))
    queues: tuple[int | None, int | None] = None, None
    if len(attributes.get(UNIX_QUEUES, b"")) >= UNIX_QUEUE_LENGTHS.size:
        queues = UNIX_QUEUE_LENGTHS.unpack_from(attributes[UNIX_QUEUES])
    return UnixSocket(state, _path(attributes.get(UNIX_NAME, b"")), *queues, inode)


def _attributes(message: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at + ATTRIBUTE.size <= len(message):
        length, kind = ATTRIBUTE.unpack_from(message, at)
        if length < ATTRIBUTE.size:
            return
        yield kind, message[at + ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3


def _path(name: bytes) -> str:
    """An abstract name begins with a null, which /proc/net/unix shows as "@"."""
    abstract = name.startswith(b"\0")
    text = name.strip(b"\0").decode("utf-8", "replace")
    return f"@{text}" if abstract else text
