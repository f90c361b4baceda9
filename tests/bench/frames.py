"""What a frame costs: both panes at 200×50, 16 workers, 200 requests in flight at each side.

A real app on its own clock of 30 frames a second, with a terminal that takes the bytes and shows nothing. CPU
time of this process, so that neighbours on the machine count little.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from msgspec.structs import replace
from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.drivers.headless_driver import HeadlessDriver

from tests.bench.figure import Figure
from tests.unit.states import MS, RUN, T0, S, awaiting_tasks, sleeping_workers
from wsgiviz.state import Ledger, Request, Side, Step, Task
from wsgiviz.state.ledger import LedgerDraft
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.widgets.pane import Pane

WARM_UP, MEASURED = 15, 120
"""Frames before the measurement, and in it."""

FPS = 30
SIZE = (200, 50)
SHARE = 0.15
BUDGET_MS = SHARE / FPS * 1000

WSGI = sleeping_workers(1.0, 16, 200, 8.0)
ASGI = awaiting_tasks(1.0, 200, 8.0)
"""200 requests of 8 s: 16 in workers and 184 waiting; all 200 awaiting on the loop."""

USERS = 200
"""Each sends its next request of a second as soon as it has the answer."""

Views = Callable[[int], tuple[PaneView, PaneView]]
"""What both panes show in a frame, by its number."""


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

    def __init__(self, views: Views) -> None:
        super().__init__(driver_class=Swallowing)
        self._views = views
        self._frame = 0

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Pane()
            yield Pane()

    def on_mount(self) -> None:
        self.set_interval(1 / FPS, self._tick)

    def _tick(self) -> None:
        self._frame += 1
        if self._frame == WARM_UP:
            self._began, Swallowing.written = time.process_time(), 0
        if self._frame == WARM_UP + MEASURED:
            self.exit((time.process_time() - self._began) / MEASURED * 1000)
            return
        for pane, view in zip(self.query(Pane), self._views(self._frame), strict=True):
            pane.show(view)


def _view(side: Side, now_s: float) -> PaneView:
    return PaneView(side, "gunicorn", T0 + int(now_s * S), T0, T0 + 10 * S)


def moving(frame: int) -> tuple[PaneView, PaneView]:
    """The same State while time goes on."""
    return _view(WSGI, 1.0 + frame / FPS), _view(ASGI, 1.0 + frame / FPS)


def still(frame: int) -> tuple[PaneView, PaneView]:
    """Nothing new at all."""
    return _view(WSGI, 1.0), _view(ASGI, 1.0)


def changing() -> Views:
    """Another State in each frame: at one side users in a loop, whose requests come and go."""
    ledgers = [Ledger()]
    for frame in range(WARM_UP + MEASURED):
        ledgers.append(_later(ledgers[-1], T0 + S + frame * S // FPS))

    def views(frame: int) -> tuple[PaneView, PaneView]:
        now_s = 1.0 + (frame - 1) / FPS
        side = replace(ASGI, ledger=ledgers[frame], run=replace(ASGI.run, planned=100_000))
        return _view(replace(WSGI), now_s), _view(side, now_s)

    return views


def _later(before: Ledger, now_ns: int) -> Ledger:
    """The ledger of the users at ``now_ns``: only requests that have changed are put anew."""
    draft = LedgerDraft(before)
    for number in range(1, USERS * 8):
        known, request = before.get(RUN + number), _of_a_user(number, now_ns)
        if request is None:
            break
        if known is None or known.over != request.over:
            draft.put(request)
    return draft.publish()


def _of_a_user(number: int, now_ns: int) -> Request | None:
    """A request that awaits for a second; None before it was sent."""
    turn, user = divmod(number - 1, USERS)
    began = T0 + turn * S + user * S // USERS
    if began > now_ns:
        return None
    first, ended = Step(began, began + MS, Task.RUNNING), began + S - MS
    sent = Request(RUN + number, began, began, began_ns=began, task=Task.AWAITING, since_ns=began + MS)
    if ended > now_ns:
        return replace(sent, steps=(first, Step(began + MS, 0, Task.AWAITING)))
    steps = (first, Step(began + MS, ended, Task.AWAITING))
    return replace(sent, ended_ns=ended, received_ns=ended, status=200, task=Task.DONE, steps=steps)


def _figure(name: str, views: Views) -> Figure:
    spent_ms = asyncio.run(TwoPanes(views).run_async(size=SIZE)) or 0.0
    note = f"{spent_ms * FPS / 10:.0f} % of a core, {Swallowing.written / MEASURED / 1000:.1f} kB a frame"
    budget = f"≤ {BUDGET_MS:.1f} ms, {SHARE * 100:.0f} % of a core at {FPS} fps"
    return Figure(name, spent_ms, "ms", budget, 0 < spent_ms <= BUDGET_MS, note)


def figures() -> list[Figure]:
    return [
        _figure("both panes, a frame with everything moving", moving),
        _figure("both panes, a frame with another State, 200 users", changing()),
        _figure("both panes, a frame with nothing new", still),
    ]
