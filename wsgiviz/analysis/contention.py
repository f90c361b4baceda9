"""Waiting in line inside the app: requests that wait at one line of it for what a few others hold. Pure.

What a lock, a semaphore or a pool of connections has to give can't be seen from outside. Where requests are can, one
line after the other (`wsgiviz.state.Stay`); and that shows, by two signs:

- It looks like a line: they wait in an acquisition (`wsgiviz.analysis.waits`).
- It moves like one (`wsgiviz.analysis.passing`): each leaves when one that had left before lets go, by going on or
  ending, and more often than chance would have it. Or, before they have left: those who came first did not wait at
  all, and are further on.

A lock needs the first sign only; what may be anything else, such as a queue, needs both; what does not look like a
line, such as a database's row lock, needs strong signs of the second kind. A sleep is never one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import comb

from msgspec import Struct
from msgspec.structs import replace

from wsgiviz.analysis.passing import BY_SAMPLES, Passing, Visitor, passing, visitor
from wsgiviz.analysis.standstill import held_by_those_without_thread
from wsgiviz.analysis.waits import Spot, Wait, Waits
from wsgiviz.state import Activity, Location, Request, Side, Stay, Task
from wsgiviz.state.request import joined

WAITED_NS = 100_000_000
"""Who waits for less has come through at once."""

SILENT_NS = 1_000_000_000
"""A line that has not moved for so long stands still."""

MOST_LINES = 3
"""So many of the most crowded lines are examined."""

CHANCE = {Wait.ACQUIRING: 0.01, Wait.SIGNAL: 0.01, Wait.OTHER: 0.0001}
"""The probability at which it is still taken for chance that each left when another one let go."""

CHANCE_WITH_FIRST = 0.1
"""The same, together with the probability that just those who came first did not wait."""

LEAST = 4
"""So many have to have left what does not look like a line."""

LONGER = 1.5
"""In a line, some wait so many times as long as others: what takes as long for everybody is none."""

OUT_OF_ORDER = 0.1
"""Share of pairs in which the later one may have come through first: who begins first need not be there first."""

SHARE = 0.3
"""From this share of the time in the app on, a line shaped the run."""


class Contention(Struct, frozen=True):
    """A line. ``through``: how many get through at a time, 0 where that is not known."""

    place: Location
    waiting: int
    of: int
    through: int
    holders: int = 0  # as far as they are in the app
    at: Location | None = None  # the line at which most of them are
    all_at: bool = False  # all of them, as far as is known
    moves: bool = True  # somebody has left it a moment ago
    stuck: bool = False  # it does not, and all holders wait themselves, in an acquisition or for a thread
    in_threads: bool = False  # they wait there in threads behind a loop
    for_thread: bool = False  # the holders wait for such a thread
    stood_ns: int = 0  # afterwards: for how long nobody got through while the holders waited themselves, at ``at``


class First(Struct, frozen=True):
    """Who came first, and did not wait: those in the app who are further on, and the probability that just the first
    did not wait by accident."""

    chance: float = 1.0
    holders: tuple[Visitor, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What is looked at: a side with the requests that are kept."""

    side: Side
    in_flight: Sequence[Request]
    latest: Sequence[Request]
    waits: Waits
    now_ns: int


# --- while the run is on ------------------------------------------------------------------------------------------


def contention(known: Known) -> Contention | None:
    """The line in which most wait now; None when nobody does."""
    here = [(request, stay, known.waits.spot(stay)) for request, stay in standing(known.side, known.in_flight)]
    settled = Counter(spot for _, stay, spot in here if known.now_ns - stay.since_ns >= WAITED_NS)
    for spot, count in settled.most_common(MOST_LINES):
        found = _line(known, spot, [stay for _, stay, at in here if at == spot]) if count > 1 else None
        if found is not None:
            return found
    return None


def standing(side: Side, requests: Iterable[Request]) -> list[tuple[Request, Stay]]:
    """The requests that wait, each at its line; not those that compute, nor those that have begun their answers."""
    found = [request for request in requests if request.in_app and request.stays and not request.response_ns]
    return [
        (request, joined(request.stays)[-1])
        for request in found
        if not request.stays[-1].until_ns and _waits(side, request)
    ]


