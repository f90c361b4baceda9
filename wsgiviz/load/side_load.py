"""One side's requests of a run: when each is sent, and what comes after it."""

from __future__ import annotations

import asyncio
import time

import httpx

from wsgiviz.load.exchange import Client, Exchange
from wsgiviz.load.own_cpu import OwnCpu
from wsgiviz.load.plan import Job, Target, plan
from wsgiviz.load.prepared import prepared
from wsgiviz.recorder.codec import RUN_STRIDE
from wsgiviz.recorder.emitter import Emitter


class SideLoad:
    """Sends what a job plans for a target. No task for each user: an answer starts its user's next request itself."""

    def __init__(
        self, job: Job, target: Target, start_ns: int, emit: Emitter, http: httpx.AsyncClient, cpu: OwnCpu
    ) -> None:
        self._job = job
        self._emit = emit
        self._cpu = cpu
        self._loop = asyncio.get_running_loop()
        self._prepared = prepared(job, target, http)
        address = self._prepared[0].address
        self._client = Client(self._loop, emit, address, self._ended, job.send_over_s, job.read_over_s)
        self._start_ns = start_ns
        self._until_ns = start_ns + int(job.duration_s * 1e9) if job.duration_s is not None else None
        self._plan = plan(job)
        self._due = self._plan.offsets()
        self._requests = job.requests
        self._begun = 0
        self._open: dict[Exchange, bool] = {}  # in the order of their deadlines; and whether their user asks again
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
                self._begin(number, self._start_ns, asks_again=True)
            await self._over
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._due = iter(())
            for exchange in list(self._open):
                exchange.fail("cancelled")
            if self._until_ns is not None and self._begun < self._requests:  # the time was over first
                self._emit.run_grew(self._job.run, self._begun)
            self.sample()

    def more(self, count: int) -> None:
        """So many requests beside those that were planned, all of them now. Too late when the run is over."""
        if self._over is None or self._over.done():
            return
        now = time.monotonic_ns()
        for _ in range(count):
            self._requests += 1
            self._begin(self._requests, now, asks_again=False)
        self._emit.run_grew(self._job.run, self._requests)

    def sample(self) -> None:
        """Say what CPU time this process has taken, once the run has begun."""
        if self._over is not None:
            self._emit.driver_sampled(*self._cpu.read())

    def _begin(self, number: int, planned_ns: int, asks_again: bool) -> None:
        self._begun += 1
        req = self._job.run * RUN_STRIDE + number
        deadline_s = self._loop.time() + self._job.timeout_s
        request = self._prepared[(number - 1) % len(self._prepared)]
        exchange = Exchange(self._client, req, request.numbered(req), planned_ns, deadline_s)
        self._open[exchange] = asks_again
        if self._timer is None:
            self._timer = self._loop.call_at(deadline_s, self._give_up_late)
        exchange.start()

    def _ended(self, exchange: Exchange) -> None:
        """A user who has an answer, or knows that there will be none, asks again, as long as there is what to ask."""
        if self._open.pop(exchange):
            now = time.monotonic_ns()
            found = next(self._due, None) if self._until_ns is None or now < self._until_ns else None
            if found is not None:
                self._begin(found[0], now, asks_again=True)
        if not self._open and self._over is not None and not self._over.done():
            self._over.set_result(None)

    def _give_up_late(self) -> None:
        """All have the same time, so that the oldest is the next to be late: one timer does for all."""
        self._timer = None
        while self._open:
            oldest = next(iter(self._open))
            if oldest.deadline_s > self._loop.time():
                self._timer = self._loop.call_at(oldest.deadline_s, self._give_up_late)
                return
            oldest.fail("timeout")
