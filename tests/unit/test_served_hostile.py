"""What other processes of the same user may put where servers record: each gets a sentence at most, and no terminal
gets anything but printable text."""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.rings import MemoryRing
from tests.unit.test_ring_hostile import records
from wsgiviz import cli
from wsgiviz.control.attachment import Attachment
from wsgiviz.control.served_log import MOST_RINGS, ServedLog, ring_headers
from wsgiviz.log import EventLog
from wsgiviz.observe import py_spy
from wsgiviz.observe.collector import Collector
from wsgiviz.recorder import served
from wsgiviz.recorder.layout import HEADER_BYTES, LARGEST_CAPACITY, pack_header, ring_bytes
from wsgiviz.report import dump as dump_module
from wsgiviz.report.dump_page import WIDTH
from wsgiviz.state import Phase

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x1b[31m\r\n\u202e\u2028\x9b31m\x00"
ME = os.getpid()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "home"
    monkeypatch.setenv(served.HOME_VARIABLE, str(path))
    monkeypatch.setattr(dump_module, "PROBED_S", 0.02)
    monkeypatch.setattr(dump_module, "OUTSIDE_S", 0.01)
    monkeypatch.setattr(py_spy, "program", lambda: None)
    yield path
    for directory in [] if path.is_symlink() else path.glob("*"):  # never what somebody else's folder holds
        if not directory.is_symlink() and directory.is_dir():
            directory.chmod(0o700)


def about(**changed: Any) -> dict[str, Any]:
    values = {
        "pid": ME, "started_ns": time.monotonic_ns(), "started": "2026-11-30T05:00:00+00:00", "command": ["gunicorn"],
        "folder": "/srv", "redact": False, "always": False,
    }  # fmt: skip
    return values | changed


def directory_of(home: Path, text: str | bytes | None = None) -> Path:
    """A served directory with this about.json."""
    home.mkdir(mode=0o700, exist_ok=True)
    path = home / f"{ME}-1f"
    path.mkdir(mode=0o700, exist_ok=True)
    content = json.dumps(about()) if text is None else text
    (path / served.ABOUT).write_bytes(content if isinstance(content, bytes) else content.encode())
    (path / served.WATCHED).touch()
    return path


def ring_with(role: str = "worker", pid: int = ME, text: str = "GET /") -> bytes:
    """A ring of a worker that has a request, and says what a terminal would obey."""
    ring = MemoryRing(64, pid=pid, role=role)
    ring.emit.worker_booting(1, pid, 1, b"sync\x1b[31m")
    ring.emit.worker_ready()
    ring.emit.request_began(0, -5, 1, 1, text.encode("utf-8", "replace"))
    header = pack_header(pid, time.monotonic_ns(), "wsgi", role, 64)
    return header + bytes(ring.memory[len(header) :])


Case = Callable[[Path], object]


def json_about(**changed: Any) -> Case:
    return lambda home: directory_of(home, json.dumps(about(**changed)))


def raw_about(content: bytes) -> Case:
    return lambda home: directory_of(home, content)


def instead_of_ring(make: Callable[[Path], object]) -> Case:
    return lambda home: make(directory_of(home) / f"wsgi-worker-{ME}-1.ring")


def bound_socket(path: Path) -> None:
    """Its path is too long to be bound to as it is."""
    before = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(before)


def about_is(make: Callable[[Path], object]) -> Case:
    def made(home: Path) -> None:
        path = directory_of(home) / served.ABOUT
        path.unlink()
        make(path)

    return made


def watched_is(make: Callable[[Path], object]) -> Case:
    def made(home: Path) -> None:
        directory = directory_of(home)
        (directory / f"wsgi-worker-{ME}-1.ring").write_bytes(ring_with())
        path = directory / served.WATCHED
        path.unlink()
        make(path)

    return made


def future(home: Path) -> None:
    directory = directory_of(home)
    (directory / f"wsgi-worker-{ME}-1.ring").write_bytes(ring_with())
    for path in (directory, *directory.iterdir()):
        os.utime(path, (2**33, 2**33))


def beside(make: Callable[[Path], object]) -> Case:
    """Something else in the home of a directory that is in order."""

    def made(home: Path) -> None:
        directory_of(home)
        make(home)

    return made


def many_rings(home: Path) -> None:
    directory = directory_of(home)
    for number in range(1500):
        (directory / f"wsgi-worker-{number}-1.ring").touch()


def many_directories(home: Path) -> None:
    home.mkdir(mode=0o700)
    for number in range(400):
        (home / f"{number}-{number:x}").mkdir(mode=0o700)


def home_of_all(home: Path) -> None:
    directory_of(home)
    home.chmod(0o777)


def two_lives(home: Path) -> None:
    """A pid that two rings claim, and a master that says that everybody has died, itself too."""
    directory = directory_of(home)
    for started in (1, 2):
        (directory / f"wsgi-worker-{ME}-{started}.ring").write_bytes(ring_with())
    master = MemoryRing(64, pid=ME, role="master")
    for pid in (ME, 1, 0, -1, 2**62):
        master.emit.worker_died(pid, 2**40, 1)
    (directory / f"wsgi-master-{ME}-1.ring").write_bytes(bytes(master.memory))
    (directory / f"wsgi-master-{ME}-2.ring").write_bytes(ring_with("master"))


CASES: dict[str, Case] = {
    "no home": lambda home: None,
    "a home for all": home_of_all,
    "a home that is a link": lambda home: home.symlink_to("/"),
    "a home that is a file": lambda home: home.touch(),
    "an empty directory": lambda home: (directory_of(home) / served.ABOUT).unlink(),
    "many directories": many_directories,
    "a link to a directory": beside(lambda home: (home / "1-1").symlink_to("/etc")),
    "escapes in a directory's name": beside(lambda home: (home / "1-\x1b[31m\n").mkdir(mode=0o700)),
    "a directory's name that is no text": beside(lambda home: os.mkdir(os.fsencode(home) + b"/1-\xff\xfe", 0o700)),
    "random about": raw_about(random.Random(1).randbytes(5000)),
    "empty about": raw_about(b""),
    "about of 10 MB": raw_about(json.dumps(about(folder="x" * 10_000_000)).encode()),
    "deep about": raw_about(b"[" * 60_000),
    "about is a list": raw_about(b"[1, 2]"),
    "about without fields": raw_about(b'{"pid": 1}'),
    "about with NaN": raw_about(json.dumps(about(pid=float("nan"))).encode()),
    "about with a pid of text": json_about(pid="1"),
    "about with a pid of 4000 digits": raw_about(json.dumps(about()).replace(str(ME), "9" * 4000).encode()),
    "about with a start of 4000 digits": raw_about(
        json.dumps(about(started_ns=7)).replace(": 7,", f": {'9' * 4000},").encode()
    ),
    "about with escapes": json_about(command=["gunicorn", ESCAPES], folder=ESCAPES, started=ESCAPES),
    "about with surrogates": json_about(command=["\ud800\udfff", "\udc80"], folder="\ud800"),
    "about with thousands of words": json_about(command=["w"] * 9000),
    "about with a command of text": json_about(command="gunicorn"),
    "about of the year 9999": json_about(started="9999-12-31T23:59:59+00:00", started_ns=1),
    "about of the year 1": json_about(started="0001-01-01T00:00:00+00:00"),
    "about without a time zone": json_about(started="2026-01-01T00:00:00"),
    "about is a FIFO": about_is(os.mkfifo),
    "about is a folder": about_is(os.mkdir),
    "about is a link": about_is(lambda path: path.symlink_to("/etc/passwd")),
    "about is a socket": about_is(bound_socket),
    "a ring of random bytes": instead_of_ring(lambda path: path.write_bytes(random.Random(2).randbytes(300_000))),
    "an empty ring": instead_of_ring(Path.touch),
    "a ring that is cut": instead_of_ring(lambda path: path.write_bytes(ring_with()[: HEADER_BYTES + 300])),
    "a ring that is a FIFO": instead_of_ring(os.mkfifo),
    "a ring that is a folder": instead_of_ring(os.mkdir),
    "a ring that is a socket": instead_of_ring(bound_socket),
    "a ring that is a link": instead_of_ring(lambda path: path.symlink_to("/dev/zero")),
    "a ring with escapes": instead_of_ring(lambda path: path.write_bytes(ring_with(text=f"GET /{ESCAPES}"))),
    "a ring of a dead worker": instead_of_ring(lambda path: path.write_bytes(ring_with(pid=2**31 - 1, text=ESCAPES))),
    "a ring of process 1": instead_of_ring(lambda path: path.write_bytes(ring_with(pid=1))),
    "a ring of a driver": instead_of_ring(lambda path: path.write_bytes(ring_with(role="driver"))),
    "a ring of a role with escapes": instead_of_ring(lambda path: path.write_bytes(ring_with(role="\x1b[31m"))),
    "many rings": many_rings,
    "two lives": two_lives,
    "watched is a FIFO": watched_is(os.mkfifo),
    "watched is a folder": watched_is(os.mkdir),
    "watched is a link": watched_is(lambda path: path.symlink_to("/etc/passwd")),
    "times in the future": future,
}


def harmless(text: str) -> bool:
    return all(line.isprintable() and len(line) <= WIDTH for line in text.split("\n"))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_command_survives(case: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("/etc/passwd").stat().st_mtime_ns
    CASES[case](home)
    report = tmp_path / "report.json"
    for arguments in (["dump", str(ME)], ["dump", "--last"]):
        assert cli.run([*arguments, "--json", str(report)]) in (0, 1)
        out, err = capsys.readouterr()
        assert harmless(out)
        assert err == ""
        assert report.read_text().isascii()
        json.loads(report.read_text())
    assert Path("/etc/passwd").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("a home for all", "not a directory of this user's alone"),
        ("random about", "no about.json that makes sense"),
        ("about is a FIFO", "no about.json that makes sense"),
    ],
)
def test_what_is_not_read_is_said(case: str, said: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    CASES[case](home)
    for arguments in (["dump", str(ME)], ["dump", "--last"]):
        cli.run(arguments)
        assert said in " ".join(capsys.readouterr().out.split())


def test_a_ring_is_shown_as_text(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    CASES["a ring with escapes"](home)
    cli.run(["dump", str(ME)])
    out = capsys.readouterr().out
    assert "GET /\\x1b]0;owned\\x07" in out
    assert "with the probe" in out


def test_files_that_are_no_rings_are_counted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = directory_of(home)
    (directory / "wsgi-worker-1-1.ring").write_bytes(ring_with())
    for number in range(3):
        (directory / f"wsgi-worker-9-{number}.ring").write_bytes(b"x")
    cli.run(["dump", str(ME)])
    assert "3 files are no ring of this version" in capsys.readouterr().out


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_attachment_survives(case: str, home: Path) -> None:
    CASES[case](home)
    for directory, _ in served.found():
        log = EventLog()
        attachment = Attachment([directory], log)
        attachment.start()
        for _ in range(3):
            attachment.pump()
        attachment.close()
        assert log.state.phase is Phase.CLOSED


def read(directory: Path) -> ServedLog:
    found = served.read_about(directory)
    assert found is not None
    log = ServedLog(directory, found)
    try:
        log.begin()
        log.look()
    finally:
        log.close()
    return log


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(records(), min_size=8, max_size=40), st.integers(1, 2**31 - 1), st.sampled_from(["master", "worker"]))
def test_any_content_of_a_ring_is_shown_or_counted(
    home: Path, capsys: pytest.CaptureFixture[str], content: list[bytes], pid: int, role: str
) -> None:
    directory = directory_of(home)
    raw = bytearray(ring_with(role, ME if pid % 2 else pid))
    at = HEADER_BYTES + 4 * 128
    raw[at : at + 128 * len(content)] = b"".join(content)
    (directory / f"wsgi-{role}-{ME}-1.ring").write_bytes(raw[: ring_bytes(64)])
    for arguments in (["dump", str(ME)], ["dump", "--last"]):
        assert cli.run(arguments) in (0, 1)
        assert harmless(capsys.readouterr().out)
    for path in directory.glob("*.ring"):
        path.unlink()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4),
       st.sampled_from(sorted(about())))  # fmt: skip