def _waits(side: Side, request: Request) -> bool:
    if side.is_loop:
        return request.task not in (Task.RUNNING, Task.READY)
    worker = side.server.workers.get((request.pid, request.slot))
    return worker is not None and worker.activity is Activity.BLOCKED


def _line(known: Known, spot: Spot, stays: Sequence[Stay]) -> Contention | None:
    """The spot at which these stays are, if it is a line."""
    wait = known.waits.of(stays[0])
    if not _may_be_line(wait, stays[0]):
        return None
    visitors, exact = _visitors(known, spot), _exact(known, stays[0])
    passed = passing(visitors, exact)
    first = _came_first(visitors, spot, known)
    holders = held_by_those_without_thread(known.side, visitors, known.now_ns)
    if not holders and not _is_line(wait, visitors, passed, first):
        return None
    holders = holders or _holders(visitors, first.holders, passed, spot, known)
    longest_ns = known.now_ns - min(stay.since_ns for stay in stays)
    moves = known.now_ns - _last_left_ns(visitors) < SILENT_NS
    if not holders and not moves and (wait is not Wait.ACQUIRING or longest_ns < SILENT_NS):
        return None
    place, through = stays[0].where, _through(wait, passed, first)
    # Who waits while the line moves waits for all that there is to hold; but in a thread, two looks pass before one
    # who has got through is seen to have left.
    unseen = 0 if exact or not moves else min(len(stays) - 1, max(0, through - len(holders)))
    places = [request.where for request in holders if request.where is not None] or list(passed.places)
    return Contention(
        place,
        waiting=len(stays) - unseen,
        of=sum(request.in_app for request in known.in_flight),
        through=through,
        holders=len(holders) + unseen,
        at=_most_common(places),
        all_at=len(set(places)) == 1,
        moves=moves,
        stuck=not moves and longest_ns >= SILENT_NS and _wait_themselves(known, holders),
        in_threads=stays[0].task is Task.IN_THREAD,
        for_thread=bool(holders) and all(request.task is Task.FOR_THREAD for request in holders),
    )


def _visitors(known: Known, spot: Spot) -> list[Visitor]:
    """Those who were there, and others that ask for the same: they may have passed without being seen."""
    requests = {request.id: request for request in (*known.latest, *known.in_flight) if request.began_ns}
    found = [visitor(request, spot, known.waits) for request in requests.values()]
    targets = {one.request.target for one in found if one.arrived_ns}
    return [one for one in found if one.request.target in targets]


def _may_be_line(wait: Wait, stay: Stay) -> bool:
    """Threads of a loop's process that wait in something unknown may as well take turns with the GIL."""
    if stay.task is Task.IN_THREAD:
        return wait in (Wait.ACQUIRING, Wait.SIGNAL)
    return wait not in (Wait.TIMER, Wait.THREAD)


def _exact(known: Known, stay: Stay) -> bool:
    """Its times are those of a loop's steps, and not of samples of a thread."""
    return known.side.is_loop and stay.task is None


def _is_line(wait: Wait, visitors: Sequence[Visitor], passed: Passing, first: First) -> bool:
    if wait is Wait.ACQUIRING:
        return True
    if wait is Wait.SIGNAL:
        return _moves_like_one(wait, passed, first) or (bool(first.holders) and not passed.left)
    return wait is Wait.OTHER and passed.left >= LEAST and passed.is_line(CHANCE[wait]) and _lengthens(visitors)


def _moves_like_one(wait: Wait, passed: Passing, first: First) -> bool:
    return passed.is_line(CHANCE[wait]) or passed.is_line(CHANCE_WITH_FIRST / first.chance)


def _through(wait: Wait, passed: Passing, first: First) -> int:
    return passed.through if _moves_like_one(wait, passed, first) else 0


