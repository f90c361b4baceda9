"""Servers that somebody else runs: what is said of them, and what of their latest requests."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.states import SLEEP, T0, S, ledger_of
from wsgiviz.analysis.attached import lately, oldest, served
from wsgiviz.analysis.attached_captions import attached_captions
from wsgiviz.state import Activity, Request, Run, Server, Side, State, Worker
from wsgiviz.tui.render.window import following

SLOW = Request(-1, began_ns=T0 - 12 * S, target="GET /slow", where=SLEEP)
QUICK = Request(-2, began_ns=T0 - 2 * S, ended_ns=T0 - S, target="GET /", app_status=200)
BAD = Request(-3, began_ns=T0 - 3 * S, ended_ns=T0 - S, target="GET /bad", app_status=500)
OLD = Request(-4, began_ns=T0 - 50 * S, ended_ns=T0 - 40 * S, target="GET /old", app_status=500)


def server(*activities: Activity, waiting: int = 0) -> Side:
    workers = {(n, 0): Worker(n, n, activity, T0 - S, req=-1) for n, activity in enumerate(activities, 1)}
    requests = ledger_of([SLOW, QUICK, BAD, OLD])
    return Side(
        "wsgi", server=Server(workers=workers, queue_depth=waiting), run=Run(external=4, in_app=1), ledger=requests
    )


def said(side: Side) -> str:
    return attached_captions(State(T0, attached=True, attached_ns=T0, sides={"wsgi": side}), T0)["wsgi"].text


@pytest.mark.parametrize(
    ("side", "words"),
    [
        (
            server(Activity.BLOCKED, Activity.IDLE),
            "1 of 2 workers is blocked, GET /slow for over 10 s at sleep.py:14 time.sleep; "
            "nobody waits in the kernel.",
        ),
        (
            server(Activity.BLOCKED, Activity.BLOCKED, waiting=3),
            "Both workers are blocked, GET /slow for over 10 s at sleep.py:14 time.sleep; 3 wait in the kernel.",
        ),
        (
            replace(server(Activity.IDLE), ledger=ledger_of([])),
            "The only worker is idle; nobody waits in the kernel.",
        ),
        (server(Activity.DEAD), "The server has ended."),
    ],
)
def test_the_sentence_says_what_workers_do_and_who_waits(side: Side, words: str) -> None:
    assert said(side) == words


def test_figures_are_of_the_last_seconds() -> None:
    found = lately(server(Activity.BLOCKED), T0)
    assert (found.ended, found.failed) == (2, 1)
    assert found.p50_s == pytest.approx(1.0)
    assert found.per_s == pytest.approx(0.2)  # an older one is kept, so all of the ten seconds are known
    assert served(server(Activity.BLOCKED)) == 3
    assert oldest([QUICK, SLOW]) is SLOW


@pytest.mark.parametrize("after_s", [0.0, 0.3, 7.7, 1000.1])
def test_the_window_follows_now_and_moves_in_steps(after_s: float) -> None:
    now_ns, span_ns = T0 + int(after_s * S), 16 * S
    found = following(T0, now_ns, span_ns)
    assert found.start_ns <= now_ns - span_ns * 3 // 4
    assert now_ns <= found.end_ns
    assert (found.start_ns - T0) % (span_ns // 8) == 0
