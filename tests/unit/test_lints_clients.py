"""Lints of clients, and of an app that is its own: where each applies, with which numbers, and where it is silent."""

from __future__ import annotations

from msgspec.structs import replace

from tests.unit.lint_contexts import (
    BOOTED,
    DRIVER,
    PID,
    at,
    booted,
    but,
    context,
    ended,
    fired,
    opened,
    over,
    queued,
    reduced,
    rows,
    says,
    seen,
    side,
    taken,
    worker,
)
from tests.unit.states import RUN, S
from wsgiviz.analysis.lints.deaths import lost_with
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.events import (
    AcceptorClosing,
    ClientSeen,
    ConnectionAccepted,
    LineSeen,
    RequestEnded,
    RequestFailed,
    SelfCallsSampled,
    WorkerDied,
    WorkerStopping,
)
from wsgiviz.report.result import result
from wsgiviz.state import Activity, Tally

CLIENT = "127.0.0.1:50312"
ACCEPTED = [ConnectionAccepted(at(0.1), "wsgi", PID, 0, 0)]
SILENT = [*ACCEPTED, ClientSeen(at(0.5), "wsgi", PID, 0, 0, CLIENT)]

# --- silent clients ------------------------------------------------------------------------------------------------


def test_a_client_that_has_sent_no_byte_is_named() -> None:
    state = reduced(BOOTED, SILENT, [queued(0.6, 2)])
    assert says("silent-client", seen(state, 3.0)) == (
        "The only worker is held by a client (127.0.0.1:50312) that has sent no byte for over 2 s; 2 requests wait "
        "in the kernel, not yet read by anyone; gunicorn kills a sync "
        "worker for that after --timeout."
    )
    assert says("slow-client", seen(state, 3.0)) is None, "it is not slow: it says nothing"


def test_a_silent_client_is_never_called_slow_not_even_when_it_has_gone() -> None:
    gone = [RequestEnded(at(4.0), "wsgi", PID, 0, 0, 0, 0, 0, 0, 0, 0, 0, "")]
    stopping = [WorkerStopping(at(4.0), "wsgi", PID, 6)]
    for end in (gone, stopping, taken(1, 4.0)):
        assert says("slow-client", seen(reduced(BOOTED, SILENT, end), 4.2)) is None
    heard = [ClientSeen(at(2.0), "wsgi", PID, 0, 17, CLIENT)]
    assert says("slow-client", seen(reduced(BOOTED, SILENT, heard), 4.2)) is not None, "it has begun to send"


def test_silent_connections_are_counted_once_each_with_the_longest() -> None:
    still = [ClientSeen(at(1.5), "wsgi", PID, 0, 0, CLIENT)]
    gone = [RequestEnded(at(2.0), "wsgi", PID, 0, 0, 0, 0, 0, 0, 0, 0, 0, "")]
    other = [ConnectionAccepted(at(3.0), "wsgi", PID, 0, 0), ClientSeen(at(3.25), "wsgi", PID, 0, 0, CLIENT)]
    state = reduced(BOOTED, SILENT, still, gone, other)
    linux = result(replace(state, host={"platform": "Linux-6.1"}), Occurrences())["sides"]["wsgi"]
    other = result(replace(state, host={"platform": "macOS-14"}), Occurrences())["sides"]["wsgi"]
    assert linux["silent_clients"] == {"count": 2, "max_s": 1.4}
    assert (other["silent_clients"], other["self_calls"]) == (None, None), "not known is not zero"


def test_one_that_has_sent_something_is_slow_and_not_silent() -> None:
    state = reduced(BOOTED, ACCEPTED, [ClientSeen(at(0.5), "wsgi", PID, 0, 17, CLIENT)])
    assert says("silent-client", seen(state, 3.0)) is None
    assert says("slow-client", seen(state, 3.0)) is not None