def _lengthens(visitors: Sequence[Visitor]) -> bool:
    waited = [one.waited_ns(0) for one in visitors if one.left_ns]
    return bool(waited) and max(waited) >= LONGER * min(waited)


def _last_left_ns(visitors: Sequence[Visitor]) -> int:
    """When one that was there was last seen to leave it, or to end."""
    return max((one.left_ns or one.request.ended_ns for one in visitors if one.arrived_ns), default=0)


def _most_common(places: Sequence[Location]) -> Location | None:
    return Counter(places).most_common(1)[0][0] if places else None


# --- who holds ----------------------------------------------------------------------------------------------------


def _holders(
    visitors: Sequence[Visitor], first: Sequence[Visitor], passed: Passing, spot: Spot, known: Known
) -> list[Request]:
    """Those in the app who have passed, and have not let go; and those further on in that very line."""
    found = [
        one
        for one in visitors
        if one.request.in_app and (one.left_ns or one in first or _beside(one.request, spot, known))
    ]
    return [one.request for one in found if not one.let_go_ns(passed.places)]


def _came_first(visitors: Sequence[Visitor], spot: Spot, known: Known) -> First:
    """When the line formed: of those who came before anybody had left it, some did not wait, and then all did."""
    first_left_ns = min((one.left_ns for one in visitors if one.left_ns), default=known.now_ns)
    calls = max((one.request.calls.ended for one in visitors if one.there), default=-1)
    early = [
        one
        for one in visitors
        if one.request.began_ns < first_left_ns - BY_SAMPLES.early_ns and not _yet_to_come(one, calls)
    ]
    free = [one for one in early if one.waited_ns(known.now_ns) < WAITED_NS and not one.there]
    waited = [one for one in early if one.waited_ns(known.now_ns) >= WAITED_NS]
    pairs = len(free) * len(waited)
    wrong = sum(one.request.began_ns > other.request.began_ns for one in free for other in waited)
    if not pairs or wrong > OUT_OF_ORDER * pairs:
        return First()
    before = {stay.where for one in waited for stay in one.request.stays if stay.since_ns < one.arrived_ns}
    holders = [one for one in free if _further_on(one.request, spot, known) and one.request.where not in before]
    return First(1 / comb(len(free) + len(waited), len(free)), tuple(holders))


def _yet_to_come(one: Visitor, calls: int) -> bool:
    """It waits for the thread in which others have come there, in their first call of a thread or a later one."""
    request = one.request
    return request.task is Task.FOR_THREAD and not one.arrived_ns and request.calls.ended <= calls


def _further_on(request: Request, spot: Spot, known: Known) -> bool:
    """In the app, at another line, and not at an earlier one of that function."""
    where = request.where
    if not request.in_app or where is None or known.waits.spot(request.stays[-1]) == spot:
        return False
    return (where.file, where.function) != (spot.file, spot.function) or where.line >= spot.line


def _beside(request: Request, spot: Spot, known: Known) -> bool:
    """At that line, and not in the acquisition: a logging handler that writes has its lock."""
    where = request.where
    if where is None or not spot.waits or (where.file, where.line) != spot[:2]:
        return False
    return known.waits.spot(request.stays[-1]) != spot


def _wait_themselves(known: Known, holders: Sequence[Request]) -> bool:
    """All of them, in an acquisition, and for long."""
    waiting = {
        request.id
        for request, stay in standing(known.side, holders)
        if known.now_ns - stay.since_ns >= SILENT_NS and _waits_itself(stay, known)
    }
    return bool(holders) and all(request.id in waiting for request in holders)


# --- after the run ------------------------------------------------------------------------------------------------


def past_contention(known: Known) -> Contention | None:
    """The line in which most time of the run was lost, where that was a good part of it."""
    over = [request for request in known.latest if request.began_ns and request.ended_ns]
    lost, stays = _lost(over, known.waits)
    whole_ns = sum(request.ended_ns - request.began_ns for request in over)
    for spot, lost_ns in lost.most_common(MOST_LINES):
        if lost_ns >= SHARE * whole_ns:
            found = _past_line(known, spot, stays[spot], len(over))
            if found is not None:
                return found
    return None


