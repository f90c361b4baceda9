"""What a server's processes do, from outside, without a probe in them: from /proc, socket tables and psutil.

Nothing is stopped or asked for it. What only the probe knows (which request, for how long, what waits inside the
process) is not here; neither are lines, which `wsgiviz.observe.py_spy` may give.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import psutil

from wsgiviz.observe.server_trees import ProcessRow, ServerTree
from wsgiviz.observe.sock_diag import SYN_SENT
from wsgiviz.observe.sockets import CONTROL, HELD, Descriptors, HeldSocket, descriptors, socket_table
from wsgiviz.observe.system_calls import LOOPS_WAIT, SystemCall, polled, system_call

Table = Mapping[int, HeldSocket]
"""Sockets by inode."""

WORK = frozenset({
    "clock_nanosleep", "nanosleep", "recvfrom", "recvmsg", "sendto", "sendmsg", "connect", "flock", "fsync",
    "fdatasync", "wait4", "waitid",
})  # fmt: skip
"""System calls that a thread of a pool is in for a request, and not between two."""

MOST_THREADS = 256
"""Threads of a process that are looked at."""

MOSTLY = 0.5
"""A process that has had, or waited for, so much of a core while it was watched computes."""

LATER_S = 10.0
"""A worker that came so long after its master is none of the first ones: something has replaced or added it."""


@dataclass(frozen=True, slots=True)
class OutsideThread:
    """``letter`` as in proc(5); ``call``: the system call it waits in, None where it is in none or that may not be
    read; ``about``: "a client", "the listener", the address of another server, or "" for anything else."""

    thread_id: int
    letter: str
    call: SystemCall | None = None
    about: str = ""

    @property
    def waits_for_another(self) -> bool:
        """For another server, or for one that it connects to."""
        return self.about not in ("", "a client", "the listener")

    @property
    def words(self) -> str:
        """ "clock_nanosleep: sleeps for a time"."""
        if self.letter in "RZXTt":
            return {"R": "runs", "Z": "has ended", "X": "has ended"}.get(self.letter, "is stopped")
        if self.call is None:
            return "waits in the kernel (disk or the like)" if self.letter == "D" else "sleeps"
        meaning = _meaning(self.call, self.about)
        return f"{self.call.name}: {meaning}" if meaning else self.call.name


def _meaning(call: SystemCall, about: str) -> str:
    if not about or call.fd is None:
        return call.meaning
    if about == "the listener":
        return "waits for a connection"
    writes = "send" in call.name or "write" in call.name
    if about == "a client":
        return f"{'writes to' if writes else 'reads from'} {about}"
    if call.name == "connect":
        return f"connects to {about}"
    return f"waits {'to send to' if writes else 'for'} {about}"


@dataclass(frozen=True, slots=True)
class OutsideWorker:
    """One process that serves. None is what could not be found out.

    ``cpu``: cores used while it was watched; ``clients``: connections to the server's address that it holds;
    ``later``: it came long after its master.
    """

    pid: int
    age_s: float
    activity: str  # idle, reading, blocked, writing, computing, waiting (a loop, for events), stopped, dead, unknown
    threads: tuple[OutsideThread, ...]
    rss_bytes: int | None
    cpu: float | None
    clients: tuple[HeldSocket, ...] | None
    children: int | None
    later: bool
    loop: bool | None  # its main thread may wait for many sockets at once

    @property
    def main(self) -> OutsideThread | None:
        return self.threads[0] if self.threads else None


@dataclass(frozen=True, slots=True)
class Queue:
    """An accept queue: ``depth`` when it was looked at first and last."""

    address: str
    before: int | None
    depth: int | None
    limit: int | None = None

    @property
    def growing(self) -> bool:
        return self.before is not None and self.depth is not None and self.depth > self.before


@dataclass(frozen=True, slots=True)
class OutsideServer:
    """A tree as it was found, within ``watched_s`` seconds."""

    tree: ServerTree
    workers: tuple[OutsideWorker, ...]
    queues: tuple[Queue, ...]
    folder: str | None
    age_s: float
    watched_s: float


@dataclass(frozen=True, slots=True)
class _First:
    t_s: float
    cpu_s: Mapping[int, tuple[float, float]]
    depths: Mapping[int, int | None]


def look(trees: Sequence[ServerTree], wait: Callable[[], None]) -> list[OutsideServer]:
    """Look twice at each server, and ``wait`` in between."""
    tables: dict[str, Table] = {}
    first = [_first(tree, tables) for tree in trees]
    wait()
    tables.clear()
    children = _children()
    return [_second(tree, before, tables, children) for tree, before in zip(trees, first, strict=True)]


def _table(tree: ServerTree, tables: dict[str, Table]) -> Table:
    """The sockets of its network namespace, which is looked at once for all servers in it."""
    network = network_of(tree.master.pid)
    if network not in tables:
        tables[network] = socket_table(tree.master.pid, HELD | {SYN_SENT})
    return tables[network]


def network_of(pid: int) -> str:
    """The network namespace of a process, as the kernel names it; that of a process which can't be read: its pid."""
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return str(pid)