def test_after_a_run_it_says_who_held_the_workers() -> None:
    """In the past tense: when a run is over, nobody is held any more."""
    tally = Tally(requests=5, reading_ns=S, writing_ns=2 * S, app_ns=S)
    slots = rows(*(replace(worker(pid, Activity.IDLE, 2.0), tally=tally) for pid in (1, 2)))
    shown = over(side(workers=slots), 4.0)
    assert says("slow-client", context(shown, at_s=9)) == (
        "Slow clients held the workers, with nothing in the app: "
        "a proxy in front, gthread or an ASGI server would have waited instead."
    )
    assert says("slow-client", context(but(shown, silent_clients=1), at_s=9)) is None, "they were silent"
    short = rows(*(replace(one, tally=replace(tally, requests=50)) for one in slots.values()))
    assert says("slow-client", context(but(shown, workers=short), at_s=9)) is None, "60 ms for each request"


def test_what_is_not_known_is_not_called_silence() -> None:
    state = reduced(BOOTED, ACCEPTED, [ClientSeen(at(0.5), "wsgi", PID, 0, -1, CLIENT)])
    assert says("silent-client", seen(state, 3.0)) is None


def test_a_request_that_comes_after_all_ends_the_silence() -> None:
    state = reduced(BOOTED, SILENT, taken(1, 2.0))
    assert state.sides["wsgi"].server.workers[PID, 0].client is None
    assert says("silent-client", seen(state, 2.1)) is None


def test_word_of_a_client_that_comes_too_late_is_not_taken_for_the_next_ones() -> None:
    late = ClientSeen(at(0.5), "wsgi", PID, 0, 0, CLIENT)
    again = [RequestEnded(at(0.6), "wsgi", PID, 0, 0, 0, 0, 0, 0, 0, 0, 0, ""),
             ConnectionAccepted(at(0.7), "wsgi", PID, 0, 0)]  # fmt: skip
    state = reduced(BOOTED, ACCEPTED, again, [late])
    assert state.sides["wsgi"].server.workers[PID, 0].client is None


def test_a_worker_killed_for_silence_dies_of_that() -> None:
    """gunicorn's SIGABRT unwinds `handle`, so the connection's end is recorded before the death."""
    unwound = [
        WorkerStopping(at(30.1), "wsgi", PID, 6),
        RequestEnded(at(30.11), "wsgi", PID, 0, 0, 0, 0, 0, 0, 0, 0, 0, ""),
        WorkerDied(at(30.2), "wsgi", DRIVER, PID, -1, 1),
    ]
    state = reduced(BOOTED, SILENT, unwound)
    side = state.sides["wsgi"]
    assert lost_with(seen(state, 30.3), side, side.server.workers[PID, 0]) == (
        " while a client (127.0.0.1:50312) held it that had sent no byte for 30.10 s"
    )
    assert "sent no byte" in (says("worker-timeout", seen(state, 30.3)) or "")


# --- clients that do not hang up ---------------------------------------------------------------------------------

GTHREAD = [*opened("gthread"), *booted(threads=2, kind="gthread"), *fired()]


def closing(at_s: float, on: int) -> AcceptorClosing:
    return AcceptorClosing(at(at_s), "wsgi", PID, on)


def test_an_accepting_thread_that_waits_for_a_client_stops_its_idle_threads() -> None:
    state = reduced(GTHREAD, [closing(1.0, 1), queued(1.2, 3)])
    assert says("lingering-client", seen(state, 1.1)) is None, "not for so short a time"
    assert says("lingering-client", seen(state, 1.5)) == (
        "The accepting thread of worker 1 waits for a client to hang up that has its answer: up to 2 s each, in "
        "which nobody is accepted, while 2 of its threads are idle; 3 requests wait in the kernel, not yet read by "
        "anyone."
    )


def test_after_the_run_it_is_said_how_long_accepting_threads_stood_still() -> None:
    state = reduced(GTHREAD, [closing(1.0, 1), closing(2.9, 0), closing(3.0, 1), closing(4.0, 0)], ended(5.0))
    assert says("lingering-client", seen(state, 5.1)) == (
        "Accepting threads stood still for 2.90 s in all, up to 1.90 s at a time, until clients that had their "
        "answers hung up."
    )
    run = state.sides["wsgi"].run
    assert (run.acceptor_ns, run.acceptor_most_ns) == (2_900_000_000, 1_900_000_000)


def test_short_closing_is_nothing_to_speak_of() -> None:
    state = reduced(GTHREAD, [closing(1.0, 1), closing(1.1, 0)], ended(2.0))
    assert says("lingering-client", seen(state, 2.1)) is None


