"""The runs of a session: what is kept of each, how two differ, the ghost of the last, and what one leaves behind."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.unit.histories import BOOTED, DRIVER, MS, PID, ns, reduced
from tests.unit.recordings import recorded
from wsgiviz.analysis import metrics
from wsgiviz.analysis.captions import caption
from wsgiviz.analysis.metrics import nearest_rank
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.analysis.prediction import prediction
from wsgiviz.analysis.session_runs import difference, differing, ghost, verdicts, words_of
from wsgiviz.events import (
    RUN_STRIDE,
    Event,
    PhaseChanged,
    RequestBegan,
    RequestEnded,
    RequestSent,
    ResponseReceived,
    RunEnded,
    RunGrew,
    RunRequested,
    RunStarted,
    SettingsChanged,
    WorkersChanged,
)
from wsgiviz.log import open_recording
from wsgiviz.log.snapshot import Snapshot
from wsgiviz.options import DSN_GIVEN
from wsgiviz.state import RUNS_KEPT, RunSummary, SideSummary, State, reduce
from wsgiviz.tui.render.run_rows import listed

WORKERS_4 = WorkersChanged(0, "wsgi", 9, 4)


def request(run: int, number: int, at_ms: float, took_ms: float, side: str = "wsgi") -> list[Event]:
    """Planned, sent and begun at the run's start, and answered so much later."""
    req, end = run * RUN_STRIDE + number, ns(at_ms + took_ms)
    return [
        RequestSent(ns(at_ms), side, DRIVER, req, ns(at_ms)),
        RequestBegan(ns(at_ms + 1), side, PID, 0, req, ns(at_ms), 0, "GET /"),
        RequestEnded(end, side, PID, 0, req, 0, ns(at_ms), end, end, end, 200, 1, ""),
        ResponseReceived(end, side, DRIVER, req, 200, 2),
    ]


def begun(run: int, at_ms: float, planned: int = 2, calibration: bool = False) -> list[Event]:
    return [
        RunRequested(ns(at_ms), "", 0, run, planned, ("wsgi", "asgi"), calibration),
        PhaseChanged(ns(at_ms), "", 0, "measuring" if calibration else "running"),
        RunStarted(ns(at_ms), "wsgi", DRIVER, run, planned, ns(at_ms)),
        RunStarted(ns(at_ms), "asgi", DRIVER, run, planned, ns(at_ms)),
    ]


def over(run: int, at_ms: float, cancelled: int = 0) -> list[Event]:
    return [RunEnded(ns(at_ms), side, DRIVER, run, cancelled) for side in ("wsgi", "asgi")] + [
        PhaseChanged(ns(at_ms), "", 0, "finished")
    ]


def whole(run: int, at_ms: float, took_ms: float = 100) -> list[Event]:
    """A run of two requests that wait one after the other."""
    first, second = request(run, 1, at_ms, took_ms / 2), request(run, 2, at_ms, took_ms)
    return [*begun(run, at_ms), *first, *second, *over(run, at_ms + took_ms)]


def settings(**given: Any) -> SettingsChanged:
    return SettingsChanged(0, "", 0, {"scenario": "sleep", **given})


# --- what is kept --------------------------------------------------------------------------------------------------


def test_a_run_that_has_finished_is_kept_with_its_figures() -> None:
    state = reduced([*BOOTED, WORKERS_4, *whole(1, 1000)])
    [run] = state.runs
    assert (run.number, run.run, run.app, run.cancelled) == (1, 1, "sleep", False)
    wsgi = run.side("wsgi")
    assert wsgi == SideSummary("wsgi", "sync", 4, 2, 2, 0, 100 * MS, 100 * MS)
    side = state.sides["wsgi"]
    assert wsgi.total_ns == metrics.makespan_ns(side)
    assert wsgi.p95_ns / 1e9 == nearest_rank(sorted(metrics.latency(side)), 95)