def _children() -> Counter[int]:
    """How many children each process has. Source: psutil, /proc/PID/stat."""
    found: Counter[int] = Counter()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            found[process.ppid()] += 1
    return found


def _first(tree: ServerTree, tables: dict[str, Table]) -> _First:
    cpu = {row.pid: _cpu_s(row.pid) for row in tree.workers}
    held = _listening(tree, _table(tree, tables))
    now_s = time.monotonic()
    return _First(now_s, {pid: at for pid, at in cpu.items() if at is not None}, {s.inode: s.waiting for s in held})


def _second(tree: ServerTree, before: _First, tables: dict[str, Table], children: Mapping[int, int]) -> OutsideServer:
    table = _table(tree, tables)
    listening = _listening(tree, table)
    watched_s = time.monotonic() - before.t_s
    addresses = frozenset(one.local for one in listening)
    workers = tuple(_worker(tree, row, before, table, addresses, children) for row in tree.workers)
    queues = tuple(Queue(one.local, before.depths.get(one.inode), one.waiting, one.limit) for one in listening)
    folder = None
    with contextlib.suppress(OSError):
        folder = os.readlink(f"/proc/{tree.master.pid}/cwd")
    return OutsideServer(tree, workers, queues, folder, time.time() - tree.master.started_s, watched_s)


def _listening(tree: ServerTree, table: Table) -> list[HeldSocket]:
    """What its processes listen on: the sockets that workers share with their master, which may have one more to be
    controlled by. Where they share none, workers have sockets of their own (SO_REUSEPORT), and their app's."""
    of_master = _listeners_of(tree.master.pid, table)
    of_workers: dict[int, HeldSocket] = {}
    for row in tree.workers:
        of_workers |= _listeners_of(row.pid, table)
    if not tree.workers:
        of_workers = of_master
    shared = {inode: one for inode, one in of_workers.items() if inode in of_master}
    return sorted((shared or of_workers).values(), key=lambda one: one.local)


def _listeners_of(pid: int, table: Table) -> dict[int, HeldSocket]:
    held = descriptors(pid)
    mine = (table[inode] for inode in (held.sockets.values() if held else ()) if inode in table)
    return {one.inode: one for one in mine if one.listening and not one.local.endswith(CONTROL)}


def _worker(
    tree: ServerTree,
    row: ProcessRow,
    before: _First,
    table: Table,
    addresses: frozenset[str],
    children_of: Mapping[int, int],
) -> OutsideWorker:
    pid, held = row.pid, descriptors(row.pid)
    clients = _clients(held, table, addresses)
    threads = _threads(pid, held, table, addresses)
    now_cpu, then = _cpu_s(pid), before.cpu_s.get(pid)
    cpu = wanted = None
    if now_cpu is not None and then is not None:
        watched_s = max(1e-3, time.monotonic() - before.t_s)
        cpu = max(0.0, now_cpu[0] - then[0]) / watched_s
        wanted = cpu + max(0.0, now_cpu[1] - then[1]) / watched_s
    rss = None
    with contextlib.suppress(psutil.Error, OSError):
        rss = psutil.Process(pid).memory_info().rss
    children = children_of.get(pid, 0) if rss is not None else None
    loop = held.has_epoll if held else None
    if threads and threads[0].letter in "ZX":
        rss = None
    activity = _activity(threads, wanted, clients, loop, _has_pool(tree))
    later = row.started_s - tree.master.started_s > LATER_S
    return OutsideWorker(
        pid, time.time() - row.started_s, activity, threads, rss, cpu, clients, children, later, loop
    )


