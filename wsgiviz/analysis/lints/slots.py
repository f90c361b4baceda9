"""Lints of servers whose workers, or threads, serve one request at a time."""

from __future__ import annotations

from wsgiviz.analysis import metrics
from wsgiviz.analysis.cpu_load import servers_load
from wsgiviz.analysis.lints import seen, wording
from wsgiviz.analysis.lints.context import LintContext
from wsgiviz.analysis.lints.deaths import DEATH_SHOWN_NS, lost_with
from wsgiviz.analysis.lints.lint import Lint
from wsgiviz.state import Activity, Request, Side, Worker

# --- all workers blocked ----------------------------------------------------------------------------------------


def _all_blocked(context: LintContext, side: Side) -> str | None:
    slots = len(side.server.living())
    if side.is_loop or not slots or seen.count(context, side, Activity.BLOCKED) < slots:
        return None
    waiting = wording.queued(context, side)
    if not waiting:
        return None
    are, nobody = wording.every(side, slots, context.of_side(side)), _without_clients(context, side, slots)
    return f"{are} blocked{context.waits_in(side)}{nobody}{waiting}."


def _without_clients(context: LintContext, side: Side, slots: int) -> str:
    """How many of them serve requests that nobody waits for: ", 2 of them for clients that have given up"."""
    count = len(held_for_nobody(context, side))
    if not count:
        return ""
    some = f"{count} of them " if count < slots else ""
    return f", {some}for {'a client that has' if count == 1 else 'clients that have'} given up"


def held_for_nobody(context: LintContext, side: Side) -> list[Request]:
    """Requests inside the app whose clients have given up."""
    return [request for request in context.in_flight[side.name] if request.in_app and request.for_nobody]


ALL_BLOCKED = Lint(
    "all-workers-blocked",
    _all_blocked,
    "A WSGI app is called, and its worker has it until the answer is complete: while it waits for something else, "
    "it serves nobody. When all of them wait, new requests pile up in the kernel, and a faster machine would not "
    "help. More workers or threads wait for more at a time; an event loop waits for all at once.",
    "PEP 3333; gunicorn docs, Design: How Many Workers?",
)


# --- threads exhausted ------------------------------------------------------------------------------------------


def _threads_exhausted(context: LintContext, side: Side) -> str | None:
    if side.kind != "gthread":
        return None
    if side.run.ended_ns:
        return _uneven(side)
    living, now_ns = side.server.living(), context.now_ns
    idle = [worker for worker in living if not seen.busy(worker, now_ns)]
    free = {worker.pid for worker in idle}
    waiting = {pid: depth for pid, depth in side.server.pools.items() if depth > 0 and pid not in free}
    full = [worker for worker in living if worker.pid in waiting]
    if not full:
        return None
    own = "its own thread-pool queue" if len(waiting) == 1 else "their own thread-pool queues"
    spare = [worker for worker in idle if worker.pid not in waiting]
    meanwhile = f", while {_idle(spare)}" if spare else ""
    who, depth = wording.workers(worker.number for worker in full), side.server.queue_depth
    kernel = f", {wording.about(depth)} more in the kernel's" if depth > 0 else ", not in the kernel's"
    are = wording.every(side, len(full), f" of {who}{context.of_side(side)}")
    return f"{are} busy: {wording.wait(sum(waiting.values()))} in {own}{kernel}{meanwhile}."


def _idle(workers: list[Worker]) -> str:
    numbers = {worker.number for worker in workers}
    have = "has" if len(numbers) == 1 else "have"
    return f"{wording.workers(numbers)} {have} {len(workers)} idle"


