"""Who waits for what, for ``wsgiviz dump``: from outside by the kernel, and with the probe by its State too.

The keys are those of the JSON (docs/dump.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from wsgiviz.analysis.held_up import HeldUp, held_up
from wsgiviz.analysis.lints.context import LintContext
from wsgiviz.observe.outside import OutsideServer, OutsideThread, OutsideWorker, works
from wsgiviz.observe.py_spy import Spied
from wsgiviz.observe.system_calls import LOOPS_WAIT
from wsgiviz.state import Side, State

Facts = dict[str, Any]

BUSY = frozenset({"blocked", "computing", "reading", "writing", "waiting for the GIL", "closing"})
"""What a worker does that takes up no other request."""

MOST_WAITING = 12
MOST_PIDS = 32


def waiting(
    server: OutsideServer,
    workers: Sequence[Facts],
    state: State | None,
    sides: Sequence[Side],
    spied: Mapping[int, Spied],
) -> list[Facts]:
    """Of one server: what waits in the kernel first, then what waits inside, the most crowded first."""
    found = [fact for queue in server.queues if (fact := _accept(queue.address, queue.depth, workers))]
    if state is None or not sides:
        return (found + _by_calls(server, workers, spied))[:MOST_WAITING]
    context = LintContext.of(state, state.t_ns)
    pids = server.tree.pids
    threads = {thread.thread_id: thread for worker in server.workers for thread in worker.threads}
    inside = [one for side in sides for one in held_up(context, side) if not one.pids or pids.intersection(one.pids)]
    return (found + [_fact(one, threads) for one in inside])[:MOST_WAITING]


def _accept(address: str, depth: int | None, workers: Sequence[Facts]) -> Facts | None:
    if not depth:
        return None
    busy = sum(row["activity"] in BUSY for row in workers)
    which = "the only worker is" if len(workers) == 1 else f"{busy} of {len(workers)} workers are"
    state = f"{which} busy" if busy else "no worker is at a request"
    waits = "connection waits" if depth == 1 else "connections wait"
    words = f"{depth} {waits} at {address} to be accepted: {state}"
    return _one("accept", depth, words, holders=busy)


def _fact(one: HeldUp, threads: Mapping[int, OutsideThread]) -> Facts:
    calls = Counter(threads[each].words for each in one.threads if each in threads)
    words = one.words
    if calls:
        (call, count), *_ = calls.most_common(1)
        words += f" ({call})" if count == one.waiting else f" ({count} of them: {call})"
    return _one(one.what, one.waiting, words, one.pids, one.holders, one.place, one.held_at)


def _by_calls(server: OutsideServer, rows: Sequence[Facts], spied: Mapping[int, Spied]) -> list[Facts]:
    """Without the probe: what threads of workers that hold connections wait in, and at which line of the app py-spy
    has found them; where it has not looked, the main threads."""
    blocked = {row["pid"] for row in rows if row["activity"] == "blocked"}
    groups: dict[tuple[str, str | None], list[int]] = {}
    for worker in server.workers:
        lines = {line.thread_id: line.words for line in spied.get(worker.pid, Spied()).lines}
        for thread in worker.threads if worker.pid in blocked else ():
            if thread.thread_id in lines or (not lines and _is_at_request(worker, thread)):
                groups.setdefault((thread.words, lines.get(thread.thread_id)), []).append(worker.pid)
    most = sorted(groups.items(), key=lambda group: -len(group[1]))
    return [_group(call, line, pids) for (call, line), pids in most]


def _is_at_request(worker: OutsideWorker, thread: OutsideThread) -> bool:
    """Of a worker with a pool of threads, those that do something; of another, its main thread."""
    main = worker.threads[0]
    waits_for_events = main.call is not None and main.call.name in LOOPS_WAIT
    return works(thread) if waits_for_events else thread == main


def _group(call: str, line: str | None, pids: Sequence[int]) -> Facts:
    threads, are = ("1 thread", "is") if len(pids) == 1 else (f"{len(pids)} threads", "are")
    processes = sorted(set(pids))
    where = f" of worker {processes[0]}" if len(processes) == 1 else f" of {len(processes)} workers"
    words = f"{threads}{where} {are} in {call}"
    return _one("call", len(pids), f"{words}{f', at {line}' if line else ''}", processes, None, line)


def _one(
    what: str, count: int, words: str, pids: Sequence[int] = (), holders: int | None = None,
    line: str | None = None, held_at: str | None = None,
) -> Facts:  # fmt: skip
    return {
        "what": what, "waiting": count, "words": words, "pids": list(pids[:MOST_PIDS]), "holders": holders,
        "line": line, "held_at": held_at,
    }  # fmt: skip
