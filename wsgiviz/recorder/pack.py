"""The functions that pack one record each into a ring: what an `wsgiviz.recorder.emitter.Emitter` is made of.

They are closures over locals, since every name that is looked up here is paid for by each request of somebody
else's server. None of them raises, waits or grows.

**Sequence numbers.** `itertools.count` hands out each number once, and one ``pack_into`` writes the whole record:
both are single calls into C that do not release the GIL, so that several threads may emit together. A free-threaded
interpreter gives neither promise for ``count`` (it is not atomic in 3.13), so there a lock hands out the numbers;
two threads then pack at the same time, into records that are not the same.

**What a reader may see.** ``pack_into`` clears the record and then stores its values in order, the sequence first and
last. x86 makes stores visible in that order, so a record whose two ends agree is whole. Other processors (ARM, POWER)
promise no order, and nothing in Python asks for one. There the reader's second look (`wsgiviz.recorder.reader`) is
what is left: stores become visible within a microsecond, and the second look is later than that. It makes a mixed
record very rare, not impossible. One would show wrong numbers in one event, no more: a reader trusts none of them.
"""

from __future__ import annotations

import itertools
import mmap
import sys
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from wsgiviz.recorder.codec import (
    BARE_ENDED,
    BARE_RECORD,
    DROPPED,
    ENDED,
    RAISED_BYTES,
    RECORD,
    RECORD_BYTES,
    TEXT_BYTES,
    Kind,
)
from wsgiviz.recorder.layout import HEADER_BYTES, STICKY_AT

now = time.monotonic_ns


class Ring(NamedTuple):
    """A ring that is written: its memory, ``capacity - 1``, and the next sequence number."""

    memory: mmap.mmap | bytearray
    mask: int
    next_sequence: Callable[[], int]


class EmitRecord(Protocol):
    """Emit a record of any kind but REQUEST_ENDED; see `wsgiviz.recorder.codec.FIELDS`."""

    def __call__(
        self, kind: int, slot: int = 0, req: int = 0, a: int = 0, b: int = 0, text: bytes = b"", t_ns: int = 0
    ) -> None: ...


class EmitRequestBegan(Protocol):
    """`wsgiviz.events.RequestBegan`."""

    def __call__(
        self, slot: int, req: int, accepted_ns: int, thread_cpu_ns: int, target: bytes, t_ns: int = 0
    ) -> None: ...


class EmitRequestEnded(Protocol):
    """`wsgiviz.events.RequestEnded`."""

    def __call__(
        self,
        slot: int,
        req: int,
        cpu_ns: int,
        began_ns: int,
        response_ns: int,
        returned_ns: int,
        ended_ns: int,
        status: int,
        chunks: int,
        raised: bytes = b"",
        t_ns: int = 0,
    ) -> None: ...


class EmitMark(Protocol):
    """An event that has only ``req``: `wsgiviz.events.StepBegan`, TaskReady."""

    def __call__(self, req: int, t_ns: int = 0) -> None: ...


class EmitStepEnded(Protocol):
    """`wsgiviz.events.StepEnded`."""

    def __call__(self, req: int, held_ns: int, t_ns: int = 0) -> None: ...


def ring_over(memory: mmap.mmap | bytearray, capacity: int) -> Ring:
    """The writing side of ``memory``, a whole ring file."""
    return Ring(memory, capacity - 1, _sequence())


def _sequence() -> Callable[[], int]:
    """Hands out 1, 2, 3 ..., each number once, to whichever thread asks."""
    count = itertools.count(1).__next__
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        return count
    lock = threading.Lock()

    def next_sequence() -> int:
        with lock:
            return count()

    return next_sequence


def written(ring: Ring) -> int:
    """How many numbers have been handed out, of a ring whose numbers are counted by `itertools.count`: it shows its
    next one in its repr only. 0 where a lock hands them out."""
    counter = getattr(ring.next_sequence, "__self__", None)
    return int(repr(counter)[len("count(") : -1]) - 1 if isinstance(counter, itertools.count) else 0


def record_writer(ring: Ring) -> EmitRecord:
    """Any record that has no function of its own. A sticky one is kept in the first page too, and there first:
    a reader that finds it gone from the ring then surely finds it there."""
    memory, mask, next_sequence = ring
    pack_into = RECORD.pack_into
    pack_bare_into = BARE_RECORD.pack_into
    sticky_at = STICKY_AT.get

    def record(
        kind: int, slot: int = 0, req: int = 0, a: int = 0, b: int = 0, text: bytes = b"", t_ns: int = 0
    ) -> None:
        sequence = next_sequence()
        try:
            at = HEADER_BYTES + (sequence & mask) * 128
            tail = sequence & 0xFFFFFFFF
            t_ns = t_ns or now()
            length = min(len(text), TEXT_BYTES)
            if sticky := sticky_at(kind):
                # A copy, not pack_into, which clears it first: a sticky record must not look as if none was
                # ever written.
                packed = RECORD.pack(sequence, t_ns, kind, slot, length, req, a, b, text, tail)
                memory[sticky : sticky + RECORD_BYTES] = packed
            if text:
                pack_into(memory, at, sequence, t_ns, kind, slot, length, req, a, b, text, tail)
            else:
                pack_bare_into(memory, at, sequence, t_ns, kind, slot, 0, req, a, b, tail)
        except Exception:  # noqa: BLE001 - a probe's fault must never become its host's
            _drop(ring, sequence)

    return record


