"""The black box: what is known of a worker's death, in the row of a pane, in the inspector, and in lines."""

from __future__ import annotations

import pytest

from tests.unit.histories import BOOTED, MASTER, MS, PID, ns, reduced
from wsgiviz.analysis.attached_captions import attached_captions
from wsgiviz.analysis.black_box import DeathReport, report_of, reports
from wsgiviz.events import (
    BootLineSeen,
    Event,
    LineSeen,
    LoopBeat,
    MasterReady,
    RequestBegan,
    RequestEnded,
    ServerAttached,
    WorkerBooting,
    WorkerDied,
    WorkerGone,
    WorkerHeard,
    WorkerReady,
)
from wsgiviz.state import Side, State
from wsgiviz.state.ledger import EXTERNALS_KEPT
from wsgiviz.tui.render.attached_rows import died_row
from wsgiviz.tui.render.death_rows import brief, lines, of_request
from wsgiviz.tui.render.line import text_of
from wsgiviz.tui.render.view import PaneView

NOW = ns(12_300)
ATTACHED = ServerAttached(0, "wsgi", MASTER, "sync", "", ("gunicorn",), "/srv", (MASTER,))
BEGAN = RequestBegan(ns(100), "wsgi", PID, 0, -7, 0, 0, "GET /hang")
SEEN = LineSeen(ns(150), "wsgi", PID, 0, -7, 17, "shop.py|app|time.sleep")
RUNNING: list[Event] = [ATTACHED, *BOOTED, BEGAN, SEEN]


def side(*events: Event) -> Side:
    return reduced([*RUNNING, *events]).sides["wsgi"]


def died(status: int = 9, by_timeout: int = 0) -> WorkerDied:
    return WorkerDied(ns(300), "wsgi", MASTER, PID, status, by_timeout)


HEARD = WorkerHeard(ns(300), "wsgi", PID, ns(290))


@pytest.mark.parametrize("late", [False, True])
def test_a_killed_worker_is_reported_with_its_request_and_its_last_record(late: bool) -> None:
    """Also where its last line is read after its death."""
    events = [BEGAN, died(), HEARD, SEEN] if late else [BEGAN, SEEN, died(), HEARD]
    state = reduced([ATTACHED, *BOOTED, *events])
    [found] = reports(state.sides["wsgi"])
    assert (found.pid, found.cause.signal, found.at_ns, found.silent_ns) == (PID, "SIGKILL", ns(300), 10 * MS)
    [lost] = found.requests
    assert (lost.target, lost.age_ns, lost.line) == ("GET /hang", 200 * MS, "shop.py:17 time.sleep")
    assert found.heartbeat_ns is None, "it was not killed for having none"
    words = f"worker {found.number}, 12 s ago: killed by SIGKILL, GET /hang at shop.py:17 time.sleep"
    assert brief(found, NOW) == words


def test_a_worker_killed_for_its_timeout_has_had_no_heartbeat_since_its_request_began() -> None:
    """On SIGABRT gunicorn raises SystemExit in what it is at: the app has ended, and the request is lost."""
    aborted = RequestEnded(ns(299), "wsgi", PID, 0, -7, -1, ns(100), 0, 0, ns(299), 0, 0, "SystemExit")
    dead = side(aborted, died(6, by_timeout=1), HEARD)
    [found] = reports(dead)
    assert (found.cause.by, found.heartbeat_ns) == ("gunicorn", 200 * MS)
    request = dead.ledger.external[-7]
    assert report_of(dead, request) == found
    assert of_request(found, found.requests[0]) == (
        f"worker {found.number} (pid {PID}) was killed by gunicorn (worker timeout); "
        "last seen at shop.py:17 time.sleep; no heartbeat for 0.2 s; its last record was 0.0 s older"
    )
    state = State(ns(301), attached=True, sides={"wsgi": dead})
    assert "with GET /hang at shop.py:17 time.sleep; gunicorn starts another" in (
        attached_captions(state, ns(301))["wsgi"].text
    )


