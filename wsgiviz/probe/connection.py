"""What a serving thread holds: a connection, and the request in it.

One object serves all connections of its thread, one after the other. The thread only notes times here; it emits a
record when a request begins and one when it has ended. What lasts is emitted meanwhile by the line sampler
(`wsgiviz.probe.slot_sampler`), which reads these attributes from a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns, thread_time_ns
from typing import Any, NamedTuple

from wsgiviz.probe.request_ids import RequestIds
from wsgiviz.recorder.emitter import Emitter

# Bits of Connection.emitted: what has been emitted of the request, or the connection, that is here now.
ACCEPTED, RESPONSE, RETURNED, WRITING, CLOSING, PEER = 1, 2, 4, 8, 16, 32


class Held(NamedTuple):
    """A request as it is at one moment, read from a `Connection`."""

    req: int
    status: int
    response_ns: int
    returned_ns: int
    ended_ns: int
    cpu_ns: int
    chunks: int


class Connection:
    """The connection that ``slot`` holds. Times are CLOCK_MONOTONIC in nanoseconds, 0 for what has not happened.

    ``accepted_ns`` is when the server accepted it, or when its next request came; ``taken_ns`` is when the slot took
    it up, and 0 when the slot is idle. ``req`` is the request, 0 while none has been read; ``began_ns``,
    ``response_ns``, ``returned_ns``, ``ended_ns``, ``status``, ``chunks``, ``cpu_ns`` and ``raised`` are those of
    `wsgiviz.events.RequestEnded`. ``sock`` is the client's, where the slot knows it, open or not any more;
    ``target`` is "GET /path", and ``thread_id`` the native one of a thread of a pool;
    ``writing_ns`` is when the server began to write the newest chunk of an iterator.

    ``taken_ns`` and ``began_ns`` together name a request as long as it is here (see `key`): the one is reset before
    the rest is, the other set after it, so that what another thread reads between two equal keys is one request's.
    """

    __slots__ = (
        "_emit_ended", "accepted_ns", "began_cpu_ns", "began_ns", "chunks", "cpu_clock", "cpu_ns",
        "emit", "emitted", "ended_ns", "ids", "raised", "req", "response_ns", "returned_ns", "slot", "sock",
        "status", "taken_ns", "target", "thread_id", "writing_ns",
    )  # fmt: skip

    is_on_loop = False

    def __init__(
        self, emit: Emitter, ids: RequestIds, slot: int = 0, cpu_clock: Callable[[], int] = thread_time_ns
    ) -> None:
        self.emit = emit
        self.slot = slot
        self.cpu_clock = cpu_clock
        self.ids = ids
        self._emit_ended = emit.request_ended
        self.accepted_ns = self.taken_ns = self.began_ns = 0
        self.req = self.began_cpu_ns = self.cpu_ns = self.emitted = 0
        self.response_ns = self.returned_ns = self.ended_ns = self.writing_ns = self.status = self.chunks = 0
        self.raised = self.target = b""
        self.thread_id = 0
        self.sock: Any = None

    def key(self) -> tuple[int, int]:
        """Names what is here: (0, 0) for nothing, (taken_ns, 0) for a connection without a request."""
        return self.taken_ns, self.began_ns

    # --- noted by the serving thread (`wsgiviz.probe.wsgi` notes the rest, with no call for each)

    def begin_on_loop(self) -> None:
        """The app is about to be called, on a loop."""

    def respond_on_loop(self) -> None:
        """The app has called start_response, on a loop."""

    def return_on_loop(self) -> None:
        """The app has returned its iterable, on a loop."""

    def finish(self, raised: bytes = b"") -> None:
        """The app is through with this request: its iterable was closed, or it has raised."""
        if not self.ended_ns:
            self.cpu_ns = self.cpu_clock() - self.began_cpu_ns
            self.ended_ns = monotonic_ns()
            self.writing_ns = 0
            self.raised = raised

    def finish_of(self, began_ns: int, raised: bytes = b"") -> None:
        """`finish` the request that began then, if it is still here."""
        if began_ns and began_ns == self.began_ns:
            self.finish(raised)

    def resume(self) -> None:
        """The newest chunk is written, and the app's iterator goes on."""
        self.writing_ns = 0
        if self.emitted & WRITING:
            self.emitted &= ~WRITING
            self.emit.body_resumed(self.slot, self.req)

    def release(self) -> None:
        """The slot is free again: the second of the two records."""
        self.taken_ns = 0
        if self.req:
            if not self.ended_ns:
                self.finish()  # of an iterable that nobody has closed
            self._emit_ended(
                self.slot, self.req, self.cpu_ns, self.began_ns, self.response_ns, self.returned_ns, self.ended_ns,
                self.status, self.chunks, self.raised,
            )  # fmt: skip
            self.began_ns = self.req = self.emitted = 0
        elif self.emitted:  # by the sampler, for a connection that brought no request
            self.emit_no_request()

    def release_for_next(self) -> None:
        """The request is over, and its connection brings another one: HTTP/2."""
        taken_ns = self.taken_ns
        self.release()
        self.taken_ns = taken_ns
        self.accepted_ns = 0  # it was not accepted for this one

    def emit_no_request(self) -> None:
        """The slot is free again, and there was no request: the client said nothing, or nothing that can be read."""
        self.emitted = 0
        self._emit_ended(self.slot, 0, 0, 0, 0, 0, 0, 0, 0)

    # --- read by other threads too

    def held(self) -> Held:
        """A copy. Of one request only when `key` is the same before and after."""
        return Held(
            self.req, self.status, self.response_ns, self.returned_ns, self.ended_ns, self.cpu_ns, self.chunks
        )

    def announce(self) -> None:
        """Emit again, from another thread, what is here: its beginning now, how far it has come at the next look."""
        key = self.key()
        if self.thread_id:
            self.emit.slot_thread(self.slot, self.thread_id)
        req, accepted_ns, cpu_ns, target, chunks, writing_ns = (
            self.req, self.accepted_ns, self.began_cpu_ns, self.target, self.chunks, self.writing_ns,
        )  # fmt: skip
        if not req or self.key() != key or not key[1]:
            return
        self.emit.request_began(self.slot, req, accepted_ns, cpu_ns, target, key[1])
        if writing_ns:
            self.emit.chunk_writing(self.slot, req, chunks, writing_ns)
            if self.writing_ns != writing_ns and self.key() == key:
                self.emit.body_resumed(self.slot, req)
        self.emitted &= WRITING

    def emit_progress(self, held: Held) -> None:
        """Emit start_response and the return of the iterable, where they have happened and are not emitted yet."""
        if held.response_ns and not self.emitted & RESPONSE:
            self.emitted |= RESPONSE
            self.emit.response_started(self.slot, held.req, held.status, held.response_ns)
        if held.returned_ns and not self.emitted & RETURNED:
            self.emitted |= RETURNED
            complete = int(held.returned_ns == held.ended_ns)
            self.emit.body_returned(self.slot, held.req, complete, held.cpu_ns if complete else -1, held.returned_ns)


def name_of(error: BaseException) -> bytes:
    """The name of an exception's class, as it goes into an event."""
    return type(error).__name__.encode("utf-8", "replace")
