"""The sentence under the panes: which rule applies, with which numbers, and that it stays calm."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.lint_contexts import (
    BOOTED,
    DRIVER,
    PID,
    at,
    booted,
    but,
    ended,
    over,
    reduced,
    side,
    state_of,
    taken,
)
from tests.unit.states import MS, RUN, T0, S, sleeping_workers
from wsgiviz.analysis.captions import PHASES, Caption, Tone, caption
from wsgiviz.analysis.lints import Finding
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.events import ChunkWriting, PhaseChanged, RequestFailed, ResponseReceived, RunEnded, RunRequested
from wsgiviz.settings import make
from wsgiviz.state import (
    Activity,
    Death,
    Loop,
    LoopTally,
    Phase,
    Request,
    Side,
    Slot,
    Span,
    State,
    Tally,
    Task,
    Worker,
)

AT_WORK = side()


def caption_of(*sides: Side, at_s: float = 0.5, **more: Any) -> Caption:
    """The caption of a State ``at_s`` into the run, whose lints are evaluated then."""
    return said(state_of(*sides, t_ns=at(at_s), **more), at_s)


def said(state: State, at_s: float) -> Caption:
    return caption(state, at(at_s), Occurrences().after(replace(state, t_ns=at(at_s))))


def says(*sides: Side, at_s: float = 0.5, **more: Any) -> str:
    return caption_of(*sides, at_s=at_s, **more).text


def workers(*activities: Activity, began_s: float = 0.0) -> dict[Slot, Worker]:
    since = T0 + int(began_s * S)
    return {
        (pid, 0): Worker(pid, pid, activity, since, req=RUN + pid, spans=(Span(since, 0, activity, RUN + pid),))
        for pid, activity in enumerate(activities, 1)
    }


def tasks(count: int, task: Task) -> list[Request]:
    return [Request(RUN + n, T0, T0, began_ns=T0, task=task) for n in range(1, count + 1)]


def finished(name: str, took_s: float, service_s: float, activity: Activity = Activity.BLOCKED, **more: Any) -> Side:
    """A run of twenty that is over, its four workers having done nothing but ``activity``."""
    end, began = T0 + int(took_s * S), T0 + int((took_s - service_s) * S)
    done = [Request(RUN + n, T0, T0, began_ns=began, ended_ns=end, received_ns=end) for n in range(20)]
    busy_ns = int(took_s * S)
    computed_ns = busy_ns if activity is Activity.COMPUTING else 0
    tally = Tally(requests=5, app_ns=busy_ns, cpu_ns=computed_ns)
    rows = {(pid, 0): Worker(pid, pid, Activity.IDLE, end, tally=tally) for pid in range(1, 5)}
    kind = more.pop("kind", "asgi" if name == "asgi" else "sync")
    return over(side(name, kind, done, workers=rows, **more), took_s)


# --- phases ------------------------------------------------------------------------------------------------------


def test_before_anything_was_fired_it_says_how() -> None:
    assert says(Side("wsgi"), phase=Phase.READY, run=0, fired=0) == "Ready."


@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_without_servers_says_what_is_done_about_it(phase: Phase) -> None:
    found = caption_of(sleeping_workers(0.5), phase=phase)
    assert found == PHASES[phase]
    assert (found.tone is Tone.WARN) is (phase is Phase.FAILED)


def test_until_the_driver_has_begun_it_is_firing() -> None:
    before = reduced(BOOTED, ended(1))
    fired = [PhaseChanged(at(2), "", 0, "running"), RunRequested(at(2), "", 0, 2, 4, ("wsgi",))]
    assert said(reduced(fired, before=before), 2).text == "Firing ..."
    assert said(reduced(BOOTED), 0.1).text == "4 requests in progress."


def test_users_have_as_many_requests_in_progress_as_they_are() -> None:
    users = make(arrivals="closed", concurrency=2, requests=4)
    assert said(replace(reduced(BOOTED), settings=users), 0.1).text == (
        "2 users send 4 requests, each when the one before it is answered."
    )


def test_a_calibration_is_no_run_that_has_a_result() -> None:
    measured = finished("wsgi", 0.05, 0.05, calibration=True)
    assert says(measured, phase=Phase.READY, fired=0) == "Ready."


# --- workers -----------------------------------------------------------------------------------------------------


def test_all_workers_blocked_and_what_waits_where() -> None:
    found = caption_of(sleeping_workers(0.5))
    assert found.text == (
        "All 4 workers are blocked in time.sleep(1); 16 requests wait in the kernel, not yet read by anyone."
    )
    assert found.tone is Tone.WARN


@pytest.mark.parametrize(
    ("count", "depth", "text"),
    [
        (1, 1, "The only worker is blocked in time.sleep(1); 1 request waits in the kernel, "
               "not yet read by anyone."),
        (2, 0, "Both workers are blocked in time.sleep(1); the next request has to wait."),
        (2, -1, "Both workers are blocked in time.sleep(1); the next request has to wait."),
        (2, 187, "Both workers are blocked in time.sleep(1); over 180 requests wait in the kernel, "
                 "not yet read by anyone."),
    ],
)  # fmt: skip
def test_how_many_wait_is_said_in_words_that_fit(count: int, depth: int, text: str) -> None:
    assert says(but(AT_WORK, workers=workers(*[Activity.BLOCKED] * count), queue_depth=depth)) == text


def test_some_workers_blocked() -> None:
    shown = but(AT_WORK, workers=workers(Activity.BLOCKED, Activity.IDLE, Activity.IDLE), queue_depth=0)
    assert says(shown) == "1 of 3 workers is blocked in time.sleep(1); nobody waits for a worker."
    assert says(but(shown, queue_depth=2)) == (
        "1 of 3 workers is blocked in time.sleep(1); 2 requests wait in the kernel, not yet read by anyone."
    )


def test_the_moment_between_two_requests_does_not_change_the_sentence() -> None:
    before = says(sleeping_workers(0.99), at_s=0.99)
    between, end = sleeping_workers(0.99), T0 + S
    spans = Span(T0, end, Activity.BLOCKED, RUN + 1), Span(end, 0, Activity.IDLE, 0)
    rows = {
        pid: replace(worker, activity=Activity.IDLE, since_ns=end, spans=spans)
        for pid, worker in between.server.workers.items()
    }
    assert says(but(between, workers=rows), at_s=1.005) == before
    assert says(but(between, workers=rows), at_s=1.2) != before


def test_a_frame_later_it_says_the_same() -> None:
    texts = {says(sleeping_workers(at_s), at_s=at_s) for at_s in (1.2, 1.233, 1.266, 1.9)}
    assert len(texts) == 1


def test_more_processes_than_cores_take_turns() -> None:
    shown = but(AT_WORK, workers=workers(*[Activity.COMPUTING] * 4), queue_depth=16)
    assert says(shown) == (
        "4 workers compute on 2 cores; 16 requests wait in the kernel, not yet read by anyone: "
        "more processes than cores take turns and gain nothing."
    )
    assert says(shown, cores=4) == (
        "All 4 workers are computing; 16 requests wait in the kernel, not yet read by anyone: "
        "none waits in the app, so async gains nothing."
    )
    turns = but(AT_WORK, workers=workers(Activity.WAITING_FOR_GIL, Activity.COMPUTING), queue_depth=0)
    assert says(turns) == (
        "Both workers are computing or waiting for the GIL: there is nothing to wait for, so async gains nothing."
    )


def test_requests_too_short_to_be_seen() -> None:
    done = [Request(RUN + n, T0, T0, began_ns=T0, ended_ns=T0 + MS // 2, received_ns=T0 + MS) for n in range(8)]
    shown = but(AT_WORK, workers=workers(Activity.IDLE, Activity.WRITING, began_s=0.499), requests=done)
    assert says(shown) == "A request takes less than 1 ms: nobody waits long enough to be seen."


def test_a_slow_client_holds_the_workers_that_read() -> None:
    shown = but(AT_WORK, workers=workers(Activity.READING, Activity.READING))
    assert says(shown) == (
        "Both workers are held by slow clients (2 reading a request), with nothing in the app: "
        "a proxy in front, gthread or an ASGI server would wait instead."
    )
    assert says(shown, at_s=0.2) == "20 requests in progress."
    plain = says(shown, settings=make(silence="slow-client"))
    assert plain == "Both workers are reading a request that its client sends slowly."


# --- requests that nobody waits for any more ---------------------------------------------------------------------


def received(n: int, at_s: float, side: str = "wsgi") -> ResponseReceived:
    return ResponseReceived(at(at_s), side, DRIVER, RUN + n, 200, 2)


def test_a_worker_whose_client_has_its_answer_is_still_in_the_app() -> None:
    """A WSGI iterable's close(), or what a framework does after the answer."""
    state = reduced(BOOTED, taken(1, 0.01), [received(1, 0.1)])
    assert said(state, 0.15).text == "The only worker is blocked in time.sleep(1); the next request has to wait."
    assert said(state, 0.65).text == (
        "Worker 1 is still in the app after its client had the answer (over 0.5 s so far)."
    )
    assert said(state, 0.95).text == said(state, 0.65).text, "calm"
    two = reduced(booted(pid=101, number=2), taken(2, 0.2, pid=101), [received(2, 0.4)], before=state)
    assert said(two, 0.65).text == (
        "2 workers are still in the app after their clients had the answer (over 0.5 s so far)."
    )


