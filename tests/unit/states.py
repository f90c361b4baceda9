"""Sides of a state, made by hand: the states that a pane has to be able to show. All began at `T0`."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from wsgiviz.state import (
    Activity,
    Death,
    Ledger,
    Location,
    Loop,
    LoopTally,
    Peak,
    Request,
    Run,
    Server,
    Side,
    Span,
    Step,
    Tally,
    Task,
    Worker,
)
from wsgiviz.state.ledger import LedgerDraft

T0 = 1_000_000_000_000
S = 1_000_000_000
MS = 1_000_000
RUN = 1_000_000
FIBONACCI = Location("cpu.py", 9, "fibonacci", "fibonacci")
SLEEP = Location("demo_apps/sleep.py", 14, "wsgi_app", "time.sleep")


def ledger_of(requests: Iterable[Request]) -> Ledger:
    """A ledger that holds ``requests``."""
    draft = LedgerDraft(Ledger())
    for request in requests:
        draft.put(request)
    return draft.publish()


def peak_of(most: int) -> Peak:
    """A peak of ``most`` at once."""
    return Peak(highest=most)


def sleeping_workers(now_s: float, workers: int = 4, requests: int = 20, seconds: float = 1.0) -> Side:
    """A burst of ``requests`` that each block a worker for ``seconds``, ``now_s`` into the run."""
    now = T0 + int(now_s * S)
    busy_ns, gap_ns = int(seconds * S), MS
    made, finished, in_flight = {}, [], {}
    for index in range(workers):
        spans, begin, held, answered, last = [Span(T0 - S, T0, Activity.IDLE, 0)], T0, 0, 0, 0
        for number in range(index + 1, requests + 1, workers):
            if begin >= now:
                break
            end = begin + busy_ns
            last = RUN + number
            spans.append(Span(begin, end if end <= now else 0, Activity.BLOCKED, last))
            if end <= now:
                answered += 1
                finished.append(answered_request(number, begin, end, pid=100 + index))
                begin = end + gap_ns
            else:
                held = last
                holder = {"pid": 100 + index, "task": Task.RUNNING, "where": SLEEP}
                in_flight[last] = Request(last, T0, T0, began_ns=begin, **holder)  # type: ignore[arg-type]
                break
        if not held:
            spans.append(Span(max(begin - gap_ns, T0), 0, Activity.IDLE, 0))
        made[100 + index, 0] = Worker(
            100 + index,
            index + 1,
            Activity.BLOCKED if held else Activity.IDLE,
            spans[-1].start_ns,
            req=held,
            last_req=last,
            spans=tuple(spans),
            tally=Tally(requests=answered),
        )
    finished.sort(key=lambda request: request.received_ns)
    seen = len(finished) + len(in_flight)
    for number in range(seen + 1, requests + 1):
        in_flight[RUN + number] = Request(RUN + number, T0, T0)
    run = Run(
        number=1,
        planned=requests,
        requested_ns=T0,
        started_ns=T0,
        ended_ns=finished[-1].received_ns if len(finished) == requests else 0,
        completed=len(finished),
        first_planned_ns=T0,
        last_finished_ns=finished[-1].received_ns if finished else 0,
        in_app=sum(worker.busy for worker in made.values()),
        in_app_peak=peak_of(min(workers, requests)),
        max_queue=max(0, requests - workers),
    )
    server = Server(up=True, workers=made, wanted=workers, queue_depth=requests - seen, queue_limit=2048)
    return Side("wsgi", server=server, run=run, ledger=ledger_of([*finished, *in_flight.values()]))


def answered_request(number: int, begin: int, end: int, pid: int = 0) -> Request:
    return Request(
        RUN + number,
        T0,
        T0,
        began_ns=begin,
        ended_ns=end,
        received_ns=end,
        status=200,
        pid=pid,
        task=Task.DONE,
        target="GET /",
    )


def awaiting_tasks(now_s: float, requests: int = 20, seconds: float = 1.0) -> Side:
    """A burst of ``requests`` that each await ``seconds`` on one loop, ``now_s`` into the run."""
    now = T0 + int(now_s * S)
    finished, in_flight = [], {}
    for number in range(1, requests + 1):
        begin = T0 + number * MS
        end = begin + int(seconds * S) + 10 * MS
        if begin > now:
            in_flight[RUN + number] = Request(RUN + number, T0, T0)
            continue
        wait = Step(begin + MS, end - 2 * MS, Task.AWAITING)
        rest = Step(end - 2 * MS, end - MS, Task.READY), Step(end - MS, end, Task.RUNNING)
        run = Step(begin, begin + MS, Task.RUNNING)
        if end <= now:
            done = answered_request(number, begin, end)
            finished.append(replace(done, steps=(run, wait, *rest)))
        else:
            waiting = Step(wait.start_ns, 0, Task.AWAITING)
            in_flight[RUN + number] = Request(
                RUN + number,
                T0,
                T0,
                began_ns=begin,
                task=Task.AWAITING,
                since_ns=wait.start_ns,
                steps=(run, waiting),
            )
    run_so_far = Run(
        number=1,
        planned=requests,
        requested_ns=T0,
        started_ns=T0,
        ended_ns=finished[-1].received_ns if len(finished) == requests else 0,
        completed=len(finished),
        first_planned_ns=T0,
        last_finished_ns=finished[-1].received_ns if finished else 0,
        in_app=sum(request.began_ns > 0 for request in in_flight.values()),
        in_app_peak=peak_of(requests),
    )
    tally = LoopTally(max_lag_ns=2 * MS, first_selector_ns=0)
    server = Server(
        up=True,
        workers={(300, 0): Worker(300, 1, Activity.IDLE, T0 - S)},
        loops={300: Loop(300, lag_ns=MS, selector_ns=0, tally=tally)},
        wanted=1,
        queue_depth=0,
        queue_limit=2048,
    )
    return Side("asgi", "asgi", server, run_so_far, ledger_of([*finished, *in_flight.values()]))


def mixed_workers(now_s: float) -> Side:
    """Workers in every state at once; the third was killed while it held a request."""
    now = T0 + int(now_s * S)

    def worker(number: int, *stretches: tuple[float, Activity, int], **more: object) -> Worker:
        ends = [T0 + int(begin * S) for begin, _, _ in stretches[1:]] + [0]
        spans = tuple(
            Span(T0 + int(begin * S), end, activity, RUN + req if req else 0)
            for (begin, activity, req), end in zip(stretches, ends, strict=True)
        )
        last = spans[-1]
        return Worker(100 + number, number, last.activity, last.start_ns, req=last.req, spans=spans, **more)  # type: ignore[arg-type]

    idle, read, block, compute, write = (
        Activity.IDLE,
        Activity.READING,
        Activity.BLOCKED,
        Activity.COMPUTING,
        Activity.WRITING,
    )
    killed = Death(T0 + 12 * S // 10, status=9)
    workers = [
        worker(1, (0, compute, 1), (0.8, idle, 0), (1.0, compute, 5)),
        worker(2, (0, read, 0), (0.5, block, 2), (1.5, write, 2), (1.7, idle, 0), (1.9, read, 0)),
        worker(3, (0, block, 3), (1.2, Activity.DEAD, 3), last_req=RUN + 3, death=killed),
        worker(4, (0, idle, 0)),
        worker(5, (1.3, Activity.BOOTING, 0), (1.6, block, 6), (1.9, compute, 6), (2.1, write, 6)),
        worker(6, (1.9, Activity.BOOTING, 0)),
    ]
    run = Run(
        number=1,
        planned=20,
        requested_ns=T0,
        started_ns=T0,
        completed=3,
        failed=3,
        bad_status=1,
        errors={"reset": 1, "timeout": 2},
        first_planned_ns=T0,
        last_finished_ns=now - S // 2,
        in_app=3,
        in_app_peak=peak_of(5),
    )
    server = Server(up=True, workers={each.key: each for each in workers}, wanted=5, deaths=1)
    held = Request(RUN + 5, T0, T0, began_ns=T0 + S, pid=101, where=FIBONACCI)
    return Side("wsgi", server=server, run=run, ledger=ledger_of([held]))


def mixed_tasks(now_s: float) -> Side:
    """Requests in every state at once: one holds the loop, two are ready, one failed, one is on its way."""
    now = T0 + int(now_s * S)

    def request(number: int, *stretches: tuple[float, Task], **more: object) -> Request:
        ends = [T0 + int(begin * S) for begin, _ in stretches[1:]] + [0] * bool(stretches)
        steps = tuple(
            Step(T0 + int(begin * S), end, task) for (begin, task), end in zip(stretches, ends, strict=True)
        )
        began = steps[0].start_ns if steps else 0
        task, since = (steps[-1].task, steps[-1].start_ns) if steps else (Task.QUEUED, 0)
        given: dict[str, object] = {"task": task, "since_ns": since, **more}
        return Request(RUN + number, T0, T0, began_ns=began, steps=steps, **given)  # type: ignore[arg-type]

    wait, run, ready = Task.AWAITING, Task.RUNNING, Task.READY
    in_flight = [
        request(1, (0.2, run), (0.21, wait), (0.9, ready), (1.4, run), (1.6, wait)),
        request(2, (0.21, run), (0.22, wait), (now_s - 0.6, run)),
        request(3, (0.22, run), (0.23, wait), (now_s - 0.4, ready)),
        request(4),
    ]
    failed = request(
        5,
        (0.3, run),
        (0.31, wait),
        task=Task.FAILED,
        raised="ValueError",
        ended_ns=T0 + S,
        failed_ns=T0 + S,
        error="status 500",
    )
    run_so_far = Run(
        number=1,
        planned=20,
        requested_ns=T0,
        started_ns=T0,
        failed=1,
        errors={"status 500": 1},
        first_planned_ns=T0,
        last_finished_ns=T0 + S,
        in_app=3,
        in_app_peak=peak_of(4),
        max_queue=101,
    )
    holding = Loop(300, running=RUN + 2, since_ns=now - 6 * S // 10, tally=LoopTally(max_lag_ns=600 * MS))
    server = Server(
        up=True,
        workers={(300, 0): Worker(300, 1, Activity.IDLE, T0 - S)},
        loops={300: holding},
        wanted=1,
        queue_depth=101,
        queue_limit=100,
    )
    return Side("asgi", "asgi", server, run_so_far, ledger_of([*in_flight, failed]))
