"""How requests pass a line of the app: who waited there, who has left it, and whether as another let go. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median_low
from typing import NamedTuple

from msgspec import Struct

from wsgiviz.analysis.waits import Wait, wait_in
from wsgiviz.state import Location, Request, Stay
from wsgiviz.state.request import joined

MATCHED = 0.8
"""Share of those who left that has to have left when another one let go."""

CHANCE = {Wait.ACQUIRING: 0.01, Wait.SIGNAL: 0.01, Wait.OTHER: 0.0001}
"""The probability at which that is still taken for chance."""

STEP_NS = 20_000_000
"""On a loop, whoever waits goes on in a step soon after the step that let go."""

LOOK_NS = 45_000_000
"""In a thread, leaving a line is seen up to so long after it was left (two looks of the line sampler)."""

USUAL = 0.2
"""A line at whose end so few let go is not where they do."""


class Spot(NamedTuple):
    """A line of the app, and whether its requests wait in an acquisition there: others may be further on in it."""

    file: str
    line: int
    waits: bool


class Release(NamedTuple):
    """A moment at which a request may have let go: it left ``place``, or ended (None)."""

    at_ns: int
    req: int
    place: Location | None


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

    def is_line(self, wait: Wait) -> bool:
        """It moves like a line, as plainly as has to be for what they wait in."""
        return self.left > 1 and self.matched >= MATCHED * self.left and self.chance <= CHANCE.get(wait, 0.0)


def spot_of(stay: Stay, sources: Mapping[str, str]) -> Spot:
    """Where that stay is."""
    waits = wait_in(stay, sources) in (Wait.ACQUIRING, Wait.SIGNAL)
    return Spot(stay.where.file, stay.where.line, waits)


def visitor(request: Request, spot: Spot, sources: Mapping[str, str]) -> Visitor:
    """How a request passed that spot, the last time that it was there."""
    stays = joined(request.stays)
    at = next((index for index in reversed(range(len(stays))) if spot_of(stays[index], sources) == spot), None)
    later = stays if at is None else stays[at + 1 :]
    releases = [Release(stay.until_ns, request.id, stay.where) for stay in later if stay.until_ns]
    if request.ended_ns:
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
    span_ns = left[-1][0] - left[0][0] if left else 0
    if len(left) < 2 or not span_ns:
        return Passing(len(left))
    window = (min(STEP_NS, span_ns / (len(left) - 1) / 4), 0.0) if exact else (LOOK_NS, LOOK_NS / 2)
    passed = {one.request.id: one.passed_ns for one in visitors if one.passed_ns}
    free = sorted(
        release for one in visitors if one.request.id in passed for release in _distinct(one.releases, window[0])
    )
    matched = _matched(left, free, passed, window)
    by_chance = len(free) * sum(window) / span_ns
    chance = by_chance ** len(matched) if by_chance <= 0.5 else 1.0
    places = _usual(matched)
    through = median_low(_inside(visitors, places, left_ns + int(window[1])) for left_ns, _ in left)
    return Passing(len(left), len(matched), chance, max(1, through), places)


def _distinct(releases: Sequence[Release], apart_ns: float) -> list[Release]:
    """Without those that follow another one at once: a request leaves its last line, and ends."""
    kept: list[Release] = []
    for release in releases:
        if not kept or release.at_ns - kept[-1].at_ns > apart_ns:
            kept.append(release)
    return kept


def _matched(
    left: Sequence[tuple[int, int]],
    free: Sequence[Release],
    passed: Mapping[int, int],
    window: tuple[float, float],
) -> list[Release]:
    """Of those who left: with whom another one let go that had passed before. Each lets one through."""
    early_ns, late_ns = window
    unused, matched = list(free), []
    for left_ns, req in left:
        for index, release in enumerate(unused):
            near = -late_ns <= left_ns - release.at_ns <= early_ns
            if near and release.req != req and passed[release.req] < left_ns:
                matched.append(unused.pop(index))
                break
    return matched


def _usual(matched: Sequence[Release]) -> frozenset[Location]:
    places = Counter(release.place for release in matched)
    return frozenset(place for place, count in places.items() if place is not None and count >= USUAL * len(matched))


def _inside(visitors: Sequence[Visitor], places: frozenset[Location], at_ns: int) -> int:
    """How many had passed by then, and had not let go."""
    return sum(
        0 < one.passed_ns <= at_ns and (not (let_go_ns := one.let_go_ns(places)) or let_go_ns > at_ns)
        for one in visitors
    )
