"""The death of a worker: of what, by whom, what it took along, and where it was last seen."""

from __future__ import annotations

import os

import pytest
from msgspec.structs import replace

from tests.unit.histories import BOOTED, MASTER, MS, OPENED, PID, activities, began, ended, ns, reduced, req, started
from wsgiviz.analysis import deaths, metrics
from wsgiviz.analysis.captions import caption
from wsgiviz.analysis.lints import BY_NAME, LintContext
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.events import (
    ActionTaken,
    BootLineSeen,
    ConnectionAccepted,
    ConnectionClosing,
    Event,
    LineSeen,
    RequestEnded,
    RequestFailed,
    ThreadSampled,
    WorkerBooting,
    WorkerDied,
    WorkerExited,
    WorkerGone,
    WorkerReady,
    WorkerStopping,
)
from wsgiviz.observe.kernel import gone_status
from wsgiviz.state import Activity, Phase, Side, State
from wsgiviz.state.state import State as Whole

RUNNING: list[Event] = [*BOOTED, *started(), began(1, 20)]
SEEN = LineSeen(ns(40), "wsgi", PID, 0, req(1), 5, "segv.py|app|time.sleep")


def died(status: int, by_timeout: int = 0, sent: int = 0, oom: str = "", at: float = 80) -> WorkerDied:
    return WorkerDied(ns(at), "wsgi", MASTER, PID, status, by_timeout, sent, oom)


def side_of(state: Whole) -> Side:
    return state.sides["wsgi"]


def cause_of(*events: Event) -> deaths.Cause:
    side = side_of(reduced([*RUNNING, *events]))
    return deaths.cause(side.server.workers[PID, 0], side)


def told(number: str) -> ActionTaken:
    return ActionTaken(ns(60), "wsgi", PID, "end_worker", number)


EXITED = WorkerExited(ns(79), "wsgi", PID)
ASKED = "ended as asked (SIGTERM from wsgiviz)"
FAILED = "ended itself with exit status 3"
CAUSES: dict[str, tuple[list[Event], str, str | None, bool]] = {
    "segv": ([died(11)], "crashed with SIGSEGV", "kernel", True),
    "segv with a core": ([died(11 | 0x80)], "crashed with SIGSEGV", "kernel", True),
    "abort": ([died(6)], "aborted (SIGABRT)", "itself", True),
    "kill": ([died(9)], "was killed by SIGKILL", None, True),
    "oom": ([died(9, oom="pid")], "was killed by the kernel: out of memory (SIGKILL)", "kernel", True),
    "oom of somebody": (
        [died(9, oom="oom")],
        "was killed by SIGKILL (the kernel has ended a process for lack of memory: maybe this one)",
        None,
        True,
    ),
    "ours": ([told("SIGKILL"), died(9)], "was killed by SIGKILL from wsgiviz", "wsgiviz", True),
    "master": ([died(9, sent=9)], "was ended by gunicorn (SIGKILL)", "gunicorn", True),
    "timeout": ([died(9, 1, 9)], "was killed by gunicorn (worker timeout)", "gunicorn", True),
    "timeout handled": ([EXITED, died(256, 1, 6)], "was killed by gunicorn (worker timeout)", "gunicorn", True),
    "unheard of": ([died(50)], "was killed by signal 50", None, True),
    "os._exit": ([died(7 << 8)], "ended itself with exit status 7 (os._exit)", "itself", True),
    "os._exit(0)": ([died(0)], "ended itself with exit status 0 (os._exit)", "itself", True),
    "sys.exit": ([EXITED, died(3 << 8)], "ended itself with exit status 3", "itself", True),
    "in order": ([EXITED, died(0)], "exited", None, False),
    "stopped": ([died(15, sent=15)], "exited", None, False),
    "asked to stop": ([told("SIGTERM"), EXITED, died(0)], ASKED, "wsgiviz", False),
    "asked to stop, not known how": ([told("SIGTERM"), died(-1)], ASKED, "wsgiviz", False),
    "asked to stop, as uvicorn does": ([told("SIGTERM"), died(15)], ASKED, "wsgiviz", False),
    "asked to stop, and crashed": ([told("SIGTERM"), died(11)], "crashed with SIGSEGV", "kernel", True),
    "asked to stop, and failed": ([told("SIGTERM"), EXITED, died(3 << 8)], FAILED, "itself", True),
    "asked to be killed, and sooner": ([told("SIGKILL"), EXITED, died(3 << 8)], FAILED, "itself", True),
    "not known": ([died(-1)], "was killed", None, True),
}  # fmt: skip


