"""Numbers of requests: the load driver's come in a header, external requests get one here."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

from wsgiviz.probe.pace import PACE
from wsgiviz.recorder.codec import REQUEST_HEADER

HEADER_KEY = "HTTP_" + REQUEST_HEADER.upper().replace("-", "_")

COUNTER_BITS = 40
"""A pid is below 2^22 (PID_MAX_LIMIT of proc(5)), so that a number fits into 63 bits."""

START_BITS = COUNTER_BITS - 2
"""The counter starts below a quarter of its range: a process has 8 * 10^11 requests before it could leave it."""


class RequestIds:
    """The numbers of one process: ``next_external()`` is a new one, ``of(header)`` the driver's where there is one.

    An external request has a negative number, unique on this machine: each pid has 2^40 of them. They are counted
    from the time since boot on, in units of about a millisecond, so that a pid that is used again repeats none.
    ``all_external``: there is no driver of ours, and a header with a number is somebody else's.
    """

    def __init__(self, pid: int, all_external: bool = PACE.is_guest) -> None:
        self.all_external = all_external
        start = (time.monotonic_ns() >> 20) % (1 << START_BITS)
        lowest = 1 - (pid + 1 << COUNTER_BITS)
        self._count = itertools.count(lowest + start)
        self.next_external: Callable[[], int] = self._count.__next__

    def next_number(self) -> int:
        """The one that the next external request will have; `itertools.count` shows it in its repr only."""
        return int(repr(self._count)[len("count(") : -1])

    def of(self, header: str | None) -> int:
        """The number in the driver's header; a new external one when there is none, or no number in it."""
        if (
            header
            and not self.all_external
            and header.isascii()
            and header.isdigit()
            and len(header) < 18
            and int(header)
        ):
            return int(header)
        return self.next_external()