def test_none_is_kept_before_its_end_and_a_calibration_never() -> None:
    events = [*BOOTED, *begun(1, 1000, calibration=True), *request(1, 1, 1000, 100), *over(1, 1100)]
    assert reduced(events).runs == ()
    assert reduced([*events, *begun(2, 2000), *request(2, 1, 2000, 100)]).runs == ()
    assert [run.run for run in reduced([*events, *whole(2, 2000)]).runs] == [2]


def test_a_run_that_another_one_replaces_is_kept_as_cancelled() -> None:
    events = [*BOOTED, *begun(1, 1000), *request(1, 1, 1000, 100), *whole(2, 1200)]
    state = reduced(events)
    assert [(run.number, run.run, run.cancelled) for run in state.runs] == [(1, 1, True), (2, 2, False)]
    assert ghost(state, state.sides["wsgi"]) is None


def test_runs_outlive_servers_and_settings_and_only_the_newest_are_kept() -> None:
    events: list[Event] = [*BOOTED]
    for run in range(1, RUNS_KEPT + 4):
        events += whole(run, 1000 * run)
    state = reduced([*events, settings(workers=8)])
    assert [run.number for run in state.runs] == list(range(4, RUNS_KEPT + 4))


def test_how_the_events_come_in_batches_changes_nothing() -> None:
    events = [*BOOTED, *whole(1, 1000), settings(workers=8), *whole(2, 2000)]
    assert reduced(events).runs == reduced(*[[event] for event in events]).runs


def test_a_password_is_in_no_summary() -> None:
    given = settings(scenario="db", dsn="postgresql://me:secret@host/shop")
    [run] = reduced([*BOOTED, given, *whole(1, 1000)]).runs
    assert "secret" not in repr(run)
    assert run.settings["dsn"] == DSN_GIVEN


def test_a_summary_can_be_written_and_read_again() -> None:
    [run] = reduced([*BOOTED, *whole(1, 1000)]).runs
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(run), type=RunSummary) == run


def test_the_verdict_on_each_run_is_kept_with_what_the_lints_found() -> None:
    snapshot = Snapshot()
    for events in (BOOTED, whole(1, 1000), whole(2, 2000)):
        snapshot = snapshot.after(events)
    assert list(verdicts(snapshot.occurrences)) == [1, 2]
    assert words_of(verdicts(snapshot.occurrences)[1])


def test_a_recording_gives_them_back_from_its_events_and_from_a_keyframe(tmp_path: Path) -> None:
    batches: list[list[Event]] = [BOOTED, whole(1, 1000), [settings(workers=8)], whole(2, 2000)]
    live = Snapshot()
    for batch in batches:
        live = live.after(batch)
    for keyframes in (0, 1):
        path = tmp_path / f"{keyframes}.wviz"
        path.write_bytes(recorded(batches, keyframe_batches=keyframes))
        with closing(open_recording(str(path))) as recording:
            shown = recording.at(recording.end)
            assert shown.state.runs == live.state.runs
            assert shown.occurrences.verdicts == live.occurrences.verdicts
            assert recording.at(recording.end - 1).state.runs == live.state.runs[:1]


# --- a run that goes on --------------------------------------------------------------------------------------------


def gone_on() -> State:
    """One request was added a second after the end."""
    more: list[Event] = [
        RunRequested(ns(2000), "", 0, 1, 3, ("wsgi",)),
        PhaseChanged(ns(2000), "", 0, "running"),
        RunGrew(ns(2001), "wsgi", DRIVER, 1, 3),
    ]
    return reduced([*BOOTED, *whole(1, 1000), *more, *request(1, 3, 2002, 70)])


def test_a_request_added_after_the_end_is_of_the_same_run_and_leaves_its_total() -> None:
    state = gone_on()
    side = state.sides["wsgi"]
    assert (side.run.number, side.run.planned, side.run.completed, side.run.running) == (1, 3, 3, True)
    assert len(list(side.ledger)) == 3
    assert metrics.makespan_ns(side) == 100 * MS
    assert metrics.throughput(side, ns(2072)) == pytest.approx(20)
    ended = reduce(state, over(1, 2080))
    [run] = ended.runs
    assert (run.number, run.sides[0].planned, run.sides[0].completed, run.sides[0].total_ns) == (1, 3, 3, 100 * MS)
    assert ended.sides["wsgi"].run.added == 1


