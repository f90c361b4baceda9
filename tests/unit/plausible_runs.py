"""Runs as real processes might write them: one list of events for each process, and ways to interleave those.

Everything is drawn from a `random.Random`, which hypothesis gives.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from random import Random

from hypothesis import strategies as st

from wsgiviz import events as e
from wsgiviz.events import RUN_STRIDE, Event

randoms = st.randoms(use_true_random=not os.environ.get("WSGIVIZ_SHRINK"))
"""By its seed, since that takes a tenth of the time. With ``WSGIVIZ_SHRINK=1`` hypothesis makes each choice of a run,
and shrinks those of one that fails."""

T0 = 1_000_000_000_000
MS = 1_000_000
DRIVER = 50
MASTERS = {"wsgi": 60, "asgi": 61}
LOOP_PID = 200
PORTS = {"wsgi": 40_000, "asgi": 50_000}


def opening(random: Random, requests: int, threads: int = 1) -> list[Event]:
    """What the controller says before anything else happens."""
    given = {"scenario": "sleep", "workers": 2, "requests": requests, "threads": threads}
    made: list[Event] = [
        e.SessionOpened(T0, "", 0, "2026-11-25T10:00:00+00:00", {"cores": 2, "usable_cores": 2, "python": "3.11"}),
        e.SettingsChanged(T0, "", 0, given),
        e.SourceRead(T0, "wsgi", 0, "demo_apps/sleep.py", "import time\n"),
        e.PhaseChanged(T0, "", 0, "starting"),
    ]
    for side, pid in MASTERS.items():
        made.append(e.ServerStarted(T0 + MS, side, pid, "gunicorn", "http://127.0.0.1:8000", ("gunicorn",)))
    if random.random() < 0.5:
        made.append(e.Calibrated(T0 + MS, "", 0, 1.0, 0.001))
    made.append(e.RunRequested(T0 + 2 * MS, "", 0, 1, requests, ("wsgi", "asgi")))
    made.append(e.PhaseChanged(T0 + 2 * MS, "", 0, "running"))
    return made


class Clock:
    """The time in one process: it goes on by some ms at a time."""

    def __init__(self, random: Random, t_ns: int) -> None:
        self._random = random
        self.t_ns = t_ns

    def __call__(self) -> int:
        self.t_ns += self._random.randint(1, 4000) * 1000
        return self.t_ns


def streams(random: Random, requests: int, threads: int = 1) -> list[list[Event]]:
    """Of each process, what it wrote and what the kernel showed of it, in the order of its own time.

    WSGI workers are sync ones, or with more ``threads`` gthread ones.
    """
    numbers = list(range(1, requests + 1))
    workers = random.randint(2, 3)
    found = [_client(random, side, numbers) for side in MASTERS]
    master: list[Event] = [e.MasterReady(T0 + 3 * MS, "wsgi", 60), e.WorkersChanged(T0 + 3 * MS, "wsgi", 60, workers)]
    for index in range(workers):
        stream, died = _wsgi_worker(random, 100 + index, index + 1, numbers[index::workers], threads)
        found.append(stream)
        master += died
    master.sort(key=lambda event: event.t_ns)
    if random.random() < 0.2:
        master.append(e.MasterExited(T0 + 10_000 * MS, "wsgi", 60))
    found.append(master)
    found.append(_loop_worker(random, numbers))
    found.append([e.MasterReady(T0 + 3 * MS, "asgi", 61)])
    found += [_queue(random, side) for side in MASTERS]
    found.append(_controller(random))
    return found


def _controller(random: Random) -> list[Event]:
    at = Clock(random, T0 + 100 * MS)
    return [
        e.ActionTaken(at(), "wsgi", 101, "end_worker", "SIGKILL"),
        e.LogWritten(at(), "wsgi", 0, ("[INFO] Booting worker", "[ERROR] \x1b[31mred")),
    ]


def _queue(random: Random, side: str) -> list[Event]:
    at = Clock(random, T0 + 2 * MS)
    sampled: list[Event] = []
    for _ in range(random.randint(0, 4)):
        sampled.append(e.QueueSampled(at(), side, 0, random.randint(0, 9), 2048))
        sampled.append(e.OverflowsSampled(at(), side, 0, random.randint(0, 3)))
    return sampled


def _client(random: Random, side: str, numbers: Sequence[int]) -> list[Event]:
    """The load driver's ring of one side: requests overlap, so that it is sorted by time."""
    made: list[Event] = [e.RunStarted(T0 + 3 * MS, side, DRIVER, 1, len(numbers), T0 + 3 * MS)]
    for number in numbers:
        req, at = RUN_STRIDE + number, Clock(random, T0 + 4 * MS)
        made.append(e.RequestSent(at(), side, DRIVER, req, T0 + 4 * MS))
        made.append(e.Connected(at(), side, DRIVER, req, PORTS[side] + number))
        if random.random() < 0.2:
            made.append(e.RequestFailed(at(), side, DRIVER, req, random.choice(["timeout", "reset"])))
            continue
        at.t_ns += random.randint(0, 50) * MS
        made.append(e.FirstByte(at(), side, DRIVER, req))
        status = random.choice([200, 200, 302, 404, 500])
        location = random.choice(["/login/", "/\x1b[2J", ""]) if status == 302 else ""
        made.append(e.ResponseReceived(at(), side, DRIVER, req, status, 12, location))
    made += _driver_samples(random, side)
    made.sort(key=lambda event: event.t_ns)
    if random.random() < 0.8:
        made.append(e.RunEnded(made[-1].t_ns + MS, side, DRIVER, 1, 0))
    return made


