"""Who is a client of a port, from the kernel's tables: with sockets of this process."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from wsgiviz.observe import sockets as module
from wsgiviz.observe.kernel import port_of
from wsgiviz.observe.self_calls import self_calls

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the tables are Linux's")


@pytest.fixture(params=["sock_diag", "tables"], autouse=True)
def source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either of the two that the kernel may be asked by."""
    if request.param == "tables":

        def none(*_: object) -> None:
            raise OSError("not here")

        monkeypatch.setattr(module, "tcp_sockets", none)


def test_the_client_ends_of_connections_to_the_port_are_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert self_calls(port, [os.getpid()]) == {}, "to listen is not to call"
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            assert self_calls(port, [os.getpid()]) == {os.getpid(): 2}
            assert self_calls(port, [os.getppid()]) == {}, "another process has none of them"
        assert self_calls(port, [os.getpid()]) == {}


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_over_ipv6_too() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 loopback here")
    with listener, socket.create_connection(("::1", listener.getsockname()[1])):
        assert self_calls(listener.getsockname()[1], [os.getpid()]) == {os.getpid(): 1}


def test_a_process_that_is_gone_has_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            assert self_calls(port, [2**22 + 1]) == {}


@pytest.mark.parametrize(
    ("address", "port"),
    [("http://127.0.0.1:8000", 8000), ("http://[::1]:80/", 80), ("", 0), ("unix:/tmp/x", 0), ("http://h:x", 0)],
)
def test_the_port_of_an_address(address: str, port: int) -> None:
    assert port_of(address) == port
