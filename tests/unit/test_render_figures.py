"""What a pane says in one row agrees with its other rows, and with the pane beside it."""

from __future__ import annotations

from dataclasses import replace

from msgspec.structs import replace as changed

from tests.unit.states import MS, RUN, T0, S, awaiting_tasks, ledger_of, peak_of, sleeping_workers
from wsgiviz.state import Activity, Loop, Request, Run, Server, Side, Span, Task, Worker
from wsgiviz.tui.render.digit_rows import figure
from wsgiviz.tui.render.line import text_of
from wsgiviz.tui.render.rows import rows
from wsgiviz.tui.render.view import PaneView


def view_of(side: Side, now_s: float, end_s: float = 5.5) -> PaneView:
    return PaneView(side, "gunicorn sync, 4 workers", T0 + int(now_s * S), T0, T0 + int(end_s * S))


def shown(view: PaneView, width: int = 59, height: int = 18) -> list[str]:
    return [text_of(row).rstrip() for row in rows(view, width, height)]


def row_of(view: PaneView, label: str) -> str:
    return next(line for line in shown(view) if line.startswith(f" {label}"))


def test_more_than_the_peak_do_not_stand_beside_it() -> None:
    side = sleeping_workers(2.41)
    waiting = changed(side.server, queue_depth=7)
    assert row_of(view_of(changed(side, server=waiting, run=changed(side.run, max_queue=7)), 2.41), "queue").endswith(
        "7 wait in the kernel   peak 7"
    )
    few = changed(side, server=waiting, run=changed(side.run, max_queue=6))
    assert row_of(view_of(few, 2.41), "queue").endswith("7 wait in the kernel")


def on_a_busy_loop() -> Side:
    """One runs, one awaits; two have been accepted, and the loop has not begun with them."""
    inside = [
        Request(RUN + 1, T0, T0, accepted_ns=T0, began_ns=T0 + MS, pid=1, task=Task.AWAITING, since_ns=T0 + 2 * MS),
        Request(
            RUN + 2, T0, T0, accepted_ns=T0, began_ns=T0 + 2 * MS, pid=1, task=Task.RUNNING, since_ns=T0 + 3 * MS
        ),
    ]
    outside = [Request(RUN + n, T0, T0, accepted_ns=T0 + MS, pid=1, task=Task.READY) for n in (3, 4)]
    loop = Loop(1, running=RUN + 2, since_ns=T0 + 3 * MS)
    server = Server(up=True, loops={1: loop}, queue_depth=0, workers={(1, 0): Worker(1, 1, Activity.IDLE, T0)})
    run = Run(number=1, planned=4, started_ns=T0, in_app=2, in_app_peak=peak_of(2))
    return Side("asgi", "asgi", server=server, run=run, ledger=ledger_of([*inside, *outside]))


def test_those_in_the_app_are_what_those_in_the_app_do() -> None:
    view = view_of(on_a_busy_loop(), 0.5)
    assert row_of(view, "in app") == " in app 2 now   peak 2   run 1  ready 0  await 1"
    assert row_of(view, "queue").endswith(" 2 wait for the loop")


def test_what_has_just_begun_has_lasted_no_time_yet() -> None:
    side = sleeping_workers(1.02)
    assert "        blocked on #5   sleep.py:14 time.sleep" in shown(view_of(side, 1.02))
    assert "        blocked 0.1 s on #5   sleep.py:14 time.sleep" in shown(view_of(sleeping_workers(1.1), 1.1))


def test_the_signs_of_threads_are_labelled_threads() -> None:
    side = sleeping_workers(2.41)
    threads = changed(side, kind="gthread")
    assert shown(replace(view_of(threads, 2.41), by_request=True))[2].startswith(" threads ■ ■ ■ ■")
    assert shown(replace(view_of(side, 2.41), by_request=True))[2].startswith(" workers ■ ■ ■ ■")


def test_the_longest_time_is_said_even_close_to_its_bar() -> None:
    side = sleeping_workers(5.5)
    for tenths in range(58, 70):
        view = replace(view_of(side, 5.5, tenths / 10), by_request=True, at_once=20, wanted=20)
        last = next(line for line in shown(view, width=59, height=30) if line.startswith("  #20 ✓"))
        bar = last.removesuffix("5.00 s").rstrip()
        assert bar != last or len(bar) + len(" 5.00 s") > 58, last


def test_a_request_has_one_row_in_both_panes() -> None:
    """One server has rows for its two loops."""
    left, right = sleeping_workers(0.5), awaiting_tasks(0.5)
    loops = {pid: changed(next(iter(right.server.loops.values())), pid=pid) for pid in (100, 101)}
    workers = {(pid, 0): Worker(pid, pid - 99, Activity.IDLE, T0) for pid in loops}
    right = changed(right, server=changed(right.server, loops=loops, workers=workers))
    view = replace(view_of(left, 0.5), by_request=True, wanted=20, at_once=20, beside=right)
    beside = replace(view, side=right, beside=left)
    panes = [shown(each, height=32) for each in (view, beside)]
    assert any(line.startswith(" loop 2") for line in panes[1])
    first = [next(at for at, line in enumerate(lines) if line.startswith("   #1 ")) for lines in panes]
    assert first[0] == first[1]
    assert all(any(line.startswith("  #20 ") for line in lines) for lines in panes), "and no row is lost for it"


