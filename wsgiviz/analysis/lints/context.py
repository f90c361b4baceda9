"""What lints and captions look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from wsgiviz.analysis.hot_lines import hot_lines
from wsgiviz.state import Request, Side, State

SETTLED_NS = 100_000_000
"""What lasts less does not change what is said: between two requests a worker still counts as what it did."""

LATEST = 500
"""Of each side so many requests that are finished are looked at, ten times a second."""


def _as_if_running(state: State) -> State:
    """Servers of somebody else's have no runs: for them what began when they were first seen is one that is on."""
    if not state.attached:
        return state
    runs = {name: replace(side.run, started_ns=state.attached_ns) for name, side in state.sides.items()}
    return replace(state, sides={name: replace(side, run=runs[name]) for name, side in state.sides.items()})


class LintContext(Struct, frozen=True):
    """A State at a time, and what lints need of it: made by `of` once for all lints, which look at it together.

    ``wsgi_call`` and ``asgi_call``: what a request waits in; ``own_app``: the app is a person's own, so that only its
    lines show where it waits. ``arrivals``: "burst" or "closed", the latter with so many ``users``.
    ``worker_timeout_s``: gunicorn's --timeout, None where it is the default.
    """

    state: State
    now_ns: int
    in_flight: Mapping[str, Sequence[Request]]  # by side: with which client or app are not done
    latest: Mapping[str, Sequence[Request]]  # by side: the last LATEST that their clients are done with
    wsgi_call: str = ""
    asgi_call: str = ""
    own_app: bool = False
    cores: int = 1
    arrivals: str = "burst"
    users: int = 0
    worker_timeout_s: float | None = None
    silenced: frozenset[str] = frozenset()

    @classmethod
    def of(cls, state: State, now_ns: int) -> LintContext:
        settings, state = state.settings, _as_if_running(state)
        wsgi_call, asgi_call = ("", "") if state.attached else settings.calls
        return cls(
            state,
            now_ns,
            in_flight={name: side.ledger.in_flight() for name, side in state.sides.items()},
            latest={name: side.ledger.latest(LATEST) for name, side in state.sides.items()},
            wsgi_call=wsgi_call,
            asgi_call=asgi_call,
            own_app=settings.own_app or state.attached,
            cores=state.cores,
            arrivals=settings.arrivals,
            users=min(settings.concurrency, settings.requests),
            worker_timeout_s=settings.server_timeout or settings.scenario_seconds("server_timeout") or None,
            silenced=settings.silenced,
        )

    @property
    def sides(self) -> list[Side]:
        """Sides at which the present run has begun; all before there was one. A calibration is no run to judge."""
        number = self.state.run
        sides = [side for side in self.state.sides.values() if side.run.number == number]
        return [side for side in sides if side.run.started_ns and not side.run.calibration] if number else sides

    @property
    def running(self) -> bool:
        """The present run is on, or yet to begin, at one of the sides."""
        runs = [side.run for side in self.state.sides.values()]
        return any(run.number and run.number == self.state.run and not run.ended_ns for run in runs)

    def is_on(self, side: Side) -> bool:
        """Its run is on; a server that somebody else has started always is, as long as it is there."""
        return side.run.running or (self.state.attached and not side.server.gone_ns)

    @property
    def shown(self) -> list[Side]:
        """Sides of which there is something to see."""
        return [side for side in self.state.sides.values() if side.server.workers or side.run.started_ns]

    def label(self, side: Side) -> str:
        """Its name for people: "WSGI"; beside another of the same protocol its kind, "gthread", as panes have it, or
        "WSGI2 (sync)" where that is the same too."""
        alike = [other for other in self.shown if other.protocol == side.protocol]
        if len(alike) < 2:
            return side.name.upper()
        return side.kind if len({other.kind for other in alike}) > 1 else f"{side.name.upper()} ({side.kind})"

    def of_side(self, side: Side) -> str:
        """ " of gthread" where "the workers" or "the loop" may be the other side's too, else ""."""
        alike = sum(other.is_loop == side.is_loop for other in self.shown)
        return f" of {self.label(side)}" if alike > 1 else ""

    def waits_in(self, side: Side) -> str:
        """Where its requests are, after a verb: " in time.sleep(1)", " at deep.py:15 time.sleep", or ""."""
        call = self.wsgi_call if side.protocol == "wsgi" else self.asgi_call
        refuses = side.run.websocket and side.protocol == "wsgi"  # which is a call, and waits for nothing
        if call and not self.own_app and not refuses:
            return f" in {call.removeprefix('await ')}"
        lines = hot_lines(side, self.in_flight[side.name])
        if not lines:
            return self._waited_in(side)
        first = lines[0]
        if len(lines) == 1:
            return f" at {first.place.words}"
        most = "most" if 2 * first.many > sum(line.many for line in lines) else "some"
        return f", {most} at {first.place.words}"

    def _waited_in(self, side: Side) -> str:
        """A request's line is known some tens of ms after it began: until then that of the one before it stands."""
        last = max(self.latest[side.name], key=lambda request: request.ended_ns, default=None)
        recent = last is not None and self.now_ns - last.ended_ns < SETTLED_NS
        return f" at {last.where.words}" if last is not None and recent and last.where else ""
