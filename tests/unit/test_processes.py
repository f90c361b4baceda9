"""Starting and signalling processes: what can't be started is said in words, and nobody else's process is touched."""

from __future__ import annotations

import errno
import os
import signal
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wsgiviz.backend import Backend
from wsgiviz.control import processes
from wsgiviz.control.failure import ending, why_ended
from wsgiviz.control.launch import Launch
from wsgiviz.control.processes import Processes
from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.settings import make

FULL = OSError(errno.ENOSPC, "No space left on device: 9 MiB needed, 2 MiB free", "/run/user/1")


def refuses(*given: object) -> Any:
    raise FULL


def launch_of(folder: Path, **changed: Any) -> Launch:
    fields: dict[str, Any] = {"side": "wsgi", "app": "shop:app", "kind": "sync", "workers": 1, "threads": 1}
    fields |= {"timeout_s": 0, "host": "127.0.0.1", "rundir": folder, "logs": folder, "env": {}}
    return Launch(**(fields | changed))


def test_no_room_for_the_rings_is_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "RunDirectory", refuses)
    with pytest.raises(WsgivizError) as refused:
        Processes().open(make())
    assert refused.value.message == (
        "no room for the flight recorder: No space left on device: 9 MiB needed, 2 MiB free in /run/user/1"
    )
    assert "XDG_RUNTIME_DIR" in refused.value.hint
    assert refused.value.status == 1


def test_no_room_for_more_workers_is_said_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    opened = Processes()
    opened.open(make())
    monkeypatch.setattr(processes, "room_for", refuses)
    with pytest.raises(WsgivizError, match="no room for the flight recorder"):
        opened.start_servers(make(workers=64), None)
    assert opened.servers == {}
    opened.close()


def test_a_server_that_is_not_installed_is_refused_when_it_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsgiviz.settings.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="gevent is not installed"):
        Processes().start_servers(make(left="gevent"), None)


def test_only_a_child_of_the_sides_master_gets_a_signal() -> None:
    ours = Processes()
    assert not ours.signal_worker("wsgi", os.getpid(), signal.SIGKILL)
    master: Any = SimpleNamespace(pid=os.getpid(), exit_status=lambda: None)
    ours.servers["wsgi"] = master
    assert not ours.signal_worker("wsgi", os.getpid(), signal.SIGKILL)
    assert not ours.signal_worker("wsgi", 2**22 + 1, signal.SIGKILL)  # beyond the kernel's largest pid


def test_how_a_process_ended_in_words() -> None:
    assert ending(3) == "ended with status 3"
    assert ending(-9) == "was ended by SIGKILL"
    assert ending(-99) == "was ended by signal 99"


@pytest.mark.parametrize("written", [b"", b"[1]", b"{", b"\xff\xfe", b'"' * 100_000, b"[" * 60_000], ids=range(6))
def test_a_boot_error_that_makes_no_sense_is_none(tmp_path: Path, written: bytes) -> None:
    launch = launch_of(tmp_path)
    launch.boot_error_path.write_bytes(written)
    launch.log_path.write_text("the end\n")
    failure = why_ended(launch, 1)
    assert failure.message == "the WSGI server (gunicorn sync) ended with status 1"
    assert failure.detail == "the end"


def test_a_backend_service_is_there_without_waiting_for_it(tmp_path: Path) -> None:
    backend = Backend.start("upstream", tmp_path)
    try:
        assert set(backend.env) == {"UPSTREAM_URL", "SLOW_DISK"}
        assert backend.alive
        with socket.create_connection(("127.0.0.1", int(backend.env["SLOW_DISK"])), timeout=30) as client:
            client.sendall(b"0\n")  # it listens before the process has begun to
            assert client.recv(1)
    finally:
        backend.close()
    backend.close()
