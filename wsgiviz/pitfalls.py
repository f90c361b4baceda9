"""What captions and lints look at in a session, and what has been found in its run so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wsgiviz.model.lints import Finding, Scene, findings
from wsgiviz.model.lints.watch import Watch
from wsgiviz.model.state import Picture
from wsgiviz.scenarios import Cost
from wsgiviz.settings import Settings

LOOK_EVERY_NS = 100_000_000
"""Pitfalls are looked for so often: what lasts less is not told."""


class Pitfalls:
    """``found``: what is so now, None before the first look at a run."""

    def __init__(self) -> None:
        self.found: list[Finding] | None = None
        self._watch = Watch()

    def look(self, now_ns: int, scene: Callable[[], Scene], at_once: bool = False) -> None:
        """Look, if it is time to or has to be ``at_once``."""
        if at_once or now_ns - self._watch.looked_ns >= LOOK_EVERY_NS:
            seen = scene()
            self.found = findings(seen)
            self._watch = self._watch.look(seen, self.found)

    def rows(self) -> list[dict[str, Any]]:
        """All that was found in the run, for the JSON report."""
        return self._watch.rows()


def scene_of(settings: Settings, cost: Cost | None, picture: Picture, cores: int, now_ns: int) -> Scene:
    """The picture, and what captions need to know beside it."""
    wsgi, asgi = settings.calls
    return Scene(
        picture,
        wsgi,
        asgi,
        cores,
        now_ns,
        async_limit=cost.async_limit if cost else None,
        silenced=settings.silenced,
        own_app=settings.own_app,
        arrivals=settings.arrivals,
        users=min(settings.concurrency, settings.requests),
        worker_timeout_s=settings.scenario_seconds("server_timeout") or None,
    )
