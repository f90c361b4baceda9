"""Lints of the pools of threads behind an event loop: each has an end, and beyond it requests wait for a thread as
they would for a worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wsgiviz.analysis.lints import wording
from wsgiviz.analysis.lints.context import SETTLED_NS, LintContext
from wsgiviz.analysis.lints.lint import Lint
from wsgiviz.analysis.pools import PoolUse, pool_uses
from wsgiviz.state import OF_PROCESSES, PoolKind, Request, Side, Task

SHAPED = 0.1
"""From this share of the time in the app on, waiting for threads shaped a run."""

RECENT = 100
"""So many of the requests that are over are looked at."""

CURES = {
    PoolKind.ANYIO: "await an asyncio library, or raise its total_tokens",
    PoolKind.LIMITER: "its total_tokens say how many may run at once",
    PoolKind.ASYNCIO: "await an asyncio library, or give it more threads",
    PoolKind.EXECUTOR: "its max_workers say how many may run at once",
    PoolKind.PROCESSES: "each computes one call at a time, and more than cores gain nothing",
    PoolKind.PROCESS_LIMITER: "each computes one call at a time, and more than cores gain nothing",
    PoolKind.ASGIREF: "sync_to_async takes turns there, unless thread_sensitive=False",
}
"""In a few words; the lints' explanations have more of them."""


OWNERS = {
    PoolKind.ANYIO: "AnyIO's default limiter",
    PoolKind.LIMITER: "a limiter of the app's own",
    PoolKind.ASYNCIO: "asyncio's default executor",
    PoolKind.ASGIREF: "asgiref",
    PoolKind.PROCESSES: "a ProcessPoolExecutor",
    PoolKind.PROCESS_LIMITER: "AnyIO's process limiter",
}


def _exhausted(*kinds: PoolKind) -> Callable[[LintContext, Side], str | None]:
    """What is said of pools of these kinds."""

    def found(context: LintContext, side: Side) -> str | None:
        if not side.server.thread_pools:
            return None
        uses = [use for use in pool_uses(side, _requests(context, side)) if use.kind in kinds]
        uses.sort(key=lambda use: -use.most_waiting if side.run.ended_ns else -use.waiting)
        if not uses:
            return None
        return _was(context, side, uses[0]) if side.run.ended_ns else _is(context, side, uses[0])

    return found


def _cure(context: LintContext, side: Side, use: PoolUse) -> str:
    """More threads help those that wait, and not those that compute."""
    if use.kind in OF_PROCESSES or not _compute(_requests(context, side)):
        return CURES[use.kind]
    return "they compute, and share one GIL: a pool of processes would compute at the same time"


def _compute(requests: Sequence[Request]) -> bool:
    """Threads mostly computed for these, or waited for the GIL, as far as is known."""
    busy_ns = sum(request.calls.computing_ns + request.calls.gil_ns for request in requests)
    blocked_ns = sum(request.calls.blocked_ns for request in requests)
    now = [request.task for request in requests]
    busy, blocked = now.count(Task.THREAD_COMPUTES) + now.count(Task.THREAD_FOR_GIL), now.count(Task.IN_THREAD)
    return busy > blocked if busy or blocked else busy_ns > blocked_ns


def _requests(context: LintContext, side: Side) -> list[Request]:
    """In the app, or there until a moment ago."""
    return [
        request
        for request in (*context.in_flight[side.name], *context.latest[side.name][-RECENT:])
        if request.began_ns and (not request.ended_ns or context.now_ns - request.ended_ns < SETTLED_NS)
    ]


def _is(context: LintContext, side: Side, use: PoolUse) -> str | None:
    if not context.is_on(side) or not use.full:
        return None
    who, count = (wording.requests(use.requests), use.requests) if use.requests else _calls(use.waiting)
    waits = f"{who} {'waits' if count == 1 else 'wait'} for {threads_of(context, side, use)}"
    return f"{waits}{_at(use)}: {_cure(context, side, use)}."


def _calls(count: int) -> tuple[str, int]:
    return f"{count} call{'s' if count > 1 else ''}", count


def _at(use: PoolUse) -> str:
    """Where the threads are."""
    if use.at is None:
        return ""
    which = "" if use.size == 1 and use.pools == 1 else "all " if use.all_at else "most "
    return f" ({which}at {use.at.words})"