def test_tasks_whose_clients_have_their_answers_are_still_in_the_app() -> None:
    going_on = [replace(request, received_ns=T0 + 100 * MS) for request in tasks(3, Task.AWAITING)]
    assert says(side("asgi", "asgi", going_on)) == (
        "3 requests are still in the app after their clients had the answer (over 0.2 s so far)."
    )
    over, still = side("asgi", "asgi", going_on, ended_ns=at(0.3)), "still in the app"
    assert still in says(over)
    assert still not in says(but(over, lost=9)), "what was lost may be their ends"
    assert says(side("asgi", "asgi", going_on[:1])) == (
        "1 request is still in the app after its client had the answer (over 0.2 s so far)."
    )


def test_a_worker_that_serves_a_request_whose_client_has_given_up() -> None:
    gone = RequestFailed(at(0.2), "wsgi", DRIVER, RUN + 1, "timeout")
    state = reduced(BOOTED, taken(1, 0.01), [gone])
    found = said(state, 0.3)
    assert found == Caption("1 worker serves a request whose client has given up.", Tone.WARN)
    also = [*taken(2, 0.2, pid=101), RequestFailed(at(0.3), "wsgi", DRIVER, RUN + 2, "timeout")]
    two = reduced(booted(pid=101, number=2), also, before=state)
    assert said(two, 0.4).text == "2 workers serve requests whose clients have given up."
    writes = ChunkWriting(at(0.35), "wsgi", PID, 0, RUN + 1, 1)
    assert said(reduced([writes], before=state), 0.4).text == found.text, "whatever it does for it"