@pytest.mark.parametrize("name", CAUSES)
def test_of_what_and_by_whom(name: str) -> None:
    events, words, by, counts = CAUSES[name]
    found = cause_of(*events)
    assert (found.words, found.by) == (words, by)
    assert side_of(reduced([*RUNNING, *events])).deaths == int(counts)


def test_a_worker_that_aborts_by_itself_was_not_killed_for_its_timeout() -> None:
    assert cause_of(WorkerStopping(ns(79), "wsgi", PID, 6), died(6)).by == "itself"
    assert cause_of(WorkerStopping(ns(79), "wsgi", PID, 6), died(-1)).by == "gunicorn", "as recordings of old have it"


def test_the_kernel_says_so_first_and_its_master_knows_more() -> None:
    gone = reduced([*RUNNING, WorkerGone(ns(60), "wsgi", PID, 7 << 8)])
    assert side_of(gone).deaths == 1
    assert not gone.sides["wsgi"].in_app()
    both = side_of(reduced([*RUNNING, WorkerGone(ns(60), "wsgi", PID, 9)], [died(9, 1, 9, at=90)]))
    [worker] = both.server.workers.values()
    assert worker.death is not None
    assert (both.deaths, worker.died_of, worker.death.t_ns) == (1, "timeout", ns(60))
    again = reduced([*RUNNING, died(9)], [WorkerGone(ns(90), "wsgi", PID, 9)])
    assert side_of(again).deaths == 1
    assert side_of(again).server.graves[PID].t_ns == ns(80)


def test_a_dead_worker_is_not_blocked() -> None:
    """Its process may take a while to end, and its master to notice: no sample has seen it alive in the app."""
    fresh = side_of(reduced([*RUNNING, died(1 << 8, at=70)]))
    assert fresh.server.workers[PID, 0].since_ns == ns(20), "nobody has looked at it yet"
    long_ago = side_of(reduced([*RUNNING, died(1 << 8, at=900)]))
    assert long_ago.server.workers[PID, 0].since_ns == ns(900), "nobody has looked for long: it may have lived"
    idle = ThreadSampled(ns(15), "wsgi", PID, 0, 0, 0, "S")
    zombie = ThreadSampled(ns(60), "wsgi", PID, 0, 0, 0, "Z")
    side = side_of(reduced([*BOOTED, *started(), idle, began(1, 20), zombie, died(1 << 8)]))
    assert activities(side)[-2:] == ["computing", "dead"]
    assert side.server.workers[PID, 0].since_ns == ns(20)
    assert metrics.fractions(side, ns(100)).busy == pytest.approx(0.1)  # 1 ms of reading in 10 ms of its life
    seen = ThreadSampled(ns(50), "wsgi", PID, 0, 0, 0, "S")
    side = side_of(reduced([*BOOTED, *started(), idle, began(1, 20), seen, zombie, died(9)]))
    assert side.server.workers[PID, 0].since_ns == ns(50), "until then it is known to have lived"


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="there is no /proc here")
def test_a_zombie_has_its_exit_status_and_who_lives_has_none() -> None:
    pid = os.fork()
    if not pid:
        os._exit(7)
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert gone_status(pid) == 7 << 8
    finally:
        os.waitpid(pid, 0)
    assert gone_status(pid) is None, "its parent knows"
    assert gone_status(os.getpid()) is None


# --- what is said of it ------------------------------------------------------------------------------------------


def finding(state: State, now: float = 100) -> str | None:
    context = LintContext.of(state, ns(now))
    return BY_NAME["worker-died"].of(context, state.sides["wsgi"])


def test_the_line_may_be_stale() -> None:
    state = reduced([*RUNNING, SEEN, died(11)])
    assert finding(state) == ("Worker 1 crashed with SIGSEGV while it held #1, last seen at segv.py:5 time.sleep.")
    assert finding(state, 9_000) is None, "for ever is too long"
    assert finding(reduced([*RUNNING, SEEN, died(9, 1, 9)])) is None, "that is another lint's"
    assert finding(reduced([*RUNNING, SEEN, EXITED, died(0)])) is None


def second(pid: int, n: int, status: int) -> list[Event]:
    at = 100 + 10 * n
    return [
        WorkerBooting(ns(at), "wsgi", pid, n, pid, 1, "sync"),
        WorkerReady(ns(at + 1), "wsgi", pid),
        began(n, at + 2, pid),
        WorkerDied(ns(at + 5), "wsgi", MASTER, pid, status),
    ]


