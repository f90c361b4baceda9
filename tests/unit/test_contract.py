"""The steps of one request in the State, in the result, and in the sentence."""

from __future__ import annotations

from textwrap import wrap

import pytest
from msgspec.structs import replace

from tests.unit.contract_events import ASGI, LOOP, STEPS, WSGI, both, request, session, steps
from tests.unit.lint_contexts import DRIVER, PID, at, booted, ended, fired, opened, reduced, taken
from tests.unit.states import MS, RUN
from wsgiviz.analysis import contract
from wsgiviz.analysis.captions import caption
from wsgiviz.analysis.contract_sentences import held, said
from wsgiviz.analysis.lints import LintContext
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.analysis.side_captions import side_captions
from wsgiviz.events import ContractStep, Event, RequestFailed, RunRequested, WorkerDied
from wsgiviz.recorder.contract_steps import Passed
from wsgiviz.report.result import result
from wsgiviz.state import CONTRACT_KEPT, ContractEntry, Phase, Side, State


def side_of(*batches: list[Event], name: str = "wsgi") -> Side:
    return reduced(session(), *batches).sides[name]


def step(passed: int, at_s: float = 0.5, req: int = RUN + 1, value: str = "") -> list[Event]:
    return [ContractStep(at(at_s), "wsgi", PID, req, passed, value)]


@pytest.mark.parametrize("name", STEPS)
def test_steps_stand_in_the_run_in_their_order(name: str) -> None:
    found = side_of(steps(name), name=name).run.contract
    assert [(entry.passed, entry.value) for entry in found] == [(passed, value) for _, passed, value in STEPS[name]]
    assert [entry.t_ns for entry in found] == [at(at_s) for at_s, _, _ in STEPS[name]]


@pytest.mark.parametrize("number", [0, -1, 15, 2**63 - 1, -(2**63)])
def test_a_step_that_is_none_is_left_out(number: int) -> None:
    assert side_of(step(number)).run.contract == ()


@pytest.mark.parametrize(("req", "known"), [(RUN + 1, 1), (2 * RUN + 1, 0), (1, 0)])
def test_only_steps_of_the_present_run_count(req: int, known: int) -> None:
    assert len(side_of(step(Passed.CALLED, req=req)).run.contract) == known


def test_a_new_run_begins_with_no_steps() -> None:
    again: list[Event] = [RunRequested(at(9), "", 0, 2, 1, ("wsgi", "asgi"))]
    assert side_of(steps("wsgi"), again).run.contract == ()


def test_the_newest_steps_are_kept_and_no_more_of_a_value_than_a_line() -> None:
    many = [event for n in range(CONTRACT_KEPT + 9) for event in step(Passed.YIELDED, n / 100, value=f"{n}" * 999)]
    found = side_of(many).run.contract
    assert len(found) == CONTRACT_KEPT
    assert found[0].value.startswith("99")
    assert max(len(entry.value) for entry in found) == 200


def test_of_several_requests_the_one_that_was_called_last_is_shown_or_the_one_followed() -> None:
    side = side_of(steps("wsgi", 2.5), steps("wsgi", 0.5, n=2), step(Passed.RETURNED, 2.6))
    assert {entry.req for entry in contract.steps(side)} == {RUN + 2}
    assert [entry.passed for entry in contract.steps(side, RUN + 1)][-1] is Passed.RETURNED
    assert contract.steps(side, RUN + 7) == contract.steps(side)
    assert contract.steps(side_of(step(Passed.YIELDED)))[0].passed is Passed.YIELDED  # the call was lost


# --- the result ---------------------------------------------------------------------------------------------------


def of_result(state: State) -> dict[str, object]:
    return {name: side["contract"] for name, side in result(state, Occurrences())["sides"].items()}