def _lost(requests: Sequence[Request], waits: Waits) -> tuple[Counter[Spot], dict[Spot, Stay]]:
    """How long requests stood at each spot, as far as they waited there; and a stay at each."""
    lost: Counter[Spot] = Counter()
    stays: dict[Spot, Stay] = {}
    for request in requests:
        for stay in joined(request.stays):
            stood_ns = (stay.until_ns or request.ended_ns) - stay.since_ns
            if stood_ns >= WAITED_NS:
                spot = waits.spot(stay)
                lost[spot] += stood_ns
                stays[spot] = stay
    return lost, stays


def _past_line(known: Known, spot: Spot, stay: Stay, of: int) -> Contention | None:
    wait = known.waits.of(stay)
    if not _may_be_line(wait, stay):
        return None
    visitors = _visitors(known, spot)
    waited = [one for one in visitors if one.waited_ns(known.now_ns) >= WAITED_NS]
    passed = passing(visitors, _exact(known, stay))
    first = _came_first(visitors, spot, known)
    if len(waited) < 2:
        return None
    through = _through(wait, passed, first)
    found = Contention(stay.where, _most_at_once(waited, known.now_ns), of, through)
    found = _with_standstill(found, stay, known, visitors, waited)
    stood = found.in_threads and found.for_thread and found.stood_ns
    return found if stood or _is_line(wait, visitors, passed, first) else None


def _with_standstill(
    found: Contention, stay: Stay, known: Known, visitors: Sequence[Visitor], waited: Sequence[Visitor]
) -> Contention:
    """With the longest time for which nobody got through, where that was because all holders waited themselves."""
    found = replace(found, in_threads=stay.task is Task.IN_THREAD)
    begin_ns, end_ns = _longest_still(waited, known.now_ns)
    before = {at.where for one in waited for at in one.request.stays if at.since_ns < one.arrived_ns}
    middle_ns = (begin_ns + end_ns) // 2
    holders = [one for one in visitors if 0 < one.passed_ns <= middle_ns < (one.request.ended_ns or known.now_ns)]
    stays = [_stay_at(one.request, middle_ns) for one in holders]
    there = [at for at in stays if at is not None and at.where not in before]
    if end_ns - begin_ns < SILENT_NS or not there or not all(_waits_itself(at, known) for at in there):
        return found
    places = [at.where for at in there]
    for_thread = all(at.task is Task.FOR_THREAD for at in there)
    return replace(found, stood_ns=end_ns - begin_ns, at=_most_common(places), for_thread=for_thread)


def _longest_still(waited: Sequence[Visitor], now_ns: int) -> tuple[int, int]:
    """From when to when nobody left, while at least two waited."""
    stood = [(one.arrived_ns, one.arrived_ns + one.waited_ns(now_ns)) for one in waited]
    times = sorted({sorted(arrived for arrived, _ in stood)[1], *(left for _, left in stood)})
    still = [
        (begin, end)
        for begin, end in pairwise(times)
        if sum(arrived <= begin and left >= end for arrived, left in stood) > 1
    ]
    return max(still, key=lambda one: one[1] - one[0], default=(0, 0))


def _stay_at(request: Request, at_ns: int) -> Stay | None:
    """Where it was then, as far as that was seen."""
    stays = (stay for stay in joined(request.stays) if stay.since_ns <= at_ns)
    return next((stay for stay in stays if not stay.until_ns or stay.until_ns > at_ns), None)


def _waits_itself(stay: Stay, known: Known) -> bool:
    return stay.task is Task.FOR_THREAD or known.waits.spot(stay).waits


def _most_at_once(waited: Sequence[Visitor], now_ns: int) -> int:
    changes: list[tuple[int, int]] = []
    for one in waited:
        changes += [(one.arrived_ns, 1), (one.arrived_ns + one.waited_ns(now_ns), -1)]
    most = inside = 0
    for _, by in sorted(changes):
        inside += by
        most = max(most, inside)
    return most