def test_what_was_planned_already_does_not_open_a_run_again() -> None:
    state = reduced([*BOOTED, *whole(1, 1000), RunRequested(ns(2000), "", 0, 1, 2, ("wsgi",))])
    assert not state.sides["wsgi"].run.running


def test_a_run_that_was_cancelled_stays_so_when_it_goes_on() -> None:
    events = [*BOOTED, *begun(1, 1000), *request(1, 1, 1000, 50), *over(1, 1060, cancelled=1)]
    more: list[Event] = [RunRequested(ns(2000), "", 0, 1, 2, ("wsgi", "asgi")), *over(1, 2100)]
    assert reduced([*events, *more]).sides["wsgi"].run.cancelled


# --- what an earlier run has left ----------------------------------------------------------------------------------


def left_behind() -> State:
    """Run 2 was fired while the worker served a request of run 1, and the worker took up another one after it."""
    first = request(1, 1, 1000, 500)
    held = RequestBegan(ns(1301), "wsgi", PID, 0, RUN_STRIDE + 2, ns(1300), 0, "GET /")
    return reduced([*BOOTED, *begun(1, 1000), *first[:2], *begun(2, 1200), first[2], held])


def test_requests_of_an_earlier_run_are_counted_and_are_not_of_this_one() -> None:
    side = left_behind().sides["wsgi"]
    assert side.run.earlier == 2
    assert list(side.ledger) == []
    assert [side.of_earlier_run(req) for req in (RUN_STRIDE + 2, 2 * RUN_STRIDE + 1, 0, -7)] == [
        True,
        False,
        False,
        False,
    ]


def test_the_sentence_says_who_serves_them() -> None:
    state = left_behind()
    said = caption(state, state.t_ns, Occurrences())
    assert said.text == "1 worker still serves a request of the run before; its clients are gone."
    done = reduce(state, [RequestEnded(ns(1400), "wsgi", PID, 0, RUN_STRIDE + 2, 0, 0, 0, 0, ns(1400), 200, 1, "")])
    assert "run before" not in caption(done, done.t_ns, Occurrences()).text


# --- beside each other ---------------------------------------------------------------------------------------------


def two_runs(**given: Any) -> State:
    """The same load twice, with other settings the second time: twice as fast."""
    eight = WorkersChanged(ns(1500), "wsgi", 9, 8)
    return reduced([*BOOTED, WORKERS_4, *whole(1, 1000, 200), settings(**given), eight, *whole(2, 2000, 100)])


def test_the_list_names_what_is_not_the_same_in_all_runs() -> None:
    state = two_runs(workers=8, requests=40)
    assert differing(state.runs) == ["4 workers, 20 requests", "8 workers, 40 requests"]
    assert differing(state.runs[:1]) == [""]


def test_workers_added_by_hand_are_a_difference_too() -> None:
    assert differing(two_runs().runs) == ["4 workers", "8 workers"]


def test_the_difference_between_two_is_one_line() -> None:
    first, second = two_runs(workers=8).runs
    assert difference(first, second, Occurrences()) == (
        "Run 2 against run 1: 8 workers instead of 4. "
        "WSGI 0.10 s instead of 0.20 s (2.0 times faster); ASGI without an answer."
    )


def test_the_times_of_a_cancelled_run_are_not_compared() -> None:
    first, second = two_runs(workers=8).runs
    words = difference(replace(first, cancelled=True), second, Occurrences())
    assert words == "Run 2 against run 1: 8 workers instead of 4. Run 1 was cancelled, so its times say nothing."


def test_runs_that_are_alike_say_so() -> None:
    first, second = reduced([*BOOTED, WORKERS_4, *whole(1, 1000), *whole(2, 2000)]).runs
    words = difference(first, second, Occurrences())
    assert words.startswith("Run 2 against run 1: the same settings. WSGI 0.10 s as before; ASGI")


