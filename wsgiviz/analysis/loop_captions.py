"""The sentence on what the requests of an event loop wait for, and what that leaves to others. Pure."""

from __future__ import annotations

from collections import Counter

from wsgiviz.analysis.caption import Caption, Tone
from wsgiviz.analysis.contention import standing
from wsgiviz.analysis.lints import LintContext, wording
from wsgiviz.analysis.lints.seen import SLOW_CLIENT_NS
from wsgiviz.analysis.loop_times import occupied
from wsgiviz.analysis.waits import Wait, Waits
from wsgiviz.state import INSIDE_THREAD, OFF_LOOP, Side, Task


def awaiting(context: LintContext) -> Caption | None:
    for side in context.state.sides.values():
        tasks = Counter(request.task for request in context.in_flight[side.name] if request.in_app)
        if not (side.is_loop and side.run.running and any(tasks[task] for task in OFF_LOOP)):
            continue
        where, of = _where(context, side), context.of_side(side)
        if tasks[Task.FOR_THREAD] or tasks[Task.FOR_PROCESS]:
            return Caption(f"{_off_loop(tasks, where)}.", Tone.WARN)
        if _stand_in_line(context, side):
            return Caption(f"{_off_loop(tasks, where)}.")
        return Caption(f"{_off_loop(tasks, where)}{_why_others_go_on(context, side, of)}.", Tone.GOOD)
    return None


def _where(context: LintContext, side: Side) -> str:
    """In the scenario of slow clients, an answer that is begun waits for its client to read it."""
    awaits = [request for request in context.in_flight[side.name] if request.in_app and request.task is Task.AWAITING]
    writes = awaits and all(request.response_ns for request in awaits)
    if writes and context.state.settings.scenario == "slow-client" and not context.own_app:
        return " for a client to read its answer" if len(awaits) == 1 else " for clients to read their answers"
    return context.waits_in(side)


def _why_others_go_on(context: LintContext, side: Side, of: str) -> str:
    """What waiting leaves to others; nothing is said of a loop that runs a request."""
    if side.kind == "gevent":
        return ": gevent has patched blocking calls; each greenlet gives way to the hub"
    requests = context.in_flight[side.name]
    if any(request.task in (Task.RUNNING, Task.READY) and request.in_app for request in requests):
        return ""
    return f"; the event loop{of} is free for others"


def sending(context: LintContext) -> Caption | None:
    """Clients that send their requests slowly: a loop reads from all of them at once."""
    for side in context.state.sides.values():
        requests = context.in_flight[side.name]
        held = occupied(side, context.now_ns)
        still = [one for one in requests if one.accepted_ns and not one.began_ns and one.pid not in held]
        slow = any(context.now_ns - request.accepted_ns >= SLOW_CLIENT_NS for request in still)
        count = len(still)
        if side.is_loop and side.run.running and slow and count >= sum(request.in_app for request in requests):
            are = "1 client is still sending its request"
            clients = are if count == 1 else f"{count} clients are still sending their requests"
            of = context.of_side(side)
            return Caption(f"{clients}; the event loop{of} reads what comes, and nobody is held.", Tone.GOOD)
    return None


def _off_loop(tasks: Counter[Task], where: str) -> str:
    """ "200 requests wait at once at app.py:9 client.get", "Of 200 requests, 40 are in threads and 160 wait for
    a thread, most at app.py:6 in view"."""
    awaiting, inside = tasks[Task.AWAITING], sum(tasks[task] for task in INSIDE_THREAD)
    count = sum(tasks[task] for task in OFF_LOOP)
    if count == awaiting:
        return f"1 request waits{where}" if awaiting == 1 else f"{awaiting} requests wait at once{where}"
    parts = [f"{awaiting} await"] if awaiting else []
    if inside:
        parts.append(f"{inside} {'is in a thread' if inside == 1 else 'are in threads'}{_at_what(tasks, inside)}")
    if tasks[Task.IN_PROCESS]:
        processes = tasks[Task.IN_PROCESS]
        parts.append(f"{processes} {'is in a process' if processes == 1 else 'are in processes'}")
    for task, noun in ((Task.FOR_THREAD, "a thread"), (Task.FOR_PROCESS, "a process")):
        if tasks[task]:
            parts.append(f"{tasks[task]} {'waits' if tasks[task] == 1 else 'wait'} for {noun}")
    if len(parts) == 1:
        return f"{wording.requests(count)} {parts[0].partition(' ')[2]}{where}"
    return f"Of {wording.requests(count)}, {', '.join(parts[:-1])} and {parts[-1]}{where}"


def _at_what(tasks: Counter[Task], inside: int) -> str:
    """Where most threads compute or wait for the GIL; the plain case is that they wait for something outside."""
    compute, lack = tasks[Task.THREAD_COMPUTES], tasks[Task.THREAD_FOR_GIL]
    if 2 * (compute + lack) <= inside:
        return ""
    return " that compute" if compute and not lack else " that take turns with the GIL"


def _stand_in_line(context: LintContext, side: Side) -> bool:
    """Most wait for a lock or the like, which others have to give back first."""
    waits = Waits(context.state.sources, side.is_loop)
    found = [waits.of(stay) for _, stay in standing(side, context.in_flight[side.name])]
    return 2 * found.count(Wait.ACQUIRING) > len(found)
