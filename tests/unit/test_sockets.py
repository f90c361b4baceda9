"""Listening sockets of a process: found from outside, with what waits in their accept queues."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from wsgiviz.observe import sockets
from wsgiviz.observe.sock_diag import LISTEN, unix_sockets
from wsgiviz.observe.sockets import HeldSocket, listeners_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_tcp_listener_and_what_waits(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        server = socket.create_server((host, 0), family=family, backlog=8)
    except OSError:
        pytest.skip("no IPv6 here")
    with server:
        port = server.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        clients = [socket.create_connection((host, port)) for _ in range(3)]
        found = {one.address: (one.waiting, one.limit) for one in listeners_of([os.getpid()])}
        assert found[f"http://{shown}:{port}"] == (3, 8)
        for client in clients:
            client.close()
    assert f"http://{shown}:{port}" not in {one.address for one in listeners_of([os.getpid()])}


def test_where_the_kernel_is_not_asked_the_table_has_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            [asked] = [one for one in listeners_of([os.getpid()]) if one.address.endswith(f":{port}")]
            monkeypatch.setattr(sockets, "tcp_sockets", _no_netlink)
            [read] = [one for one in listeners_of([os.getpid()]) if one.address.endswith(f":{port}")]
    assert (asked, asked.waiting) == (replace(read, limit=8), 1)


def _no_netlink(*_: object) -> None:
    raise OSError("this platform has no netlink")


@pytest.mark.parametrize("abstract", [False, True])
def test_a_unix_listener_and_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    path, before = str(tmp_path / "s"), {one.inode for one in listeners_of([os.getpid()])}

    def mine() -> HeldSocket:
        [found] = [one for one in listeners_of([os.getpid()]) if one.inode not in before]
        return found

    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("\0" + path if abstract else path)
        server.listen(4)
        client.connect(server.getsockname())
        known = asks_unix()
        assert (mine().address, mine().waiting, mine().limit) == (
            f"unix:{'@' if abstract else ''}{path}",
            1 if known else None,
            4 if known else None,
        )
        monkeypatch.setattr(sockets, "unix_sockets", _no_netlink)
        assert (mine().waiting, mine().limit) == (None, None), "unknown, and not 0"


def asks_unix() -> bool:
    """Whether this kernel has unix_diag."""
    try:
        return bool(unix_sockets(frozenset({LISTEN})))
    except OSError:
        return False


def test_gunicorns_control_socket_is_none_that_clients_wait_at(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "gunicorn.ctl"))
        server.listen(4)
        assert not [one for one in listeners_of([os.getpid()]) if "gunicorn.ctl" in one.local]


def test_a_process_that_is_gone_has_none() -> None:
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    assert listeners_of([pid]) == []


def test_lines_that_make_no_sense_are_passed_over(tmp_path: Path) -> None:
    home = tmp_path / "7"
    (home / "fd").mkdir(parents=True)
    (home / "net").mkdir()
    os.symlink("socket:[5]", home / "fd" / "3")
    head, good = "head\n", "0: 0100007F:1F90 00000000:0000 0A 00000000:00000002 0 0 0 0 5 1\n"
    (home / "net" / "tcp").write_text(head + "\x1b]0;x\x07\nZZ: ZZ ZZ 0A ZZ:ZZ 0 0 0 0 5\n" + good)
    assert [(one.address, one.waiting) for one in listeners_of([7], tmp_path)] == [("http://127.0.0.1:8080", 2)]
