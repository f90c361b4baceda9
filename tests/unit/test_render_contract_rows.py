"""The list of steps at each size: what is left out, what is marked, and that nothing is wider than it may be."""

from __future__ import annotations

import pytest

from tests.unit.contract_events import both, request, session, steps
from tests.unit.lint_contexts import PID, at, reduced
from tests.unit.states import RUN
from wsgiviz.events import ContractStep
from wsgiviz.recorder.contract_steps import Passed
from wsgiviz.state import State
from wsgiviz.tui.render.contract_rows import ContractView, rows
from wsgiviz.tui.render.glyphs import ASCII, UNICODE, Glyphs
from wsgiviz.tui.render.line import text_of
from wsgiviz.tui.screens.live_sizes import beside_steps

SIZES = [(28, 5), (38, 13), (38, 3), (58, 14), (58, 12), (98, 25), (76, 13)]


def shown(
    state: State,
    name: str,
    at_s: float,
    width: int = 58,
    height: int = 14,
    glyphs: Glyphs = UNICODE,
    followed: int = 0,
) -> list[str]:
    view = ContractView(state.sides[name], at(at_s), glyphs, followed)
    return [text_of(row) for row in rows(view, width, height)]


def at_time(at_s: float, name: str, width: int = 58, height: int = 14, glyphs: Glyphs = UNICODE) -> list[str]:
    return [line.rstrip() for line in shown(reduced(both(at_s)), name, at_s, width, height, glyphs)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["wsgi", "asgi"])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=lambda glyphs: glyphs.name)
@pytest.mark.parametrize("at_s", [0.0, 0.5, 1.5, 2.5, 5.5, 7.0])
def test_it_fills_its_room_exactly(size: tuple[int, int], name: str, glyphs: Glyphs, at_s: float) -> None:
    width, height = size
    lines = shown(reduced(both(at_s)), name, at_s, width, height, glyphs)
    assert [len(line) for line in lines] == [width] * height
    assert glyphs is UNICODE or all(line.isascii() for line in lines)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("at_s", [0.5, 1.5, 2.5, 3.5, 5.5])
def test_the_newest_step_is_always_there_and_the_only_one_marked(size: tuple[int, int], at_s: float) -> None:
    lines = at_time(at_s, "wsgi", *size)
    marked = [line for line in lines if line.startswith(UNICODE.here)]
    assert len(marked) == 1
    newest = [event for event in steps("wsgi", at_s) if isinstance(event, ContractStep)][-1]
    assert f"{(newest.t_ns - at(0)) / 1e9:.2f}" in marked[0]


def test_who_calls_whom_and_with_what() -> None:
    assert at_time(2.5, "wsgi", 104, 9) == [
        " steps of #1",
        "   0.01 s  server → app  app(environ, start_response)",
        "   1.01 s  app → server  start_response('200 OK', [('Content-Type', 'text/plain; charset=utf-8')])",
        "   2.01 s  app → server  returns <Body>",
        "▶  2.02 s  server → app  next()",
        "  the app is at contract.py:13 time.sleep 0.5 s",
        "", "", "",
    ]  # fmt: skip


def test_with_little_room_an_arrow_says_who_calls_whom() -> None:
    assert at_time(2.5, "wsgi", 38, 7, ASCII) == [
        " steps of #1   -> to app <- to server",
        "  0.01 -> app(environ, start_respons~",
        "  1.01 <- start_response('200 OK', [~",
        "  2.01 <- returns <Body>",
        "> 2.02 -> next()",
        "  at contract.py:13 time.sleep 0.5 s",
        "",
    ]


def test_on_a_loop_the_app_awaits() -> None:
    assert "  the app awaits at contract.py:13 asyncio.sleep 0.5 s" in at_time(2.5, "asgi", 98, 14)


def test_the_newest_value_is_whole_where_there_is_room_below_it() -> None:
    lines = at_time(1.5, "wsgi", 38, 13)
    assert [line.strip() for line in lines[2:5]] == [
        "▶ 1.01 ← start_response('200 OK',",
        "[('Content-Type',",
        "'text/plain;",
    ]
    lines = at_time(1.5, "wsgi", 38, 4)
    assert lines[2].startswith("▶ 1.01 ← start_response('200 OK', [(…")


