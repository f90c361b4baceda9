"""A request's lane where requests hold a slot each: who had it, and since when."""

from __future__ import annotations

from msgspec.structs import replace

from tests.unit.states import MS, RUN, T0, S, sleeping_workers
from wsgiviz.state import Activity, ReadingClient, Request, Run, Server, Side, Span, Worker
from wsgiviz.tui.render.chart import Chart, Scale
from wsgiviz.tui.render.line import text_of
from wsgiviz.tui.render.request_lanes import draw, sign
from wsgiviz.tui.render.rows import rows
from wsgiviz.tui.render.task_lanes import summary, task_sign
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


def test_a_request_whose_worker_stops_is_held_until_the_worker_is_gone() -> None:
    """From gunicorn's SIGABRT to its SIGKILL: by worker there are arrows, and here there was nothing."""
    spans = (Span(at(0), at(1), Activity.BLOCKED, RUN + 1), Span(at(1), at(2), Activity.STOPPING, RUN + 1))
    worker = Worker(PID, 1, Activity.DEAD, at(2), slot=SLOT, spans=spans)
    side = Side("wsgi", "sync", server=Server(up=True, workers={(PID, SLOT): worker}), run=Run(planned=1))
    held = Request(RUN + 1, T0, T0, accepted_ns=T0, began_ns=T0, pid=PID, slot=SLOT, failed_ns=at(2), error="closed")
    chart = Chart(40)
    draw(chart, held, Scale.over(T0, at(4), 40), PaneView(side, "", at(3), T0, at(4), by_request=True))
    assert "".join(chart.chars).rstrip().endswith("↓" * 6)


def test_with_room_a_lane_is_as_solid_as_a_worker_s() -> None:
    """Four lanes in thirty lines: blocks of two lines left the most of a large screen empty."""
    side = sleeping_workers(0.5, requests=4)
    view = PaneView(side, "", at(0.5), T0, at(1), by_request=True, wanted=4, at_once=4)
    lines = [text_of(row) for row in rows(view, 98, 35)]
    first = next(number for number, line in enumerate(lines) if " #1 " in line)
    solid = [line.count("█") > 30 for line in lines[first : first + 12]]
    assert solid == [True, True, True, True, True, False, True, True, True, True, True, False]


def test_two_workers_fill_a_large_screen() -> None:
    """In two lanes of six lines each, the lower half of the pane was empty."""
    side = sleeping_workers(0.5, workers=2, requests=20)
    lines = [text_of(row) for row in rows(PaneView(side, "", at(0.5), T0, at(1)), 98, 35)]
    assert sum(line.count("█") > 30 for line in lines[5:]) == 20


def test_what_the_app_is_through_with_has_its_answer_only_when_the_client_has() -> None:
    """Beside "0 of 2 answered" there is no tick."""
    through, view = Request(RUN + 2, T0, T0, began_ns=at(1), ended_ns=at(1.5)), view_at(2.5)
    assert task_sign(through, view).text == view.glyphs.activity[Activity.WRITING]
    assert summary([through], view) == "writing"
    received = replace(through, received_ns=at(2))
    assert (task_sign(received, view).text, summary([received], view)) == ("✓", "answered")


def test_a_request_that_a_worker_still_reads_is_no_more_in_the_queue() -> None:
    """The worker knows its client's port, and the driver whose that is: four of twelve clients that send slowly."""
    client = ReadingClient("127.0.0.1:5004", 40, at(0.5))
    spans = (Span(at(0), at(0.5), Activity.IDLE, 0), Span(at(0.5), 0, Activity.READING, 0))
    worker = Worker(PID, 1, Activity.READING, at(0.5), spans=spans, client=client)
    side = Side("wsgi", "sync", server=Server(up=True, workers={worker.key: worker}), run=Run(planned=2))
    view = PaneView(side, "", at(2), T0, at(4), by_request=True)
    read, queued = (Request(RUN + n, T0, T0, port=5000 + n) for n in (4, 5))
    charts = [Chart(40), Chart(40)]
    for chart, request in zip(charts, (read, queued), strict=True):
        draw(chart, request, Scale.over(T0, at(4), 40), view)
    assert "".join(charts[0].chars).rstrip() == "·····" + "░░░░░░w1░░░░░░░"
    assert "".join(charts[1].chars).rstrip() == "·" * 20
    assert [sign(one, view).text for one in (read, queued)] == ["◔", "●"]
    assert summary([read, queued], view) == "1 reading, 1 queued"


def test_a_peak_is_no_less_than_what_waits_now() -> None:
    """That of the run stands for two samples: "7 wait, peak 6" is a contradiction."""
    side = sleeping_workers(0.5)
    side = replace(side, server=replace(side.server, queue_depth=17))
    queue = text_of(rows(PaneView(side, "", at(0.5), T0, at(1)), 59, 18)[1])
    assert queue.rstrip().endswith("17 wait in the kernel   peak 17")