def _driver_samples(random: Random, side: str) -> list[Event]:
    at, cpu_ns, knows = Clock(random, T0 + 4 * MS), 5 * MS, random.random() < 0.7
    made: list[Event] = []
    for _ in range(random.randint(0, 3)):
        at.t_ns += random.randint(0, 200) * MS
        cpu_ns += random.randint(0, 100) * MS
        made.append(e.DriverSampled(at(), side, DRIVER, cpu_ns, cpu_ns // 2 if knows else -1))
    return made


def _wsgi_worker(
    random: Random, pid: int, number: int, served: Sequence[int], threads: int
) -> tuple[list[Event], list[Event]]:
    """What it writes, and what its master writes when it dies."""
    at = Clock(random, T0 + 3 * MS)
    kind = "gthread" if threads > 1 else "sync"
    boot = [e.WorkerBooting(at(), "wsgi", pid, number, pid, threads, kind), e.WorkerReady(at(), "wsgi", pid)]
    ids = [RUN_STRIDE + one for one in served] + ([-pid * 1000 - 1] if random.random() < 0.3 else [])
    made: list[Event] = []
    for thread in range(threads):
        slot, own = (thread + 1 if threads > 1 else 0), Clock(random, at.t_ns)
        if slot:
            made.append(e.SlotThread(own(), "wsgi", pid, slot, pid * 10 + slot))
        for req in ids[thread::threads]:
            made += _blocking_request(random, own, pid, slot, req)
    made.sort(key=lambda event: event.t_ns)
    at.t_ns = made[-1].t_ns if made else at.t_ns
    ending = random.random()
    if made and ending < 0.25:  # killed, with whatever it held
        made = made[: random.randint(1, len(made))]
        death = e.WorkerDied(made[-1].t_ns + random.randint(1, 9) * MS, "wsgi", 60, pid, random.choice([9, -1]))
        return boot + made, [death, e.WorkersChanged(death.t_ns, "wsgi", 60, 3, 2)]
    if ending < 0.4:
        made += [e.WorkerStopping(at(), "wsgi", pid, 15), e.WorkerExited(at(), "wsgi", pid)]
        return boot + made, [e.WorkerDied(at(), "wsgi", 60, pid, 0)]
    return boot + made, []


def _blocking_request(random: Random, at: Clock, pid: int, slot: int, req: int) -> list[Event]:
    """What is short is not written, so that each part may be missing."""
    made: list[Event] = []
    where = "wsgi", pid, slot
    if random.random() < 0.1:
        made.append(e.Forked(at(), "wsgi", pid, 7777))
    if slot and random.random() < 0.3:
        made.append(e.PoolQueued(at(), "wsgi", pid, random.randint(0, 9), 2))
    accepted_ns = at()
    if random.random() < 0.3:
        made.append(e.ConnectionAccepted(accepted_ns, *where, 0))
    if random.random() < 0.2:
        accepted_ns -= 50 * MS  # the connection was kept alive
    began_ns = at()
    made.append(e.RequestBegan(began_ns, *where, req, accepted_ns, began_ns // 100, "GET /sleep"))
    for _ in range(random.randint(0, 3)):
        made.append(e.ThreadSampled(at(), *where, at.t_ns // 100, at.t_ns // 1000, random.choice("RSG")))
    if random.random() < 0.3:
        made.append(e.ProcessSampled(at(), "wsgi", pid, 30_000_000, random.randint(0, 1000)))
    if random.random() < 0.4:
        made.append(e.LineSeen(at(), *where, req, 14, "demo_apps/sleep.py|wsgi_app|time.sleep"))
    response_ns = at()
    if random.random() < 0.4:
        made.append(e.ResponseStarted(response_ns, *where, req, 200))
    returned_ns = at()
    if random.random() < 0.4:
        made.append(e.BodyReturned(returned_ns, *where, req, random.randint(0, 1), 1000))
        made.append(e.ChunkWriting(at(), *where, req, 1))
        made.append(e.BodyResumed(at(), *where, req))
    ended_ns = at()
    if random.random() < 0.3:
        made.append(e.ConnectionClosing(at(), *where, req, ended_ns))
    times = began_ns, response_ns, returned_ns, ended_ns
    made.append(e.RequestEnded(at(), *where, req, 1000, *times, 200, 1, random.choice(["", "", "ValueError"])))
    return made


def _loop_worker(random: Random, numbers: Sequence[int]) -> list[Event]:
    """Requests overlap on it; what it writes is in the order of time."""
    at = Clock(random, T0 + 3 * MS)
    boot = [e.WorkerBooting(at(), "asgi", LOOP_PID, 1, LOOP_PID, 1, "asgi"), e.WorkerReady(at(), "asgi", LOOP_PID)]
    made: list[Event] = []
    for number in numbers:
        made += _task(random, Clock(random, at.t_ns), RUN_STRIDE + number, PORTS["asgi"] + number)
    if random.random() < 0.3:
        made += _task(random, Clock(random, at.t_ns), -LOOP_PID * 1000 - 1, 39_999)
    for _ in range(random.randint(0, 4)):
        made.append(e.LoopBeat(at(), "asgi", LOOP_PID, random.randint(0, 9) * MS, at.t_ns // 2))
    if random.random() < 0.3:
        made.append(e.LoopHeld(at(), "asgi", LOOP_PID, RUN_STRIDE + 1, 150 * MS, 3, "app.py|handle|time.sleep"))
    return [*boot, *sorted(made, key=lambda event: event.t_ns)]


def _task(random: Random, at: Clock, req: int, port: int) -> list[Event]:
    accepted_ns = at()
    made: list[Event] = [e.ConnectionAccepted(accepted_ns, "asgi", LOOP_PID, 0, port)]
    if random.random() < 0.15:
        return made  # it waits for the loop until the end
    began_ns = at()
    made.append(e.RequestBegan(began_ns, "asgi", LOOP_PID, 0, req, accepted_ns, 0, "GET /sleep"))
    for _ in range(random.randint(0, 3)):
        made.append(e.StepBegan(at(), "asgi", LOOP_PID, req))
        made.append(e.StepEnded(at(), "asgi", LOOP_PID, req, MS))
        made.append(e.TaskReady(at(), "asgi", LOOP_PID, req))
    if random.random() < 0.2:
        made.append(e.ChildTasks(at(), "asgi", LOOP_PID, req, 1, 2))
    if random.random() < 0.4:
        made += _call(random, at, req)
    if random.random() < 0.15:
        return made  # it is in the app until the end
    ended_ns = at()
    made.append(e.RequestEnded(at(), "asgi", LOOP_PID, 0, req, 0, began_ns, ended_ns, 0, ended_ns, 200, 1, ""))
    return made


def _call(random: Random, at: Clock, req: int) -> list[Event]:
    """A call in a thread, perhaps given up before it had one, or not over in the end."""
    pool, began = random.randint(0, 2), random.random() < 0.8
    made: list[Event] = [e.CallQueued(at(), "asgi", LOOP_PID, pool, req)]
    if random.random() < 0.5:
        size, running, waiting = random.choice([1, 4, -1]), random.randint(0, 4), random.randint(0, 9)
        made.append(e.PoolSampled(at(), "asgi", LOOP_PID, 1, size, running, waiting, "anyio|"))
    if began:
        made.append(e.CallBegan(at(), "asgi", LOOP_PID, pool, req))
        made.append(e.LineSeen(at(), "asgi", LOOP_PID, 0, req, 7, "app.py|view|time.sleep"))
    if random.random() < 0.8:
        made.append(e.CallEnded(at(), "asgi", LOOP_PID, pool, req, int(began)))
    return made


def interleaved(random: Random, sources: Sequence[Sequence[Event]]) -> list[list[Event]]:
    """All of them in some order that keeps each source's own, in batches of some size."""
    order = [index for index, source in enumerate(sources) for _ in source]
    random.shuffle(order)
    rest = [iter(source) for source in sources]
    merged = [next(rest[index]) for index in order]
    batches, at = [], 0
    while at < len(merged):
        size = random.randint(1, 20)
        batches.append(merged[at : at + size])
        at += size
    return batches


def run(random: Random, most: int = 6) -> list[list[Event]]:
    """A run of up to ``most`` requests to each side, in batches as they might arrive."""
    first, sources = parts(random, most)
    return [first, *interleaved(random, sources)]


def parts(random: Random, most: int = 6) -> tuple[list[Event], list[list[Event]]]:
    """The opening of a run, and what each process does in it."""
    requests, threads = random.randint(1, most), random.choice([1, 1, 2])
    return opening(random, requests, threads), streams(random, requests, threads)
