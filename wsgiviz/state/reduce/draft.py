"""A side while a batch of events is reduced into it, and the changes that several events have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from wsgiviz.events import RUN_STRIDE, Event
from wsgiviz.state.activity import Activity, Task
from wsgiviz.state.ledger import LedgerDraft
from wsgiviz.state.loop import Loop
from wsgiviz.state.request import WORKER_DIED, Request
from wsgiviz.state.server import ACCEPTS_KEPT, DEAD_KEPT, Accept, Server
from wsgiviz.state.state import Side
from wsgiviz.state.thread_pool import PoolKey, ThreadPool
from wsgiviz.state.worker import SPANS_KEPT, Death, Slot, Span, Worker

Newest = TypeVar("Newest", int, Accept)


SECOND_NS = 1_000_000_000
SECONDS_KEPT = 12
"""Of somebody else's server, it is known of so many seconds how many requests ended in each."""

NAMES_COUNTED = 64
MOST_NUMBERS = 1 << 32
OTHERS = "others"
"""What the names beyond these are counted under."""


class SideDraft:
    """One side, its mappings copied once a batch and then changed in place; what it was made from stays as it is."""

    __slots__ = (
        "_before",
        "_new_worker",
        "_spans",
        "acceptors",
        "accepts",
        "connections",
        "dead_loops",
        "events",
        "graves",
        "is_loop",
        "ledger",
        "numbers",
        "loops",
        "pools",
        "run",
        "self_calls",
        "server",
        "thread_pools",
        "workers",
    )

    def __init__(self, before: Side) -> None:
        server = before.server
        self._before = before
        self._spans: dict[Slot, list[Span]] = {}
        self._new_worker = False
        self.is_loop = before.is_loop
        self.run = before.run
        self.server = server
        self.ledger = LedgerDraft(before.ledger)
        self.workers: dict[Slot, Worker] = dict(server.workers)
        self.loops: dict[int, Loop] = dict(server.loops)
        self.dead_loops: dict[int, Loop] = dict(server.dead_loops)
        self.accepts: dict[int, Accept] = dict(server.accepts)
        self.connections: dict[int, int] = dict(server.connections)
        self.pools: dict[int, int] = dict(server.pools)
        self.self_calls: dict[int, int] = dict(server.self_calls)
        self.acceptors: dict[int, int] = dict(server.acceptors)
        self.numbers: dict[int, tuple[int, int]] = dict(server.numbers)
        self.thread_pools: dict[PoolKey, ThreadPool] = dict(server.thread_pools)
        self.graves: dict[int, Death] = dict(server.graves)
        self.events = 0

    def publish(self) -> Side:
        for key, spans in self._spans.items():
            worker = self.workers.get(key)
            if worker is not None:
                del spans[:-SPANS_KEPT]
                self.workers[key] = replace(worker, spans=tuple(spans))
        if self._new_worker:
            self.workers = dict(sorted(self.workers.items(), key=lambda item: (item[1].number, item[0][1], item[0])))
            self._drop_the_longest_dead()
        server = replace(
            self.server,
            workers=self.workers,
            loops=self.loops,
            dead_loops=self.dead_loops,
            accepts=_newest(self.accepts),
            connections=_newest(self.connections),
            pools=self.pools,
            self_calls=self.self_calls,
            acceptors=self.acceptors,
            numbers=self.numbers,
            thread_pools=self.thread_pools,
            graves=self.graves,
            events=self.server.events + self.events,
        )
        return replace(self._before, server=server, run=self.run, ledger=self.ledger.publish())

    def _drop_the_longest_dead(self) -> None:
        dead = [worker for worker in self.workers.values() if worker.death is not None]
        for worker in sorted(dead, key=lambda worker: worker.since_ns)[: max(0, len(dead) - DEAD_KEPT)]:
            del self.workers[worker.key]
            self.dead_loops.pop(worker.pid, None)
        known = {pid for pid, _ in self.workers}
        by_pids: tuple[dict[int, Any], ...] = (self.self_calls, self.acceptors, self.numbers)
        for by_pid in by_pids:
            for pid in by_pid.keys() - known:
                del by_pid[pid]
        if len(self.graves) > 2 * DEAD_KEPT:
            newest = sorted(self.graves.items(), key=lambda item: item[1].t_ns)[-DEAD_KEPT:]
            self.graves = dict(newest)

    def restart(self, server: Server) -> None:
        """Another server: nothing is known of it yet, but for what the ones before it have lost."""
        old = self.server
        fresh = replace(server, events=old.events, lost=old.lost)
        events = self.events
        self.__init__(replace(Side(self._before.name, self._before.kind), server=fresh))  # type: ignore[misc]
        self.events = events

    # --- workers --------------------------------------------------------------------------------------------------

    def worker(self, event: Any) -> Worker | None:
        """The slot that an event with ``pid`` and ``slot`` is about."""
        return self.workers.get((event.pid, event.slot))

    def slots(self, pid: int) -> list[Worker]:
        """All living slots of a process."""
        return [worker for worker in self.workers.values() if worker.pid == pid and worker.alive]

    def add(self, worker: Worker) -> None:
        """A worker that has just come."""
        self._new_worker = True
        self.dead_loops.pop(worker.pid, None)
        self._spans[worker.key] = list(worker.spans)
        self.workers[worker.key] = worker

    def put(self, worker: Worker) -> None:
        self.workers[worker.pid, worker.slot] = worker

    def spans(self, worker: Worker) -> list[Span]:
        """Its history so far, to be changed in place."""
        key = (worker.pid, worker.slot)
        found = self._spans.get(key)
        if found is None:
            found = self._spans[key] = list(worker.spans)
        elif len(found) > 2 * SPANS_KEPT:
            del found[:-SPANS_KEPT]
        return found

    def turn(self, worker: Worker, activity: Activity, t_ns: int, req: int = 0) -> Worker:
        """From ``t_ns`` on the worker does something else. What was taken to come after that has not happened."""
        spans = self.spans(worker)
        while len(spans) > 1 and spans[-1].start_ns > t_ns:
            spans.pop()
        if spans:
            last = spans[-1]
            spans[-1] = Span(last.start_ns, max(t_ns, last.start_ns), last.activity, last.req)
        spans.append(Span(t_ns, 0, activity, req))
        worker = replace(worker, activity=activity, since_ns=t_ns, req=req, last_req=req or worker.last_req)
        self.workers[worker.pid, worker.slot] = worker
        return worker

    def relabel(self, worker: Worker, activity: Activity) -> Worker:
        """Its present stretch was something else: a better measurement of the same."""
        spans = self.spans(worker)
        if spans:
            spans[-1] = replace(spans[-1], activity=activity)
        worker = replace(worker, activity=activity)
        self.workers[worker.pid, worker.slot] = worker
        return worker

    # --- requests -------------------------------------------------------------------------------------------------

    def of_this_run(self, req: int) -> bool:
        """Requests of an earlier run may still be in a worker; external ones (negative) always count."""
        return req < 0 or req // RUN_STRIDE == self.run.number

    def request(self, req: int) -> Request | None:
        """The request, known or not; None when it is of another run."""
        if req < 0 or req // RUN_STRIDE == self.run.number:
            return self.ledger.get(req) or Request(req)
        return None

    def keep(self, before: Request, after: Request, t_ns: int) -> None:
        """Store a request whose client's or app's part has changed at ``t_ns``, and count what that changes."""
        self.ledger.put(after)
        by = after.in_app - before.in_app
        nobody = after.for_nobody - before.for_nobody
        if after.external and after.ended_ns and not before.ended_ns and after.raised != WORKER_DIED:
            self.count_served(after.ended_ns)
        if by or nobody:
            run = self.run
            peak = run.in_app_peak.after(t_ns, by) if by else run.in_app_peak
            self.run = replace(
                run,
                in_app=run.in_app + by,
                in_app_peak=peak,
                for_nobody=run.for_nobody + nobody,
            )
        if before.raised != after.raised and not after.external:
            self.count_raised(before.raised, -1)
            self.count_raised(after.raised, 1)

    def count_external(self, pid: int, req: int) -> None:
        """An external request of the process ``pid`` was seen, perhaps not for the first time. Numbers are given one
        after the other, so that those whose events were lost are counted as well."""
        if req >= 0:
            return
        lowest, highest = self.numbers.get(pid, (req, req - 1))
        if lowest <= req <= highest:
            return
        # Below the lowest: it had begun before the others that were seen. Far above: it is no number of ours.
        more = req - highest if 0 < req - highest < MOST_NUMBERS else 1
        self.numbers[pid] = min(req, lowest), max(req, highest)
        self.run = replace(self.run, external=self.run.external + more)

    def count_served(self, ended_ns: int) -> None:
        """One external request more that has ended."""
        second, served = ended_ns // SECOND_NS, dict(self.run.served)
        served[second] = served.get(second, 0) + 1
        while len(served) > SECONDS_KEPT:
            del served[min(served)]
        self.run = replace(self.run, served=served)

    def count_raised(self, name: str, by: int) -> None:
        """So many requests more that ended with that exception."""
        if name:
            self.run = replace(self.run, raised=counted(self.run.raised, name, by))

    def accepted(self, port: int, accept: Accept) -> None:
        """A loop's process has accepted a connection, from a client whose request may be known already."""
        request = self.ledger.get(self.connections.pop(port, 0))
        if request is None:
            self.accepts[port] = accept
        else:
            self.ledger.put(with_accept(request, accept))

    def connected(self, request: Request) -> None:
        """A client is connected, and a loop's process may have accepted that already."""
        accept = self.accepts.pop(request.port, None)
        if accept is not None:
            request = with_accept(request, accept)
        elif not request.began_ns:
            self.connections[request.port] = request.id
        self.ledger.put(request)

    def taken(self, port: int) -> None:
        """The request from ``port`` has begun, which says more exactly when its connection was accepted."""
        self.accepts.pop(port, None)
        self.connections.pop(port, None)


