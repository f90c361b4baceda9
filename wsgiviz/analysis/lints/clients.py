"""Lints of clients: slow ones, silent ones, those that do not hang up, those that are gone; and an app that is its
own client."""

from __future__ import annotations

from collections import Counter

from wsgiviz.analysis import metrics
from wsgiviz.analysis.lints import seen, wording
from wsgiviz.analysis.lints.context import SETTLED_NS, LintContext
from wsgiviz.analysis.lints.lint import Lint
from wsgiviz.state import Activity, Location, Side, Worker

# --- a client that says nothing ---------------------------------------------------------------------------------


def silent(side: Side) -> list[Worker]:
    """The slots that wait for the first byte of a client."""
    workers = side.server.living()
    return [worker for worker in workers if worker.activity is Activity.READING and worker.client is not None
            and worker.client.silent]  # fmt: skip


def _silent_client(context: LintContext, side: Side) -> str | None:
    held = [worker for worker in silent(side) if context.now_ns - worker.since_ns > side.run.max_driver_late_ns]
    if not held:
        return None
    slots, of = len(side.server.living()), context.of_side(side)
    are = wording.every(side, slots, of) if len(held) == slots else wording.some(side, len(held), slots, of)
    longest_ns = context.now_ns - min(worker.since_ns for worker in held)
    clients = f"a client ({_address(held[0])}) that has" if len(held) == 1 else "clients that have"
    killed = "; gunicorn kills a sync worker for that after --timeout" if side.kind == "sync" else ""
    return (
        f"{are} held by {clients} sent no byte for over {wording.longer_than(longest_ns)}"
        f"{wording.queued(context, side)}{killed}."
    )


def _address(worker: Worker) -> str:
    return worker.client.address if worker.client is not None and worker.client.address else "address not known"


SILENT_CLIENT = Lint(
    "silent-client",
    _silent_client,
    "A connection is not a request. Browsers open some in advance, and load balancers to see whether the port "
    "answers. A sync worker that accepts one reads until the first byte comes, and serves nobody meanwhile; after "
    "--timeout gunicorn kills it: \"WORKER TIMEOUT\" on an app that does nothing. Put a proxy that buffers in front, "
    "or use gthread: a connection that says nothing holds one of its threads for 5 s at most, and no heartbeat.",
    "gunicorn docs, Deploying: nginx; gunicorn settings: timeout",
)  # fmt: skip


# --- a slow client ----------------------------------------------------------------------------------------------

WITH_CLIENT = {
    Activity.READING: "reading a request",
    Activity.WRITING: "writing an answer",
    Activity.CLOSING: "waiting for the client to hang up",
}


LEAST_SHARE = 0.05
"""Clients that take less of the time of slots than this, and of few of them, are no pattern."""


def _slow_client(context: LintContext, side: Side) -> str | None:
    if side.is_loop:
        return None
    if side.run.ended_ns:
        return _were_slow(context, side)
    living, of = side.server.living(), context.of_side(side)
    phases = Counter(seen.with_clients(side, context.now_ns))
    slots, held = len(living), phases.total()
    if not held or (2 * held < slots and _time_with_clients(context, side) < LEAST_SHARE):
        return None
    doing = ", ".join(f"{phases[activity]} {text}" for activity, text in WITH_CLIENT.items() if phases[activity])
    are = wording.every(side, slots, of) if held == slots else wording.some(side, held, slots, of)
    clients = "a slow client" if held == 1 else "slow clients"
    return f"{are} held by {clients} ({doing}), with nothing in the app: {_cure(side)} would wait instead."


def _cure(side: Side) -> str:
    return "a proxy in front" if side.kind == "gthread" else "a proxy in front, gthread or an ASGI server"


MOST_OF_THE_TIME = 0.6
"""A run whose slots waited for clients for this share of their busy time is shaped by them."""


def _were_slow(context: LintContext, side: Side) -> str | None:
    """After the run: when slow clients had most of the time of its slots, which is long for each request."""
    share = metrics.with_clients(side, context.now_ns) or 0.0
    each_ns = metrics.with_client_s(side, context.now_ns) * 1e9
    if side.run.silent_clients or share < MOST_OF_THE_TIME or each_ns < seen.slow_client_ns(side):
        return None
    return (
        f"Slow clients held the {wording.slot(side)}s{context.of_side(side)}, with nothing in the app: "
        f"{_cure(side)} would have waited instead."
    )


def _time_with_clients(context: LintContext, side: Side) -> float:
    """Share of the busy time of its slots in which they waited for clients; 1 where nobody knows."""
    share = metrics.with_clients(side, context.now_ns)
    return 1.0 if share is None else share


SLOW_CLIENT = Lint(
    "slow-client",
    _slow_client,
    "A sync worker reads its request and writes its answer byte by byte as fast as the client's network goes, and "
    "serves nobody else meanwhile. A few slow clients are enough to occupy every worker, on purpose (Slowloris) or "
    "not. Put a proxy that buffers in front, such as nginx, or serve over ASGI; gthread only has more threads that "
    "can be held.",
    "gunicorn docs, Deploying: nginx; Design: Choosing a Worker Type",
)


# --- a client that does not hang up -----------------------------------------------------------------------------

LINGERS_FROM_NS = 200_000_000
"""An accepting thread that stands still for less holds nobody up."""