def test_any_value_in_about_is_taken_or_refused(home: Path, value: object, name: str) -> None:
    directory = directory_of(home, json.dumps(about(**{name: value})))
    found = served.read_about(directory)
    if found is not None:
        assert 0 < found.pid < 1 << 62
        assert all(isinstance(word, str) for word in found.command)
        read(directory)


def test_a_ring_that_grows_and_shrinks_while_it_is_read(home: Path) -> None:
    directory = directory_of(home)
    path = directory / f"wsgi-worker-{ME}-1.ring"
    whole = ring_with()
    path.write_bytes(whole)
    collector = Collector(directory, deletes=False)
    for size in (len(whole), HEADER_BYTES, 0, len(whole), 2 * len(whole), 100, len(whole)):
        os.truncate(path, size)
        collector.poll()
        if size >= len(whole):
            with path.open("r+b") as file:
                file.write(whole)
    collector.close()
    assert {header.pid for header in read(directory).headers} == {ME}


def test_memory_is_bounded_whatever_the_size(home: Path) -> None:
    """A ring of the largest size, sparse; names without end. What is held is measured."""
    directory = directory_of(home)
    path = directory / f"wsgi-worker-{ME}-1.ring"
    with path.open("wb") as file:
        file.write(pack_header(ME, 1, "wsgi", "worker", LARGEST_CAPACITY))
        file.truncate(ring_bytes(LARGEST_CAPACITY))
        file.seek(HEADER_BYTES + 128)
        for sequence in (1, LARGEST_CAPACITY * 7 + 2):
            file.write(struct.pack("<Q", sequence).ljust(128, b"\0"))
    for number in range(2 * MOST_RINGS):
        (directory / f"wsgi-worker-9-{number}.ring").touch()
    tracemalloc.start()
    try:
        assert len(ring_headers(directory)) <= MOST_RINGS
        read(directory)
        assert tracemalloc.get_traced_memory()[1] < path.stat().st_size / 4
    finally:
        tracemalloc.stop()