def test_a_worker_s_name_stands_on_one_colour() -> None:
    spans = (
        Span(T0, T0 + 950 * MS, Activity.READING, RUN + 1),
        Span(T0 + 950 * MS, T0 + 1100 * MS, Activity.COMPUTING, RUN + 1),
        Span(T0 + 1100 * MS, T0 + 2 * S, Activity.WRITING, RUN + 1),
    )
    worker = Worker(1, 3, Activity.IDLE, T0 + 2 * S, spans=spans)
    request = changed(
        Request(RUN + 1, T0, T0, accepted_ns=T0, began_ns=T0 + S, pid=1, status=200),
        **dict.fromkeys(("ended_ns", "released_ns", "received_ns"), T0 + 2 * S),
    )
    side = Side("wsgi", server=Server(up=True, workers={(1, 0): worker}), run=Run(number=1, planned=1, started_ns=T0))
    view = replace(view_of(changed(side, ledger=ledger_of([request])), 2.5), by_request=True, at_once=20, wanted=20)
    lane = next(row for row in rows(view, 59, 30) if text_of(row).startswith("   #1 "))
    assert any(part.text == "w3" for part in lane), lane


def test_milliseconds_are_as_exact_in_large_digits_as_in_the_sentence() -> None:
    view = view_of(sleeping_workers(5.5), 5.5)
    assert [figure(replace(view, makespan_s=s)) for s in (0.0531, 0.114, 5.021)] == ["0.053", "0.11", "5.02"]


def on_its_way_back() -> Side:
    """The app is through; of two clients one has read the whole answer."""
    times = Request(RUN + 1, T0, T0, accepted_ns=T0, began_ns=T0 + MS, ended_ns=T0 + S, pid=1, status=200)
    requests = [changed(times, received_ns=T0 + S), changed(times, id=RUN + 2, status=0)]
    run = Run(number=1, planned=2, started_ns=T0, completed=1)
    return Side("asgi", "asgi", server=Server(up=True, queue_depth=0), run=run, ledger=ledger_of(requests))


def test_answered_is_what_its_client_has_read() -> None:
    lanes = [line[:8] for line in shown(view_of(on_its_way_back(), 2.0)) if line.startswith("   #")]
    assert lanes == ["   #1 ✓ ", "   #2 ◕ "]


def test_what_is_not_shown_is_said_in_fewer_words_where_room_is_short() -> None:
    doing = (Task.IN_THREAD, Task.FOR_THREAD, Task.AWAITING)
    requests = [
        Request(RUN + n, T0, T0, accepted_ns=T0, began_ns=T0 + MS, pid=1, task=doing[n % 3], since_ns=T0 + MS)
        for n in range(1, 25)
    ]
    run = Run(number=1, planned=24, started_ns=T0, in_app=24, in_app_peak=peak_of(24))
    side = Side("asgi", "asgi", server=Server(up=True, queue_depth=0), run=run, ledger=ledger_of(requests))
    words = next(line for line in shown(view_of(side, 2.0)) if "more" in line)
    assert words.endswith("17 more: 6 awaiting, 6 in a thread, 5 for a thread"), words


def test_refused_websockets_are_said_once() -> None:
    statuses = {"planned": 20, "completed": 20, "bad_status": 20, "statuses": {400: 20}, "websocket": True}
    run = changed(Run(number=1, started_ns=T0, ended_ns=T0 + 26 * MS), **statuses)
    side = Side("wsgi", server=Server(up=True, queue_depth=0), run=run)
    text = "\n".join(shown(replace(view_of(side, 2.0), makespan_s=0.026)))
    assert text.count("refused") == 1, text


def test_a_bar_beyond_the_answer_says_by_how_much() -> None:
    spans = (Span(T0, T0 + 3 * S, Activity.BLOCKED, RUN + 1),)
    worker = Worker(1, 3, Activity.IDLE, T0 + 3 * S, spans=spans)
    request = changed(
        Request(RUN + 1, T0, T0, accepted_ns=T0, began_ns=T0, pid=1, status=200),
        **dict.fromkeys(("ended_ns", "released_ns"), T0 + 3 * S),
        received_ns=T0 + 2 * S,
    )
    side = Side("wsgi", server=Server(up=True, workers={(1, 0): worker}), run=Run(number=1, planned=1, started_ns=T0))
    view = replace(view_of(changed(side, ledger=ledger_of([request])), 3.1), by_request=True, at_once=20, wanted=20)
    for end_s, words in ((8.5, "2.00 s, app 1.00 s longer"), (5.0, "2.00 s + 1.00 s"), (3.7, " 2.00 s")):
        lanes = shown(replace(view, end_ns=T0 + int(end_s * S)), 59, 30)
        assert next(line for line in lanes if line.startswith("   #1 ")).endswith(words)


def test_a_loop_whose_requests_are_in_threads_does_not_say_that_none_awaits() -> None:
    requests = [Request(RUN + 1, T0, T0, accepted_ns=T0, began_ns=T0 + MS, pid=1, task=Task.IN_THREAD)]
    side = on_a_busy_loop()
    calm = changed(side.server, loops={1: Loop(1)})
    idle = changed(side, server=calm, ledger=ledger_of(requests))
    assert row_of(view_of(idle, 0.5), "loop").endswith("idle in select")
    assert row_of(view_of(changed(idle, ledger=ledger_of([])), 0.5), "loop").endswith("idle in select   await 0")
