"""Lints of servers whose workers, or threads, serve one request at a time."""

from __future__ import annotations

from collections import Counter

from wsgiviz.events import request_number
from wsgiviz.model.lints import seen, words
from wsgiviz.model.lints.lint import Lint
from wsgiviz.model.lints.scene import Scene
from wsgiviz.model.state import Doing, Side, Worker

DEATH_TOLD_NS = 5_000_000_000


# --- all workers blocked ----------------------------------------------------------------------------------------


def _all_blocked(scene: Scene, side: Side) -> str | None:
    slots = len(side.living())
    waiting = words.queued(side)
    if side.is_loop or not waiting or not slots or seen.count(scene, side, Doing.BLOCKED) < slots:
        return None
    return f"{words.every(side, slots, scene.of(side))} blocked{scene.waits_in(side)}{waiting}."


ALL_BLOCKED = Lint(
    "all-workers-blocked",
    _all_blocked,
    "A WSGI app is called, and its worker has it until the answer is complete: while it waits for something else, "
    "it serves nobody. When all of them wait, new requests pile up in the kernel, and a faster machine would not "
    "help. More workers or threads wait for more at a time; an event loop waits for all at once.",
    "PEP 3333; gunicorn docs, Design: How Many Workers?",
)


# --- a slow client ----------------------------------------------------------------------------------------------

PHASES = {
    Doing.READING: "reading a request",
    Doing.WRITING: "writing an answer",
    Doing.CLOSING: "waiting for the client to hang up",
}


def _slow_client(scene: Scene, side: Side) -> str | None:
    if side.is_loop:
        return None
    slots, of = len(side.living()), scene.of(side)
    phases = Counter(filter(None, (seen.with_client(worker, scene.now_ns) for worker in side.living())))
    held = phases.total()
    if not held:
        return None
    told = [f"{phases[doing]} {text}" for doing, text in PHASES.items() if phases[doing]]
    are = words.every(side, slots, of) if held == slots else words.some(side, held, slots, of)
    clients = "a slow client" if held == 1 else "slow clients"
    cure = "a proxy in front" if side.kind == "gthread" else "a proxy in front, gthread or an ASGI server"
    return f"{are} held by {clients} ({', '.join(told)}), with nothing in the app: {cure} would wait instead."


SLOW_CLIENT = Lint(
    "slow-client",
    _slow_client,
    "A sync worker reads its request and writes its answer byte by byte as fast as the client's network goes, and "
    "serves nobody else meanwhile. Some slow clients are enough to occupy every worker, on purpose (Slowloris) or "
    "not. Put a proxy that buffers in front, such as nginx, or serve over ASGI; gthread has more threads to be held.",
    "gunicorn docs, Deploying: nginx; Design: Choosing a Worker Type",
)


# --- threads exhausted ------------------------------------------------------------------------------------------


def _threads_exhausted(scene: Scene, side: Side) -> str | None:
    if side.kind != "gthread":
        return None
    if side.run_ended_ns:
        return _uneven(side)
    living, now_ns = side.living(), scene.now_ns
    idle = [worker for worker in living if not seen.busy(worker, now_ns)]
    free = {worker.pid for worker in idle}
    waiting = {pid: depth for pid, depth in side.pools.items() if depth > 0 and pid not in free}
    full = [worker for worker in living if worker.pid in waiting]
    if not full:
        return None
    own = "its own thread-pool queue" if len(waiting) == 1 else "their own thread-pool queues"
    spare = [worker for worker in idle if worker.pid not in waiting]
    meanwhile = f", while {_idle(spare)}" if spare else ""
    who, depth = words.workers(worker.number for worker in full), side.queue_depth
    kernel = f", {words.about(depth)} more in the kernel's" if depth > 0 else ", apart from the kernel's"
    are = words.every(side, len(full), f" of {who}{scene.of(side)}")
    return f"{are} busy: {words.wait(sum(waiting.values()))} in {own}{kernel}{meanwhile}."


def _idle(workers: list[Worker]) -> str:
    numbers = {worker.number for worker in workers}
    have = "has" if len(numbers) == 1 else "have"
    return f"{words.workers(numbers)} {have} {len(workers)} idle"


