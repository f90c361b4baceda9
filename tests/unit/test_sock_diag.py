"""What the kernel says of TCP sockets: of sockets of this process."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from wsgiviz.observe.sock_diag import ESTABLISHED, LISTEN, TcpSocket, tcp_sockets

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="netlink is Linux's")

FAMILIES = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_listener_has_its_accept_queue(family: socket.AddressFamily) -> None:
    host = FAMILIES[family]
    try:
        listener = socket.create_server((host, 0), family=family, backlog=7)
    except OSError:
        pytest.skip("no IPv6 loopback here")
    address = host, listener.getsockname()[1]
    with listener, socket.create_connection(address), socket.create_connection(address) as client:
        anywhere = "0.0.0.0" if family == socket.AF_INET else "::"
        inode = os.fstat(listener.fileno()).st_ino
        found = [one for one in tcp_sockets(family, frozenset({LISTEN})) if one.local == address]
        assert found == [TcpSocket(LISTEN, address, (anywhere, 0), 2, 7, inode)]
        [mine] = [
            one
            for one in tcp_sockets(family, frozenset({ESTABLISHED}), address[1])
            if one.local[1] == client.getsockname()[1]
        ]
        assert (mine.remote, mine.inode) == (address, os.fstat(client.fileno()).st_ino)


def test_only_connections_to_the_port_are_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [one.getsockname()[1] for one in (listener, other)]
        with socket.create_connection(("127.0.0.1", ports[0])):
            assert len(tcp_sockets(socket.AF_INET, frozenset({ESTABLISHED}), ports[0])) == 1
            assert tcp_sockets(socket.AF_INET, frozenset({ESTABLISHED}), ports[1]) == []
