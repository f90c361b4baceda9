"""Who waits for what, for ``wsgiviz dump``: from outside by the kernel, and with the probe by its State too.

The keys are those of the JSON (docs/dump.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from wsgiviz.analysis.held_up import HeldUp, held_up
from wsgiviz.analysis.lints.context import LintContext
from wsgiviz.observe.outside import OutsideServer, OutsideThread
from wsgiviz.state import Side, State

Facts = dict[str, Any]

BUSY = frozenset({"blocked", "computing", "reading", "writing", "waiting for the GIL", "closing"})
"""What a worker does that takes up no other request."""

MOST_WAITING = 12
MOST_PIDS = 32


def waiting(
    server: OutsideServer, workers: Sequence[Facts], state: State | None, sides: Sequence[Side]
) -> list[Facts]:
    """Of one server: what waits in the kernel first, then what waits inside, the most crowded first."""
    found = [fact for queue in server.queues if (fact := _accept(queue.address, queue.depth, workers))]
    if state is None or not sides:
        return (found + _by_calls(workers))[:MOST_WAITING]
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


def _by_calls(workers: Sequence[Facts]) -> list[Facts]:
    """Without the probe: what workers that hold connections wait in, and at which line py-spy has found them."""
    groups: dict[tuple[str, str | None], list[Facts]] = {}
    for row in workers:
        if row["activity"] == "blocked" and row["waits_in"]:
            line = row["lines"][0] if row["lines"] else None
            groups.setdefault((_call(row), line), []).append(row)
    most = sorted(groups.items(), key=lambda group: -len(group[1]))
    return [_group(call, line, rows) for (call, line), rows in most]


def _call(row: Facts) -> str:
    """Of a worker with a pool of threads, that of most of them: its main thread waits for connections."""
    if row["waits_in"].startswith("epoll") and row["threads_in"]:
        return str(Counter(row["threads_in"]).most_common(1)[0][0])
    return str(row["waits_in"])


def _group(call: str, line: str | None, rows: Sequence[Facts]) -> Facts:
    who = "1 worker is" if len(rows) == 1 else f"{len(rows)} workers are"
    words = f"{who} in {call}{f', at {line}' if line else ''}"
    return _one("call", len(rows), words, tuple(row["pid"] for row in rows), None, line)


def _one(
    what: str, count: int, words: str, pids: Sequence[int] = (), holders: int | None = None,
    line: str | None = None, held_at: str | None = None,
) -> Facts:  # fmt: skip
    return {
        "what": what, "waiting": count, "words": words, "pids": list(pids[:MOST_PIDS]), "holders": holders,
        "line": line, "held_at": held_at,
    }  # fmt: skip