def _uneven(side: Side) -> str | None:
    """After the run: one process took more than its share, and its threads were too few for that."""
    served: Counter[int] = Counter()
    for worker in side.workers.values():
        served[worker.number] += worker.requests
    whole = sum(served.values())
    if len(served) < 2 or not side.max_pool:
        return None
    most, fewest = max(served, key=served.__getitem__), min(served.values())
    if served[most] - fewest <= max(1, whole // 10):
        return None
    return (
        f"Worker {most} took {served[most]} of {words.requests(whole)}, and up to {side.max_pool} of them waited in "
        "its own thread-pool queue, where no other worker can take them."
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


def _more_than_cores(scene: Scene, side: Side) -> str | None:
    if side.is_loop or not side.running:
        return None
    computing = {worker.pid for worker in seen.doers(scene, side, Doing.COMPUTING)}
    if len(computing) <= scene.cores:
        return None
    cores = "1 core" if scene.cores == 1 else f"{scene.cores} cores"
    return (
        f"{len(computing)} workers{scene.of(side)} compute on {cores}{words.queued(side)}: "
        "more processes than cores take turns, and win nothing."
    )


MORE_THAN_CORES = Lint(
    "more-processes-than-cores",
    _more_than_cores,
    "What computes needs a core, and there are only so many: further processes take turns with the others, so that "
    "each request takes longer and all of them together no less. More workers than cores pay where requests wait. "
    "For work that computes, use as many as there are cores, and move long work out of the request.",
    "gunicorn docs, Design: How Many Workers?",
)


# --- a worker killed for its timeout ----------------------------------------------------------------------------


def _worker_timeout(scene: Scene, side: Side) -> str | None:
    dead = [worker for worker in side.workers.values() if worker.died_of == "timeout" and not worker.alive]
    if not dead:
        return None
    last = max(dead, key=lambda worker: worker.since_ns)
    if not side.run_ended_ns and scene.now_ns - last.since_ns > DEATH_TOLD_NS:
        return None
    count = len({worker.pid for worker in dead})
    whose = scene.of(side)
    if count == 1:
        who = f"Worker {last.number}{whose} was killed by its master"
    else:
        who = f"{count} workers{whose} were killed by their master, the last"
    limit = "" if scene.worker_timeout_s is None else f" ({scene.worker_timeout_s:g} s)"
    return f"{who}{lost_with(side, last.pid)}: no sign of life for gunicorn's --timeout{limit}; {_signs(side)}."


def lost_with(side: Side, pid: int) -> str:
    """What was in a process when it died: " while it held #2 at report.py:9 time.sleep"."""
    held = {worker.req for worker in side.workers.values() if worker.pid == pid and worker.req}
    known = (*side.finished[-1000:], *side.in_flight.values())
    lost = [request for request in known if request.pid == pid and request.raised == "worker died"]
    held.update(request.id for request in lost)
    places = {request.where.words for request in lost if request.where}
    at = f" at {places.pop()}" if len(places) == 1 else ""
    return f" while it held {words.held(held)}{at}" if held else ""


def _signs(side: Side) -> str:
    if side.is_loop:
        return "its loop gives one only when no step holds it"
    if side.kind == "gthread":
        return "its main thread gives one unless something holds the whole process"
    return "a sync worker gives one only between requests"


WORKER_TIMEOUT = Lint(
    "worker-timeout",
    _worker_timeout,
    "gunicorn's master kills a worker that gave no sign of life for --timeout seconds: SIGABRT, then SIGKILL. A sync "
    "worker gives one only between requests, so one long request is enough, and its client gets a broken connection. "
    "Move long work out of the request, give every outgoing call a timeout of its own, or raise --timeout.",
    "gunicorn settings: timeout",
)


# --- an event loop inside a WSGI request ------------------------------------------------------------------------


def _nested_loop(scene: Scene, side: Side) -> str | None:
    if side.nested_loop is None:
        return None
    req, place = side.nested_loop
    who = f"#{request_number(req)}{scene.of(side)}" if req > 0 else f"A request{scene.of(side)}"
    if side.run_ended_ns:
        return f"{who} started an event loop inside a WSGI request ({place.words}), and its worker waited for it."
    return (
        f"{who} runs an event loop inside a WSGI request ({place.words}): "
        "its worker waits for that loop, and serves nobody else."
    )


NESTED_LOOP = Lint(
    "nested-event-loop",
    _nested_loop,
    "asyncio.run() in a WSGI app makes a loop for this one request and waits for its end: the worker stays as "
    "occupied as by a plain call, and the loop is thrown away, with its connections. It pays only where one request "
    "waits for several things at once. Otherwise call a synchronous library, or serve the app over ASGI.",
    "PEP 3333; asyncio docs, Runners",
)