def _was(context: LintContext, side: Side, use: PoolUse) -> str | None:
    if not use.most_waiting or _share(context, side) < SHAPED:
        return None
    calls, _ = _calls(use.most_waiting)
    return f"Up to {calls} at a time waited for {threads_of(context, side, use)}: {_cure(context, side, use)}."


def _share(context: LintContext, side: Side) -> float:
    """Of the time that requests were in the app, how much of it they waited for threads."""
    over = [request for request in context.latest[side.name] if request.began_ns and request.ended_ns]
    whole_ns = sum(request.ended_ns - request.began_ns for request in over)
    return sum(request.calls.waited_ns for request in over) / whole_ns if whole_ns > 0 else 0.0


def threads_of(context: LintContext, side: Side, use: PoolUse) -> str:
    """ "one of the 40 threads of AnyIO's default limiter"."""
    each = " in each process" if use.pools > 1 else ""
    of = context.of_side(side)
    if use.kind is PoolKind.ASGIREF:
        return f"asgiref's only thread{each}{of}"
    owner = OWNERS.get(use.kind) or f"the executor {use.name}"
    one, many = ("process", "processes") if use.kind in OF_PROCESSES else ("thread", "threads")
    if use.size == 1:
        return f"the only {one} of {owner}{each}{of}"
    return f"one of the {use.size} {many} of {owner}{each}{of}"


LIMITER_EXHAUSTED = Lint(
    "limiter-exhausted",
    _exhausted(PoolKind.ANYIO, PoolKind.LIMITER),
    "Starlette and FastAPI run each def endpoint, each def dependency and run_in_threadpool in AnyIO's worker "
    "threads, and a limiter lets 40 of them run at once in each process: what comes beyond that waits, as a request "
    "waits for a worker. Write async def and await a library made for asyncio, or raise total_tokens of "
    "anyio.to_thread.current_default_thread_limiter() when the app starts; give calls that may take long a limiter "
    "of their own, so that they do not keep the others waiting.",
    "AnyIO docs, Working with threads: maximum worker thread count; Starlette docs, Thread Pool",
)

EXECUTOR_EXHAUSTED = Lint(
    "executor-exhausted",
    _exhausted(PoolKind.ASYNCIO),
    "asyncio.to_thread and run_in_executor(None, ...) share one pool of min(32, cores + 4) threads in each process: "
    "what comes beyond that waits for a thread, as a request waits for a worker. Await a library made for asyncio "
    "instead, or give the loop an executor with as many threads as may wait at once.",
    "asyncio docs, Event Loop: Executing code in thread or process pools; concurrent.futures.ThreadPoolExecutor",
)

OWN_EXECUTOR_EXHAUSTED = Lint(
    "own-executor-exhausted",
    _exhausted(PoolKind.EXECUTOR),
    "An executor runs as many calls at once as it has threads (max_workers), and all others stand in its queue, "
    "which has no end. Give it as many threads as what is behind them can take, or answer at once and do the work in "
    "a job queue.",
    "Python docs, concurrent.futures: ThreadPoolExecutor",
)

PROCESSES_EXHAUSTED = Lint(
    "processes-exhausted",
    _exhausted(*OF_PROCESSES),
    "A pool of processes computes as many calls at once as it has processes (max_workers, or the limiter's "
    "total_tokens), and all others wait, while the event loop goes on. That is what such a pool is for; but where "
    "more comes than so many processes can compute, the wait grows without end. Processes up to the number of cores "
    "help, then only less to compute, or more machines behind a job queue. Each web worker has a pool of its own.",
    "Python docs, concurrent.futures: ProcessPoolExecutor; AnyIO docs, Running code in worker processes",
)

ONE_THREAD_FOR_ALL = Lint(
    "one-thread-for-all",
    _exhausted(PoolKind.ASGIREF),
    "sync_to_async runs its function in one thread that all requests of a process share, since code written for one "
    "thread may depend on that: they take turns, however many there are. Pass thread_sensitive=False for what may "
    "run in any thread, serve requests within asgiref's ThreadSensitiveContext, as Django does, or await a library "
    "made for asyncio.",
    "asgiref docs, Threading; Django docs, Asynchronous support: sync_to_async",
)