def request_began_writer(ring: Ring) -> EmitRequestBegan:
    """REQUEST_BEGAN: one of the two records of a short request."""
    memory, mask, next_sequence = ring
    pack_into = RECORD.pack_into
    kind = int(Kind.REQUEST_BEGAN)

    def request_began(
        slot: int, req: int, accepted_ns: int, thread_cpu_ns: int, target: bytes, t_ns: int = 0
    ) -> None:
        sequence = next_sequence()
        try:
            length = len(target)
            if length > TEXT_BYTES:
                length = TEXT_BYTES
            pack_into(
                memory, HEADER_BYTES + (sequence & mask) * 128, sequence, t_ns or now(), kind, slot, length,
                req, accepted_ns, thread_cpu_ns, target, sequence & 0xFFFFFFFF,
            )  # fmt: skip
        except Exception:  # noqa: BLE001
            _drop(ring, sequence)

    return request_began


def request_ended_writer(ring: Ring) -> EmitRequestEnded:
    """REQUEST_ENDED: the other one. It takes more arguments than is pretty, and no object has to be made for it."""
    memory, mask, next_sequence = ring
    pack_into = ENDED.pack_into
    pack_bare_into = BARE_ENDED.pack_into
    kind = int(Kind.REQUEST_ENDED)

    def request_ended(
        slot: int,
        req: int,
        cpu_ns: int,
        began_ns: int,
        response_ns: int,
        returned_ns: int,
        ended_ns: int,
        status: int,
        chunks: int,
        raised: bytes = b"",
        t_ns: int = 0,
    ) -> None:
        sequence = next_sequence()
        try:
            if raised:
                pack_into(
                    memory, HEADER_BYTES + (sequence & mask) * 128, sequence, t_ns or now(), kind, slot,
                    min(len(raised), RAISED_BYTES), req, cpu_ns, began_ns, response_ns, returned_ns, ended_ns,
                    status, chunks, raised, sequence & 0xFFFFFFFF,
                )  # fmt: skip
            else:
                pack_bare_into(
                    memory, HEADER_BYTES + (sequence & mask) * 128, sequence, t_ns or now(), kind, slot, 0,
                    req, cpu_ns, began_ns, response_ns, returned_ns, ended_ns, status, chunks, sequence & 0xFFFFFFFF,
                )  # fmt: skip
        except Exception:  # noqa: BLE001
            _drop(ring, sequence)

    return request_ended


def mark_writer(ring: Ring, kind: int) -> EmitMark:
    """STEP_BEGAN or TASK_READY: each step of each coroutine has them."""
    memory, mask, next_sequence = ring
    pack_into = BARE_RECORD.pack_into

    def mark(req: int, t_ns: int = 0) -> None:
        sequence = next_sequence()
        try:
            at = HEADER_BYTES + (sequence & mask) * 128
            pack_into(memory, at, sequence, t_ns or now(), kind, 0, 0, req, 0, 0, sequence & 0xFFFFFFFF)
        except Exception:  # noqa: BLE001
            _drop(ring, sequence)

    return mark


def step_ended_writer(ring: Ring) -> EmitStepEnded:
    """STEP_ENDED."""
    memory, mask, next_sequence = ring
    pack_into = BARE_RECORD.pack_into
    kind = int(Kind.STEP_ENDED)

    def step_ended(req: int, held_ns: int, t_ns: int = 0) -> None:
        sequence = next_sequence()
        try:
            at = HEADER_BYTES + (sequence & mask) * 128
            pack_into(memory, at, sequence, t_ns or now(), kind, 0, 0, req, 0, held_ns, sequence & 0xFFFFFFFF)
        except Exception:  # noqa: BLE001
            _drop(ring, sequence)

    return step_ended


def _drop(ring: Ring, sequence: int) -> None:
    """Leave a record that says: one was dropped here. Nothing can be done where the memory is closed."""
    try:
        at = HEADER_BYTES + (sequence & ring.mask) * 128
        BARE_RECORD.pack_into(ring.memory, at, sequence, now(), DROPPED, 0, 0, 0, 0, 0, sequence & 0xFFFFFFFF)
    except Exception:  # noqa: BLE001
        return
