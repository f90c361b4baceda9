"""In any state and size each row has exactly the pane's width, and there are as many as its height."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.color import Color

from tests.unit.pictures import MS, RUN, T0
from wsgiviz.events import SIDES
from wsgiviz.model.state import Doing, Loop, Place, Request, Side, Span, Step, Task, Worker
from wsgiviz.tui.render.glyphs import ASCII, UNICODE
from wsgiviz.tui.render.line import text_of
from wsgiviz.tui.render.palette import Palette
from wsgiviz.tui.render.rows import rows
from wsgiviz.tui.render.view import PaneView

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
    doings = st.sampled_from(list(Doing))
    spans = tuple(Span(begin, end, draw(doings), draw(ids)) for begin, end in draw(histories()))
    last = spans[-1]
    number = draw(st.integers(1, 99_999))
    return Worker(
        draw(st.integers(1, 99_999)),
        number,
        last.doing,
        last.start_ns,
        req=last.req,
        spans=spans,
        iterating=draw(st.booleans()),
        slot=draw(st.integers(0, 64)),
        died_of=draw(st.sampled_from(["", "exit", "killed", "timeout"])),
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
        error=draw(texts),
        raised=draw(texts),
        task=draw(st.sampled_from(list(Task))),
        since_ns=draw(maybe),
        steps=steps,
        where=draw(st.none() | st.builds(Place, texts, st.integers(0, 10**6), texts, texts)),
    )


@st.composite
def sides(draw: st.DrawFn) -> Side:
    count = st.integers(-1, 30_000)
    those = draw(st.lists(requests(), max_size=8))
    return Side(
        draw(st.sampled_from(SIDES)),
        draw(st.sampled_from(["sync", "gthread", "gevent", "asgi", "uvicorn"])),
        workers={worker.key: worker for worker in draw(st.lists(workers(), max_size=6))},
        loops={1: Loop(1, running=draw(ids), since_ns=draw(times))} if draw(st.booleans()) else {},
        in_flight={request.id: request for request in those if not request.finished},
        finished=tuple(request for request in those if request.finished),
        master_up=draw(st.booleans()),
        queue_depth=draw(count),
        queue_limit=draw(count),
        max_queue=max(0, draw(count)),
        now_in_app=max(0, draw(count)),
        planned=max(0, draw(count)),
        run=draw(st.integers(0, 3)),
        run_started_ns=draw(times),
        run_ended_ns=draw(st.one_of(st.just(0), times)),
        completed=max(0, draw(count)),
        failed=max(0, draw(count)),
        bad_status=0,
        errors=draw(st.dictionaries(texts, st.integers(1, 99), max_size=3)),
        first_planned_ns=draw(times),
        last_finished_ns=draw(times),
    )


@settings(max_examples=150, deadline=None)
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


@given(sides())
def test_every_colour_that_is_asked_for_is_known(side: Side) -> None:
    palette = Palette({}, Color.parse("#000000"), Color.parse("#ffffff"), True)
    view = PaneView(side, "gunicorn", T0 + 3000 * MS, T0, T0 + 10_000 * MS, followed=next(iter(side.in_flight), 0))
    for row in rows(view, 80, 24):
        for _, ink in row:
            palette.style(ink)