def test_a_loop_that_serves_requests_whose_clients_have_given_up() -> None:
    gone = [replace(request, failed_ns=T0 + 100 * MS) for request in tasks(3, Task.AWAITING)]
    assert says(side("asgi", "asgi", gone)) == "The event loop serves requests whose clients have given up."


# --- loops -------------------------------------------------------------------------------------------------------


def test_what_awaits_leaves_the_loop_free() -> None:
    found = caption_of(side("asgi", "asgi", tasks(20, Task.AWAITING)))
    assert found.text == "20 requests wait at once in asyncio.sleep(1); the event loop is free for others."
    assert found.tone is Tone.GOOD


def held_loop(**more: Any) -> Side:
    """A loop on which twenty requests are ready."""
    return side("asgi", "asgi", tasks(20, Task.READY), loops={9: Loop(9, **more)})


def test_a_step_that_holds_the_loop_is_named_before_blocked_workers_are() -> None:
    held = held_loop(running=RUN + 3, since_ns=T0 + 300 * MS)
    assert says(sleeping_workers(0.5), held) == (
        "#3 holds the event loop, for over 0.1 s: 19 requests are stuck until it awaits."
    )
    tally = LoopTally(longest_step_ns=190 * MS, longest_step_req=RUN + 3)
    assert says(held_loop(running=RUN + 4, since_ns=T0 + 490 * MS, tally=tally)) == (
        "Single steps hold the event loop (the longest so far: #3, 0.19 s): "
        "until a request awaits, no other request makes progress; over 10 requests wait."
    )
    assert "event loop" not in says(held_loop(running=RUN + 3, since_ns=T0 + 450 * MS))


def threads(in_thread: int, for_thread: int, awaiting: int = 0) -> Side:
    return side(
        "asgi",
        "asgi",
        [
            *tasks(in_thread, Task.IN_THREAD),
            *(replace(one, id=one.id + 1000) for one in tasks(for_thread, Task.FOR_THREAD)),
            *(replace(one, id=one.id + 2000) for one in tasks(awaiting, Task.AWAITING)),
        ],
    )


@pytest.mark.parametrize(
    ("shown", "text", "tone"),
    [
        (threads(40, 0), "40 requests are in threads; the event loop is free for others.", Tone.GOOD),
        (threads(1, 0), "1 request is in a thread; the event loop is free for others.", Tone.GOOD),
        (threads(40, 160), "Of 200 requests, 40 are in threads and 160 wait for a thread.", Tone.WARN),
        (threads(0, 3), "3 requests wait for a thread.", Tone.WARN),
        (
            threads(2, 0, 5),
            "Of 7 requests, 5 await and 2 are in threads; the event loop is free for others.",
            Tone.GOOD,
        ),
        (threads(2, 1, 5), "Of 8 requests, 5 await, 2 are in threads and 1 waits for a thread.", Tone.WARN),
    ],
)
def test_who_is_in_a_thread_and_who_waits_for_one(shown: Side, text: str, tone: Tone) -> None:
    found = caption_of(shown, settings=make(asgi="shop:app"))
    assert (found.text, found.tone) == (text, tone)


