"""Whether a pane looks different from the frame before: most of a pane's frames do not.

The kernel's samples give another State thirty times a second, and time always goes on. But figures are in tenths of a
second, and a lane grows in steps: in between, only what this lists can be seen to change. All else waits for the next
tenth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter, is_

from wsgiviz.state import Side
from wsgiviz.tui.render.chart import Scale
from wsgiviz.tui.render.view import PaneView

GIVEN = attrgetter(*(field.name for field in fields(PaneView) if field.name not in ("side", "beside", "now_ns")))

OF_RUN = attrgetter(
    *("number", "planned", "started_ns", "ended_ns", "cancelled", "completed", "failed"),
    *("in_app", "max_queue", "earlier"),
)
OF_SERVER = attrgetter("queue_depth", "deaths", "pools", "self_calls")


class Seen:
    """What a pane showed last."""

    def __init__(self) -> None:
        self._parts: Sequence[object] = ()
        self._figures: tuple[object, ...] = ()
        self._now_ns, self._stands = -1, False

    @property
    def stands(self) -> bool:
        """Whether time stood still when it was asked last."""
        return self._stands

    def differs(self, view: PaneView, scale: Scale, lanes: int) -> bool:
        """Whether ``view`` may look different from the last one for which this was asked; always where time stands
        still, since no tenth comes then. ``lanes`` grow on ``scale``."""
        self._stands, self._now_ns = view.now_ns == self._now_ns, view.now_ns
        parts, figures = _parts(view.side), _figures(view, scale, lanes)
        same = len(parts) == len(self._parts) and all(map(is_, parts, self._parts)) and figures == self._figures
        self._parts, self._figures = parts, figures
        return self._stands or not same


def totals(view: PaneView) -> tuple[object, ...]:
    """What the rows below the lanes show, beside figures that may wait for the next tenth."""
    return view.tenth, OF_RUN(view.side.run), view.side.deaths


def head(view: PaneView) -> tuple[object, ...]:
    """The same of those above. What the tasks of a loop do changes in every frame, and nobody reads it so often."""
    side, run = view.side, view.side.run
    in_app = 0 if side.is_loop else run.in_app
    return (
        view.tenth,
        *(run.number, run.started_ns, run.ended_ns, run.max_queue, run.earlier, in_app),
        OF_SERVER(side.server),
        [worker.activity for worker in side.server.workers.values()],
        [loop.running for loop in side.server.loops.values()] if len(side.server.loops) > 1 else (),
    )


def _parts(side: Side) -> list[object]:
    """What has changed is another object: to compare two ledgers by their content would take long."""
    parts: list[object] = [side.ledger]
    for worker in side.server.workers.values():
        parts += (worker.activity, worker.spans, worker.death)
    return parts


def _figures(view: PaneView, scale: Scale, lanes: int) -> tuple[object, ...]:
    server, now_ns = view.side.server, view.now_ns
    tenth, begins_ns = view.tenth
    return (
        GIVEN(view),
        tenth,
        now_ns > view.end_ns,
        scale.at(scale.stepped(now_ns, lanes, begins_ns)),
        OF_RUN(view.side.run),
        OF_SERVER(server),
        [(loop.pid, loop.running) for loop in server.loops.values()],
    )
