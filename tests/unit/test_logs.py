"""Logs: read as they grow, and kept from growing without bound."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from wsgiviz.observe.logs import LINE_BYTES, READ_BYTES, BoundedLog


def append(path: Path, text: str) -> None:
    """As a server does, whose stdout was opened to append."""
    with path.open("ab") as log:
        log.write(text.encode())


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "wsgi.log")
    assert log.tail(5) == []
    assert log.new_lines(0) == ([], 0)
    assert log.keep_bounded() == 0


def test_new_lines_come_once_and_whole(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "wsgi.log")
    append(log.path, "one\ntw")
    lines, offset = log.new_lines(0)
    assert lines == ["one"]
    append(log.path, "o\n\nthree\n")
    lines, offset = log.new_lines(offset)
    assert lines == ["two", "", "three"]
    assert log.new_lines(offset) == ([], offset)


def test_any_bytes_are_text_and_a_long_line_comes_in_pieces(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "wsgi.log")
    log.path.write_bytes(b"\xff\x1b[31m\n" + b"x" * (LINE_BYTES + 1) + b"\n")
    lines, _ = log.new_lines(0)
    assert [len(line) for line in lines] == [6, LINE_BYTES, 1]
    log.path.write_bytes(b"y" * (2 * READ_BYTES))  # no line has an end
    lines, offset = BoundedLog(log.path).new_lines(0)
    assert offset == sum(map(len, lines)) == READ_BYTES


def test_the_tail_is_of_whole_lines(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "wsgi.log")
    append(log.path, "".join(f"line {number}\n" for number in range(100_000)))
    assert log.tail(2) == ["line 99998", "line 99999"]
    assert log.tail(0) == []
    found = log.tail(10**6)
    assert 0 < len(found) < 100_000
    assert found == [f"line {number}" for number in range(100_000 - len(found), 100_000)]


def test_a_log_beyond_its_limit_keeps_its_end_and_says_what_was_dropped(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "wsgi.log", limit_bytes=1000, kept_bytes=100)
    append(log.path, "0123456789\n" * 90)
    assert log.keep_bounded() == 0
    append(log.path, "0123456789\n" * 10)
    dropped = log.keep_bounded()
    assert dropped == 1100 - 99
    note, *kept = log.path.read_text().splitlines()
    assert note == "[wsgiviz: the first 1001 bytes of this log were dropped]"
    assert kept == ["0123456789"] * 9
    append(log.path, "later\n")
    assert log.tail(1) == ["later"]


def test_a_writer_that_holds_the_file_goes_on_at_its_end(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "wsgi.log", limit_bytes=100, kept_bytes=50)
    with log.path.open("ab", buffering=0) as server:
        server.write(b"0123456789\n" * 20)
        log.keep_bounded()
        server.write(b"later\n")
    assert log.path.read_text().endswith("0123456789\nlater\n")
    assert log.path.stat().st_size < 200


@given(st.lists(st.one_of(st.integers(1, 40), st.sampled_from(["read", "bound"])), max_size=60))
def test_a_reader_sees_every_line_that_was_not_cut(steps: list[int | str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        follow(Path(directory) / "wsgi.log", steps)


def follow(path: Path, steps: list[int | str]) -> None:
    log = BoundedLog(path, limit_bytes=200, kept_bytes=100)
    written, offset = 0, 0
    seen: list[str] = []
    cut_unread = False
    for step in [*steps, "read"]:
        if isinstance(step, int):
            append(path, "".join(f"{written + at:06}\n" for at in range(step)))
            written += step
        elif step == "read":
            lines, offset = log.new_lines(offset)
            seen += lines
        else:
            cut_unread |= log.keep_bounded() > 0 and len(seen) < written
    numbers = [int(line) for line in seen if line.isdecimal()]
    assert numbers == sorted(set(numbers))
    assert not written or numbers[-1] == written - 1
    assert cut_unread or numbers == list(range(written))


def test_a_log_that_somebody_else_cut_is_read_anew(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "wsgi.log")
    append(log.path, "one\ntwo\n")
    _, offset = log.new_lines(0)
    os.truncate(log.path, 0)
    append(log.path, "new\n")
    assert log.new_lines(offset) == (["new"], 4)


def test_what_is_no_regular_file_is_empty(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/etc/passwd")
    for name in ("fifo", "link", "."):
        log = BoundedLog(tmp_path / name)
        assert log.tail(5) == []
        assert log.new_lines(0) == ([], 0)
        assert log.keep_bounded() == 0
