"""The sentence under the panes when a run has ended: what failed, how long it took, and what that says."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.lint_contexts import but, side, state_of
from tests.unit.states import MS, RUN, T0, S, sleeping_workers
from tests.unit.test_captions import AT_WORK, caption_of, finished, says, workers
from tests.unit.test_captions_of_own_apps import DEEP
from tests.unit.test_verdict import but_one_process
from wsgiviz.analysis import outcomes
from wsgiviz.analysis.captions import Tone
from wsgiviz.analysis.lints import LintContext
from wsgiviz.analysis.verdict import Fits
from wsgiviz.settings import make
from wsgiviz.state import Activity, Death, Hold, Loop, LoopTally, Phase, Request, Side
from wsgiviz.tui.render.fitting import fitted


def test_failures_by_kind_and_what_the_app_raised() -> None:
    done = Request(
        RUN + 1, T0, T0, began_ns=T0, ended_ns=T0 + 1, received_ns=T0 + 2, raised="LookupError", status=500
    )
    failed = but(AT_WORK, ended_ns=T0 + 1, completed=15, failed=5, errors={"timeout": 3, "refused": 2})
    raised = side("asgi", "asgi", [done], ended_ns=T0 + 1, completed=20, bad_status=1)
    found = caption_of(failed, raised)
    assert found.text == (
        "WSGI: 5 of 20 requests got no answer (2 refused, 3 timeout); "
        "ASGI: 1 of 20 requests got an error as the answer (the app raised LookupError)."
    )
    assert found.tone is Tone.WARN


@pytest.mark.parametrize(
    ("wsgi", "asgi", "text"),
    [
        (finished("wsgi", 5.02, 1), finished("asgi", 1.03, 1),
         "WSGI took 5.02 s, ASGI 1.03 s: waiting at once was 4.9 times faster than waiting in turn."),
        (finished("wsgi", 0.7, 0.07, Activity.COMPUTING), finished("asgi", 1.4, 0.07),
         "WSGI took 0.70 s, ASGI 1.40 s: 2.0 times faster with workers."),
        (finished("wsgi", 0.7, 0.07, Activity.COMPUTING), but_one_process(finished("asgi", 1.4, 0.07)),
         "WSGI took 0.70 s, ASGI 1.40 s: 2.0 times faster with workers, which compute on several cores: "
         "one loop uses one."),
        (finished("wsgi", 3, 0.07, Activity.COMPUTING), finished("asgi", 1.5, 0.07),
         "WSGI took 3.00 s, ASGI 1.50 s: ASGI was 2.0 times faster here."),
        (finished("wsgi", 0.08, 0.0004), finished("asgi", 0.04, 0.0004),
         "WSGI took 80 ms, ASGI 40 ms: nobody had to wait for long, so async had nothing to gain. "
         "Synchronous is not slow."),
        (finished("wsgi", 10.25, 0.003), finished("asgi", 2.31, 0.003),
         "WSGI took 10.25 s, ASGI 2.31 s: waiting at once was 4.4 times faster than waiting in turn."),
        (finished("wsgi", 1.1, 1), finished("asgi", 1.0, 1),
         "WSGI took 1.10 s, ASGI 1.00 s: about the same. "
         "Async is faster where more requests wait at once than there are workers."),
    ],
)  # fmt: skip
def test_how_it_ended_and_why(wsgi: Side, asgi: Side, text: str) -> None:
    assert says(wsgi, asgi, at_s=9) == text


@pytest.mark.parametrize(("took_s", "fits"), [(7.0, "Either fits"), (8.6, "Either fits"), (9.5, "Workers fit")])
def test_no_model_fits_where_times_are_about_the_same(took_s: float, fits: str) -> None:
    """The comparison and the verdict beside it agree on what that is."""
    found = caption_of(finished("wsgi", 7.0, 1), finished("asgi", took_s, 1), at_s=12, phase=Phase.FINISHED)
    assert found.verdict is not None
    assert found.verdict.words == f"{fits} this load."
    assert found.text.endswith(found.verdict.words)
    assert ("about the same" in found.text) is (found.verdict.fits is Fits.EITHER)


def test_what_time_has_ended_is_compared_by_what_was_answered() -> None:
    sides = [but(finished(name, 5.0, 1), completed=done) for name, done in (("wsgi", 20), ("asgi", 100))]
    found = caption_of(*sides, at_s=9, phase=Phase.FINISHED, settings=make(arrivals="closed", duration=5))
    assert found.text == (
        "WSGI answered 20 requests in 5.00 s, ASGI 100 in 5.00 s: "
        "waiting at once was 5.0 times faster than waiting in turn. An event loop fits this load."
    )


def test_failures_of_both_sides_are_in_one_clause_which_no_narrow_screen_takes_apart() -> None:
    lost = but(AT_WORK, ended_ns=T0 + 1, completed=18, failed=2, errors={"closed": 2})
    other = but(side("asgi", "asgi"), ended_ns=T0 + 1, planned=20, failed=20, errors={"closed": 19, "reset": 1})
    text = caption_of(lost, other).text
    assert text == (
        "2 of 20 requests got no answer from WSGI (connection closed), 20 of 20 from ASGI (19 closed, 1 reset)."
    )
    assert "ASGI" in fitted(text, 70, 1)


def test_of_two_sides_one_of_which_failed_the_other_is_not_left_out() -> None:
    lost = but(AT_WORK, ended_ns=T0 + 1, completed=18, failed=2, errors={"closed": 2})
    text = caption_of(lost, finished("asgi", 1.03, 1)).text
    assert text == "WSGI: 2 of 20 requests got no answer (connection closed); ASGI answered all 20."
    stopped = but(finished("asgi", 1.03, 1), completed=12, cancelled=True)
    assert outcomes.failures(LintContext.of(state_of(lost, stopped), T0 + S)).endswith("(connection closed)")


def test_one_side_alone_and_an_older_run_are_not_compared() -> None:
    assert says(finished("wsgi", 5.02, 1), at_s=9) == "WSGI answered 20 requests in 5.02 s."
    older = finished("asgi", 1.03, 1, number=0)
    assert says(finished("wsgi", 5.02, 1), older, at_s=9) == "WSGI answered 20 requests in 5.02 s."


def test_between_two_sides_in_turn_the_run_is_not_over() -> None:
    to_come = but(side("asgi", "asgi"), started_ns=0)
    assert "answered" not in says(finished("wsgi", 5.02, 1), to_come, at_s=5.1)


@pytest.mark.parametrize(
    ("left", "right", "text"),
    [
        (finished("wsgi", 5.02, 1), finished("wsgi2", 2.51, 1, kind="gthread"),
         "sync took 5.02 s, gthread 2.51 s: gthread was 2.0 times faster here."),
        (finished("asgi", 1.0, 1), finished("asgi2", 1.1, 1, kind="uvicorn"),
         "asgi took 1.00 s, uvicorn 1.10 s: about the same."),
        (finished("asgi", 1.0, 1), finished("wsgi", 5.0, 1),
         "ASGI took 1.00 s, WSGI 5.00 s: waiting at once was 5.0 times faster than waiting in turn."),
        (finished("wsgi", 1.0, 1, kind="gevent"), finished("asgi", 2.0, 1),
         "WSGI took 1.00 s, ASGI 2.00 s: WSGI was 2.0 times faster here."),
    ],
)  # fmt: skip
def test_how_any_two_ended(left: Side, right: Side, text: str) -> None:
    assert says(left, right, at_s=9) == text


def test_while_a_run_is_on_the_side_that_has_finished_can_wait() -> None:
    """Its findings are of the past; what the other one does is now."""
    tally = LoopTally(longest_step_ns=S // 2, longest_hold=Hold(RUN + 1, 450 * MS, DEEP))
    through = but(finished("asgi", 1.0, 0.5), loops={9: Loop(9, tally=tally)})
    assert says(sleeping_workers(1.5), through, at_s=1.5).startswith("All 4 workers are blocked")
    assert says(finished("wsgi", 5.0, 1), through, at_s=9).startswith(
        "WSGI took 5.00 s, ASGI 1.00 s. Single steps held the event loop at deep.py:15 time.sleep"
    )


def test_failures_are_given_with_the_pitfall_behind_them() -> None:
    rows = workers(Activity.DEAD)
    rows[1, 0] = replace(rows[1, 0], death=Death(T0, by_timeout=True))
    shown = but(AT_WORK, workers=rows, ended_ns=T0 + S, completed=19, failed=1, errors={"reset": 1})
    assert says(shown, at_s=60).startswith(
        "WSGI: 1 of 20 requests got no answer (connection reset). "
        "Worker 1 was killed by gunicorn (worker timeout) while it "
    )


def answered(statuses: dict[int, int], redirects: dict[str, int] | None = None, **more: Any) -> Side:
    """A side whose answers were these."""
    count = sum(statuses.values())
    figures = {"statuses": statuses, "redirects": redirects or {}, "completed": count, "planned": count, **more}
    return but(finished("wsgi", 0.03, 0.001), **figures)


@pytest.mark.parametrize(
    ("statuses", "redirects", "text"),
    [
        ({}, {}, ""),
        ({200: 20}, {}, "20 × 200"),
        ({404: 1, 200: 3}, {}, "3 × 200, 1 × 404"),
        ({302: 4}, {"302 /admin/login/": 4}, "4 × 302 to /admin/login/"),
        ({302: 4, 301: 1}, {"302 /b": 1, "302 /a": 2, "301 /a": 1},
         "1 × 301 to /a, 2 × 302 to /a, 1 × 302 to /b, 1 × 302"),
        ({200: 9, 201: 1, 204: 7, 404: 2, 500: 3}, {}, "9 × 200, 7 × 204, 3 × 500, 3 others"),
    ],
)  # fmt: skip
def test_all_answers_by_status_and_where_they_lead(statuses: Any, redirects: Any, text: str) -> None:
    assert outcomes.answers(answered(statuses, redirects)) == text


def test_a_redirect_is_no_answer_that_goes_without_saying() -> None:
    assert says(answered({302: 4}, {"302 /admin/login/": 4}), at_s=9) == (
        "WSGI answered 4 requests in 30 ms (4 × 302 to /admin/login/)."
    )
    assert says(answered({200: 4}), at_s=9) == "WSGI answered 4 requests in 30 ms."


def test_errors_are_told_by_their_status_beside_requests_without_an_answer() -> None:
    bad = answered({200: 5, 404: 1}, bad_status=1, planned=6)
    assert says(bad, at_s=9) == "WSGI: 1 of 6 requests got an error as the answer (1 × 404)."
    both = answered({200: 3, 500: 2}, bad_status=2, failed=1, errors={"reset": 1}, planned=6)
    assert says(both, at_s=9) == (
        "WSGI: 1 of 6 requests got no answer (connection reset), 2 got an error as the answer (2 × 500)."
    )
