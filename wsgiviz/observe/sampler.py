"""When to ask the kernel: at once about who has just begun, often about the busy, now and then about all."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

from wsgiviz.events import Event, RequestBegan, RunEnded, ThreadSampled
from wsgiviz.observe.kernel import ENDED, Kernel
from wsgiviz.state import Request, Side, State, Worker

BUSY_EVERY_NS = 33_000_000
ALL_EVERY_NS = 1_000_000_000
CALLS_A_SAMPLE = 16
"""A thread behind a loop costs as much as a worker, and there may be hundreds."""


class KernelSampler:
    """Gives the kernel samples that are due, as events. What to sample it takes from the State."""

    def __init__(self) -> None:
        self._kernel = Kernel()
        self._busy_ns = 0
        self._all_ns = 0
        self._turn = 0

    def due(
        self, state: State, listeners: Mapping[str, socket.socket], events: Sequence[Event], now_ns: int
    ) -> list[Event]:
        """The accept queues of ``listeners``, and the threads that ``state`` and the new ``events`` ask for."""
        samples = self._kernel.queues(listeners, now_ns)
        if now_ns - self._all_ns >= ALL_EVERY_NS or any(isinstance(event, RunEnded) for event in events):
            return samples + self.everything(state, now_ns)
        fresh = {(event.pid, event.slot) for event in events if isinstance(event, RequestBegan)}
        due = now_ns - self._busy_ns >= BUSY_EVERY_NS
        if due:
            self._busy_ns = now_ns
        for side in state.sides.values():
            loops = due and side.is_loop and side.run.in_app > 0  # no slot of theirs is ever busy
            living = side.server.living()
            asked = [worker for worker in living if loops or (due and worker.busy) or worker.key in fresh]
            samples += self._threads(side.name, asked, now_ns)
            if loops:
                samples += self._kernel.calls(side.name, self._calls(side))
        return samples

    def _calls(self, side: Side) -> list[Request]:
        """Requests whose calls in threads are sampled now: of more than CALLS_A_SAMPLE, these in turns."""
        inside = [request for request in side.ledger.in_flight() if request.calls.thread_id]
        if len(inside) <= CALLS_A_SAMPLE:
            return inside
        first = self._turn = (self._turn + CALLS_A_SAMPLE) % len(inside)
        return (inside + inside)[first : first + CALLS_A_SAMPLE]

    def _threads(self, side: str, workers: Sequence[Worker], now_ns: int) -> list[Event]:
        """Of threads that live; of one that can't be read, or has ended, whether its process has."""
        sampled = self._kernel.threads(side, workers)
        lost = {worker.pid for worker in workers} - {
            event.pid for event in sampled if isinstance(event, ThreadSampled) and event.letter not in ENDED
        }
        return sampled + self._kernel.gone(side, lost, now_ns)

    def everything(self, state: State, now_ns: int) -> list[Event]:
        """Threads and processes of all workers: the totals of a run are the difference between two of these."""
        self._all_ns = self._busy_ns = now_ns
        samples = self._kernel.overflows(state.sides, now_ns)
        processes: set[int] = set()
        for side in state.sides.values():
            processes |= side.server.processes()
            samples += self._threads(side.name, side.server.living(), now_ns)
            samples += self._kernel.processes(side.name, side.server.processes(), now_ns)
            samples += self._kernel.self_calls(side, now_ns)
        self._kernel.keep_only(processes)
        return samples

    def forget(self) -> None:
        """All servers are gone."""
        self._kernel.keep_only(set())
        self._kernel.forget_queues()

    def close(self) -> None:
        self._kernel.close()
