"""Requests on a loop: their states as shown live, against the app's own account and against py-spy.

Live: each pump shows every request in the app in some state, and the app's account says which states it had from
MARGIN_NS before the rings were read until they were. With one state only, that is what has to be shown. With several
it was changing, and the comparison counts only when none of them was shown: then it is a disagreement. The words of
the account are those of `Task`.

py-spy: a look takes some milliseconds, so it is compared with the history, which has the exact times of all steps in
that stretch. The running request is the one whose number stands in the function that py-spy finds in the loop's
thread. What it sees running must have run in that stretch, and another one must not have run throughout.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.truth.diary import Diary
from tests.truth.observer import Sight, look
from tests.truth.session import Session
from tests.truth.verdicts import Verdict
from wsgiviz.state import INSIDE_THREAD, Request, Side, Task

MARGIN_NS = 3_000_000
"""Between an app's note and the probe's event may be a thread's turn on a busy CPU; between the events and the pump
the reading of the rings."""

UNDECIDED = frozenset({"due", "over"})
"""What the app cannot know exactly: when the loop notices that a sleeper's time is up, and when its answer is out."""


def shown_live(session: Session, diary: Diary) -> Iterator[Verdict]:
    """One pump, and the state of each request in the app."""
    from_ns = time.monotonic_ns()
    state = session.pump()
    to_ns = time.monotonic_ns()
    [side] = state.sides.values()
    diary.read()
    for request in side.ledger.in_flight():
        if request.in_app:
            yield from _live(request, diary.between(request.id, from_ns - MARGIN_NS, to_ns))


def _live(request: Request, seen: set[str]) -> Iterator[Verdict]:
    if not seen:
        return
    task = Task.IN_THREAD if request.task in INSIDE_THREAD else request.task  # what that does: `tests.truth.turns`
    shown, words = task.value, " or ".join(sorted(seen))
    if seen & UNDECIDED:
        yield Verdict(shown, words, None)
    elif shown in seen:
        yield Verdict(shown, words, True if len(seen) == 1 else None)
    else:
        yield Verdict(shown, words, False, f"request {request.id}, {request.where.words if request.where else '-'}")


def seen_by_py_spy(session: Session) -> Iterator[Verdict]:
    """One look at the loops' processes, compared a little later, when all that happened meanwhile is known."""
    [side] = session.state.sides.values()
    sights = look(sorted(side.server.processes()))
    session.pump_for(0.02)
    [side] = session.state.sides.values()
    main = [sight for sight in sights if sight.thread_id == sight.pid]
    for sight in main:
        yield from _seen(side, sight)


def _seen(side: Side, sight: Sight) -> Iterator[Verdict]:
    for request in side.ledger:
        if request.pid != sight.pid or not request.began_ns or request.began_ns > sight.from_ns:
            continue
        if request.ended_ns and request.ended_ns < sight.to_ns:
            continue
        ran = _ran(request, sight.from_ns, sight.to_ns)
        about = f"request {request.id} in {sight.function or 'no function of the app'}"
        if sight.number == request.id:
            if ran is False:
                yield Verdict("not running", "running", False, about)
            else:
                yield Verdict("running", "running", True if ran else None)
        elif ran:
            yield Verdict("running", "not running", False, about)
        else:
            yield Verdict("not running", "not running", True if ran is False else None)


def _ran(request: Request, from_ns: int, to_ns: int) -> bool | None:
    """Whether its steps say that it ran from one time to the other; None when for a part of it."""
    states = {
        step.task is Task.RUNNING
        for step in request.steps
        if step.start_ns <= to_ns and (not step.end_ns or step.end_ns >= from_ns)
    }
    return states.pop() if len(states) == 1 else None
