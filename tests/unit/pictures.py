"""Sides of a picture, made by hand: the states that a pane has to be able to show. All began at `T0`."""

from __future__ import annotations

from wsgiviz.model.state import Doing, Loop, Place, Request, Side, Span, Step, Task, Worker

T0 = 1_000_000_000_000
S = 1_000_000_000
MS = 1_000_000
RUN = 1_000_000
FIBONACCI = Place("cpu.py", 9, "fibonacci", "fibonacci")
SLEEP = Place("demo_apps/sleep.py", 14, "wsgi_app", "time.sleep")


def sleeping_workers(now_s: float, workers: int = 4, requests: int = 20, seconds: float = 1.0) -> Side:
    """A burst of ``requests`` that each block a worker for ``seconds``, ``now_s`` into the run."""
    now = T0 + int(now_s * S)
    busy_ns, gap_ns = int(seconds * S), MS
    made, finished, in_flight = {}, [], {}
    for index in range(workers):
        spans, begin, held, answered, last = [Span(T0 - S, T0, Doing.IDLE, 0)], T0, 0, 0, 0
        for number in range(index + 1, requests + 1, workers):
            if begin >= now:
                break
            end = begin + busy_ns
            last = RUN + number
            spans.append(Span(begin, end if end <= now else 0, Doing.BLOCKED, last))
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
            spans.append(Span(max(begin - gap_ns, T0), 0, Doing.IDLE, 0))
        made[100 + index, 0] = Worker(
            100 + index,
            index + 1,
            Doing.BLOCKED if held else Doing.IDLE,
            spans[-1].start_ns,
            req=held,
            last_req=last,
            spans=tuple(spans),
            requests=answered,
        )
    finished.sort(key=lambda request: request.received_ns)
    seen = len(finished) + len(in_flight)
    for number in range(seen + 1, requests + 1):
        in_flight[RUN + number] = Request(RUN + number, T0, T0)
    return Side(
        "wsgi",
        workers=made,
        in_flight=in_flight,
        finished=tuple(finished),
        wanted=workers,
        master_up=True,
        queue_depth=requests - seen,
        queue_limit=2048,
        max_queue=max(0, requests - workers),
        now_in_app=sum(worker.busy for worker in made.values()),
        max_in_app=min(workers, requests),
        run=1,
        planned=requests,
        run_started_ns=T0,
        run_ended_ns=finished[-1].received_ns if len(finished) == requests else 0,
        completed=len(finished),
        first_planned_ns=T0,
        last_finished_ns=finished[-1].received_ns if finished else 0,
    )


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
        what="GET /",
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
            finished.append(_with_steps(done, (run, wait, *rest)))
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
    return Side(
        "asgi",
        "asgi",
        loops={300: Loop(300, lag_ns=MS, max_lag_ns=2 * MS, selector_ns=0, run_selector_ns=0)},
        workers={(300, 0): Worker(300, 1, Doing.IDLE, T0 - S)},
        in_flight=in_flight,
        finished=tuple(finished),
        wanted=1,
        master_up=True,
        queue_depth=0,
        queue_limit=2048,
        now_in_app=sum(request.began_ns > 0 for request in in_flight.values()),
        max_in_app=requests,
        run=1,
        planned=requests,
        run_started_ns=T0,
        run_ended_ns=finished[-1].received_ns if len(finished) == requests else 0,
        completed=len(finished),
        first_planned_ns=T0,
        last_finished_ns=finished[-1].received_ns if finished else 0,
    )


def _with_steps(request: Request, steps: tuple[Step, ...]) -> Request:
    from msgspec.structs import replace

    return replace(request, steps=steps)


def mixed_workers(now_s: float) -> Side:
    """Workers in every state at once; the third was killed while it held a request."""
    now = T0 + int(now_s * S)

    def worker(number: int, *stretches: tuple[float, Doing, int], **more: object) -> Worker:
        ends = [T0 + int(begin * S) for begin, _, _ in stretches[1:]] + [0]
        spans = tuple(
            Span(T0 + int(begin * S), end, doing, RUN + req if req else 0)
            for (begin, doing, req), end in zip(stretches, ends, strict=True)
        )
        last = spans[-1]
        return Worker(100 + number, number, last.doing, last.start_ns, req=last.req, spans=spans, **more)  # type: ignore[arg-type]

    idle, read, block, compute, write = (
        Doing.IDLE,
        Doing.READING,
        Doing.BLOCKED,
        Doing.COMPUTING,
        Doing.WRITING,
    )
    workers = [
        worker(1, (0, compute, 1), (0.8, idle, 0), (1.0, compute, 5)),
        worker(2, (0, read, 0), (0.5, block, 2), (1.5, write, 2), (1.7, idle, 0), (1.9, read, 0)),
        worker(3, (0, block, 3), (1.2, Doing.DEAD, 3), last_req=RUN + 3, died_of="killed"),
        worker(4, (0, idle, 0)),
        worker(5, (1.3, Doing.BOOTING, 0), (1.6, block, 6), (1.9, compute, 6), (2.1, write, 6)),
        worker(6, (1.9, Doing.BOOTING, 0)),
    ]
    return Side(
        "wsgi",
        workers={each.key: each for each in workers},
        in_flight={RUN + 5: Request(RUN + 5, T0, T0, began_ns=T0 + S, pid=101, where=FIBONACCI)},
        wanted=5,
        master_up=True,
        queue_depth=-1,
        run=1,
        planned=20,
        run_started_ns=T0,
        completed=3,
        failed=3,
        bad_status=1,
        errors={"reset": 1, "timeout": 2},
        first_planned_ns=T0,
        last_finished_ns=now - S // 2,
        now_in_app=3,
        max_in_app=5,
        deaths=1,
    )


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
    return Side(
        "asgi",
        "asgi",
        in_flight={each.id: each for each in in_flight},
        finished=(failed,),
        loops={300: Loop(300, running=RUN + 2, since_ns=now - 6 * S // 10, max_lag_ns=600 * MS)},
        workers={(300, 0): Worker(300, 1, Doing.IDLE, T0 - S)},
        wanted=1,
        master_up=True,
        queue_depth=101,
        queue_limit=100,
        max_queue=101,
        now_in_app=3,
        max_in_app=4,
        run=1,
        planned=20,
        run_started_ns=T0,
        completed=0,
        failed=1,
        errors={"status 500": 1},
        first_planned_ns=T0,
        last_finished_ns=T0 + S,
    )
