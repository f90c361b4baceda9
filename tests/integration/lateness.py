"""How late this machine is at the moment: what a test may allow for, instead of a number that suits one machine."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any

TICK_S = 0.01


class Lateness:
    """While the block lasts, a thread sleeps again and again, and notes by how much it was woken too late."""

    def __init__(self) -> None:
        self.worst_s = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="lateness", daemon=True)

    def __enter__(self) -> Lateness:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _measure(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            time.sleep(TICK_S)
            self.worst_s = max(self.worst_s, time.monotonic() - began - TICK_S)

    def slack_s(self, waits: int = 10) -> float:
        """What so many waits in a row, each as late as the worst that was seen, would take longer."""
        return TICK_S + waits * self.worst_s


def blocked_share(report: dict[str, Any], side: str) -> float:
    """Of the time that a side's workers were busy, the part that they were blocked: without what they spent on the
    run queue, while others had the cores. That is what they are said to have computed beyond their CPU time."""
    workers = report["sides"][side]["per_worker"]
    blocked_s, computing_s, busy_s = (
        sum(worker[name] for worker in workers) for name in ("blocked_s", "computing_s", "busy_s")
    )
    cpu_s = sum(row["cpu_s"] for row in report["requests"] if row["side"] == side)
    return float(blocked_s / (busy_s - max(0.0, computing_s - cpu_s)))
