"""What a frame costs: both panes at 200×50, 16 workers, 200 tasks in flight, everything moving.

A real app on its own clock of 30 frames a second, with a terminal that takes the bytes and shows nothing. CPU
time of this process, so that neighbours on the machine count little.
"""

from __future__ import annotations

import asyncio
import time

from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.drivers.headless_driver import HeadlessDriver

from tests.bench.figure import Figure
from tests.unit.pictures import T0, S, awaiting_tasks, sleeping_workers
from wsgiviz.model.state import Side
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.widgets.pane import Pane

FRAMES = 120
FPS = 30
SIZE = (200, 50)
BUDGET_MS = 0.2 / FPS * 1000
"""20 % of a core at 30 frames a second."""

WSGI = sleeping_workers(1.0, 16, 200, 8.0)
ASGI = awaiting_tasks(1.0, 200, 8.0)
"""200 requests of 8 s: 16 in workers and 184 waiting; all 200 awaiting on the loop."""


class Swallowing(HeadlessDriver):
    """A terminal which counts what it is sent."""

    written = 0

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        Swallowing.written += len(data)


class TwoPanes(App[float]):
    """Shows frame after frame and exits with the CPU time of each, in ms."""

    CSS = "Pane { margin: 1 1 10 1; }"

    def __init__(self, moving: bool) -> None:
        super().__init__(driver_class=Swallowing)
        self._moving = moving
        self._frame = 0

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Pane()
            yield Pane()

    def on_mount(self) -> None:
        self.set_interval(1 / FPS, self._tick)

    def _tick(self) -> None:
        self._frame += 1
        if self._frame == FPS // 2:  # it has started up
            self._began, Swallowing.written = time.process_time(), 0
        if self._frame == FPS // 2 + FRAMES:
            self.exit((time.process_time() - self._began) / FRAMES * 1000)
        now_s = 1.0 + (self._frame / FPS if self._moving else 0.0)
        for pane, view in zip(self.query(Pane), views(now_s), strict=True):
            pane.show(view)


def views(now_s: float) -> tuple[PaneView, PaneView]:
    def view(side: Side) -> PaneView:
        return PaneView(side, "gunicorn", T0 + int(now_s * S), T0, T0 + 10 * S)

    return view(WSGI), view(ASGI)


def _figure(name: str, moving: bool) -> Figure:
    spent_ms = asyncio.run(TwoPanes(moving).run_async(size=SIZE)) or 0.0
    note = f"{spent_ms * FPS / 10:.0f} % of a core, {Swallowing.written / FRAMES / 1000:.1f} kB a frame"
    budget = f"≤ {BUDGET_MS:.1f} ms, 20 % of a core at {FPS} fps"
    return Figure(name, spent_ms, "ms", budget, 0 < spent_ms <= BUDGET_MS, note)


def figures() -> list[Figure]:
    return [
        _figure("both panes, a frame with everything moving", True),
        _figure("both panes, a frame with nothing new", False),
    ]