def test_the_result_lists_them() -> None:
    found = of_result(reduced(both()))
    assert found["wsgi"][1] == {  # type: ignore[index]
        "at_s": 1.01,
        "request": 1,
        "step": "start_response",
        "value": "'200 OK', [('Content-Type', 'text/plain; charset=utf-8')]",
        "by": "app",
    }
    for name, expected in STEPS.items():
        rows: list[dict[str, str]] = found[name]  # type: ignore[assignment]
        assert [row["step"] for row in rows] == [passed.word for _, passed, _ in expected]
        assert [row["by"] for row in rows] == ["server" if passed.by_server else "app" for _, passed, _ in expected]


def test_where_steps_are_not_followed_the_result_says_so() -> None:
    assert of_result(reduced(opened("sync", "asgi"), booted(), fired("wsgi", "asgi"))) == {"wsgi": None, "asgi": None}


def test_every_step_has_a_word_of_its_own() -> None:
    assert len({passed.word for passed in Passed}) == len(Passed)
    assert {passed for _, passed, _ in (*WSGI, *ASGI)} >= set(Passed) - {Passed.WRITTEN, Passed.RAISED}


# --- the sentence -------------------------------------------------------------------------------------------------


def sentence_at(at_s: float, *more: list[Event]) -> str:
    state = reduced(both(at_s), *more)
    return caption(state, at(at_s), Occurrences().after(replace(state, t_ns=at(at_s)))).text


@pytest.mark.parametrize(
    ("at_s", "words"),
    [
        (0.5, "WSGI: The server has called the app and waits for the iterable. ASGI: The server has called the app;"),
        (1.5, "WSGI: Status and headers are set; the server waits for the iterable. ASGI: The app has the request's"),
        (2.5, "WSGI: The server has asked for the first chunk and waits for it. ASGI: Status and headers are sent;"),
        (3.5, "WSGI: The server has asked for the next chunk and waits for it. ASGI: The app has sent a message;"),
        (5.5, "WSGI: The server has called close(); its worker waits for that too. ASGI: The coroutine has returned"),
        (
            7.0,
            "WSGI: Its worker was held for 6.00 s, 0.97 s of that after the answer, in close(). ASGI: It was in the",
        ),
    ],
)
def test_the_sentence_says_what_the_newest_steps_mean(at_s: float, words: str) -> None:
    assert sentence_at(at_s).startswith(words)


def test_in_the_end_it_says_whom_the_request_held() -> None:
    assert sentence_at(7.0).endswith("ASGI: It was in the app for 5.03 s and held the loop for 1 ms of that.")


def test_one_side_alone_needs_no_name() -> None:
    alone = [*opened("sync", "", scenario="contract"), *booted(), *fired(requests=1), *request("wsgi", 0.5)]
    context = LintContext.of(reduced(alone), at(0.5))
    assert said(context) == "The server has called the app and waits for the iterable."


def test_before_the_first_step_the_sentence_is_another() -> None:
    assert said(LintContext.of(reduced(both(0.002)), at(0.002))) == ""


def test_one_side_may_be_behind() -> None:
    found = reduced(session(), request("asgi", 0.5))
    assert said(LintContext.of(found, at(0.5))).startswith(
        "WSGI: The request is on its way to the app. ASGI: The ser"
    )


def test_a_failure_or_a_death_is_more_important() -> None:
    failed = [RequestFailed(at(5.0), "wsgi", DRIVER, RUN + 1, "timeout")]
    state = reduced(session(), request("wsgi", 4.5), request("asgi"), failed, ended(5.1), ended(5.1, "asgi"))
    died = reduced([WorkerDied(at(5.2), "wsgi", DRIVER, PID, 9)], before=state)
    assert "1 of 1 request got no answer (timed out)" in caption(died, at(7), Occurrences().after(died)).text


def test_other_scenarios_have_their_own_sentence() -> None:
    state = reduced([*opened(), *booted(), *fired()], taken(1, 0.1), step(Passed.CALLED))
    assert said(LintContext.of(state, at(0.5))) == ""


