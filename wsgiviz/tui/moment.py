"""One moment of a session, as the live screen shows it: views of its parts, made from the picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wsgiviz.model import metrics
from wsgiviz.model.captions import Caption, Tone, caption
from wsgiviz.model.state import Picture, Side
from wsgiviz.session import Phase, Session
from wsgiviz.settings import Settings
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.window import Look, Window, window
from wsgiviz.tui.widgets.header import HeaderView

PHASES = {
    Phase.NEW: Caption("Starting ..."),
    Phase.STARTING: Caption("Starting the servers ..."),
    Phase.MEASURING: Caption("Measuring what one request costs on this machine ..."),
    Phase.FAILED: Caption(
        "The servers are not running: s another scenario, o options, l logs, space tries again.", Tone.WARN
    ),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """The picture at ``now_ns``, looked at in a person's way: ``look`` at time, ``followed`` a request or 0."""

    session: Session
    glyphs: Glyphs
    picture: Picture
    now_ns: int
    look: Look
    followed: int

    @property
    def sides(self) -> list[Side]:
        return [self.picture.sides[name] for name in self.session.settings.sides if name in self.picture.sides]

    def panes(self) -> Iterator[PaneView]:
        """What each pane shows, left to right, on one axis of time."""
        now_ns = self._still()
        shown = self._window(now_ns)
        for side in self.sides:
            over = bool(side.run_ended_ns and side.done)
            yield PaneView(
                side=side,
                title=self._title(side),
                now_ns=now_ns,
                start_ns=shown.start_ns,
                end_ns=shown.end_ns,
                zero_ns=shown.zero_ns,
                prediction=self.session.prediction(side.name),
                makespan_s=metrics.makespan_ns(side) / 1e9 if over else None,
                glyphs=self.glyphs,
                followed=self.followed,
            )

    def _still(self) -> int:
        """Once all sides are done the picture stands still: the last thing that happened is its now."""
        sides = self.sides
        if self.session.phase is not Phase.FINISHED or not all(side.run_ended_ns for side in sides):
            return self.now_ns
        busy = any(worker.busy for side in sides for worker in side.living())
        return self.now_ns if busy else max(side.run_ended_ns for side in sides)

    def _title(self, side: Side) -> str:
        settings = self.session.settings
        workers, threads = side.wanted or settings.processes(side.name), settings.threads_of(side.name)
        server = "uvicorn" if side.kind == "uvicorn" else f"gunicorn {side.kind}"
        each = f" of {threads} threads" if threads > 1 else ""
        return f"{server}, {workers} worker{'s' if workers != 1 else ''}{each}"

    def _window(self, now_ns: int) -> Window:
        sides = self.sides
        starts = [side.run_started_ns for side in sides if side.run_started_ns]
        predictions = [self.session.prediction(side.name) for side in sides]
        expected_ns = max((int(found.seconds * 1e9) for found in predictions if found), default=1_000_000_000)
        done = max((metrics.makespan_ns(side) for side in sides if side.run_ended_ns), default=0)
        return window(min(starts, default=now_ns), now_ns, max(expected_ns, done), self.look)

    def caption(self) -> Caption:
        phase = self.session.phase
        if phase in PHASES:
            return PHASES[phase]
        live = self.picture is self.session.picture
        if live and not self.session.showing_run and phase is Phase.RUNNING:
            return Caption("Firing ...")
        scene = self.session.scene(self.picture, self.now_ns)
        return caption(scene, self.session.pitfalls.found if live else None)

    def header(self, fps: int, paused: bool) -> HeaderView:
        settings = self.session.settings
        elapsed = max((metrics.elapsed_ns(side, self.now_ns) for side in self.sides), default=0)
        left, right = [*(settings.call(side.name) for side in self.sides), "", ""][:2]
        return HeaderView(
            name=settings.name,
            wsgi_call=left if not settings.own_app else "",
            asgi_call=right if not settings.own_app else "",
            load=_load(settings),
            state=self._state(),
            clock_s=elapsed // 100_000_000 / 10,
            fps=fps,
            lost=self.picture.lost,
            driver_lag_ms=max((side.max_driver_lag_ns for side in self.sides), default=0) // 1_000_000,
            paused=paused,
            glyphs=self.glyphs,
        )

    def _state(self) -> str:
        phase = self.session.phase
        if phase is Phase.RUNNING:
            return f"{self.glyphs.live} live"
        return {Phase.FINISHED: "done", Phase.FAILED: "stopped"}.get(phase, phase.value)


def _load(settings: Settings) -> str:
    if settings.arrivals == "closed":
        return f"{settings.concurrency} users, {settings.requests} requests"
    return f"{settings.requests} at once"