# --- self-calls ----------------------------------------------------------------------------------------------------

CALLS = [
    *taken(1, 0.01),
    LineSeen(at(0.1), "wsgi", PID, 0, RUN + 1, 9, "app.py|app|urlopen"),
    SelfCallsSampled(at(1.0), "wsgi", PID, 1),
]


def test_a_worker_that_waits_for_its_own_server_is_named_with_its_line() -> None:
    state = reduced(BOOTED, CALLS)
    said = says("self-call", seen(state, 1.1, own_app=True))
    assert said == (
        "Worker 1 waits at app.py:9 urlopen for its own server, where nobody is free to answer: "
        "1 connection from it waits."
    )


def test_a_self_call_is_none_of_our_business_while_somebody_is_free_to_answer_it() -> None:
    state = reduced(BOOTED, booted(pid=101, number=2), CALLS)
    assert says("self-call", seen(state, 1.1)) is None


def test_after_the_run_the_line_is_that_at_which_most_waited() -> None:
    done = [
        SelfCallsSampled(at(4.0), "wsgi", PID, 0),
        RequestEnded(at(4.1), "wsgi", PID, 0, RUN + 1, 0, at(0.01), 0, 0, at(4.1), 200, 1, ""),
    ]
    state = reduced(BOOTED, CALLS, done, ended(4.2))
    assert state.sides["wsgi"].server.self_calls == {}
    assert says("self-call", seen(state, 4.3)) == (
        "The app called its own server at app.py:9 urlopen: a connection waited for workers that waited for it."
    )


def test_a_self_call_that_another_worker_could_answer_is_no_deadlock_after_the_run_either() -> None:
    state = reduced(BOOTED, booted(pid=101, number=2), CALLS, ended(4.2))
    run = state.sides["wsgi"].run
    assert (run.self_calls, run.self_calls_stuck) == (1, 0)
    assert says("self-call", seen(state, 4.3)) is None


def test_an_accepting_thread_that_is_still_held_when_the_run_ends_counts() -> None:
    state = reduced(GTHREAD, [closing(1.0, 1), closing(2.0, 0), closing(2.5, 1)], ended(4.0))
    side = result(state, Occurrences())["sides"]["wsgi"]
    assert side["accepting_threads_held"] == {"seconds": 2.5, "max_s": 1.5}


# --- served for nobody ---------------------------------------------------------------------------------------------


def test_what_was_served_for_nobody_is_counted_with_its_time() -> None:
    gone = [
        RequestFailed(at(1.0), "wsgi", DRIVER, RUN + 1, "timeout"),
        RequestEnded(at(3.0), "wsgi", PID, 0, RUN + 1, 0, at(0.01), 0, 0, at(3.0), 200, 1, ""),
    ]
    state = reduced(BOOTED, taken(1, 0.01), gone)
    assert says("served-for-nobody", seen(state, 3.1)) is None, "the run is on"
    over = reduced(ended(3.1), before=state)
    assert says("served-for-nobody", seen(over, 3.2)) == (
        "WSGI served 1 request for nobody, whose client had given up, for 2.00 s after they had gone."
    )


def test_nothing_is_said_of_requests_that_were_waited_for() -> None:
    done = [RequestEnded(at(0.5), "wsgi", PID, 0, RUN + 1, 0, at(0.01), 0, 0, at(0.5), 200, 1, "")]
    assert says("served-for-nobody", seen(reduced(BOOTED, taken(1, 0.01), done, ended(1.0)), 1.1)) is None


# --- whatever their order ------------------------------------------------------------------------------------------


def test_a_late_word_of_a_dead_worker_changes_nothing_but_what_was() -> None:
    """The acceptor's end is read after the death: its time counts all the same."""
    died = [WorkerDied(at(3.0), "wsgi", DRIVER, PID, -1, 0)]
    first = reduced(GTHREAD, [closing(1.0, 1), closing(2.0, 0)], died)
    late = reduced(GTHREAD, [closing(1.0, 1)], died, [closing(2.0, 0)])
    assert first.sides["wsgi"].run == late.sides["wsgi"].run
    assert all(worker.activity is Activity.DEAD for worker in late.sides["wsgi"].server.workers.values())
    assert replace(first, sides={}) == replace(late, sides={})