def _clients(held: Descriptors | None, table: Table, addresses: frozenset[str]) -> tuple[HeldSocket, ...] | None:
    if held is None:
        return None
    mine = (table[inode] for inode in held.sockets.values() if inode in table)
    return tuple(one for one in mine if _of_server(one, addresses))


def _of_server(one: HeldSocket, addresses: frozenset[str]) -> bool:
    """A connection that was accepted at one of these addresses; one at 0.0.0.0:80 stands for every host's port."""
    if one.listening:
        return False
    if one.local in addresses:
        return True
    port = one.local.rpartition(":")[2]
    return any(f"{every}:{port}" in addresses for every in ("0.0.0.0", "[::]"))


def _threads(
    pid: int, held: Descriptors | None, table: Table, addresses: frozenset[str]
) -> tuple[OutsideThread, ...]:
    """The main thread first."""
    try:
        ids = sorted(int(name) for name in islice(os.listdir(f"/proc/{pid}/task"), MOST_THREADS))
    except (OSError, ValueError):
        return ()
    ids.sort(key=lambda thread_id: thread_id != pid)
    found = []
    for thread_id in ids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            found.append(_thread(pid, thread_id, held, table, addresses))
    return tuple(found)


def _thread(
    pid: int, thread_id: int, held: Descriptors | None, table: Table, addresses: frozenset[str]
) -> OutsideThread:
    task = Path(f"/proc/{pid}/task/{thread_id}")
    stat = (task / "stat").read_bytes()
    letter = chr(stat[stat.rindex(b")") + 2])
    call = None
    with contextlib.suppress(OSError):
        call = system_call((task / "syscall").read_text())
        call = polled(pid, call) if call is not None else None
    about = ""
    if call is not None and call.fd is not None and held is not None:
        one = table.get(held.sockets.get(call.fd, -1))
        if one is not None:
            about = "the listener" if one.listening else "a client" if _of_server(one, addresses) else one.peer
    return OutsideThread(thread_id, letter, call, about)


def _cpu_s(pid: int) -> tuple[float, float] | None:
    """Seconds on the CPU, and seconds runnable without one, of all its threads (/proc/PID/task/TID/schedstat)."""
    on_cpu, waited = 0, 0
    known = False
    with contextlib.suppress(OSError):
        for name in islice(os.listdir(f"/proc/{pid}/task"), MOST_THREADS):
            with contextlib.suppress(OSError, ValueError):
                figures = Path(f"/proc/{pid}/task/{name}/schedstat").read_bytes().split()
                on_cpu, waited, known = on_cpu + int(figures[0]), waited + int(figures[1]), True
    return (on_cpu / 1e9, waited / 1e9) if known else None


def _activity(
    threads: Sequence[OutsideThread],
    wanted: float | None,
    clients: Sequence[HeldSocket] | None,
    loop: bool | None,
    pool: bool,
) -> str:
    if not threads or clients is None:
        return "unknown"
    main = threads[0]
    if main.letter in "ZX":
        return "dead"
    if main.letter in "Tt":
        return "stopped"
    if wanted is not None and wanted >= MOSTLY:
        return "computing"
    if not clients:
        return "idle"
    if main.call is not None and main.call.name in LOOPS_WAIT:
        return "blocked" if pool and any(works(thread) for thread in threads[1:]) else "waiting"
    if main.about == "a client":
        return "writing" if main.words.find("writes") >= 0 else "reading"
    if loop and main.letter == "R":
        return "waiting"
    return "blocked"


def _has_pool(tree: ServerTree) -> bool:
    """Threads serve requests there, as far as the command line says it; a config file may say so too."""
    return any("gthread" in word or word.startswith("--threads") for word in tree.master.command)


def works(thread: OutsideThread) -> bool:
    """A thread beside the one that waits for events: it is in neither a pool's queue nor the server's own pipe."""
    if thread.letter == "D" or thread.waits_for_another:
        return True
    return thread.call is not None and thread.call.name in WORK
