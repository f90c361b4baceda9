"""Assertions and formulas: what they mean, what is said of them, and that no text is ever run."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wsgiviz.lessons
from wsgiviz.lessons.assertion import Judgement, assertion, formula
from wsgiviz.lessons.evidence import Evidence, NotKnown
from wsgiviz.lessons.lesson_error import LessonError

SIDE: dict[str, Any] = {
    "makespan_s": 4.02,
    "blocked_fraction": 0.96,
    "throughput_rps": 12345.678,
    "worker_class": "sync",
    "statuses": {"200": 8},
    "errors": {"timed out": 2},
    "predicted_makespan_s": None,
    "deaths": [{"pid": 1}, {"pid": 2}],
    "loops": [{"max_lag_s": 0.25}],
    "paths": [{"path": "/healthz?seconds=2", "latency_s": {"p95": 0.1}}],
}
RESULT: dict[str, Any] = {
    "settings": {
        "requests": 8,
        "workers": 4,
        "left": None,
        "timeout": 60.0,
        "parameters": {"seconds": 2, "fix": "no"},
    },
    "host": {"usable_cores": 2},
    "sides": {"wsgi": SIDE},
    "lints": [{"name": "all-workers-blocked", "side": "wsgi"}],
    "verdict": {"fits": "workers"},
}
EARLIER = {"two-rounds": {**RESULT, "sides": {"wsgi": {**SIDE, "makespan_s": 8.0}}}}
EVIDENCE = Evidence(RESULT, EARLIER)


def judge(text: str, evidence: Evidence = EVIDENCE) -> Judgement:
    return assertion(text, "a.md", 1).judge(evidence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("wsgi.makespan_s ≈ 2 * seconds ± 5 %", "wsgi.makespan_s = 4.02 s, expected 4 ± 5 % (2 * seconds)"),
        ("wsgi.makespan_s ~ 4 +- 0.1", "wsgi.makespan_s = 4.02 s, expected 4 ± 0.1"),
        ("wsgi.makespan_s ≈ -4 + 8 ± 1 / 10", "wsgi.makespan_s = 4.02 s, expected 4 ± 1 / 10 (-4 + 8)"),
        ("wsgi.blocked_fraction > 0.9", "wsgi.blocked_fraction = 0.96, expected > 0.9"),
        ("wsgi.throughput_rps >= 1", "wsgi.throughput_rps = 12346 per second, expected >= 1"),
        ("wsgi.statuses.200 = requests", "wsgi.statuses.200 = 8, expected 8 (requests)"),
        ("wsgi.statuses[200] == 8", "wsgi.statuses[200] = 8, expected 8"),
        ("wsgi.statuses.500 = 0", "wsgi.statuses.500 = 0, expected 0"),
        ('wsgi.errors["timed out"] ≠ 0', 'wsgi.errors["timed out"] = 2, expected != 0'),
        (
            'wsgi.paths["/healthz"].latency_s.p95 < 0.2',
            'wsgi.paths["/healthz"].latency_s.p95 = 0.1 s, expected < 0.2',
        ),
        ("wsgi.loops[0].max_lag_s ≤ 0.25", "wsgi.loops[0].max_lag_s = 0.25 s, expected <= 0.25"),
        ("count(wsgi.deaths) = 2", "count(wsgi.deaths) = 2, expected 2"),
        ("ceil(requests / 3) × seconds = 6", "ceil(requests / 3) × seconds = 6, expected 6"),
        ("min(1, cores, workers) = floor(1.9)", "min(1, cores, workers) = 1, expected 1 (floor(1.9))"),
        ("abs(2 - 3 - 4) = max(5)", "abs(2 - 3 - 4) = 5, expected 5 (max(5))"),
        ("8 / 4 / 2 - -(1 + 1) = 3", "8 / 4 / 2 - -(1 + 1) = 3, expected 3"),
        ('wsgi.worker_class = "sync"', 'wsgi.worker_class = "sync", expected "sync"'),
        ("fix != 'thread'", 'fix = "no", expected != "thread"'),
        ('verdict.fits = "workers"', 'verdict.fits = "workers", expected "workers"'),
        (
            "wsgi.makespan_s < two-rounds.wsgi.makespan_s",
            "wsgi.makespan_s = 4.02 s, expected < 8 (two-rounds.wsgi.makespan_s)",
        ),
        ("wsgi has all-workers-blocked", "wsgi has all-workers-blocked, expected all-workers-blocked"),
        ("two-rounds.wsgi has no loop-held", "two-rounds.wsgi has all-workers-blocked, expected no loop-held"),
    ],
)
def test_what_holds_is_said_with_what_was_measured(text: str, sentence: str) -> None:
    found = judge(text)
    assert found.sentence == sentence
    assert found.holds


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("wsgi.makespan_s ≈ 4 ± 0.4 %", "wsgi.makespan_s = 4.02 s, expected 4 ± 0.4 %"),
        ("wsgi.makespan_s < seconds", "wsgi.makespan_s = 4.02 s, expected < 2 (seconds)"),
        ("wsgi has no all-workers-blocked", "wsgi has all-workers-blocked, expected no all-workers-blocked"),
        ("wsgi has loop-held", "wsgi has all-workers-blocked, expected loop-held"),
        ("asgi.makespan_s > 1", "asgi.makespan_s is not known, expected asgi.makespan_s > 1"),
        (
            "wsgi.predicted_makespan_s > 1",
            "wsgi.predicted_makespan_s is not known, expected wsgi.predicted_makespan_s > 1",
        ),
        ("wsgi.loops[7].max_lag_s < 1", "wsgi.loops.7.max_lag_s is not known, expected wsgi.loops[7].max_lag_s < 1"),
        ("left = 1", "left is not known, expected left = 1"),
        ("wsgi.statuses < 1", "wsgi.statuses is not a number, expected wsgi.statuses < 1"),
        ("1 / (seconds - 2) > 0", "a division by zero, expected 1 / (seconds - 2) > 0"),
        ("wsgi.worker_class < 3", '"sync" can\'t be compared with 3, expected wsgi.worker_class < 3'),
        ('wsgi.worker_class < "z"', '"sync" can\'t be compared with "z", expected wsgi.worker_class < "z"'),
        ("wsgi.worker_class + 1 = 3", "'sync' is not a number, expected wsgi.worker_class + 1 = 3"),
        ("count(wsgi.makespan_s) = 1", "wsgi.makespan_s has no entries, expected count(wsgi.makespan_s) = 1"),
        ("other.wsgi.makespan_s > 1", "the run other has no result, expected other.wsgi.makespan_s > 1"),
        ('failure says "x"', 'the servers have started, expected a failure that says "x"'),
    ],
)
def test_what_does_not_hold_is_said_with_the_reason(text: str, sentence: str) -> None:
    found = judge(text)
    assert found.sentence == sentence
    assert not found.holds


@pytest.mark.parametrize(
    ("value", "text", "sentence"),
    [
        (0.89996, "> 0.9", "0.89996, expected > 0.9"),
        (0.8996, "> 0.9", "0.8996, expected > 0.9"),
        (4.2001, "≈ 4 ± 5 %", "4.2001, expected 4 ± 5 %"),
        (4.2, "≈ 4 ± 0.2", "4.2, expected 4 ± 0.2"),
    ],
)
def test_a_value_is_never_rounded_to_what_it_is_not(value: float, text: str, sentence: str) -> None:
    evidence = Evidence({"sides": {"wsgi": {"blocked_fraction": value}}})
    assert judge(f"wsgi.blocked_fraction {text}", evidence).sentence == f"wsgi.blocked_fraction = {sentence}"


def test_a_failure_is_looked_through_whatever_its_case_and_lines() -> None:
    failed = Evidence(None, failure="Booting:\n  the lock is held")
    assert judge('failure says "booting: the lock"', failed).holds
    assert not judge('failure says "ready"', failed).holds
    assert judge("wsgi.makespan_s > 1", failed).measured == "the run has no result"


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        ("", "a number or a name is expected before the end", "both sides"),
        ("wsgi.makespan_s", "a comparison is expected before the end", "A < B"),
        ("1 < 2 < 3", "a second comparison begins with '<'", "two assertions"),
        ("1 ≈ 2", "≈ has no tolerance", "A ~ B +- 5 %"),
        ("1 < 2 ± 1", "± is for a tolerance", "A ≈ B"),
        ("wsgi.blocked_fraction > 90 %", "% is only for a tolerance", "0.9"),
        ("wsgi.makespan_s < 2 s", "'s' is not expected here", "no units"),
        ("wsgi has", "the name of a lint is missing", "wsgiviz lints"),
        ("wsgi has loop-hold", "there is no lint 'loop-hold'", "did you mean loop-held?"),
        ("1 has loop-held", "a side is expected before 'has'", "wsgi has LINT"),
        ("failure", "'says' is expected", 'failure says "Booting"'),
        ("failure says Booting", "failure says nothing", 'failure says "Booting"'),
        ("wgsi.makespan_s < 1", "'wgsi' is not a side", "did you mean wsgi?"),
        ("mx(1) < 2", "there is no function 'mx'", "did you mean max?"),
        ("ceil(1, 2) < 2", "ceil() has 2 arguments", "it takes 1"),
        ("count(1) < 2", "count() counts entries", "count(wsgi.deaths)"),
        ("(1 < 2", "')' is expected before '<'", "each ( needs"),
        ("wsgi.paths[/] < 2", "a key of the result is expected before '/'", "wsgi.latency_s.p95"),
        ('wsgi.paths["/" < 2', "']' is expected before '<'", "each [ needs"),
        ("wsgi. < 2", "a key of the result is expected before '<'", "wsgi.latency_s.p95"),
        ('wsgi.paths["/] < 2', "is not closed", "after the text too"),
        ("1 ! 2", "'!' alone is no comparison", "!="),
        ("1 < 2; x", "';' has no meaning", "≈ with ±"),
        ("1 < " + "9" * 20, "the number 999999999999… is too large", "the largest is"),
        ("1 < " + "(" * 21 + "1" + ")" * 21, "more than 20 levels", "fewer"),
        ("1 < " + "-" * 21 + "1", "more than 20 levels", "fewer"),
        ("1 < 2" + " " * 600, "an assertion of 605 characters", "at most 500"),
        ("__import__('os').system('true') = 0", "there is no function '__import__'", "min, max"),
    ],
)
def test_what_is_no_assertion_is_refused_with_place_and_fix(text: str, what: str, fix: str) -> None:
    with pytest.raises(LessonError) as refused:
        assertion(text, "course/x.md", 7)
    assert refused.value.message.startswith(f"course/x.md:7: {what}") or what in refused.value.message
    assert refused.value.message.startswith("course/x.md:7: ")
    assert fix in refused.value.hint


PIECES = st.sampled_from(
    [
        "wsgi",
        "asgi2",
        ".",
        "makespan_s",
        "statuses",
        "[",
        "]",
        '"/"',
        "(",
        ")",
        "-",
        "+",
        "*",
        "/",
        "%",
        "±",
        "+-",
        "≈",
    ]
    + ["~", "<", ">=", "!=", "=", ",", "max", "count", "ceil", "1", "0", "2.5", "seconds", "cores", "has", "no"]
    + [
        "loop-held",
        "failure",
        "says",
        '"x"',
        "two-rounds",
        "two-rounds.wsgi",
        "verdict",
        "999999999999999",
        "__class__",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=80),
    st.lists(PIECES, max_size=25).map(" ".join),
    st.lists(PIECES, max_size=25).map("".join),
    st.builds(
        lambda sign, n: sign * n, st.sampled_from(["(", "-", "max(", "wsgi[", "1+", "1/", "1*"]), st.integers(0, 9999)
    ),
)
FACTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["wsgi", "path", "1", "p95"]), inner),
    max_leaves=8,
)


@given(TEXTS)
def test_any_text_is_an_assertion_or_refused_in_words(text: str) -> None:
    for read in (assertion, formula):
        refused = None
        try:
            read(text, "x.md", 3)
        except LessonError as error:
            refused = error
        assert refused is None or refused.message.startswith("x.md:3: ")
        assert refused is None or (refused.what and refused.hint)


@given(TEXTS, st.dictionaries(st.sampled_from(["makespan_s", "statuses", "paths", "loops"]), FACTS))
def test_whatever_is_an_assertion_is_judged_of_any_result(text: str, side: dict[str, Any]) -> None:
    evidence = Evidence({**RESULT, "sides": {"wsgi": side}}, EARLIER)
    try:
        read = assertion(text)
    except LessonError:
        return
    assert read.judge(evidence).sentence


@given(TEXTS)
def test_a_formula_s_value_is_finite_a_text_or_not_known(text: str) -> None:
    try:
        value = formula(text).value(EVIDENCE)
    except (LessonError, NotKnown):
        return
    assert isinstance(value, str) or abs(value) < float("inf")


@given(st.lists(st.sampled_from(["+", "-", "*", "/"]), max_size=12), st.data())
def test_arithmetic_is_that_of_python(signs: list[str], data: st.DataObject) -> None:
    """Precedence and order of evaluation, compared with the real thing (here, in the test, and nowhere else)."""
    numbers = data.draw(st.lists(st.integers(1, 9), min_size=len(signs) + 1, max_size=len(signs) + 1))
    text = str(numbers[0]) + "".join(f" {sign} {n}" for sign, n in zip(signs, numbers[1:], strict=True))
    assert formula(text).value(EVIDENCE) == pytest.approx(eval(text))


def test_nothing_in_lessons_runs_a_text() -> None:
    called = set()
    for path in Path(wsgiviz.lessons.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called.add(node.func.id)
    assert called
    assert not called & {"eval", "exec", "compile", "__import__", "getattr_static", "import_module"}
