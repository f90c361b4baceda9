"""What /proc says, in words; sockets of processes of which nothing else is known."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from wsgiviz.observe.outside import OutsideThread
from wsgiviz.observe.py_spy import app_lines
from wsgiviz.observe.sockets import descriptors, socket_table
from wsgiviz.observe.system_calls import NAMES, SystemCall, polled, system_call

NUMBERS = {name: number for number, name in NAMES.items()}
linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


@pytest.mark.parametrize("text", ["running", "-1 0x7ffd 0x7f", "", "0x7", "9999999", "²"])
def test_what_is_no_system_call_is_none(text: str) -> None:
    assert system_call(text) is None


@pytest.mark.skipif(not NUMBERS, reason="this machine's calls have no names here")
def test_a_call_has_a_name_and_its_descriptor() -> None:
    assert system_call(f"{NUMBERS['recvfrom']} 0x9 0x7f 0x2000 0x0") == SystemCall("recvfrom", 9)
    assert system_call(f"{NUMBERS['futex']} 0x9 0x7f") == SystemCall("futex")
    assert system_call(f"{NUMBERS['read']} zz") == SystemCall("read")
    assert system_call("777 0x1") == SystemCall("call 777")


@pytest.mark.parametrize(
    ("thread", "words"),
    [
        (OutsideThread(1, "S", SystemCall("recvfrom", 9), "a client"), "recvfrom: reads from a client"),
        (OutsideThread(1, "S", SystemCall("sendto", 9), "a client"), "sendto: writes to a client"),
        (OutsideThread(1, "S", SystemCall("accept4", 5), "the listener"), "accept4: waits for a connection"),
        (OutsideThread(1, "S", SystemCall("recvfrom", 9)), "recvfrom: waits for data from a socket"),
        (OutsideThread(1, "S", SystemCall("recvfrom", 9), "10.0.0.5:5432"), "recvfrom: waits for 10.0.0.5:5432"),
        (OutsideThread(1, "S", SystemCall("poll", 9), "10.0.0.5:5432"), "poll: waits for 10.0.0.5:5432"),
        (OutsideThread(1, "S", SystemCall("sendto", 9), "[::1]:80"), "sendto: waits to send to [::1]:80"),
        (OutsideThread(1, "S", SystemCall("connect", 9), "10.0.0.5:80"), "connect: connects to 10.0.0.5:80"),
        (OutsideThread(1, "R"), "runs"),
        (OutsideThread(1, "D"), "waits in the kernel (disk or the like)"),
        (OutsideThread(1, "Z"), "has ended"),
        (OutsideThread(1, "S", SystemCall("call 777")), "call 777"),
    ],
)
def test_a_thread_in_words(thread: OutsideThread, words: str) -> None:
    assert thread.words == words


@linux
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_sockets_are_found_with_what_waits_there(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen(8)
        clients = [socket.create_connection(listener.getsockname()[:2]) for _ in range(3)]
        accepted, _ = listener.accept()
        clients[0].sendall(b"12345")
        accepted.recv(1, socket.MSG_PEEK)  # it has come
        held, table = descriptors(os.getpid()), socket_table(os.getpid())
        assert held is not None
        listening, taken = table[held.sockets[listener.fileno()]], table[held.sockets[accepted.fileno()]]
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        assert (listening.local, listening.listening, listening.waiting) == (
            f"{shown}:{listener.getsockname()[1]}", True, 2,
        )  # fmt: skip
        assert (taken.peer, taken.listening, taken.waiting) == (f"{shown}:{clients[0].getsockname()[1]}", False, 5)
        for one in (*clients, accepted):
            one.close()


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    assert descriptors(1 << 30) is None
    assert socket_table(1 << 30) == {}


def test_the_innermost_line_of_the_app_is_taken() -> None:
    def frame(file: str, line: int) -> dict[str, object]:
        return {"filename": file, "line": line, "name": f"f{line}"}

    library = frame(threading.__file__, 1)
    package = frame("/srv/app/.venv/lib/python3.12/site-packages/requests/api.py", 2)
    threads = [
        {"os_thread_id": 9, "frames": [library, frame("/srv/app/pool.py", 30)]},
        {"os_thread_id": 7, "frames": [package, frame("/srv/app/views.py", 12), frame("/srv/app/main.py", 4)]},
        {"os_thread_id": 8, "frames": [library, frame("<string>", 3)]},
    ]
    lines = app_lines(threads, 7, "/srv/app")
    assert [(one.thread_id, one.words) for one in lines] == [(7, "views.py:12 in f12"), (9, "pool.py:30 in f30")]


@linux
def test_of_a_poll_for_one_socket_it_is_known_which() -> None:
    """Python polls a socket with a timeout before it reads from it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as sock:
        sock.settimeout(60)
        reads = threading.Thread(target=lambda: sock.recv(1))
        reads.start()
        accepted, _ = listener.accept()
        task, found = Path(f"/proc/self/task/{reads.native_id}/syscall"), None
        try:
            end_s = time.monotonic() + 30
            while found is None and time.monotonic() < end_s:
                call = system_call(task.read_text())
                found = polled(os.getpid(), call).fd if call is not None and call.polls_at else None
        except PermissionError:
            pytest.skip("system calls of other threads may not be read here")
        finally:
            accepted.send(b"x")
            reads.join()
            accepted.close()
        assert found == sock.fileno()


def test_of_a_poll_that_can_not_be_read_nothing_is_known() -> None:
    call = SystemCall("poll", None, 1)
    assert polled(1 << 30, call) == call
    assert polled(os.getpid(), SystemCall("poll")) == SystemCall("poll")