CAPTION_CELLS = 76
"""Of each of two lines, in a terminal of 80 columns."""


@pytest.mark.parametrize("wsgi", [Passed(number) for number in range(1, 11)])
@pytest.mark.parametrize("asgi", [Passed.CALLED, *(Passed(number) for number in range(10, 14)), Passed.RETURNED])
def test_both_sentences_fit_into_two_lines_of_the_smaller_stage(wsgi: Passed, asgi: Passed) -> None:
    more = [
        ContractStep(at(0.4), "wsgi", PID, RUN + 1, wsgi, "LookupError"),
        ContractStep(at(0.4), "asgi", LOOP, RUN + 1, asgi, "LookupError"),
    ]
    words = said(LintContext.of(reduced(both(0.5), more), at(0.5)))
    assert words.startswith("WSGI: ")
    assert " ASGI: " in words
    assert len(wrap(words, CAPTION_CELLS)) <= 2


def test_a_call_is_shown_as_a_line_of_code() -> None:
    entries = {
        name: [ContractEntry(0, 1, passed, value) for _, passed, value in found] for name, found in STEPS.items()
    }
    assert contract.call_of(entries["wsgi"][0], "wsgi") == "app(environ, start_response)"
    assert contract.argument_of(entries["wsgi"][0], "wsgi").startswith("environ: REQUEST_METHOD=GET PATH_INFO=/ ")
    assert contract.argument_of(entries["wsgi"][1], "wsgi") == ""
    assert contract.call_of(entries["wsgi"][4], "wsgi") == r"yields b'one\n'"
    assert contract.call_of(entries["asgi"][0], "asgi") == "app(scope, receive, send)"
    assert contract.call_of(entries["asgi"][3], "asgi").startswith("await send(http.response.start status=200 ")
    assert contract.brief_of(entries["asgi"][4], "asgi") == r"send(response.body b'one\n' more_body=True)"
    assert contract.brief_of(entries["wsgi"][1], "wsgi").startswith("start_response('200 OK'")


def test_it_is_over_when_the_app_is() -> None:
    running, done = reduced(both(5.5)), reduced(both(7))
    for state, over in ((running, False), (done, True)):
        side = state.sides["wsgi"]
        assert contract.is_over(contract.steps(side), side) is over
    assert not contract.is_over([], done.sides["wsgi"])
    assert done.sides["asgi"].ledger.get(RUN + 1).run_ns == MS  # type: ignore[union-attr]


def test_the_summary_lists_them_too() -> None:
    lines = contract.lines(reduced(both()).sides["wsgi"])
    assert lines[0] == f"WSGI  0.01 s  server -> app  app(environ, start_response)  environ: {WSGI[0][2]}"
    assert lines[2] == "WSGI  2.01 s  app -> server  returns <Body>"
    assert len(lines) == len(WSGI)
    assert contract.lines(side_of()) == []


def test_in_the_end_there_is_a_sentence_for_each_side() -> None:
    state = replace(reduced(both()), phase=Phase.FINISHED)
    said = side_captions(state, at(7.0), Occurrences())
    assert said["wsgi"].text == "Its worker was held for 6.00 s, 0.97 s of that after the answer, in close()."
    assert said["asgi"].text.startswith("It was in the app for 5.03 s and held the loop for")


@pytest.mark.parametrize(
    ("without", "words"),
    [((), ", 0.97 s of that after the answer, in close()."), ((Passed.CLOSING, Passed.CLOSED), ", from the call to")],
)
def test_what_comes_after_the_answer_is_ascribed_to_close_only_where_that_was_seen(
    without: tuple[Passed, ...], words: str
) -> None:
    side = reduced(both()).sides["wsgi"]
    seen = tuple(entry for entry in side.run.contract if entry.passed not in without)
    assert words in held(replace(side, run=replace(side.run, contract=seen)))
