"""In any state and size each row has exactly the pane's width, and there are as many as its height."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed
from rich.cells import cell_len
from textual.color import Color

from tests.unit.states import MS, RUN, SLEEP, T0, ledger_of
from wsgiviz.events import SIDES
from wsgiviz.state import Activity, Death, Location, Loop, Request, Run, Server, Side, Span, Step, Task, Worker
from wsgiviz.tui.render.glyphs import ASCII, UNICODE
from wsgiviz.tui.render.line import text_of
from wsgiviz.tui.render.palette import Palette
from wsgiviz.tui.render.rows import rows
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.worker_lanes import status

times = st.integers(-2000, 12_000).map(lambda ms: T0 + ms * MS)
ids = st.integers(-3, 12_000).map(lambda n: RUN + n if n > 0 else n)
texts = st.text(max_size=60)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Stretches one after the other; the last may go on."""
    edges = sorted(draw(st.lists(times, min_size=1, max_size=14)))
    ends = [*edges[1:], draw(st.sampled_from([0, edges[-1]]))]
    return list(zip(edges, ends, strict=True))


@st.composite
def workers(draw: st.DrawFn) -> Worker:
    activities = st.sampled_from(list(Activity))
    spans = tuple(Span(begin, end, draw(activities), draw(ids)) for begin, end in draw(histories()))
    last = spans[-1]
    number = draw(st.integers(1, 99_999))
    return Worker(
        draw(st.integers(1, 99_999)),
        number,
        last.activity,
        last.start_ns,
        req=last.req,
        spans=spans,
        iterating=draw(st.booleans()),
        slot=draw(st.integers(0, 64)),
        stopped_by=draw(st.sampled_from([0, 6, 15])),
        exited=draw(st.booleans()),
        death=draw(st.none() | st.builds(Death, times, st.integers(-1, 255), st.booleans(), st.booleans())),
    )


@st.composite
def requests(draw: st.DrawFn) -> Request:
    tasks = st.sampled_from([Task.RUNNING, Task.READY, Task.AWAITING])
    steps = tuple(Step(begin, end, draw(tasks)) for begin, end in draw(histories()))
    maybe = st.one_of(st.just(0), times)
    return Request(
        draw(ids),
        draw(maybe),
        draw(maybe),
        began_ns=steps[0].start_ns if draw(st.booleans()) else 0,
        ended_ns=draw(maybe),
        received_ns=draw(maybe),
        failed_ns=draw(maybe),
        status=draw(st.sampled_from([0, 200, 404, 500])),
        app_status=draw(st.sampled_from([0, 200, 404, 500])),
        error=draw(texts),
        raised=draw(texts),
        task=draw(st.sampled_from(list(Task))),
        since_ns=draw(maybe),
        steps=steps,
        where=draw(st.none() | st.builds(Location, texts, st.integers(0, 10**6), texts, texts)),
    )


@st.composite
def sides(draw: st.DrawFn) -> Side:
    count = st.integers(-1, 30_000)
    server = Server(
        workers={worker.key: worker for worker in draw(st.lists(workers(), max_size=6))},
        loops={1: Loop(1, running=draw(ids), since_ns=draw(times))} if draw(st.booleans()) else {},
        up=draw(st.booleans()),
        queue_depth=draw(count),
        queue_limit=draw(count),
    )
    run = Run(
        number=draw(st.integers(0, 3)),
        planned=max(0, draw(count)),
        requested_ns=draw(times),
        started_ns=draw(times),
        ended_ns=draw(st.one_of(st.just(0), times)),
        completed=max(0, draw(count)),
        failed=max(0, draw(count)),
        for_nobody=max(0, draw(count)),
        errors=draw(st.dictionaries(texts, st.integers(1, 99), max_size=3)),
        first_planned_ns=draw(times),
        last_finished_ns=draw(times),
        in_app=max(0, draw(count)),
        max_queue=max(0, draw(count)),
    )
    kind = draw(st.sampled_from(["sync", "gthread", "gevent", "asgi", "uvicorn"]))
    return Side(draw(st.sampled_from(SIDES)), kind, server, run, ledger_of(draw(st.lists(requests(), max_size=8))))


@settings(max_examples=75, deadline=None)
@given(sides(), st.integers(24, 130), st.integers(5, 50), times, st.booleans(), texts, st.data())
def test_every_row_fits(
    side: Side, width: int, height: int, now: int, ascii_only: bool, title: str, data: st.DataObject
) -> None:
    start = data.draw(times)
    end = start + data.draw(st.integers(0, 20_000)) * MS
    view = PaneView(
        side,
        title,
        now,
        start,
        end,
        makespan_s=data.draw(st.one_of(st.none(), st.floats(0, 9e5))),
        glyphs=ASCII if ascii_only else UNICODE,
        zero_ns=data.draw(st.one_of(st.just(0), times)),
        scroll=data.draw(st.integers(0, 9)),
    )
    made = [text_of(row) for row in rows(view, width, height)]
    assert len(made) == height
    for line in made:
        assert cell_len(line) == len(line) == width
        assert line.isascii() or not ascii_only


@settings(max_examples=50, deadline=None)
@given(sides())
def test_every_colour_that_is_asked_for_is_known(side: Side) -> None:
    palette = Palette({}, Color.parse("#000000"), Color.parse("#ffffff"), True)
    followed = next((request.id for request in side.ledger), 0)
    view = PaneView(side, "gunicorn", T0 + 3000 * MS, T0, T0 + 10_000 * MS, followed=followed)
    for row in rows(view, 80, 24):
        for _, style in row:
            palette.style(style)


def test_the_line_of_a_dead_worker_is_whole_or_is_left_out() -> None:
    held = Request(RUN + 4, T0, T0, began_ns=T0, pid=9, where=SLEEP)
    worker = Worker(9, 1, Activity.DEAD, T0 + MS, req=RUN + 4, death=Death(T0 + MS, 9, by_timeout=True))
    side = Side("wsgi", server=Server(workers={worker.key: worker}), run=Run(1, 4, requested_ns=T0))
    view = PaneView(changed(side, ledger=ledger_of([held])), "", T0 + 2 * MS, T0, T0 + 3 * MS)
    ends = [text_of(status(worker, 8, width, view)).rstrip().rpartition("#4")[2] for width in (80, 76, 68, 60)]
    assert ends == ["   sleep.py:14 time.sleep", "   time.sleep", "   time.sleep", ""]
