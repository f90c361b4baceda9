"""What captions and lints look at."""

from __future__ import annotations

from msgspec import Struct

from wsgiviz.model.state import Picture, Side
from wsgiviz.model.whereabouts import whereabouts

SETTLED_NS = 100_000_000
"""What lasts less does not change what is said: between two requests a worker still counts as doing what it did."""


class Scene(Struct, frozen=True):
    """The picture, and what it doesn't hold: the calls that either protocol's app waits in, cores, and the time.

    ``async_limit``: how many requests the async side's thread pool takes at once, if it uses one. ``own_app``: the
    app is a person's own, so that only its places tell where it waits. ``arrivals``: "burst" or "closed", the
    latter with so many ``users``. ``worker_timeout_s``: gunicorn's --timeout.
    """

    picture: Picture
    wsgi_call: str
    asgi_call: str
    cores: int
    now_ns: int
    async_limit: int | None = None
    silenced: frozenset[str] = frozenset()
    own_app: bool = False
    arrivals: str = "burst"
    users: int = 0
    worker_timeout_s: float | None = None

    @property
    def sides(self) -> list[Side]:
        """Sides of the present run, or all before there was one."""
        return [side for side in self.picture.sides.values() if side.run == self.picture.run]

    @property
    def shown(self) -> list[Side]:
        """Sides of which there is something to see."""
        return [side for side in self.picture.sides.values() if side.workers or side.run_started_ns]

    def label(self, side: Side) -> str:
        """Its name for people: "WSGI", or "WSGI2 (gthread)" beside another of the same protocol."""
        alike = sum(other.protocol == side.protocol for other in self.shown)
        return f"{side.name.upper()} ({side.kind})" if alike > 1 else side.name.upper()

    def of(self, side: Side) -> str:
        """ " of WSGI2 (gthread)" where "the workers" or "the loop" may be the other side's too, else ""."""
        alike = sum(other.is_loop == side.is_loop for other in self.shown)
        return f" of {self.label(side)}" if alike > 1 else ""

    def waits_in(self, side: Side) -> str:
        """Where its requests are, after a verb: " in time.sleep(1)", " at deep.py:15 time.sleep", or ""."""
        call = self.wsgi_call if side.protocol == "wsgi" else self.asgi_call
        if call and not self.own_app:
            return f" in {call.removeprefix('await ')}"
        places = whereabouts(side)
        if len(places) > 1:
            most = "most" if 2 * places[0].many > sum(at.many for at in places) else "some"
            return f", {most} at {places[0].place.words}"
        if places:
            return f" at {places[0].place.words}"
        # A request's line is known some tens of ms after it began: until then the line of the one before it stands.
        last = side.finished[-1] if side.finished else None
        recent = last is not None and self.now_ns - last.ended_ns < SETTLED_NS
        return f" at {last.where.words}" if last is not None and recent and last.where else ""
