"""Sides of a picture, made by hand: the states that a pane has to be able to show. All began at `T0`."""

from __future__ import annotations

from wsgiviz.model.state import Doing, Loop, Request, Side, Span, Step, Task, Worker

T0 = 1_000_000_000_000
S = 1_000_000_000
MS = 1_000_000
RUN = 1_000_000


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
                in_flight[last] = Request(last, T0, T0, began_ns=begin, pid=100 + index, task=Task.RUNNING)
                break
        if not held:
            spans.append(Span(max(begin - gap_ns, T0), 0, Doing.IDLE, 0))
        made[100 + index] = Worker(
            100 + index,
            index + 1,
            Doing.BLOCKED if held else Doing.IDLE,
            spans[-1].start_ns,
            req=held,
            last_req=last,
            spans=tuple(spans),
            requests=answered,
            where="sleep.py:14 time.sleep" if held else "",
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
        loops={300: Loop(300, lag_ns=MS, max_lag_ns=2 * MS, selector_ns=0, run_selector_ns=0)},
        workers={300: Worker(300, 1, Doing.IDLE, T0 - S)},
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