# --- deaths, failures, the end -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by_timeout", "silence", "text"),
    [
        (False, "", "Worker 2 was killed by SIGKILL while it held #2; gunicorn starts another in its place."),
        (True, "", "Worker 2 was killed by gunicorn (worker timeout) while it held #2: no heartbeat within "
                   "--timeout; a sync worker sends one only between requests."),
        (True, "worker-timeout", "Worker 2 was killed by gunicorn (worker timeout) while it held #2; "
                                 "gunicorn starts another in its place."),
    ],
)  # fmt: skip
def test_the_death_of_a_worker_and_its_last_request(by_timeout: bool, silence: str, text: str) -> None:
    rows = workers(Activity.BLOCKED, Activity.DEAD)
    rows[2, 0] = replace(rows[2, 0], death=Death(T0, 9, by_timeout))
    shown = but(AT_WORK, workers=rows)
    assert says(shown, settings=make(silence=silence)) == text
    assert "was killed" not in says(shown, at_s=6), "for ever is too long"


def test_a_worker_that_was_told_to_go_did_not_die() -> None:
    rows = workers(Activity.BLOCKED, Activity.DEAD)
    rows[2, 0] = replace(rows[2, 0], exited=True, death=Death(T0, 0))
    assert says(but(AT_WORK, workers=rows)).startswith("The only worker is blocked")


def test_a_full_accept_queue() -> None:
    shown = but(AT_WORK, workers=workers(Activity.BLOCKED), queue_depth=101, queue_limit=100)
    assert says(shown).startswith("The accept queue of WSGI is full (100): the kernel drops new connections")


def test_a_cancelled_run_names_the_workers_that_go_on() -> None:
    cancelled = reduced(BOOTED, [RunEnded(at(0.1), "wsgi", DRIVER, 1, 1)])
    assert said(cancelled, 0.2) == Caption("Cancelled.", keys="Press space to fire again.")
    gone = RequestFailed(at(0.1), "wsgi", DRIVER, RUN + 1, "cancelled")
    held = reduced(BOOTED, taken(1, 0.01), [gone, RunEnded(at(0.1), "wsgi", DRIVER, 1, 1)])
    assert said(held, 0.2).text == (
        "Cancelled: the clients are gone, but 1 worker still serves their requests: a sync worker is not notified."
    )


def test_lost_events_are_mentioned_with_whatever_else_is() -> None:
    found = caption_of(but(sleeping_workers(0.5), lost=3))
    assert found.text.endswith("not yet read by anyone. (3 events were lost: the state has gaps.)")
    assert found.tone is Tone.WARN


# --- pitfalls and the plain state --------------------------------------------------------------------------------


def test_what_is_silenced_leaves_the_plain_state() -> None:
    both = sleeping_workers(0.5), held_loop(running=RUN + 3, since_ns=T0 + 300 * MS)
    assert says(*both).startswith("#3 holds the event loop")
    assert says(*both, settings=make(silence="loop-held,all-workers-blocked")) == (
        "All 4 workers are blocked in time.sleep(1); 16 requests wait in the kernel, not yet read by anyone."
    )


def test_only_what_was_found_is_looked_at_again_for_the_caption() -> None:
    state, known = state_of(sleeping_workers(0.5)), (Finding("of-the-future", "wsgi", "Said already."),)
    assert caption(state, at(0.5), Occurrences(found=known)).text == "Said already."
    assert "wait in the kernel" in caption(state, at(0.5), Occurrences()).text
    gone = (Finding("loop-held", "wsgi2", "Of a side that is not there any more."),)
    assert "wait in the kernel" in caption(state, at(0.5), Occurrences(found=gone)).text


def test_the_numbers_of_a_pitfall_are_those_of_the_state_that_is_shown() -> None:
    """A finding is as old as the last tick: its 16 requests would stand beside a queue of 12."""
    found = (Finding("all-workers-blocked", "wsgi", "All 4 workers are blocked; 16 requests wait in the kernel."),)
    said_of = caption(state_of(but(sleeping_workers(1.5), queue_depth=12)), at(1.5), Occurrences(found=found))
    assert said_of.text.startswith("All 4 workers are blocked in time.sleep(1); 12 requests wait in the kernel")
    emptied = caption(state_of(but(sleeping_workers(1.5), queue_depth=0)), at(1.5), Occurrences(found=found))
    assert emptied.text == "All 4 workers are blocked in time.sleep(1); the next request has to wait."


def test_a_line_sampler_that_has_ended_is_said() -> None:
    blind = {key: replace(worker, sampler_error="KeyError") for key, worker in workers(Activity.BLOCKED).items()}
    said_of = caption_of(but(AT_WORK, workers=blind))
    assert said_of.text.endswith("(the line sampler of worker 1 has ended with KeyError: its lines are not known.)")
    assert said_of.tone is Tone.WARN