def test_what_environ_holds_is_below_its_call_where_there_is_room() -> None:
    assert "environ: REQUEST_METHOD=GET PATH_INFO=/" in "\n".join(at_time(0.5, "wsgi", 58, 14))
    assert "environ:" not in "\n".join(at_time(7.0, "wsgi", 58, 14))
    assert "environ: REQUEST_METHOD=GET PATH_INFO=/" in "\n".join(at_time(7.0, "wsgi", 98, 25))


def test_a_next_that_has_its_chunk_is_left_out_first() -> None:
    lines = at_time(7.0, "wsgi", 58, 13)
    assert sum("next()" in line for line in lines) == 3
    assert sum("yields" in line for line in lines) == 3
    lines = at_time(7.0, "wsgi", 58, 10)
    assert sum("next()" in line for line in lines) == 0
    assert "close() returns" in lines[9]


def test_then_the_earliest_steps_are_and_a_row_says_how_many() -> None:
    lines = at_time(7.0, "wsgi", 58, 6)
    assert lines[1] == "   ↑ 5 earlier"
    assert [line.split()[-1] for line in lines[2:]] == [r"b'three\n'", "StopIteration", "close()", "returns"]


def test_when_it_is_over_no_step_is_cut_as_long_as_rows_are_left() -> None:
    lines = at_time(7.0, "asgi", 44, 22)
    assert lines.count("") >= 1
    assert not any(line.endswith("…") for line in lines)


def test_when_it_is_over_nothing_is_marked_and_nobody_has_the_turn() -> None:
    for name in ("wsgi", "asgi"):
        text = "\n".join(at_time(7.0, name, 98, 25))
        assert UNICODE.here not in text
        assert "contract.py" not in text


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (Passed.YIELDED, "the server goes on"),
        (Passed.RECEIVING, "the server goes on"),
        (Passed.WRITTEN, "the app is at contract.py:13"),
    ],
)
def test_the_last_row_says_who_has_the_turn(passed: Passed, words: str) -> None:
    step = ContractStep(at(0.6), "wsgi", PID, RUN + 1, passed, "")
    assert words in "\n".join(shown(reduced(both(0.5), [step]), "wsgi", 0.7))


def test_before_the_first_step_it_says_that_there_is_none() -> None:
    assert at_time(0.0, "wsgi")[:2] == [" steps   → server to app   ← app to server", "  no step yet"]


def test_the_request_that_is_followed_is_shown() -> None:
    state = reduced(session(2), request("wsgi"), request("wsgi", 0.5, n=2))
    assert shown(state, "wsgi", 1.0)[0].startswith(" steps of #2")
    assert shown(state, "wsgi", 1.0, followed=RUN + 1)[0].startswith(" steps of #1")


def test_what_an_app_has_passed_is_harmless() -> None:
    step = ContractStep(at(0.6), "wsgi", PID, RUN + 1, Passed.YIELDED, "\x1b[31m\u202e文")
    state = reduced(both(0.5), [step])
    for glyphs in (UNICODE, ASCII):
        text = "\n".join(shown(state, "wsgi", 0.7, glyphs=glyphs))
        assert r"yields \x1b[31m\u202e\u6587" in text


@pytest.mark.parametrize(("name", "colour"), [("wsgi", "computing!"), ("asgi", "awaiting!")])
def test_whose_turn_it_is_has_the_colour_of_what_the_app_does(name: str, colour: str) -> None:
    """As the lanes above and the line of code below: no colour of a side."""
    made = rows(ContractView(reduced(both(2.5)).sides[name], at(2.5)), 58, 14)
    [turn] = [row for row in made if text_of(row).startswith("  the app")]
    assert {part.style.front for part in turn if part.text.strip()} == {colour}


@pytest.mark.parametrize(
    ("size", "bars", "code", "stage", "lines"),
    [
        ((200, 50), 0, 12, False, (18, 12)),
        ((120, 36), 0, 12, False, (9, 9)),
        ((160, 45), 0, 12, False, (13, 12)),
        ((120, 36), 0, 0, False, (16, 0)),
        ((200, 50), 3, 12, False, (15, 12)),
        ((120, 36), 0, 12, True, (12, 1)),
        ((80, 24), 0, 12, False, None),
    ],
)
def test_steps_have_their_lines_then_the_function_then_the_panes(
    size: tuple[int, int], bars: int, code: int, stage: bool, lines: tuple[int, int] | None
) -> None:
    assert beside_steps(size, bars, code, stage) == lines