def test_a_percentile_is_worth_a_word_where_the_total_is_as_before() -> None:
    first, second = reduced([*BOOTED, WORKERS_4, *whole(1, 1000), *whole(2, 2000)]).runs
    other = replace(second, sides=(replace(second.sides[0], p95_ns=50 * MS),))
    assert "WSGI 0.10 s as before, p95 50 ms instead of 0.10 s" in difference(first, other, Occurrences())


def test_a_run_that_served_what_another_left_says_so() -> None:
    first, second = two_runs().runs
    polluted = replace(second, sides=(replace(second.sides[0], earlier=12),))
    assert "served 12 requests of the run before too" in difference(first, polluted, Occurrences())


# --- the ghost -----------------------------------------------------------------------------------------------------


def test_the_ghost_is_the_run_before_with_what_it_had() -> None:
    state = two_runs(workers=8)
    found = ghost(state, state.sides["wsgi"])
    assert found is not None
    assert (found.total_ns, found.words) == (200 * MS, "4 workers")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"parameters": {"seconds": "2"}}, "seconds 1"),
        ({"threads": 4, "worker_class": "gthread"}, "sync"),
        ({}, ""),
    ],
)
def test_what_it_had_is_the_first_thing_that_differs(given: dict[str, Any], words: str) -> None:
    state = reduced([*BOOTED, WORKERS_4, *whole(1, 1000), settings(**given), WORKERS_4, *whole(2, 2000)])
    found = ghost(state, state.sides["wsgi"])
    assert found is not None
    assert found.words == words


def test_there_is_no_ghost_of_another_scenario_of_a_cancelled_run_or_of_the_run_itself() -> None:
    one = reduced([*BOOTED, *whole(1, 1000)])
    assert ghost(one, one.sides["wsgi"]) is None
    other = reduced([*BOOTED, *whole(1, 1000), settings(scenario="cpu"), *whole(2, 2000)])
    assert ghost(other, other.sides["wsgi"]) is None
    cancelled = [*begun(1, 1000), *request(1, 1, 1000, 50), *over(1, 1100, cancelled=1)]
    state = reduced([*BOOTED, *cancelled, *whole(2, 2000)])
    assert ghost(state, state.sides["wsgi"]) is None


def test_what_differs_of_one_setting_names_it_once() -> None:
    first, second = (
        replace(run, settings={"set seconds": value})
        for run, value in zip(two_runs().runs, ("1.0", "0.5"), strict=True)
    )
    words = difference(first, second, Occurrences())
    assert words.startswith("Run 2 against run 1: 8 workers instead of 4, seconds 0.5 instead of 1. ")


def test_only_a_number_loses_its_zero() -> None:
    first, second = (replace(run, settings={"gunicorn_conf": f"v{n}.0"}) for n, run in enumerate(two_runs().runs, 1))
    assert "gunicorn conf v2.0 instead of v1.0" in difference(first, second, Occurrences())


@pytest.mark.parametrize(
    ("width", "words"),
    [(30, "sleep, 8 workers, 20 requests"), (28, "sleep, 8 workers, …"), (18, "sleep, …"), (7, "sleep,…")],
)
def test_what_differs_is_not_cut_within_a_setting(width: int, words: str) -> None:
    assert listed("sleep, 8 workers, 20 requests", width, "…") == words


def test_a_worker_that_is_added_after_a_run_changes_no_prediction_of_it() -> None:
    before = reduced([*BOOTED, WORKERS_4, *whole(1, 1000, 200)])
    after = reduced([*BOOTED, WORKERS_4, *whole(1, 1000, 200), WorkersChanged(ns(1500), "wsgi", 9, 8)])
    assert after.sides["wsgi"].server.wanted == 8
    found = prediction(before, "wsgi")
    assert found is not None
    assert prediction(after, "wsgi") == found
    again = reduced([*BOOTED, WORKERS_4, *whole(1, 1000), WorkersChanged(ns(1500), "wsgi", 9, 8), *begun(2, 2000)])
    assert prediction(again, "wsgi") != prediction(after, "wsgi")