def with_accept(request: Request, accept: Accept) -> Request:
    """A request whose connection was accepted; if it has not begun, it waits for the loop of that process."""
    accepted_ns, pid = accept
    if request.task is not Task.QUEUED or request.began_ns:
        return replace(request, accepted_ns=request.accepted_ns or accepted_ns)
    return replace(request, accepted_ns=accepted_ns, pid=pid, task=Task.READY, since_ns=accepted_ns)


def _newest(by_port: dict[int, Newest]) -> dict[int, Newest]:
    if len(by_port) <= ACCEPTS_KEPT:
        return by_port
    return dict(sorted(by_port.items(), key=lambda item: item[1])[-ACCEPTS_KEPT:])


def ended_by_death(request: Request, t_ns: int) -> Request:
    """A request whose worker took it along at ``t_ns``."""
    steps = request.steps
    if steps and not steps[-1].end_ns:
        steps = (*steps[:-1], replace(steps[-1], end_ns=t_ns))
    return replace(request, ended_ns=t_ns, raised=WORKER_DIED, task=Task.FAILED, since_ns=t_ns, steps=steps)


def counted(counts: Mapping[str, int], name: str, by: int = 1) -> dict[str, int]:
    """With one more counted under ``name``, which may come from an app: of too many different ones under OTHERS."""
    if name not in counts and (by < 0 or len(counts) >= NAMES_COUNTED):
        name = OTHERS
    after = {**counts, name: counts.get(name, 0) + by}
    if not after[name]:
        del after[name]
    return after


Handlers = dict[type[Event], Callable[[SideDraft, Any], None]]
"""Which function reduces which type of event into a side."""