def _uneven(side: Side) -> str | None:
    """After the run: processes served unequal parts of it, and one had a queue of its own. What waits in that are
    connections: those of external requests and of clients that gave up are among them."""
    served = wording.served(side)
    numbers = {worker.pid: worker.number for worker in side.server.workers.values()}
    whole, deepest, pid = sum(served.values()), side.run.max_pool, side.run.max_pool_pid
    if len(served) < 2 or not deepest or pid not in served:
        return None
    if max(served.values()) - min(served.values()) <= max(1, whole // 10):
        return None
    waited = "1 connection" if deepest == 1 else f"up to {deepest} connections at a time"
    return (
        f"Worker {numbers[pid]} served {served[pid]} of {wording.requests(whole)}, and {waited} "
        "waited in its own thread-pool queue, where no other worker can take them."
    )


THREADS_EXHAUSTED = Lint(
    "threads-exhausted",
    _threads_exhausted,
    "A gthread worker accepts connections beyond its threads and queues them in its own process. There no other "
    "worker can take them, even if it is idle: one process may have a queue while another has free threads. Raise "
    "--threads, or lower --worker-connections, so that connections stay where any worker can take them.",
    "gunicorn settings: threads, worker_connections",
)


# --- more processes than cores ----------------------------------------------------------------------------------


COMPUTE = (Activity.COMPUTING, Activity.WAITING_FOR_GIL)
"""In a process with slots in one of these, a thread computes: it has the lock that others wait for."""


LEAST_CPU = 0.4
"""So many cores' time, on average, is evidence of computing. On a busy machine a thread that has slept waits for one,
and is no worker that computes for that."""


SHORTEST_NS = 200_000_000
"""Before that, what the kernel's counters say is of a moment, or of what workers did before the run."""


def _has_computed(side: Side, now_ns: int) -> bool:
    """What its workers have had of the CPU since the run began says so, or nobody knows."""
    cpu, long_enough = servers_load(side).cpu, metrics.elapsed_ns(side, now_ns) >= SHORTEST_NS
    return long_enough and (cpu is None or cpu >= LEAST_CPU)


def _more_than_cores(context: LintContext, side: Side) -> str | None:
    if side.is_loop or not context.is_on(side):
        return None
    computing = {worker.pid for worker in seen.slots_in(context, side, *COMPUTE)}
    if len(computing) <= context.cores or not _has_computed(side, context.now_ns) or _mostly_blocked(context, side):
        return None
    cores = "1 core" if context.cores == 1 else f"{context.cores} cores"
    return (
        f"{len(computing)} workers{context.of_side(side)} compute on {cores}{wording.queued(context, side)}: "
        "more processes than cores take turns and gain nothing."
    )


def _mostly_blocked(context: LintContext, side: Side) -> bool:
    """In this run so far they have waited for something else: that they compute now will soon be over, though others
    that have the cores, such as a database, may draw it out."""
    spent = metrics.fractions(side, context.now_ns)
    return spent.blocked is not None and spent.blocked > (spent.computing or 0.0)


MORE_THAN_CORES = Lint(
    "more-processes-than-cores",
    _more_than_cores,
    "What computes needs a core, and there are only so many: further processes take turns with the others, so that "
    "each request takes longer, and all of them together take no less. More workers than cores pay off where "
    "requests wait. For work that computes, use as many as there are cores, and move long work out of the request.",
    "gunicorn docs, Design: How Many Workers?",
)


# --- a worker killed for its timeout ----------------------------------------------------------------------------


def _worker_timeout(context: LintContext, side: Side) -> str | None:
    dead = [worker for worker in side.server.workers.values() if worker.died_of == "timeout"]
    if not dead:
        return None
    last = max(dead, key=lambda worker: worker.since_ns)
    if not side.run.ended_ns and context.now_ns - last.since_ns > DEATH_SHOWN_NS:
        return None
    count = len({worker.pid for worker in dead})
    whose = context.of_side(side)
    if count == 1:
        who = f"Worker {last.number}{whose} was killed by gunicorn (worker timeout)"
    else:
        who = f"{count} workers{whose} were killed by gunicorn (worker timeout), the last"
    limit = "" if context.worker_timeout_s is None else f" ({context.worker_timeout_s:g} s)"
    if side.kind == "uvicorn":
        return f"{who.replace('gunicorn (worker timeout)', 'uvicorn')}{lost_with(context, side, last)}: {UNANSWERED}."
    return f"{who}{lost_with(context, side, last)}: no heartbeat within --timeout{limit}; {_heartbeats(side)}."


UNANSWERED = "it did not answer the health check in time; something holds the whole process"


def _heartbeats(side: Side) -> str:
    if side.is_loop:
        return "its loop sends one only when no step holds it"
    if side.kind == "gthread":
        return "its main thread sends one unless something holds the whole process"
    return "a sync worker sends one only between requests"


WORKER_TIMEOUT = Lint(
    "worker-timeout",
    _worker_timeout,
    "gunicorn kills a worker that has sent no heartbeat for --timeout seconds: SIGABRT, then SIGKILL. A sync worker "
    "sends one only between requests, so one long request is enough, and its client gets a broken connection. Move "
    "long work out of the request, give every outgoing call a timeout of its own, or raise --timeout.",
    "gunicorn settings: timeout",
)


# --- an event loop inside a WSGI request ------------------------------------------------------------------------


def _nested_loop(context: LintContext, side: Side) -> str | None:
    if side.run.nested_loop is None:
        return None
    req, place = side.run.nested_loop
    of = context.of_side(side)
    who = f"{wording.request_name(side, req)}{of}" if req > 0 or side.ledger.get(req) else f"A request{of}"
    if side.run.ended_ns:
        return f"{who} started an event loop inside a WSGI request ({place.words}), and its worker waited for it."
    return (
        f"{who} runs an event loop inside a WSGI request ({place.words}): "
        "its worker waits for that loop, and serves nobody else."
    )


NESTED_LOOP = Lint(
    "nested-event-loop",
    _nested_loop,
    "A request of a WSGI app that runs an event loop (asyncio.run, loop.run_until_complete, anyio.run, or asgiref's "
    "async_to_sync, which Flask and Django use for async views) waits until that loop is through: its worker is "
    "occupied as by a plain call. A loop made for one request is thrown away with its connections; one that is kept "
    "still serves this request only. It pays off only where one request waits for several things at once. Otherwise "
    "call a synchronous library, or serve the app over ASGI.",
    "PEP 3333; asyncio docs, Runners; AnyIO docs, Running async programs; asgiref docs, Function wrappers",
)
