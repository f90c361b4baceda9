"""What is said of a loop while its requests wait, run, or are still being sent; and when its run is over."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.lint_contexts import at, but, side, state_of
from tests.unit.states import MS, RUN, T0, S, ledger_of, peak_of, sleeping_workers
from tests.unit.test_captions import caption_of, finished, says, tasks
from wsgiviz.analysis.caption import Tone
from wsgiviz.analysis.lints import BY_NAME
from wsgiviz.analysis.lints.lint import Finding, Lint
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.analysis.prediction import UNEQUAL_SHARES, prediction
from wsgiviz.analysis.side_captions import caption_of as caption_of_side
from wsgiviz.settings import make
from wsgiviz.state import Activity, Loop, LoopTally, Request, Side, Task
from wsgiviz.tui.render.fitting import fitted

FREE = "the event loop is free for others"


@pytest.mark.parametrize("task", [Task.RUNNING, Task.READY])
def test_a_loop_that_runs_a_request_is_not_free(task: Task) -> None:
    awaiting = tasks(3, Task.AWAITING)
    assert FREE in says(side("asgi", "asgi", awaiting))
    busy = replace(tasks(4, task)[-1], since_ns=T0)
    assert says(side("asgi", "asgi", [*awaiting, busy])) == "3 requests wait at once in asyncio.sleep(1)."


def test_why_the_same_call_does_not_block_with_gevent() -> None:
    found = caption_of(side("wsgi", "gevent", tasks(20, Task.AWAITING)))
    assert found.text == (
        "20 requests wait at once in time.sleep(1): "
        "gevent has patched blocking calls; each greenlet gives way to the hub."
    )
    assert "patched" in fitted(found.text, 88, 1)


def test_behind_a_side_s_name_no_lint_names_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "WSGI's requests wait most of their time to be sent: the driver is the bottleneck."
    monkeypatch.setitem(BY_NAME, "driver-bottleneck", Lint("driver-bottleneck", lambda *_: said, "", ""))
    lint = Occurrences(found=(Finding("driver-bottleneck", "wsgi", said),))
    found = caption_of_side(state_of(side()), side(), at(0.5), lint)
    assert found.text == "Requests wait most of their time to be sent: the driver is the bottleneck."


def test_no_loop_is_praised_beside_failures() -> None:
    """Of scenario timeout: four clients lost their answers, and the other side waits in peace."""
    loop = side("asgi", "asgi", tasks(4, Task.AWAITING))
    lost = but(side(), planned=4, failed=4, errors={"closed": 4})
    found = caption_of(lost, loop)
    assert (found.text, found.tone) == ("WSGI: 4 of 4 requests got no answer (connection closed).", Tone.WARN)
    blocked = but(sleeping_workers(0.5), failed=1, errors={"closed": 1})
    assert says(blocked, loop).startswith("All 4 workers are blocked"), "what goes on comes first"


def test_workers_that_stop_with_requests_are_said_before_a_loop_that_is_free() -> None:
    workers = sleeping_workers(0.5).server.workers
    stopping = {key: replace(one, activity=Activity.STOPPING) for key, one in workers.items()}
    found = caption_of(but(sleeping_workers(0.5), workers=stopping, queue_depth=0), side("asgi", "asgi"))
    assert (found.text, found.tone) == ("4 workers are stopping; 4 requests will get no answer.", Tone.WARN)


def sent(count: int) -> list[Request]:
    """Requests that a loop has accepted, and whose clients are not through with them."""
    return [Request(RUN + n, T0, T0, accepted_ns=T0 + MS) for n in range(1, count + 1)]


def test_clients_that_are_still_sending() -> None:
    loop = but(side("asgi", "asgi", sent(12)), planned=12)
    assert says(loop, at_s=0.2) == "12 requests in progress.", "a moment says nothing"
    assert says(loop, at_s=0.4) == (
        "12 clients are still sending their requests; the event loop reads what comes, and nobody is held."
    )
    assert says(side("asgi", "asgi", [*sent(1), *tasks(2, Task.AWAITING)]), at_s=0.4).startswith("2 requests wait")


def test_answers_that_slow_clients_read() -> None:
    settings = make(scenario="slow-client")
    writes = [replace(request, response_ns=T0 + MS) for request in tasks(2, Task.AWAITING)]
    assert says(side("asgi", "asgi", writes), settings=settings).startswith(
        "2 requests wait at once for clients to read their answers"
    )


def said_when_done(shown: Side) -> str:
    state = state_of(shown, side("asgi", "asgi"), t_ns=at(6))
    return caption_of_side(state, shown, at(6), Occurrences()).text


def test_steps_that_filled_little_of_a_run_did_not_make_it_one_at_a_time() -> None:
    """Of scenario slow-client on a busy machine: one step of 0.12 s in a run of 3 s."""
    loop = Loop(9, tally=LoopTally(longest_step_ns=120 * MS))
    done = but(finished("asgi", 3, 1), loops={9: loop}, in_app_peak=peak_of(20))
    assert said_when_done(done) == "All 20 answered after 3.00 s: they waited together, on one event loop."
    ran = replace(done, ledger=ledger_of(replace(r, run_ns=S // 8) for r in done.ledger.ours()))
    assert "one at a time, since single steps held the loop for up to 0.12 s" in said_when_done(ran)


def test_threads_that_one_worker_had_to_serve_alone() -> None:
    """Of gthread: the predicted eight at a time were five, since one process had accepted nineteen requests."""
    done = finished("wsgi", 5, 1, kind="gthread")
    slots = {
        (pid, slot): replace(worker, pid=pid, slot=slot, number=pid, tally=replace(worker.tally, requests=count))
        for worker in list(done.server.workers.values())[:1]
        for pid, slot, count in ((1, 1, 1), (1, 2, 0), (2, 1, 10), (2, 2, 9))
    }
    done = but(done, workers=slots, in_app_peak=peak_of(3))
    assert said_when_done(done) == (
        "All 20 answered after 5.00 s, at most 3 at a time on 4 threads: "
        "one worker took 19 of them, which no other can take."
    )


@pytest.mark.parametrize(("workers", "caveat"), [(2, UNEQUAL_SHARES), (1, "")])
def test_a_prediction_for_threads_says_what_it_takes_for_granted(workers: int, caveat: str) -> None:
    given = make(worker_class="gthread", threads=4, workers=workers)
    found = prediction(state_of(side("wsgi", "gthread"), settings=given), "wsgi")
    assert found is not None
    assert found.caveat == caveat


def test_what_waits_for_a_loop_that_computes_is_not_still_being_sent() -> None:
    """Of scenario cpu: all connections are accepted at once, and begin one after the other."""
    loop = Loop(9, running=RUN + 20, since_ns=T0, beat_ns=T0)
    waiting = [replace(request, pid=9, task=Task.READY) for request in sent(12)]
    shown = but(side("asgi", "asgi", waiting), planned=12, loops={9: loop})
    assert "still sending" not in says(shown, at_s=0.4)


@pytest.mark.parametrize("added_first", [True, False])
def test_why_a_side_took_its_time_does_not_change_with_its_workers_afterwards(added_first: bool) -> None:
    """Nor with the order in which a recording's states are shown."""
    four = but(finished("wsgi", 5, 1), in_app_peak=peak_of(4))
    last = list(four.server.workers.values())[-1]
    five = but(four, workers={**four.server.workers, (99, 0): replace(last, pid=99, number=5)})
    shown = [five, four] if added_first else [four, five]
    assert {said_when_done(each) for each in shown} == {"All 20 answered after 5.00 s, 4 at a time."}
