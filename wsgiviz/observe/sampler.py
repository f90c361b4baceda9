"""When to ask the kernel: at once for who has just begun, often for the busy, now and then for all."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from wsgiviz.events import Event, Kind
from wsgiviz.model.state import Picture
from wsgiviz.observe.kernel import Kernel

BUSY_EVERY_NS = 33_000_000
ALL_EVERY_NS = 1_000_000_000


class Sampler:
    """Gives the kernel samples that are due, as events."""

    def __init__(self) -> None:
        self._kernel = Kernel()
        self._busy_ns = 0
        self._all_ns = 0

    def due(
        self, picture: Picture, listeners: Mapping[str, socket.socket], events: list[Event], now_ns: int
    ) -> list[Event]:
        """Queues always; threads as ``picture`` and the new ``events`` ask for it."""
        samples = self._kernel.queues(listeners, now_ns)
        if now_ns - self._all_ns >= ALL_EVERY_NS or any(event.kind == Kind.RUN_ENDED for event in events):
            return samples + self.everything(picture, now_ns)
        fresh = {(event.pid, event.slot) for event in events if event.kind == Kind.BEGAN}
        due = now_ns - self._busy_ns >= BUSY_EVERY_NS
        if due:
            self._busy_ns = now_ns
        for side in picture.sides.values():
            asked = [worker for worker in side.living() if (due and worker.busy) or worker.key in fresh]
            samples += self._kernel.threads(side.name, asked, now_ns)
        return samples

    def everything(self, picture: Picture, now_ns: int) -> list[Event]:
        """Threads and processes of all workers: the totals of a run are the difference of two of these."""
        self._all_ns = self._busy_ns = now_ns
        samples = self._kernel.overflows(picture.sides, now_ns)
        for side in picture.sides.values():
            samples += self._kernel.threads(side.name, side.living(), now_ns)
            samples += self._kernel.processes(side.name, side.processes(), now_ns)
        return samples

    def forget(self, picture: Picture) -> None:
        """All these workers are gone."""
        for side in picture.sides.values():
            self._kernel.forget(side.name, {worker.pid for worker in side.workers.values()})

    def close(self) -> None:
        self._kernel.close()
