"""Numbers in words, the same in captions and lints. Counts rather than running times: the sentence stays calm."""

from __future__ import annotations

from collections.abc import Iterable

from wsgiviz.analysis import metrics
from wsgiviz.analysis.lints.context import LintContext
from wsgiviz.events import request_number
from wsgiviz.state import Side

FEW = 20
"""Up to so many requests in the queue are counted exactly."""

LONGEST_TARGET = 40
NAMED = 4
"""Up to so many requests are named one by one."""


def requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count} requests"


def wait(count: int) -> str:
    """ "1 request waits", "6 requests wait"."""
    return f"{requests(count)} {'waits' if count == 1 else 'wait'}"


def about(count: int) -> str:
    """The count, or what it is over: a long queue changes all the time."""
    return str(count) if count <= FEW else f"over {(count - 1) // 10 * 10}"


def slot(side: Side) -> str:
    """What its slots are called."""
    return "thread" if side.kind == "gthread" else "worker"


def every(side: Side, slots: int, of: str = "") -> str:
    """ "All 4 workers are", or "Both workers of WSGI2 are"."""
    if slots == 1:
        return f"The only {slot(side)}{of} is"
    return f"{'Both' if slots == 2 else f'All {slots}'} {slot(side)}s{of} are"


def some(side: Side, count: int, slots: int, of: str = "") -> str:
    """ "2 of 4 workers are"."""
    return f"{count} of {slots} {slot(side)}s{of} {'is' if count == 1 else 'are'}"


def past(are: str) -> str:
    """ "All 4 workers were", of "All 4 workers are"."""
    return f"{are.removesuffix('are')}were" if are.endswith("are") else f"{are.removesuffix('is')}was"


def workers(numbers: Iterable[int]) -> str:
    """ "worker 2", "workers 1 2"."""
    named = sorted(set(numbers))
    return f"worker{'s' if len(named) > 1 else ''} {' '.join(map(str, named))}"


def request_name(side: Side, req: int) -> str:
    """A request as people call it: "#2"; of an external one "GET /slow", as far as that is known, shortened. It may
    hold anything: escape it before it is shown."""
    if req > 0:
        return f"#{request_number(req)}"
    request = side.ledger.get(req)
    target = request.target if request is not None else ""
    return (
        target if len(target) <= LONGEST_TARGET else f"{target[: LONGEST_TARGET - 3]}..."
    ) or "an external request"


def held(side: Side, reqs: Iterable[int]) -> str:
    """ "#2", "#2 #5", "GET /slow", or "12 requests"."""
    numbers = sorted(set(reqs))
    if len(numbers) > NAMED:
        return requests(len(numbers))
    names = [request_name(side, req) for req in numbers]
    return (" " if all(req > 0 for req in numbers) else ", ").join(names)


def queued(context: LintContext, side: Side) -> str:
    """Which requests wait for one of its slots: in the kernel, in its processes, or wherever; "" when none does."""
    depth, inside = side.server.queue_depth, 0 if side.is_loop else sum(side.server.pools.values())
    if inside and depth <= 0:
        return f"; {wait(inside)} in the thread-pool queues of its processes"
    if depth < 0:
        in_flight = context.in_flight[side.name]
        outside = sum(not (request.accepted_ns or request.began_ns) for request in in_flight)
        return f"; {wait(outside)} for a {slot(side)}" if outside else ""
    if depth == 0:
        return ""
    if depth == 1:
        return "; 1 request waits in the kernel, not yet read by anyone"
    return f"; {about(depth)} requests wait in the kernel, not yet read by anyone"


def length(ns: float) -> str:
    """ "5.02 s", "80 ms"."""
    return f"{ns / 1e9:.2f} s" if ns >= 100_000_000 else f"{ns / 1e6:.0f} ms"


def longer_than(ns: int) -> str:
    """What a time that still grows has passed, in steps of 1, 2, 5: "0.2 s"."""
    steps = [digit * 10**power for power in range(7, 13) for digit in (1, 2, 5)]
    passed = max((step for step in steps if step < ns), default=steps[0])
    return f"{passed / 1e9:g} s"


def percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def served(side: Side) -> dict[int, int]:
    """Requests of the run that each process has served, its threads together: by pid, in order of their numbers."""
    counts: dict[int, int] = {}
    for worker in side.server.workers.values():
        counts[worker.pid] = counts.get(worker.pid, 0) + worker.tally.requests
    return counts


def took(side: Side) -> str:
    return length(metrics.makespan_ns(side))
