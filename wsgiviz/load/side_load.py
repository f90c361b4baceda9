"""One side's requests of a run: when each is sent, and what comes after it."""

from __future__ import annotations

import asyncio
import time

from wsgiviz.load.exchange import Client, Exchange
from wsgiviz.load.kept import IDEMPOTENT, KeptConnection
from wsgiviz.load.lean_httpx import httpx
from wsgiviz.load.own_cpu import OwnCpu
from wsgiviz.load.plan import Job, Target, plan
from wsgiviz.load.prepared import prepared
from wsgiviz.load.websocket import FrameCounts, WebSocketExchange
from wsgiviz.recorder.codec import RUN_STRIDE
from wsgiviz.recorder.emitter import Emitter


class SideLoad:
    """Sends what a job plans for a target. No task for each user: an answer starts its user's next request itself."""

    def __init__(
        self,
        job: Job,
        target: Target,
        start_ns: int,
        emit: Emitter,
        http: httpx.AsyncClient,
        cpu: OwnCpu,
        after: int = 0,
    ) -> None:
        """``after``: so many requests of the run were sent before; numbers go on from there."""
        self._job = job
        self._emit = emit
        self._cpu = cpu
        self._loop = asyncio.get_running_loop()
        self._prepared = prepared(job, target, http)
        address = self._prepared[0].address
        self._client = Client(
            self._loop, emit, address, self._ended, job.send_over_s, job.read_over_s, job.reuse,
            job.method in IDEMPOTENT, job.method == "HEAD",
        )  # fmt: skip
        self._counts = FrameCounts()
        self._websocket = job.websocket
        self._pause_ns = int(job.pause_s * 1e9)
        self._start_ns = start_ns
        self._until_ns = start_ns + int(job.duration_s * 1e9) if job.duration_s is not None else None
        self._plan = plan(job)
        self._due = self._plan.offsets()
        self._after = after
        self._requests = after + job.requests
        self.begun = after
        self._open: dict[Exchange, bool] = {}  # in the order of their deadlines; and whether their user asks again
        self._pauses: dict[int, tuple[asyncio.TimerHandle, KeptConnection | None]] = {}  # by request
        self._waiting = 0  # that were added before the start
        self._timer: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """All requests, from the planned start on. When it is cancelled, those that are open are given up."""
        delay = (self._start_ns - time.monotonic_ns()) / 1e9
        if delay > 0:
            await asyncio.sleep(delay)
        self._over = self._loop.create_future()
        self.sample()
        try:
            for _ in range(self._plan.users):
                number, _offset = next(self._due)
                self._begin(self._after + number, self._start_ns, asks_again=True)
            if self._waiting:
                self.more(self._waiting)
            await self._over
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._due = iter(())
            self._end_pauses()
            for exchange in list(self._open):
                exchange.fail("cancelled")
            if self._until_ns is not None and self.begun < self._requests:  # the time was over first
                self._emit.run_grew(self._job.run, self.begun)
            self.sample()

    def more(self, count: int) -> bool:
        """So many requests beside those that were planned, all of them now. False: too late, the run is over."""
        if self._over is None:  # its start is some milliseconds ahead
            self._waiting += count
            return True
        if self._over.done():
            return False
        now = time.monotonic_ns()
        for _ in range(count):
            self._requests += 1
            self._begin(self._requests, now, asks_again=False)
        self._emit.run_grew(self._job.run, self._requests)
        return True

    def sample(self) -> None:
        """Say what CPU time this process has taken, once the run has begun."""
        if self._over is not None:
            self._emit.driver_sampled(*self._cpu.read())
            if self._websocket:
                self._emit.web_sockets_counted(self._counts.messages, self._counts.pings_answered)

    def _begin(self, number: int, planned_ns: int, asks_again: bool, kept: KeptConnection | None = None) -> None:
        self.begun += 1
        req = self._job.run * RUN_STRIDE + number
        deadline_s = self._loop.time() + self._job.timeout_s
        request = self._prepared[(number - 1) % len(self._prepared)]
        exchange: Exchange
        if self._websocket:
            exchange = WebSocketExchange(self._client, req, request, planned_ns, deadline_s, self._counts)
        else:
            exchange = Exchange(self._client, req, request.numbered(req), planned_ns, deadline_s, kept)
        self._open[exchange] = asks_again
        if self._timer is None:
            self._timer = self._loop.call_at(deadline_s, self._give_up_late)
        exchange.start()

    def _ended(self, exchange: Exchange) -> None:
        """A user who has an answer, or knows that there will be none, asks again, as long as there is what to ask."""
        kept = exchange.kept
        if self._open.pop(exchange):
            planned_ns = time.monotonic_ns() + self._pause_ns
            found = next(self._due, None) if self._until_ns is None or planned_ns < self._until_ns else None
            if found is not None:
                if self._pause_ns:
                    self._pause(found[0], planned_ns, kept)
                else:
                    self._begin(found[0], planned_ns, asks_again=True, kept=kept)
                kept = None
        if kept is not None:
            kept.close()
        if not (self._open or self._pauses) and self._over is not None and not self._over.done():
            self._over.set_result(None)

    def _pause(self, number: int, planned_ns: int, kept: KeptConnection | None) -> None:
        """The user asks again later; the connection that it keeps is idle until then."""
        if kept is not None:
            kept.idle(self._loop)
        timer = self._loop.call_later(self._job.pause_s, self._ask_again, number, planned_ns)
        self._pauses[number] = timer, kept

    def _ask_again(self, number: int, planned_ns: int) -> None:
        _, kept = self._pauses.pop(number)
        self._begin(number, planned_ns, asks_again=True, kept=kept)

    def _end_pauses(self) -> None:
        for timer, kept in self._pauses.values():
            timer.cancel()
            if kept is not None:
                kept.close()
        self._pauses.clear()

    def _give_up_late(self) -> None:
        """All have the same time, so that the oldest is the next to be late: one timer does for all."""
        self._timer = None
        while self._open:
            oldest = next(iter(self._open))
            if oldest.deadline_s > self._loop.time():
                self._timer = self._loop.call_at(oldest.deadline_s, self._give_up_late)
                return
            oldest.fail("timeout")
