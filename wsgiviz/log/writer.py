"""Recording: what a log gets, written to a file as it comes, by a thread of its own.

A frame only appends to a queue. When the disk is slower than that, is full, or the file is gone, the recording ends
and `RecordingWriter.failure` says why; the run goes on.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.events import Event
from wsgiviz.log.encoder import RecordingEncoder
from wsgiviz.log.format import PROGRAM
from wsgiviz.log.snapshot import Snapshot

FLUSH_S = 0.5
"""What a kill -9 costs at most: batches are in the file after so many seconds, or sooner."""

QUEUE_EVENTS = 400_000
"""When more events than these wait for the disk, the recording ends."""

WAKE_EVENTS = 10_000
"""When so many events wait, the thread does not wait for the next flush."""

CLOSE_S = 10.0
"""`RecordingWriter.close` waits no longer for the disk."""

CHOOSE = "choose another file"


class RecordingWriter:
    """A sink that writes a recording. Raises WsgivizError when the file can't be written.

    The file is there at once, and is overwritten only if it is a recording. ``failure`` says why the recording has
    ended before its time, else it is empty. ``finished``: nothing more will be written, for either reason.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.failure = ""
        self.finished = False
        self._encoder = RecordingEncoder()
        self._queue: deque[Callable[[], Iterator[bytes]]] = deque()
        self._queued = 0  # events put into the queue: counted by those who use this
        self._taken = 0  # events taken from it: counted by the thread
        self._ending = False
        self._wake = threading.Event()
        self._file = _create(self.path)
        self._size = 0  # up to the end of the last whole block
        try:
            self._write(self._encoder.opening())
        except OSError as error:
            os.close(self._file)
            raise WsgivizError(f"can't write {self.path}: {error.strerror}", CHOOSE) from error
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._thread.start()

    def begin(self, snapshot: Snapshot, events_before: int) -> None:
        """Call it first, for a log that has begun: ``events_before`` events led to ``snapshot``."""
        self._queue.append(partial(self._encoder.begin, snapshot, events_before))

    def take(self, events: Sequence[Event], snapshot: Snapshot | None) -> None:
        """Have a batch written; and a keyframe of ``snapshot``, the one after it, when one is due. Never waits."""
        if self.failure or self._ending:
            return
        waiting = self.backlog
        if waiting > QUEUE_EVENTS:
            self._fail("the disk is too slow")
            return
        self._queue.append(partial(self._blocks, events, snapshot))
        self._queued += len(events)
        if waiting >= WAKE_EVENTS:
            self._wake.set()

    @property
    def backlog(self) -> int:
        """Events that wait for the disk."""
        return self._queued - self._taken

    def finish(self) -> None:
        """Nothing more comes. Does not wait: `finished` says when all is written."""
        self._ending = True
        self._wake.set()

    def close(self) -> None:
        """Write the rest, and wait until the disk has it, or until `CLOSE_S` have passed."""
        self.finish()
        self._thread.join(CLOSE_S)
        if not self.finished:
            self._fail("the disk is too slow")

    def _fail(self, why: str) -> None:
        self.failure = self.failure or f"the recording {self.path} has ended: {why}"

    # --- in the thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._ending and not self.failure:
                self._wake.wait(FLUSH_S)
                self._wake.clear()
                self._write_queue()
                self._write(self._encoder.flush())
            if not self.failure:
                self._write_queue()
                self._write(self._encoder.end())
                os.fsync(self._file)
        except OSError as error:
            self._fail(error.strerror or str(error))
        except Exception as error:  # whatever it is, the run goes on
            self._fail(f"{type(error).__name__}: {error}")
        finally:
            self._release()

    def _write_queue(self) -> None:
        while self._queue and not self.failure:
            for blocks in self._queue.popleft()():
                self._write(blocks)

    def _blocks(self, events: Sequence[Event], snapshot: Snapshot | None) -> Iterator[bytes]:
        self._taken += len(events)
        yield self._encoder.add(events)
        if snapshot is not None and self._encoder.keyframe_due:
            yield from self._encoder.keyframe(snapshot)

    def _write(self, blocks: bytes) -> None:
        """Append whole blocks. Raises OSError, for a file that has been removed too."""
        if not os.fstat(self._file).st_nlink:
            raise OSError(errno.ENOENT, "the file has been removed")
        rest = memoryview(blocks)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        self._size += len(blocks)

    def _release(self) -> None:
        """Let go of file and queue. What a failure has left behind the last whole block goes."""
        if self.failure:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
        with contextlib.suppress(OSError):
            os.close(self._file)
        self._queue.clear()
        self.finished = True


def _create(path: Path) -> int:
    """The descriptor of an empty file. Raises UsageError when there is something else, or another writer."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise UsageError(f"can't record to {path}: {error.strerror}", CHOOSE) from error
    try:
        _refuse_others(path, file)
        os.ftruncate(file, 0)
    except OSError as error:
        os.close(file)
        raise UsageError(f"can't record to {path}: {error.strerror}", CHOOSE) from error
    except UsageError:
        os.close(file)
        raise
    return file


def _refuse_others(path: Path, file: int) -> None:
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"can't record to {path}: it is no regular file", CHOOSE)
    if status.st_size and os.pread(file, len(PROGRAM), 0) != PROGRAM:
        raise UsageError(f"can't record to {path}: it is there, and is no recording", CHOOSE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(f"can't record to {path}: another wsgiviz does", CHOOSE) from None
    except OSError:
        pass  # a file system that knows no locks
