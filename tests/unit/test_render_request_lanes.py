"""A request's lane where requests hold a slot each: who had it, and since when."""

from __future__ import annotations

from msgspec.structs import replace

from tests.unit.states import MS, RUN, T0, S
from wsgiviz.state import Activity, Request, Run, Server, Side, Span, Worker
from wsgiviz.tui.render.chart import Chart, Scale
from wsgiviz.tui.render.request_lanes import draw
from wsgiviz.tui.render.task_lanes import summary
from wsgiviz.tui.render.view import PaneView

PID, SLOT = 100, 1


def at(seconds: float) -> int:
    return T0 + int(seconds * S)


def thread(now_s: float) -> Worker:
    """Of a pool: one request of a second after the other."""
    spans = (
        Span(at(0), at(1), Activity.BLOCKED, RUN + 1),
        Span(at(1), at(1) + MS, Activity.IDLE, 0),
        Span(at(1) + MS, at(2) if now_s >= 2 else 0, Activity.BLOCKED, RUN + 2),
    )
    return Worker(PID, 1, Activity.BLOCKED, at(1), slot=SLOT, req=RUN + 2, spans=spans)


def view_at(now_s: float) -> PaneView:
    side = Side("wsgi", "gthread", server=Server(up=True, workers={(PID, SLOT): thread(now_s)}), run=Run(planned=2))
    return PaneView(side, "", at(now_s), T0, at(4), by_request=True)


SECOND = Request(RUN + 2, T0, T0, accepted_ns=at(0.01), began_ns=at(1) + 2 * MS, pid=PID, slot=SLOT)
"""Accepted at once by the process, and taken a second later by its only thread."""


def lane(request: Request, now_s: float) -> str:
    view, chart = view_at(now_s), Chart(40)
    draw(chart, request, Scale.over(T0, at(4), 40), view)
    return "".join(chart.chars)


def test_a_request_waits_while_its_thread_has_another() -> None:
    assert lane(SECOND, 1.5) == "··········w1.1█".ljust(40)


def test_and_so_it_did_when_it_is_over() -> None:
    done = replace(SECOND, ended_ns=at(2), released_ns=at(2), received_ns=at(2), status=200)
    assert lane(done, 3.0) == "··········███w1.1███".ljust(40)


def test_what_its_thread_did_is_not_kept_any_more_and_it_waited_all_the_same() -> None:
    done = replace(SECOND, ended_ns=at(2), released_ns=at(2), received_ns=at(2), status=200, slot=2)
    assert lane(done, 3.0).startswith("··········")
    assert lane(done, 3.0)[10] not in "·█"


def test_requests_that_are_not_shown_are_counted_by_what_their_workers_do() -> None:
    waiting = replace(SECOND, id=RUN + 3, began_ns=0, pid=0, slot=0)
    assert summary([SECOND, waiting], view_at(1.5)) == "1 blocked, 1 queued"


def test_a_worker_that_is_stopped_stops_with_its_request() -> None:
    """gunicorn ends it a second after it was told to, and until then the client waits."""
    spans = (
        Span(at(0), at(1), Activity.BLOCKED, RUN + 1),
        Span(at(1), at(2), Activity.STOPPING, RUN + 1),
        Span(at(2), 0, Activity.DEAD, RUN + 1),
    )
    worker = Worker(PID, 1, Activity.DEAD, at(2), req=RUN + 1, spans=spans)
    side = Side("wsgi", "sync", server=Server(up=True, workers={(PID, 0): worker}), run=Run(planned=1))
    view, chart = PaneView(side, "", at(3), T0, at(4), by_request=True), Chart(40)
    lost = Request(RUN + 1, T0, T0, accepted_ns=at(0), began_ns=at(0), ended_ns=at(2), failed_ns=at(2), pid=PID)
    draw(chart, lost, Scale.over(T0, at(4), 40), view)
    assert "".join(chart.chars) == ("████w1████" + "↓" * 10).ljust(40)
