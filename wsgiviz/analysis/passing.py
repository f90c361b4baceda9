"""How requests pass a line of the app: who waited there, who has left it, and whether as another let go. Pure."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median_low
from typing import NamedTuple

from msgspec import Struct

from wsgiviz.analysis.waits import Spot, Waits
from wsgiviz.state import Location, Request
from wsgiviz.state.request import joined

MATCHED = 0.8
"""Share of those who left that has to have left when another one let go."""

ONCE = 0.5
"""What is taken for that probability where they left but once."""


class Delays(NamedTuple):
    """One leaves when another lets go, if it does so up to ``early_ns`` after, or is seen to ``late_ns`` before. Then
    it takes ``settled_ns`` until all that let go at that time have been followed."""

    early_ns: int
    late_ns: int
    settled_ns: int


SOON, AT_ONCE = Delays(20_000_000, 0, 20_000_000), Delays(2_000_000, 0, 2_000_000)
"""On a loop, who waits goes on in a step soon after the step that let go: how soon, the other steps decide."""

BY_SAMPLES = Delays(45_000_000, 22_500_000, 22_500_000)
"""In a thread, two looks of the line sampler may pass until it is seen that a line was left."""

MOST_COVERED = 0.5
"""Where more of the time lies in a window, nothing follows from it."""

USUAL = 0.2
"""A line at whose end so few let go is not where they do."""


class Release(NamedTuple):
    """A time at which a request may have let go: it left ``place``, or ended (None)."""

    at_ns: int
    req: int
    place: Location | None


Departure = tuple[int, int]
"""When a request left, and which."""


class Visitor(Struct, frozen=True):
    """A request, as it passed a spot. Times are 0 where it was not seen there, or has not left it."""

    request: Request
    arrived_ns: int
    left_ns: int
    releases: tuple[Release, ...]  # after it had left

    def waited_ns(self, now_ns: int) -> int:
        if not self.arrived_ns:
            return 0
        return (self.left_ns or self.request.ended_ns or now_ns) - self.arrived_ns

    @property
    def there(self) -> bool:
        return bool(self.arrived_ns) and not self.left_ns and self.request.in_app

    @property
    def passed_ns(self) -> int:
        """When it had passed; who was never seen there passed at once. 0 when it has not."""
        return self.left_ns or (0 if self.arrived_ns else self.request.began_ns)

    def let_go_ns(self, places: frozenset[Location]) -> int:
        """When it left one of these places, or ended; 0 when it has done neither."""
        return next((release.at_ns for release in self.releases if release.place in places), self.request.ended_ns)


class Passing(NamedTuple):
    """How those who left a spot did: ``matched`` of ``left`` when another one let go, at the end of one of
    ``places``; ``chance`` is the probability that so many do by accident. ``through``: so many were past it.
    """

    left: int = 0
    matched: int = 0
    chance: float = 1.0
    through: int = 0
    places: frozenset[Location] = frozenset()

    def is_line(self, chance: float) -> bool:
        """It moves like a line, and does so by accident with no higher probability than ``chance``."""
        return self.left > 0 and self.matched >= MATCHED * self.left and self.chance <= chance


def visitor(request: Request, spot: Spot, waits: Waits) -> Visitor:
    """How a request passed that spot, the last time that it was there."""
    stays = joined(request.stays)
    at = next((index for index in reversed(range(len(stays))) if waits.spot(stays[index]) == spot), None)
    later = stays if at is None else stays[at + 1 :]
    times = [(stay.until_ns or request.ended_ns, stay.where) for stay in later]
    releases = [Release(at_ns, request.id, where) for at_ns, where in times if at_ns]
    if request.ended_ns and not (later and not later[-1].until_ns):
        releases.append(Release(request.ended_ns, request.id, None))
    stay = None if at is None else stays[at]
    gave_up = bool(request.raised) and not later
    return Visitor(
        request,
        arrived_ns=stay.since_ns if stay is not None else 0,
        left_ns=stay.until_ns if stay is not None and not gave_up else 0,
        releases=tuple(releases),
    )


def passing(visitors: Sequence[Visitor], exact: bool) -> Passing:
    """How a spot's visitors left it. ``exact``: their times are those of a loop's steps, and not of looks."""
    left = sorted((one.left_ns, one.request.id) for one in visitors if one.left_ns)
    if not left:
        return Passing()
    known = (SOON, AT_ONCE) if exact else (BY_SAMPLES,)
    found = [_passing(visitors, left, delays) for delays in known]
    return min(found, key=lambda one: (one.matched < MATCHED * one.left, one.chance))


def _passing(visitors: Sequence[Visitor], left: Sequence[Departure], delays: Delays) -> Passing:
    passed = {one.request.id: one.passed_ns for one in visitors if one.passed_ns}
    several = (_distinct(one.releases, delays.early_ns) for one in visitors if one.request.id in passed)
    free = sorted((release for releases in several for release in releases), key=lambda one: one[:2])
    matched = _matched(left, free, passed, delays)
    places = _usual(matched)
    through = _through(visitors, places, [left_ns + delays.settled_ns for left_ns, _ in left])
    return Passing(len(left), len(matched), _chance(left, free, delays), through, places)


def _chance(left: Sequence[Departure], free: Sequence[Release], delays: Delays) -> float:
    """The probability that all of them left by accident when somebody let go: the share of the time that lies in a
    window round such a time, to the power of how often they left. Those who leave together count once."""
    begin_ns, end_ns = left[0][0], left[-1][0]
    covered = reached_ns = 0
    for release in free:
        first_ns = max(release.at_ns - delays.late_ns, reached_ns, begin_ns)
        reached_ns = max(reached_ns, min(release.at_ns + delays.early_ns, end_ns))
        covered += max(0, reached_ns - first_ns)
    times, last_ns = 0, 0
    for left_ns, _ in left:
        if left_ns - last_ns > delays.early_ns + delays.late_ns:
            times, last_ns = times + 1, left_ns
    if times == 1:
        return ONCE
    share = covered / (end_ns - begin_ns)
    return float(share**times) if share <= MOST_COVERED else 1.0


def _distinct(releases: Sequence[Release], apart_ns: float) -> list[Release]:
    """Without those that follow another one at once: a request leaves its last line, and ends."""
    kept: list[Release] = []
    for release in releases:
        if not kept or release.at_ns - kept[-1].at_ns > apart_ns:
            kept.append(release)
    return kept


def _matched(
    left: Sequence[Departure], free: Sequence[Release], passed: Mapping[int, int], delays: Delays
) -> list[Release]:
    """Of those who left: with whom another one let go that had passed before. Each lets one through, the last one
    before it first."""
    matched: list[Release] = []
    near: list[Release] = []
    rest = iter(free)
    coming = next(rest, None)
    for left_ns, req in left:
        while coming is not None and coming.at_ns <= left_ns + delays.late_ns:
            near.append(coming)
            coming = next(rest, None)
        near = [release for release in near if left_ns - release.at_ns <= delays.early_ns]
        fits = [at for at, one in enumerate(near) if one.req != req and passed[one.req] < left_ns]
        if fits:
            matched.append(near.pop(fits[-1]))
    return matched


def _usual(matched: Sequence[Release]) -> frozenset[Location]:
    places = Counter(release.place for release in matched)
    return frozenset(place for place, count in places.items() if place is not None and count >= USUAL * len(matched))


def _through(visitors: Sequence[Visitor], places: frozenset[Location], times: Sequence[int]) -> int:
    """How many had passed and not let go, at most of these times."""
    past = [one for one in visitors if one.passed_ns]
    entered = sorted(one.passed_ns for one in past)
    gone = sorted(let_go_ns for one in past if (let_go_ns := one.let_go_ns(places)))
    return max(1, median_low(bisect(entered, at_ns) - bisect(gone, at_ns) for at_ns in times))