def test_a_loops_heartbeat_is_its_own() -> None:
    attached = ServerAttached(0, "asgi", MASTER, "asgi", "", ("gunicorn",), "/srv", (MASTER,))
    booted = [
        MasterReady(0, "asgi", MASTER),
        WorkerBooting(0, "asgi", PID, 1, PID, 1, "asgi"),
        WorkerReady(1, "asgi", PID),
    ]
    dead = WorkerDied(ns(300), "asgi", MASTER, PID, 6, 1)
    [found] = reports(reduced([attached, *booted, LoopBeat(ns(50), "asgi", PID, 0, 0), dead]).sides["asgi"])
    assert found.heartbeat_ns == 250 * MS


def test_one_that_died_in_loading_its_app_is_reported_at_its_line() -> None:
    booting = [ATTACHED, MasterReady(0, "wsgi", MASTER), WorkerBooting(0, "wsgi", PID, 1, PID, 1, "sync")]
    line = BootLineSeen(ns(10), "wsgi", PID, 3, "shop.py|<module>|sqlite3.connect")
    [found] = reports(reduced([*booting, line, died(11)]).sides["wsgi"])
    assert "while it loaded the app at shop.py:3 sqlite3.connect" in brief(found, NOW)


def test_one_whose_master_is_gone_is_reported_as_far_as_is_known() -> None:
    [found] = reports(side(WorkerGone(ns(300), "wsgi", PID)))
    assert (found.cause.words, found.silent_ns) == ("was killed", None)


def test_what_it_says_is_harmless_on_a_terminal() -> None:
    hostile = RequestBegan(ns(100), "wsgi", PID, 0, -8, 0, 0, "GET /\x1b]0;owned\x07")
    [found] = reports(reduced([ATTACHED, *BOOTED, hostile, died()]).sides["wsgi"])
    assert all("\x1b" not in line and "\x07" not in line for line in lines(found, NOW, False))


def test_nothing_is_reported_of_a_worker_that_went_in_order() -> None:
    found: list[DeathReport] = reports(side())
    assert found == []


def test_what_a_worker_had_is_known_however_many_requests_end_after_it() -> None:
    """Not "it held no request", once more have ended than are kept of others."""
    later = [
        RequestEnded(ns(400 + n), "wsgi", PID + 1, 0, -1000 - n, 200, ns(399 + n), 0, 0, ns(400 + n), 0, 0, "")
        for n in range(2 * EXTERNALS_KEPT)
    ]
    dead = side(died(), HEARD, *later)
    assert len(dead.ledger.external) == EXTERNALS_KEPT + 1
    [found] = reports(dead)
    assert [lost.target for lost in found.requests] == ["GET /hang"]


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (100, "GET /hang at shop.py:17 time.sleep"),
        (75, "killed by SIGKILL, GET /hang at shop.py:17"),
        (62, "killed by SIGKILL, GET /hang"),
        (48, "12 s ago: killed by SIGKILL"),
        (30, "12 s ago"),
    ],
)
def test_the_newest_death_loses_its_call_and_then_its_line_before_it_is_cut(width: int, words: str) -> None:
    view = PaneView(side(died(), HEARD), "", NOW, NOW - ns(2000), NOW, attached=True)
    assert text_of(died_row(view, width, 9)).strip().endswith(words)


def test_a_worker_that_held_nothing_loses_its_cause_before_when_it_died() -> None:
    idle = reduced([ATTACHED, *BOOTED, died(), HEARD]).sides["wsgi"]
    view = PaneView(idle, "", NOW, NOW - ns(2000), NOW, attached=True)
    said = [text_of(died_row(view, width, 9)).strip() for width in (48, 40)]
    assert [words.partition(", ")[2] for words in said] == ["12 s ago: killed by SIGKILL", "12 s ago"]
