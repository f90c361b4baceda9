"""The ring file as the observed process makes it: private, with its space reserved, and never in the way."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.rings import PLENTY
from wsgiviz.recorder.emitter import create_emitter, silent_emitter
from wsgiviz.recorder.layout import ring_bytes
from wsgiviz.recorder.reader import Record, RingReader


def reader_of(directory: Path) -> RingReader:
    [path] = directory.glob("*.ring")
    reader = RingReader.open(path)
    assert reader is not None
    return reader


def test_a_ring_is_read_from_its_file(tmp_path: Path) -> None:
    emit = create_emitter(tmp_path, "asgi", "worker")
    emit.request_began(3, 17, 1, 2, b"GET /", t_ns=99)
    reader = reader_of(tmp_path)
    [record] = reader.poll(PLENTY)
    assert record == Record(99, 21, 3, 17, 1, 2, "GET /")
    assert (reader.header.side, reader.header.role, reader.header.pid) == ("asgi", "worker", os.getpid())
    reader.close()


def test_a_ring_file_is_private_and_all_there(tmp_path: Path) -> None:
    create_emitter(tmp_path, "wsgi", "worker")
    [path] = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_blocks * 512 >= ring_bytes()


def test_a_file_system_that_cannot_reserve_gets_zeros(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(fd: int, offset: int, size: int) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "posix_fallocate", cannot)
    emit = create_emitter(tmp_path, "wsgi", "worker")
    emit.worker_ready()
    [path] = tmp_path.iterdir()
    assert path.stat().st_blocks * 512 >= ring_bytes()
    assert len(reader_of(tmp_path).poll(PLENTY)) == 1


def test_two_rings_of_one_pid_have_two_names(tmp_path: Path) -> None:
    """As when a pid comes back."""
    create_emitter(tmp_path, "wsgi", "worker", 8)
    create_emitter(tmp_path, "wsgi", "worker", 8)
    assert len(list(tmp_path.glob("*.ring"))) == 2


NO_ROOM = """
import resource, sys
from wsgiviz.recorder.emitter import create_emitter
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    create_emitter(sys.argv[1], "wsgi", "worker")
except OSError as error:
    print("refused:", error.strerror)
"""


def test_no_room_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", NO_ROOM, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "refused: File too large\n"
    assert list(tmp_path.iterdir()) == []


FORK = """
import os, sys
from wsgiviz.recorder.emitter import create_emitter
emit = create_emitter(sys.argv[1], "wsgi", "worker", 8)
held = emit.first_byte, emit.step_began, emit.request_ended, emit._record
emit.first_byte(1)
pid = os.fork()
if pid == 0:
    emit.first_byte(2)
    emit.run_started(1, 1, 1)
    held[0](2); held[1](2); held[2](0, 2, 0, 0, 0, 0, 0, 200, 1); held[3](54, req=2)
    own = create_emitter(sys.argv[1], "wsgi", "worker", 8)
    own.first_byte(3)
    os._exit(0)
print(os.waitpid(pid, 0)[1])
emit.first_byte(4)
"""


def test_a_fork_of_the_app_writes_into_no_ring_but_its_own(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FORK, str(tmp_path)], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")
    readers = [RingReader.open(path) for path in tmp_path.glob("*.ring")]
    seen = sorted([record.req for record in reader.poll(PLENTY)] for reader in readers if reader is not None)
    assert seen == [[1, 4], [3]]


def test_a_silent_emitter_does_nothing() -> None:
    emit = silent_emitter()
    emit.worker_booting(1, 2, 3, b"sync")
    emit.request_began(0, 1, 0, 0, b"GET /", t_ns=5)
    emit.request_ended(0, 1, 0, 0, 0, 0, 0, 200, 1, b"", t_ns=5)
    emit.step_began(1)
    emit.step_ended(1, 5)
    emit.task_ready(1)
    assert emit.memory is None


ALONE = """
import sys
from wsgiviz.recorder import codec, emitter, layout, pack, reader, rundir
import wsgiviz.lifeline
print(sorted(name for name in sys.modules if name.partition(".")[0] in ("msgspec", "psutil", "textual", "httpx")))
"""


def test_the_recorder_needs_the_standard_library_only() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
