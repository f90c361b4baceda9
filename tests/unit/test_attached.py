"""Servers that somebody else runs: what is said of them, and what of their latest requests."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.states import MS, SLEEP, T0, S, ledger_of
from wsgiviz.analysis.attached import lately, oldest, served
from wsgiviz.analysis.attached_captions import attached_captions
from wsgiviz.analysis.lints import Finding, LintContext, findings
from wsgiviz.analysis.signals import Offer
from wsgiviz.control.attachment import redacted
from wsgiviz.events import (
    Event,
    LoopHeld,
    RequestBegan,
    RequestEnded,
    RequestPeer,
    ServerAttached,
    StepBegan,
    WorkerBooting,
)
from wsgiviz.state import Activity, Request, Run, Server, Side, State, Worker, reduce
from wsgiviz.tui.render.attached_rows import served_row
from wsgiviz.tui.render.digit_rows import figure
from wsgiviz.tui.render.glyphs import UNICODE
from wsgiviz.tui.render.line import text_of
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.window import following
from wsgiviz.tui.screens.signals import described
from wsgiviz.tui.screens.workers import worker_words

SLOW = Request(-1, began_ns=T0 - 12 * S, target="GET /slow", where=SLEEP)
QUICK = Request(-2, began_ns=T0 - 2 * S, ended_ns=T0 - S, target="GET /", app_status=200)
BAD = Request(-3, began_ns=T0 - 3 * S, ended_ns=T0 - S, target="GET /bad", app_status=500)
OLD = Request(-4, began_ns=T0 - 50 * S, ended_ns=T0 - 40 * S, target="GET /old", app_status=500)


def server(*activities: Activity, waiting: int = 0) -> Side:
    workers = {(n, 0): Worker(n, n, activity, T0 - S, req=-1) for n, activity in enumerate(activities, 1)}
    requests = ledger_of([SLOW, QUICK, BAD, OLD])
    return Side(
        "wsgi",
        server=Server(workers=workers, queue_depth=waiting),
        run=Run(external=4, in_app=1, served={T0 // S - 40: 1, T0 // S - 1: 1000, T0 // S - 2: 1000, T0 // S: 7}),
        ledger=requests,
    )


def said(side: Side) -> str:
    return attached_captions(State(T0, attached=True, attached_ns=T0, sides={"wsgi": side}), T0)["wsgi"].text


@pytest.mark.parametrize(
    ("side", "words"),
    [
        (
            server(Activity.BLOCKED, Activity.IDLE),
            "1 of 2 workers is blocked (oldest request GET /slow, for over 10 s at sleep.py:14 time.sleep); "
            "nobody waits in the kernel.",
        ),
        (
            server(Activity.BLOCKED, Activity.BLOCKED, waiting=3),
            "Both workers are blocked (oldest request GET /slow, for over 10 s at sleep.py:14 time.sleep); "
            "3 wait in the kernel.",
        ),
        (
            replace(server(Activity.IDLE), ledger=ledger_of([])),
            "The only worker is idle; nobody waits in the kernel.",
        ),
        (server(Activity.DEAD), "No worker runs now."),
        (
            replace(server(Activity.DEAD), server=replace(server(Activity.DEAD).server, gone_ns=T0)),
            "The server has ended; when the same command runs again, it is shown here.",
        ),
    ],
)
def test_the_sentence_says_what_workers_do_and_who_waits(side: Side, words: str) -> None:
    assert said(side) == words


def test_figures_are_of_the_last_seconds() -> None:
    found = lately(server(Activity.BLOCKED), T0)
    assert (found.ended, found.failed) == (2, 1)
    assert found.p50_s == pytest.approx(1.0)
    assert found.per_s == pytest.approx(200.0)  # of all in ten whole seconds, not of the few that are kept
    assert served(server(Activity.BLOCKED)) == 3
    assert oldest([QUICK, SLOW]) is SLOW


def test_every_request_that_ends_counts_for_the_rate() -> None:
    """Only 256 of them are kept."""
    attached = ServerAttached(T0, "wsgi", 9, "sync", "", masters=(9,))
    events: list[Event] = [attached]
    for number in range(1, 1501):
        began_ns = T0 + number * MS
        ended_ns = began_ns + MS
        events.append(RequestBegan(began_ns, "wsgi", 1, 0, -number, 0, 0, "GET /"))
        events.append(RequestEnded(ended_ns, "wsgi", 1, 0, -number, 0, began_ns, 0, 0, ended_ns, 200, 0, ""))
    side = reduce(State(), events).sides["wsgi"]
    assert len(side.ledger.external) < 500
    assert (served(side), sum(side.run.served.values())) == (1500, 1500)
    assert lately(side, T0 + 2 * S).per_s == pytest.approx(750.0)


LOOP = Side(
    "asgi", "uvicorn", server=Server(workers={(1, 0): Worker(1, 1, Activity.IDLE, T0)}), ledger=ledger_of([SLOW])
)


def test_the_finding_that_matters_most_is_added() -> None:
    state = State(T0, attached=True, attached_ns=T0, sides={"asgi": LOOP})
    found = [
        Finding("all-workers-blocked", "asgi", "That is said."),
        Finding("loop-held", "asgi", "GET /slow holds the event loop."),
        Finding("slow-client", "asgi", "The second matters less."),
    ]
    said = attached_captions(state, T0, found)["asgi"].text
    assert said.endswith("in the kernel is not known. GET /slow holds the event loop.")


def test_what_lints_find_of_a_loop_that_is_held_is_found_of_an_external_request() -> None:
    """The server has no run: its loop is held all the same."""
    events: list[Event] = [
        ServerAttached(T0, "asgi", 9, "uvicorn", "", masters=(9,)),
        WorkerBooting(T0, "asgi", 1, 1, 1, 1, "uvicorn"),
        RequestBegan(T0, "asgi", 1, 0, -1, 0, 0, "GET /held"),
        StepBegan(T0, "asgi", 1, -1),
        LoopHeld(T0 + S, "asgi", 1, -1, S, 5, "app.py|app|time.sleep"),
    ]
    state = reduce(State(), events)
    assert [one.lint for one in findings(LintContext.of(state, T0 + S))] == ["loop-held"]
    ended = RequestEnded(T0 + 2 * S, "asgi", 1, 0, -1, -1, T0, 0, 0, T0 + 2 * S, 200, 0, "")
    after = reduce(state, [ended])  # nobody looked when its step ended: that is not recorded then
    assert after.sides["asgi"].server.loops[1].running == 0


def test_whose_request_it_is_and_that_it_is_hidden_where_that_is_asked_for() -> None:
    began = RequestBegan(T0, "wsgi", 1, 0, -1, 0, 0, "GET /secret")
    peer = RequestPeer(T0, "wsgi", 1, -1, "10.0.0.7:5000")
    attached = ServerAttached(T0, "wsgi", 9, "sync", "", masters=(9,))
    shown = reduce(State(), [attached, began, peer]).sides["wsgi"].ledger.external[-1]
    hidden = reduce(State(), [attached, redacted(began), redacted(peer)]).sides["wsgi"].ledger.external[-1]
    assert (shown.target, shown.peer) == ("GET /secret", "10.0.0.7:5000")
    assert (hidden.target, hidden.peer) == ("GET [redacted]", "")


@pytest.mark.parametrize("after_s", [0.0, 0.3, 7.7, 1000.1])
def test_the_window_follows_now_and_moves_in_steps(after_s: float) -> None:
    now_ns, span_ns = T0 + int(after_s * S), 16 * S
    found = following(T0, now_ns, span_ns)
    assert found.start_ns <= now_ns - span_ns * 3 // 4
    assert now_ns <= found.end_ns
    assert (found.start_ns - T0) % (span_ns // 8) == 0


def test_a_processs_size_and_share_stand_apart_in_the_list_of_signals() -> None:
    side = server(Activity.COMPUTING)
    [worker] = side.server.workers.values()
    for permille in (20, 810, 1000, 12_000):
        busy = replace(worker, rss_bytes=25_000_000, cpu_permille=permille)
        assert f"25 MB {permille // 10:>3} %CPU ▲ computing" in worker_words(side, busy, T0, UNICODE)


def test_what_a_signal_does_begins_below_itself() -> None:
    assert described(Offer("k", "SIGKILL", "it ends at once, and its request with it"), 32) == (
        " KILL  it ends at once, and its\n       request with it"
    )


def view_of(side: Side) -> PaneView:
    return PaneView(side, "", T0, T0 - 16 * S, T0, attached=True)


def test_what_was_served_has_no_half_of_its_troubles() -> None:
    troubled = server(Activity.BLOCKED)
    troubled = replace(troubled, server=replace(troubled.server, deaths=16))
    for width, words in (
        (80, "1 of the last 2 failed, 16 workers died"),
        (40, "1 of the last 2 failed"),
        (25, "3  1 failed"),
        (14, "3"),
    ):
        assert text_of(served_row(view_of(troubled), width, 8)).strip().endswith(words)


def test_on_stage_the_digits_are_those_of_the_oldest_request() -> None:
    assert figure(view_of(server(Activity.BLOCKED))) == "12.0"
    assert figure(view_of(replace(server(Activity.IDLE), ledger=ledger_of([])))) == ""
