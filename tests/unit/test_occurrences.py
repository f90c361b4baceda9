"""What the lints have found in a run, and for how long: at which times they are evaluated, and what adds up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace

from tests.unit.lint_contexts import BOOTED, at, ended, over, queued, reduced, side, state_of, taken
from tests.unit.states import RUN, S, sleeping_workers
from wsgiviz.analysis.captions import caption
from wsgiviz.analysis.lints import BY_NAME, Finding
from wsgiviz.analysis.occurrences import TICK_NS, Occurrences
from wsgiviz.events import Event, PhaseChanged, RunRequested
from wsgiviz.log.player import Player
from wsgiviz.settings import make
from wsgiviz.state import Loop, LoopTally, Phase, Side, State
from wsgiviz.tui.playback_feed import PlaybackFeed

BLOCKED = sleeping_workers(0.5)


def state(at_s: float, *sides: Side, **more: Any) -> State:
    return state_of(*(sides or (BLOCKED,)), t_ns=at(at_s), **more)


def after(*states: State, before: Occurrences | None = None) -> Occurrences:
    occurrences = before or Occurrences()
    for each in states:
        occurrences = occurrences.after(each)
    return occurrences


def names(occurrences: Occurrences) -> list[str]:
    return [finding.lint for finding in occurrences.found]


def test_how_long_each_applied() -> None:
    applies = [state(at_s) for at_s in (0.1, 0.3, 0.5)]
    again = [state(at_s) for at_s in (0.9, 1.0)]
    found = after(*applies, state(0.7, side()), *again)
    [row] = found.rows()
    assert (row["name"], row["side"]) == ("all-workers-blocked", "wsgi")
    assert row["seconds"] == pytest.approx(0.5), "0.4 s, a pause, 0.1 s"
    [row] = after(state(3), before=found).rows()
    assert row["seconds"] == pytest.approx(0.5), "for two seconds nothing is known"
    assert row["message"].startswith("All 4 workers are blocked")
    lint = BY_NAME["all-workers-blocked"]
    assert (row["explanation"], row["source"]) == (lint.explanation, lint.source)


def test_lints_are_evaluated_once_in_each_tick_of_event_time() -> None:
    first = after(state(0.1))
    within = state(0.1 + 0.9 * TICK_NS / S, side())
    assert after(within, before=first) is first
    assert names(after(state(0.2, side()), before=first)) == []
    assert after(state(0.05, side()), before=first) is first, "events of another process may be older"


def test_how_the_states_between_two_ticks_are_cut_makes_no_difference() -> None:
    coarse = [state(at_s) for at_s in (0.1, 0.2, 0.3)]
    fine = [state(0.1 + n * 0.01) for n in range(21)]
    assert after(*coarse) == after(*fine)


def test_a_run_that_has_just_finished_is_evaluated_at_once() -> None:
    tally = LoopTally(longest_step_ns=S // 2, longest_step_req=RUN + 3)
    held = side("asgi", "asgi", loops={9: Loop(9, tally=tally)})
    on = after(state(1.91, held))
    assert names(on) == []
    through = over(held, 1.92)
    assert names(after(state(1.93, through), before=on)) == [], "its phase says when it has settled"
    finished = after(state(1.95, through, phase=Phase.FINISHED), before=on)
    assert names(finished) == ["loop-held"]
    assert after(state(1.96, through, phase=Phase.FINISHED), before=finished) is finished, "once"


def test_after_the_run_no_time_counts() -> None:
    tally = LoopTally(longest_step_ns=S // 2, longest_step_req=RUN + 3)
    held = over(side("asgi", "asgi", loops={9: Loop(9, tally=tally)}))
    found = after(*(state(at_s, held, phase=Phase.FINISHED) for at_s in (2.1, 2.4, 2.7)))
    assert [(row["name"], row["seconds"]) for row in found.rows()] == [("loop-held", 0.0)]


def test_a_new_run_begins_anew_and_a_calibration_does_not() -> None:
    first = after(state(0.5))
    assert first.rows()
    calibrated = after(state(0.7, run=2, fired=1), before=first)
    assert (names(calibrated), len(calibrated.rows())) == ([], 1)
    second = after(state(0.51, run=2, fired=2), before=first)
    assert (second.rows(), second.found, second.fired) == ([], (), 2)


@pytest.mark.parametrize("phase", [Phase.NEW, Phase.STARTING, Phase.MEASURING, Phase.FAILED])
def test_where_there_are_no_servers_to_judge_nothing_is_found(phase: Phase) -> None:
    before = after(state(0.3))
    found = after(state(0.5, phase=phase), before=before)
    assert (found.found, found.met) == ((), before.met)


@pytest.mark.parametrize("phase", Phase)
def test_a_log_that_has_lost_its_beginning_is_no_fault(phase: Phase) -> None:
    """No settings, so no sides: what a damaged recording may hold."""
    state = State(t_ns=at(1), phase=phase)
    assert Occurrences().after(state).found == ()
    assert caption(state, at(1), Occurrences()).text


def test_what_is_silenced_did_not_happen() -> None:
    assert after(state(0.5, settings=make(silence="all-workers-blocked"))).rows() == []


def test_the_newest_message_stands() -> None:
    tight = replace(BLOCKED, server=replace(BLOCKED.server, queue_depth=3))
    [row] = after(state(0.3), state(0.5, tight)).rows()
    assert "3 requests wait" in row["message"]


def test_they_can_be_written_down_and_read_again() -> None:
    found = after(state(0.1), state(0.3))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Occurrences) == found
    assert msgspec.json.decode(msgspec.json.encode(found), type=Occurrences) == found


def test_a_lint_of_another_version_is_left_out_of_the_report() -> None:
    [known] = after(state(0.5)).met
    other = replace(known, finding=Finding("of-the-future", "wsgi", "Unheard of."))
    assert [row["name"] for row in Occurrences(met=(other, known)).rows()] == ["all-workers-blocked"]


def test_from_events_the_same_batches_give_the_same_occurrences() -> None:
    """As a replay does: the log keeps the boundaries of batches."""
    again = [PhaseChanged(at(3), "", 0, "running"), RunRequested(at(3), "", 0, 2, 4, ("wsgi",))]
    batches: list[list[Event]] = [BOOTED, taken(1, 0.01), [queued(0.1, 3)], [queued(0.25, 3)], ended(1), again]
    states = [reduced(*batches[: n + 1]) for n in range(len(batches))]
    found = [after(*states[: n + 1]) for n in range(len(states))]
    assert [names(each) for each in found[2:4]] == [["all-workers-blocked"]] * 2
    assert found[4].rows()[0]["seconds"] == pytest.approx(0.15)
    assert found[5].rows() == []
    assert after(*states) == found[-1]


def test_where_time_stands_what_applies_is_what_its_state_says() -> None:
    """Lanes, queue and sentence are of the same event there; while time goes on the sentence is a tick behind."""
    first = state(2.41, sleeping_workers(2.41))
    found = after(first)
    fewer = replace(sleeping_workers(2.45), server=replace(sleeping_workers(2.45).server, queue_depth=3))
    later = state(2.45, fewer)
    assert any("8 requests wait" in finding.message for finding in found.after(later).found)
    stands = found.after(later).at(later)
    assert any("3 requests wait" in finding.message for finding in stands.found)
    assert stands.met == found.met, "what was met counts by ticks"


@pytest.mark.parametrize(("playing", "queued_then"), [(True, 8), (False, 3)])
def test_a_playhead_that_stands_is_judged_where_it_stands(playing: bool, queued_then: int) -> None:
    fewer = replace(sleeping_workers(2.45), server=replace(sleeping_workers(2.45).server, queue_depth=3))
    player = SimpleNamespace(
        state=state(2.45, fewer), occurrences=after(state(2.41, sleeping_workers(2.41))), playing=playing
    )
    feed = PlaybackFeed(cast(Player, player))
    assert any(f"{queued_then} requests wait" in finding.message for finding in feed.occurrences.found)
    assert feed.occurrences is feed.occurrences, "once for each place"
