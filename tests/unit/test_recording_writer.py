"""Writing: it costs a frame nothing, and whatever happens to the file ends the recording and not the run."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.plausible_runs import T0, run
from wsgiviz.errors import UsageError
from wsgiviz.events import Event, LogWritten
from wsgiviz.log import EventLog, RecordingWriter, encoder, open_recording, writer
from wsgiviz.log.format import FIRST_LINE

BATCHES = run(random.Random(5), most=8)


def recorded_to(path: Path) -> EventLog:
    log, recording = EventLog(), RecordingWriter(path)
    log.attach(recording)
    for batch in BATCHES:
        log.append(batch)
    recording.close()
    assert recording.failure == ""
    return log


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for what another thread or process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def line(t_ns: int = T0) -> list[Event]:
    return [LogWritten(t_ns, "wsgi", 0, ("a line",))]


def test_a_recording_holds_what_the_log_got(tmp_path: Path) -> None:
    log = recorded_to(tmp_path / "run.wviz")
    with open_recording(tmp_path / "run.wviz") as recording:
        assert [recording.batch(at) for at in range(recording.end)] == list(log.batches())
        assert recording.damage == ""


def test_keyframes_are_written_as_they_are_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "KEYFRAME_EVENTS", 40)
    log = recorded_to(tmp_path / "run.wviz")
    content = (tmp_path / "run.wviz").read_bytes()
    assert content.count(b"WVIZ\xbb\r\n\x04") >= 2
    with open_recording(tmp_path / "run.wviz") as recording:
        assert [recording.at(at) for at in range(recording.end + 1)] == [log.at(at) for at in range(log.end + 1)]


def test_the_file_is_there_at_once_and_grows_while_the_run_goes_on(tmp_path: Path) -> None:
    path, log = tmp_path / "run.wviz", EventLog()
    recording = RecordingWriter(path)
    begun = path.stat().st_size
    assert path.read_bytes().startswith(FIRST_LINE)
    log.attach(recording)
    log.append(line())
    until(lambda: path.stat().st_size > begun)
    with open_recording(path) as so_far:
        assert so_far.batch(0) == tuple(line())
        assert "still recording" in so_far.damage
    recording.close()


def test_a_log_that_has_begun_is_recorded_from_there_on(tmp_path: Path) -> None:
    log = EventLog()
    for batch in BATCHES[:10]:
        log.append(batch)
    recording = RecordingWriter(tmp_path / "run.wviz")
    log.attach(recording)
    for batch in BATCHES[10:]:
        log.append(batch)
    recording.close()
    with open_recording(tmp_path / "run.wviz") as read:
        assert read.at(read.end) == log.snapshot
        assert "events were no longer kept" in read.damage


def test_what_comes_after_the_end_is_not_written(tmp_path: Path) -> None:
    recording = RecordingWriter(tmp_path / "run.wviz")
    log = EventLog()
    log.attach(recording)
    log.append(line())
    recording.finish()
    until(lambda: recording.finished)
    log.append(line())
    recording.close()
    with open_recording(tmp_path / "run.wviz") as read:
        assert read.end == 1


def test_a_file_that_is_removed_ends_the_recording(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    recording, log = RecordingWriter(folder / "run.wviz"), EventLog()
    log.attach(recording)
    log.append(line())
    shutil.rmtree(folder)
    until(lambda: recording.failure)
    assert recording.failure == f"the recording {folder}/run.wviz has ended: the file has been removed"
    log.append(line())
    recording.close()
    assert log.end == 2


FULL = """
import os, resource, sys, time
from wsgiviz.events import LogWritten
from wsgiviz.log import EventLog, RecordingWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
log, recording = EventLog(), RecordingWriter(sys.argv[1])
log.attach(recording)
begun = os.path.getsize(sys.argv[1])
log.append([LogWritten(1, "wsgi", 0, ("line 1",))])
while os.path.getsize(sys.argv[1]) == begun and not recording.failure:
    time.sleep(0.01)
for number in range(2, 1000):
    log.append([LogWritten(number, "wsgi", 0, (f"line {number} {hash(str(number))}",))])
recording.close()
print(recording.failure)
"""


def test_no_room_ends_the_recording_and_leaves_it_readable(tmp_path: Path) -> None:
    """A limit on the size of files fails like a full disk: in the middle of a block."""
    path = tmp_path / "run.wviz"
    done = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"the recording {path} has ended: File too large\n"
    with open_recording(path) as recording:
        assert recording.batch(0) == (LogWritten(1, "wsgi", 0, ("line 1",)),)
        assert recording.damage.startswith("it has no end")  # and no half block


KILLED = """
import sys, time
from wsgiviz.events import LogWritten
from wsgiviz.log import EventLog, RecordingWriter
log, recording = EventLog(), RecordingWriter(sys.argv[1])
log.attach(recording)
for number in range(1, 1000):
    log.append([LogWritten(number, "wsgi", 0, (f"line {number}",))])
print("all appended", flush=True)
time.sleep(600)
"""


def test_a_kill_leaves_all_that_is_older_than_a_flush(tmp_path: Path) -> None:
    path = tmp_path / "run.wviz"
    with subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        begun = path.stat().st_size
        until(lambda: path.stat().st_size > max(begun, 2000))
        child.send_signal(signal.SIGKILL)
    with open_recording(path) as recording:
        assert recording.end == 999
        assert "it has no end" in recording.damage


def test_a_disk_that_is_too_slow_ends_the_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "QUEUE_EVENTS", 10)
    monkeypatch.setattr(writer, "FLUSH_S", 600.0)  # the thread does not come to it
    recording, log = RecordingWriter(tmp_path / "run.wviz"), EventLog()
    log.attach(recording)
    for _ in range(20):
        log.append(line())
    assert recording.failure.endswith("has ended: the disk is too slow")
    recording.close()
    assert recording.finished


def test_an_event_that_can_not_be_written_ends_the_recording(tmp_path: Path) -> None:
    recording, log = RecordingWriter(tmp_path / "run.wviz"), EventLog()
    log.attach(recording)
    log.append(line(2**70))
    recording.close()
    assert "has ended: OverflowError" in recording.failure


# --- what is not overwritten ---------------------------------------------------------------------------------------


def refused(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        RecordingWriter(path)
    assert caught.value.hint
    return caught.value.message


def test_an_earlier_recording_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run.wviz"
    recorded_to(path)
    RecordingWriter(path).close()
    with pytest.raises(UsageError, match="has no events"):
        open_recording(path)
    (tmp_path / "empty").touch()
    recorded_to(tmp_path / "empty")


def test_nothing_else_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import flask\n")
    os.mkfifo(tmp_path / "fifo")
    assert refused(tmp_path / "app.py") == f"can't record to {tmp_path}/app.py: it is there, and is no recording"
    assert (tmp_path / "app.py").read_text() == "import flask\n"
    assert refused(tmp_path / "fifo") == f"can't record to {tmp_path}/fifo: it is no regular file"
    assert refused(Path("/dev/null")) == "can't record to /dev/null: it is no regular file"
    assert refused(tmp_path) == f"can't record to {tmp_path}: Is a directory"
    assert (
        refused(tmp_path / "no" / "run.wviz") == f"can't record to {tmp_path}/no/run.wviz: No such file or directory"
    )


def test_two_programs_do_not_record_to_one_file(tmp_path: Path) -> None:
    first = RecordingWriter(tmp_path / "run.wviz")
    assert refused(tmp_path / "run.wviz") == f"can't record to {tmp_path}/run.wviz: another wsgiviz does"
    first.close()
    RecordingWriter(tmp_path / "run.wviz").close()