def _lingering_client(context: LintContext, side: Side) -> str | None:
    since = {worker.pid: worker.number for worker in side.server.living()}
    held = {since[pid]: t_ns for pid, t_ns in side.server.acceptors.items() if pid in since}
    lasting = {number: t_ns for number, t_ns in held.items() if context.now_ns - t_ns >= _lingers_ns(side)}
    if not lasting:
        return _lingered(context, side)
    living, now_ns = side.server.living(), context.now_ns
    idle = sum(worker.number in lasting and not seen.busy(worker, now_ns) for worker in living)
    spare = f", while {idle} of its threads {'is' if idle == 1 else 'are'} idle" if idle else ""
    one = len(lasting) == 1
    who = wording.workers(lasting) + context.of_side(side)
    return (
        f"The accepting thread{'' if one else 's'} of {who} {'waits' if one else 'wait'} for a client to hang up "
        f"that has its answer: up to 2 s each, in which nobody is accepted{spare}{wording.queued(context, side)}."
    )


def _lingers_ns(side: Side) -> int:
    """Our own clients hang up late where the load driver is late."""
    return LINGERS_FROM_NS + side.run.max_driver_late_ns


def _lingered(context: LintContext, side: Side) -> str | None:
    """What it has come to in this run."""
    total_ns, most_ns = side.run.acceptor_ns, side.run.acceptor_most_ns
    run_ns = metrics.elapsed_ns(side, context.now_ns) * max(1, len(side.server.processes()))
    if most_ns < _lingers_ns(side) or total_ns < LEAST_SHARE * run_ns:
        return None
    return (
        f"Accepting threads stood still for {wording.length(total_ns)} in all, up to {wording.length(most_ns)} at a "
        "time, until clients that had their answers hung up."
    )


LINGERING_CLIENT = Lint(
    "lingering-client",
    _lingering_client,
    "gunicorn closes a connection gracefully: it waits up to 2 s for the client to close as well, so that the answer "
    "surely arrives. A gthread worker does so in the one thread that accepts connections for the others: a client "
    "which does not hang up stops the whole worker, however many threads are idle. A proxy in front hangs up at "
    "once; with keep-alive such connections are not closed after each answer.",
    "gunicorn source, util.close_graceful; gunicorn settings: keepalive",
)


# --- an app that calls its own server ---------------------------------------------------------------------------


def _self_call(context: LintContext, side: Side) -> str | None:
    if side.run.ended_ns or not side.server.self_calls:
        return _called_itself(context, side)
    numbers = {worker.pid: worker.number for worker in side.server.living()}
    callers = {numbers[pid]: count for pid, count in side.server.self_calls.items() if pid in numbers}
    if not callers or not _nobody_free(side):
        return None
    one = len(callers) == 1
    who, where = wording.workers(callers) + context.of_side(side), context.waits_in(side)
    return (
        f"{who[0].upper()}{who[1:]} {'waits' if one else 'wait'}{where} for "
        f"{'its' if one else 'their'} own server, where nobody is free to answer: {_connections(callers)}."
    )


def _nobody_free(side: Side) -> bool:
    """All slots are taken; or the loops of all processes that call themselves are held."""
    living = side.server.living()
    if side.is_loop:
        return all(loop.held is not None for loop in side.server.loops.values())
    return all(worker.busy for worker in living)


def _connections(callers: dict[int, int]) -> str:
    count = sum(callers.values())
    return "1 connection from it waits" if count == 1 else f"{count} connections from its own workers wait"


def _called_itself(context: LintContext, side: Side) -> str | None:
    most = side.run.self_calls_stuck
    if not most or not side.run.ended_ns:
        return None
    place = _mostly_at(context, side)
    at = f" at {place.words}" if place is not None else ""
    many = "a connection" if most == 1 else f"up to {most} connections at once"
    it = "it" if most == 1 else "them"
    return f"The app called its own server{at}: {many} waited for workers that waited for {it}."


def _mostly_at(context: LintContext, side: Side) -> Location | None:
    """The line at which most requests of the run have waited last."""
    known = (*context.latest[side.name], *context.in_flight[side.name])
    places = Counter(request.stays[-1].where for request in known if request.stays)
    return places.most_common(1)[0][0] if places else None


SELF_CALL = Lint(
    "self-call",
    _self_call,
    "A request that waits for another request to the same server needs two workers at once. With one sync worker it "
    "can never be answered; with several, as many such requests as there are workers stop them all, until they give "
    "up. Call the function instead of the URL, or give the called part workers of its own.",
    "PEP 3333; gunicorn docs, Design: How Many Workers?",
)


# --- clients that are gone --------------------------------------------------------------------------------------


def _served_for_nobody(context: LintContext, side: Side) -> str | None:
    count = side.run.for_nobody
    if not count or not side.run.ended_ns:
        return None
    worked_ns = sum(
        max(0, (request.ended_ns or context.now_ns) - max(request.began_ns, request.failed_ns))
        for request in (*context.latest[side.name], *context.in_flight[side.name])
        if request.for_nobody
    )
    worked = f", for {wording.length(worked_ns)} after they had gone" if worked_ns > SETTLED_NS else ""
    gone = "whose client had" if count == 1 else "whose clients had"
    return f"{context.label(side)} served {wording.requests(count)} for nobody, {gone} given up{worked}."


SERVED_FOR_NOBODY = Lint(
    "served-for-nobody",
    _served_for_nobody,
    "Nobody is notified of a client that gives up: its request stays in the queue, and a WSGI worker that has it "
    "does not notice. Under load, workers spend their time on what nobody waits for, while those who still wait "
    "wait longer. Keep queues short (--backlog), and give what a request calls a time limit below that of its "
    "clients.",
    "PEP 3333; gunicorn settings: backlog",
)
