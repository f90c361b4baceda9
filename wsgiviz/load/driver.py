"""The load driver's process: ``python -m wsgiviz.load.driver RUNDIR [DIRECTORY...]``.

It takes commands on stdin, one JSON object a line, and emits what happens into a ring for each side, in RUNDIR;
nothing flows back otherwise. When stdin ends, its owner has ended: it removes RUNDIR and the other directories, and
exits. (So it needs no death signal, which would leave it no time for that.)

    {"fire": JOB}     start a run; one that is in progress is cancelled
    {"cancel": true}  give up the run that is in progress
    {"more": N}       N requests more to each side, at once, in the run that is in progress
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

from wsgiviz.load.plan import LEAD_NS, Job, Target, plan
from wsgiviz.load.transport import Failed, Transport
from wsgiviz.recorder.codec import REQUEST_HEADER, RUN_STRIDE, SIDES
from wsgiviz.recorder.emitter import Emitter, create_emitter

BEAT_S = 0.02
LATE_NS = 1_000_000
"""The driver's own loop is reported when it is later than this."""


class Driver:
    """Runs one job at a time, against all its targets. Raises OSError when its rings can't be made."""

    def __init__(self, rundir: str) -> None:
        self._emitters = {side: create_emitter(rundir, side, "driver") for side in SIDES}
        self._client = httpx.AsyncClient(transport=Transport(), trust_env=False)
        self._run: asyncio.Task[None] | None = None
        self._loads: list[SideLoad] = []

    def command(self, line: bytes) -> None:
        """Carry out one line from stdin."""
        command: dict[str, Any] = json.loads(line)
        if "more" in command:
            for load in self._loads:
                load.more(int(command["more"]))
            return
        if self._run is not None:
            self._run.cancel()
        if "fire" in command:
            job, begun = Job.from_json(command["fire"]), set[str]()
            self._run = asyncio.get_running_loop().create_task(self._fire(job, begun, self._run))
            self._run.add_done_callback(lambda run: self._emit_the_rest(job, begun))

    async def _fire(self, job: Job, begun: set[str], before: asyncio.Task[None] | None) -> None:
        """The whole run, when the one ``before`` has emitted its end."""
        if before is not None:
            await asyncio.wait({before})
        start_ns = time.monotonic_ns() + LEAD_NS
        with _no_collections():
            watch = asyncio.create_task(self._watch_lateness(job))
            try:
                if job.order == "together":
                    await asyncio.gather(*(self._side(job, target, start_ns, begun) for target in job.targets))
                else:
                    for target in job.targets:
                        await self._side(job, target, time.monotonic_ns() + LEAD_NS, begun)
            finally:
                watch.cancel()

    def _emit_the_rest(self, job: Job, begun: set[str]) -> None:
        """Sides which a cancel kept from their turn: whoever waits for each side's end gets it."""
        for target in job.targets:
            if target.side not in begun:
                emit = self._emitters[target.side]
                emit.run_started(job.run, job.requests, time.monotonic_ns())
                emit.run_ended(job.run, 1)

    async def _side(self, job: Job, target: Target, start_ns: int, begun: set[str]) -> None:
        """The whole run against one side."""
        begun.add(target.side)
        emit = self._emitters[target.side]
        emit.run_started(job.run, job.requests, start_ns)
        load = SideLoad(job, target, start_ns, emit, self._client)
        self._loads.append(load)
        cancelled = False
        try:
            await load.run()
        except asyncio.CancelledError:
            cancelled = True
            raise
        finally:
            self._loads.remove(load)
            emit.run_ended(job.run, int(cancelled))

    async def _watch_lateness(self, job: Job) -> None:
        """Say when this process itself is late: then it, and not a server, may be what is slow."""
        while True:
            due_ns = time.monotonic_ns() + int(BEAT_S * 1e9)
            await asyncio.sleep(BEAT_S)
            late_ns = time.monotonic_ns() - due_ns
            if late_ns >= LATE_NS:
                for target in job.targets:
                    self._emitters[target.side].driver_late(late_ns)


class SideLoad:
    """One side's requests of a run."""

    def __init__(self, job: Job, target: Target, start_ns: int, emit: Emitter, client: httpx.AsyncClient) -> None:
        self._job = job
        self._start_ns = start_ns
        self._emit = emit
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
        self._emit.run_grew(self._job.run, self._requests)

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
        emit = self._emit
        req = self._job.run * RUN_STRIDE + number
        job = self._job
        request.extensions["wsgiviz"] = emit, req, planned_ns, job.timeout_s, job.send_over_s, job.read_over_s
        try:
            response = await self._client.send(request)
        except Failed as failed:
            emit.request_failed(req, failed.reason.encode())
        except asyncio.CancelledError:
            emit.request_failed(req, b"cancelled")
            raise
        else:
            emit.response_received(req, response.status_code, response.extensions["body_bytes"])


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
    """Carry out commands until stdin ends. Exits when there is no room for the rings."""
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    try:
        driver = Driver(rundir)
    except OSError as error:
        sys.exit(f"the load driver can't make its rings: {error.strerror} ({rundir})")
    while line := await commands.readline():
        driver.command(line)


def main() -> None:
    rundir, *others = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the viewer
    _allow_files()
    gc.freeze()
    asyncio.run(serve(rundir))
    for directory in (rundir, *others):
        shutil.rmtree(directory, ignore_errors=True)  # the owner is gone, perhaps killed: nobody else would
    os._exit(0)


if __name__ == "__main__":
    main()
