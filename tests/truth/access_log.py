"""gunicorn's access log, and beside each time how long its thread was runnable and had no CPU.

Between our time of the app and gunicorn's time of the request lies only gunicorn's own code, some hundred µs. On a
busy machine the thread may lose its CPU right there, for milliseconds; that is in one of the times and not in the
other, and neither is wrong. The kernel says how long it lasted (schedstat, proc(5)).
"""

from __future__ import annotations

import threading
from typing import Any

from gunicorn.glogging import Logger

FORMAT = "%({x-wsgiviz-request}i)s %(D)s %(delay)s"
"""The driver's number of the request, its time in microseconds, and that delay in nanoseconds."""

_before = threading.local()


class DelayLogger(Logger):  # type: ignore[misc]
    """Adds ``%(delay)s``: since the thread's last line."""

    def atoms(self, resp: Any, req: Any, environ: Any, request_time: Any) -> Any:
        found = super().atoms(resp, req, environ, request_time)
        now_ns = run_delay_ns()
        found["delay"] = str(now_ns - getattr(_before, "delay_ns", now_ns))
        _before.delay_ns = now_ns
        return found


def run_delay_ns() -> int:
    """How long this thread has waited for a CPU so far; 0 where the kernel does not say."""
    try:
        with open("/proc/thread-self/schedstat") as file:
            return int(file.read().split()[1])
    except OSError:
        return 0
