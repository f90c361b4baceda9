"""The load driver's process: ``python -m wsgiviz.load.driver RUNDIR``.

It takes commands on stdin, one JSON object a line, and writes what happens into a ring for each side; nothing
flows back otherwise. When stdin ends, its owner has ended: it removes the run directory and goes.

    {"fire": JOB}     start a run; one that is on is cancelled
    {"cancel": true}  give up the run that is on
    {"more": N}       N requests more to each side, at once, in the run that is on
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx

from wsgiviz.events import REQUEST_HEADER, RUN_STRIDE, SIDES, Kind
from wsgiviz.load.plan import LEAD_NS, Job, Target, plan
from wsgiviz.load.transport import Failed, Transport
from wsgiviz.recorder.ring import Write, create_ring

BEAT_S = 0.02
LAG_WORTH_TELLING_NS = 1_000_000


class Driver:
    """Runs one job at a time, against all its targets."""

    def __init__(self, rundir: str) -> None:
        self._rings = {side: create_ring(rundir, side, "driver") for side in SIDES}
        self._client = httpx.AsyncClient(transport=Transport(), trust_env=False)
        self._run: asyncio.Task[None] | None = None
        self._sides: list[Side] = []

    def command(self, line: bytes) -> None:
        """Carry out one line from stdin."""
        command: dict[str, Any] = json.loads(line)
        if "more" in command:
            for side in self._sides:
                side.more(int(command["more"]))
            return
        if self._run is not None:
            self._run.cancel()
        if "fire" in command:
            job, begun = Job.from_json(command["fire"]), set[str]()
            self._run = asyncio.get_running_loop().create_task(self._fire(job, begun, self._run))
            self._run.add_done_callback(lambda run: self._tell_the_rest(job, begun))

    async def _fire(self, job: Job, begun: set[str], before: asyncio.Task[None] | None) -> None:
        """The whole run, when the one ``before`` has told its end."""
        if before is not None:
            await asyncio.wait({before})
        start_ns = time.monotonic_ns() + LEAD_NS
        with _no_collections():
            lag = asyncio.create_task(self._watch_lag(job))
            try:
                if job.order == "together":
                    await asyncio.gather(*(self._side(job, target, start_ns, begun) for target in job.targets))
                else:
                    for target in job.targets:
                        await self._side(job, target, time.monotonic_ns() + LEAD_NS, begun)
            finally:
                lag.cancel()

    def _tell_the_rest(self, job: Job, begun: set[str]) -> None:
        """Sides which a cancel kept from their turn: whoever waits for each side's end gets it."""
        for target in job.targets:
            if target.side not in begun:
                _, write = self._rings[target.side]
                write(Kind.RUN_STARTED, job.run, job.requests, time.monotonic_ns(), job.arrivals.encode())
                write(Kind.RUN_ENDED, job.run, 1)

    async def _side(self, job: Job, target: Target, start_ns: int, begun: set[str]) -> None:
        """The whole run against one side."""
        begun.add(target.side)
        _, write = self._rings[target.side]
        write(Kind.RUN_STARTED, job.run, job.requests, start_ns, job.arrivals.encode())
        work = Side(job, target, start_ns, write, self._client)
        self._sides.append(work)
        cancelled = False
        try:
            await work.run()
        except asyncio.CancelledError:
            cancelled = True
            raise
        finally:
            self._sides.remove(work)
            write(Kind.RUN_ENDED, job.run, int(cancelled))

    async def _watch_lag(self, job: Job) -> None:
        """Tell when this process itself is late: then it, and not a server, may be what is slow."""
        while True:
            due_ns = time.monotonic_ns() + int(BEAT_S * 1e9)
            await asyncio.sleep(BEAT_S)
            lag_ns = time.monotonic_ns() - due_ns
            if lag_ns >= LAG_WORTH_TELLING_NS:
                for target in job.targets:
                    self._rings[target.side][1](Kind.DRIVER_LAG, 0, lag_ns)


class Side:
    """One side's requests of a run."""

    def __init__(self, job: Job, target: Target, start_ns: int, write: Write, client: httpx.AsyncClient) -> None:
        self._job = job
        self._start_ns = start_ns
        self._write = write
        self._client = client
        self._url = httpx.URL(target.url)
        self._plan = plan(job)
        self._due = self._plan.offsets()
        self._until_ns = start_ns + int(job.duration_s * 1e9) if job.duration_s is not None else None
        self._users: asyncio.TaskGroup | None = None
        self._requests = job.requests

    async def run(self) -> None:
        """All requests, from the planned start on."""
        first = [self._prepare(number) for number, offset in self._first()]
        delay = (self._start_ns - time.monotonic_ns()) / 1e9
        if delay > 0:
            await asyncio.sleep(delay)
        async with asyncio.TaskGroup() as users:
            self._users = users
            for number, request in enumerate(first, 1):
                users.create_task(self._user(number, request))
        self._users = None

    def more(self, count: int) -> None:
        """So many requests beside those that were planned, all of them now. Too late when the run is over."""
        if self._users is None:
            return
        now = time.monotonic_ns()
        for _ in range(count):
            self._requests += 1
            number = self._requests
            self._users.create_task(self._one(number, self._prepare(number), now))
        self._write(Kind.RUN_GREW, self._job.run, self._requests)

    def _first(self) -> Iterator[tuple[int, int | None]]:
        for _ in range(self._plan.users):
            yield next(self._due)

    def _prepare(self, number: int) -> httpx.Request:
        headers = {REQUEST_HEADER: str(self._job.run * RUN_STRIDE + number), "Connection": "close"}
        return self._client.build_request("GET", self._url, headers=headers)

    async def _user(self, number: int, request: httpx.Request) -> None:
        """One user: a request, and with closed arrivals the next as long as there are any."""
        await self._one(number, request, self._start_ns)
        while (now := time.monotonic_ns()) < (self._until_ns or now + 1):
            found = next(self._due, None)
            if found is None:
                return
            await self._one(found[0], self._prepare(found[0]), now)

    async def _one(self, number: int, request: httpx.Request, planned_ns: int) -> None:
        write = self._write
        req = self._job.run * RUN_STRIDE + number
        job = self._job
        request.extensions["wsgiviz"] = write, req, planned_ns, job.timeout_s, job.send_over_s, job.read_over_s
        try:
            response = await self._client.send(request)
        except Failed as failed:
            write(Kind.FAILED, req, text=failed.kind.encode())
        except asyncio.CancelledError:
            write(Kind.FAILED, req, text=b"cancelled")
            raise
        else:
            write(Kind.RECEIVED, req, response.status_code, response.extensions["body_bytes"])


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """A pass of the garbage collector in mid-burst would be measured as the servers' time."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _allow_files() -> None:
    """A burst has a socket for each request: as many open files as the system lets this process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def serve(rundir: str) -> None:
    """Carry out commands until stdin ends."""
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    driver = Driver(rundir)
    while line := await commands.readline():
        driver.command(line)


def main() -> None:
    rundir = sys.argv[1]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is the viewer's matter
    _allow_files()
    gc.freeze()
    asyncio.run(serve(rundir))
    shutil.rmtree(rundir, ignore_errors=True)  # the owner is gone, perhaps killed: nobody else would
    os._exit(0)


if __name__ == "__main__":
    main()