def test_several_deaths() -> None:
    alike = reduced([*RUNNING, died(1 << 8), *second(201, 2, 1 << 8), *second(202, 3, 1 << 8)])
    assert finding(alike, 200) == (
        "3 workers ended themselves with exit status 1 (os._exit), the last while it held #3."
    )
    mixed = reduced([*RUNNING, died(11), *second(201, 2, 11), *second(202, 3, 9)])
    assert finding(mixed, 200) == "3 workers died: 2 × SIGSEGV, 1 × SIGKILL, the last while it held #3."


def test_the_sentence_while_the_run_is_on() -> None:
    state = reduced([*RUNNING, SEEN, died(7 << 8)])
    said = caption(replace(state, phase=Phase.RUNNING), ns(100), Occurrences())
    assert said.text == (
        "Worker 1 ended itself with exit status 7 (os._exit) while it held #1, last seen at segv.py:5 time.sleep; "
        "gunicorn starts another in its place."
    )


def test_the_json_has_each_death_once_and_in_its_place() -> None:
    failed = RequestFailed(ns(81), "wsgi", 1, req(1), "closed")
    side = side_of(reduced([*RUNNING, SEEN, died(11), failed, *second(201, 2, 7 << 8)]))
    first, other = deaths.rows(side)
    assert (first.worker, first.pid, first.signal, first.exit_status) == (1, PID, "SIGSEGV", None)
    assert (first.requests, first.last_seen_at, first.by) == ([1], "segv.py:5 time.sleep", "kernel")
    assert (other.signal, other.exit_status, other.requests, other.booting) == (None, 7, [2], False)
    assert metrics.raised(side) == {}, "nothing was raised"
    assert side.run.errors == {"closed": 1}


# --- loading the app ---------------------------------------------------------------------------------------------

LOADS: list[Event] = [
    *OPENED,
    WorkerBooting(ns(1), "wsgi", PID, 1, PID, 1, "sync"),
    BootLineSeen(ns(30), "wsgi", PID, 3, "slow.py|<module>|time.sleep"),
]


def test_where_it_was_when_it_died_while_it_loaded_the_app() -> None:
    side = side_of(reduced([*LOADS, died(11)]))
    [worker] = side.server.workers.values()
    assert worker.died_booting
    [row] = deaths.rows(side)
    assert (row.booting, row.last_seen_at) == (True, "slow.py:3 time.sleep")
    stopped = side_of(reduced([*LOADS, died(15, sent=15)])).server.workers[PID, 0]
    assert not stopped.died_booting
    ready = side_of(reduced([*BOOTED, died(11)])).server.workers[PID, 0]
    assert not ready.died_booting


# --- what comes too late, from the sampler of a worker -----------------------------------------------------------


def test_a_connection_that_was_taken_up_before_the_slot_went_on_is_old_news() -> None:
    events = [*BOOTED, *started(), began(1, 20), ended(1, 20, lasts=50)]
    late = ConnectionAccepted(ns(19), "wsgi", PID, 0, 0)
    assert activities(side_of(reduced([*events, late])))[-1] == "idle"
    fresh = ConnectionAccepted(ns(90), "wsgi", PID, 0, 0)
    assert activities(side_of(reduced([*events, fresh])))[-1] == "reading"


def test_closing_is_of_the_request_that_the_slot_holds() -> None:
    events = [*BOOTED, *started(), began(1, 20), ended(1, 20, lasts=50), began(2, 100)]
    side = side_of(reduced([*events, ConnectionClosing(ns(101), "wsgi", PID, 0, req(1), ns(70))]))
    assert side.server.workers[PID, 0].activity is Activity.COMPUTING


def test_the_end_of_a_connection_without_a_request_does_not_end_one() -> None:
    nothing = RequestEnded(ns(40), "wsgi", PID, 0, 0, 0, 0, 0, 0, 0, 0, 0, "")
    worker = side_of(reduced([*RUNNING, nothing])).server.workers[PID, 0]
    assert (worker.activity, worker.req) == (Activity.COMPUTING, req(1))


def test_cpu_time_that_is_not_known_is_none() -> None:
    end = RequestEnded(ns(60), "wsgi", PID, 0, req(1), -1, ns(20), ns(50), ns(50), ns(50), 200, 1, "")
    tally = side_of(reduced([*RUNNING, end])).server.workers[PID, 0].tally
    assert (tally.cpu_ns, tally.app_ns) == (0, 30 * MS)
