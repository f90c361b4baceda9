"""The load driver's process: ``python -m wsgiviz.load.driver RUNDIR [DIRECTORY...]``.

It takes commands on stdin, one JSON object a line, and emits what happens into a ring for each side, in RUNDIR;
nothing flows back otherwise. When stdin ends, its owner has ended: it removes RUNDIR and the other directories, and
exits. (So it needs no death signal, which would leave it no time for that.)

    {"fire": JOB}     start a run; one that is in progress is cancelled
    {"cancel": true}  give up the run that is in progress
    {"more": N}       N requests more to each side, at once: in the run that is in progress, or in the newest one,
                      which goes on with them where it is over
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
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from wsgiviz.load.lean_httpx import httpx
from wsgiviz.load.own_cpu import OwnCpu
from wsgiviz.load.plan import LEAD_NS, Job, Target
from wsgiviz.load.side_load import SideLoad
from wsgiviz.load.silent_clients import SilentClients
from wsgiviz.recorder.codec import SIDES
from wsgiviz.recorder.emitter import Emitter, create_emitter
from wsgiviz.recorder.layout import DRIVER_CAPACITY

BEAT_S = 0.02
REMOVED_WITHIN_S = 5.0
REMOVE_AGAIN_S = 0.02
SAMPLED_BEATS = 5
"""Its CPU time is said each time that so many have passed."""

LATE_NS = 1_000_000
"""The driver's own loop is reported when it is later than this."""


class Driver:
    """Runs one job at a time, against all its targets. Raises OSError when its rings can't be made."""

    def __init__(self, rundir: str) -> None:
        self._emitters = {side: create_emitter(rundir, side, "driver", DRIVER_CAPACITY) for side in SIDES}
        self._http = httpx.AsyncClient(trust_env=False)
        self._cpu = OwnCpu()
        self._tasks: set[asyncio.Task[None]] = set()
        self._job: Job | None = None
        self._loads: list[SideLoad] = []
        self._newest: dict[str, SideLoad] = {}  # of the newest run, by side
        self._more_later: dict[str, int] = {}  # of sides whose turn has not come yet

    def command(self, line: bytes) -> None:
        """Carry out one line from stdin."""
        command: dict[str, Any] = json.loads(line)
        if "more" in command:
            if self._job is not None:
                for target in self._job.targets:
                    self._add(self._job, target, int(command["more"]))
            return
        for task in self._tasks:
            task.cancel()
        if "fire" in command:
            job, begun, before = Job.from_json(command["fire"]), set[str](), set(self._tasks)
            self._job, self._newest, self._more_later = job, {}, {}
            self._keep(self._fire(job, begun, before)).add_done_callback(lambda run: self._emit_the_rest(job, begun))

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _add(self, job: Job, target: Target, count: int) -> None:
        """More requests to one side of the newest run, with a load of their own where its load is over."""
        load = self._newest.get(target.side)
        if load is None:
            self._more_later[target.side] = self._more_later.get(target.side, 0) + count
        elif load not in self._loads or not load.more(count):
            added = replace(job, requests=count, arrivals="burst", duration_s=None)
            emit = self._emitters[target.side]
            emit.run_grew(job.run, load.begun + count)
            again = SideLoad(added, target, time.monotonic_ns(), emit, self._http, self._cpu, after=load.begun)
            self._newest[target.side] = again
            self._loads.append(again)
            self._keep(again.run()).add_done_callback(lambda task: self._added_ended(job, emit, again, task))

    def _added_ended(self, job: Job, emit: Emitter, load: SideLoad, task: asyncio.Task[None]) -> None:
        self._loads.remove(load)
        emit.run_ended(job.run, int(task.cancelled()))

    async def _fire(self, job: Job, begun: set[str], before: set[asyncio.Task[None]]) -> None:
        """The whole run, when those ``before`` have emitted their ends."""
        if before:
            await asyncio.wait(before)
        turns = [job.targets] if job.order == "together" else [(target,) for target in job.targets]
        with _no_collections():
            watch = asyncio.create_task(self._watch_lateness(job))
            try:
                for targets in turns:
                    async with SilentClients(targets, job.silent_clients):
                        start_ns = time.monotonic_ns() + LEAD_NS
                        await asyncio.gather(*(self._side(job, target, start_ns, begun) for target in targets))
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
        job = replace(job, requests=job.requests + self._more_later.pop(target.side, 0))
        emit = self._emitters[target.side]
        emit.run_started(job.run, job.requests, start_ns)
        load = SideLoad(job, target, start_ns, emit, self._http, self._cpu)
        self._loads.append(load)
        self._newest[target.side] = load
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
        """Say when this process itself is late, and what CPU it takes: it, and not a server, may be what is slow."""
        for beat in count(1):
            due_ns = time.monotonic_ns() + int(BEAT_S * 1e9)
            await asyncio.sleep(BEAT_S)
            late_ns = time.monotonic_ns() - due_ns
            if late_ns >= LATE_NS:
                for target in job.targets:
                    self._emitters[target.side].driver_late(late_ns)
            if beat % SAMPLED_BEATS == 0:
                for load in self._loads:
                    load.sample()


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
    _remove((rundir, *others))
    os._exit(0)


def _remove(directories: Iterable[str]) -> None:
    """The owner is gone, perhaps killed, and nobody else would remove them.

    Its servers are dying too, and may still make a file while the first pass is on.
    """
    until = time.monotonic() + REMOVED_WITHIN_S
    for directory in directories:
        while os.path.exists(directory) and time.monotonic() < until:
            shutil.rmtree(directory, ignore_errors=True)
            time.sleep(REMOVE_AGAIN_S)


if __name__ == "__main__":
    main()
