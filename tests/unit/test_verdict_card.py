"""What to try next, and the verdict as a card."""

from __future__ import annotations

import pytest

from tests.unit.test_captions import finished
from tests.unit.test_verdict import loop, of
from wsgiviz.analysis.captions import Caption, Tone
from wsgiviz.analysis.hot_lines import HotLine
from wsgiviz.analysis.next_steps import MORE_REQUESTS, MORE_WORKERS, NextStep, in_words, scenario
from wsgiviz.analysis.verdict import Demand, Fits, Verdict
from wsgiviz.settings import make
from wsgiviz.state import Activity, Location, Task
from wsgiviz.tui.render.block_digits import LINES, PIXELS, block_digits, cells
from wsgiviz.tui.render.fitting import fitted
from wsgiviz.tui.render.head_rows import colour_of
from wsgiviz.tui.screens.bindings import CONTROL, VIEW, keys_of
from wsgiviz.tui.screens.live_sizes import code_is_shown, least_code, request_lanes
from wsgiviz.tui.source import Source, lifespan_lines
from wsgiviz.tui.widgets.caption import LABELS, card, row_tone
from wsgiviz.tui.widgets.code import badge, code_end, shown_numbers, worth_showing

KEYS = {"+": "plus", "-": "minus", "]": "right_square_bracket"}


def test_what_waits_wants_more_workers_or_a_loop_that_is_blocked() -> None:
    found = of(finished("wsgi", 5.02, 1), loop(1.03, 1), settings=make(scenario="sleep"))
    assert found.next == (MORE_WORKERS, NextStep("s", "scenario blocking-in-async"))
    assert in_words(found.next) == "Press + for more workers, s for scenario blocking-in-async."


def test_a_scenario_never_leads_to_itself_and_an_own_app_to_none() -> None:
    assert scenario(make(scenario="sleep"), "sleep", "http") == (NextStep("s", "scenario http"),)
    assert scenario(make(scenario="sleep"), "sleep") == ()
    assert scenario(make(wsgi="shop:app", only="wsgi"), "sleep") == ()


@pytest.mark.parametrize(
    "found",
    [
        of(finished("wsgi", 5.02, 1), loop(1.03, 1)),
        of(finished("wsgi", 1.05, 1), loop(1.0, 1)),
        of(finished("wsgi", 2, 0.5, Activity.COMPUTING), loop(4, 0.5, 0.5)),
        of(finished("wsgi", 2, 0.5, Activity.COMPUTING), loop(2, 0.5, 0.5)),
        of(finished("wsgi", 0.1, 0.0004), loop(0.1, 0.0004)),
        of(finished("wsgi", 5.02, 1)),
    ],
    ids=lambda found: f"{found.demand}, {found.fits}",
)
def test_every_verdict_has_something_to_try_with_a_key_of_the_live_screen(found: Verdict) -> None:
    assert found.next
    for step in found.next:
        assert KEYS.get(step.key, step.key) in keys_of([*CONTROL, *VIEW])


VERDICT = Verdict(
    Demand.WAITING,
    Fits.LOOP,
    "An event loop fits.",
    "It waited.",
    "Threads.",
    "Not measured: rain.",
    (MORE_REQUESTS,),
)


def test_the_card_has_a_line_for_each_part_and_a_longer_one_gets_what_is_left() -> None:
    said = Caption("WSGI took 5 s: slower. An event loop fits.", Tone.GOOD, verdict=VERDICT)
    assert card(said, 100, 4, False) == [
        ("", "WSGI took 5 s: slower."),
        ("Why", "An event loop fits. It waited."),
        ("Change", "Threads."),
        ("Next", "Press ] for more requests at once."),
    ]
    assert card(said, 100, 5, False)[-1] == ("", "Not measured: rain.")
    assert card(said, 100, 3, False) == []
    assert card(Caption("Ready."), 100, 4, False) == []
    assert [label for label, _ in card(said, 100, 4, False)[1:]] == list(LABELS)


def test_the_place_is_the_last_thing_that_a_sentence_goes_without() -> None:
    text = "The event loop computes over 90 % of the time at cpu.py:28 in count_primes."
    assert fitted(text, 100, 1) == text
    assert fitted(text, 60, 1) == "The event loop computes over 90 % of the time."


def test_what_does_not_fit_ends_with_a_clause_before_it_is_cut() -> None:
    text = "Worker 4 takes turns with threads of the app's own, at one GIL in count_primes of cpu"
    assert fitted(text, 70, 1) == "Worker 4 takes turns with threads of the app's own."
    assert fitted("Nothing but one long clause stands here", 30, 1).endswith("…")


# --- code -----------------------------------------------------------------------------------------------------------

APP = (
    "async def asgi_app(scope, receive, send):",
    '    if scope["type"] == "lifespan":',
    "        return await lifespan(receive, send)",
    "    seconds = 1",
    "    await asyncio.sleep(seconds)",
)
SOURCE = Source("app.py", 16, APP)


def test_what_an_app_does_about_its_lifespan_is_left_out() -> None:
    assert lifespan_lines(SOURCE) == {17, 18}
    assert shown_numbers(SOURCE, {}, 9, 0) == [16, 19, 20]
    at = HotLine(Location("app.py", 18, ""), (), 1)
    assert shown_numbers(SOURCE, {18: at}, 9, 18) == [16, 18, 19, 20]


@pytest.mark.parametrize("other", ["!= 'http'", "== 'http'", "in ('lifespan',)"])
def test_other_branches_stay(other: str) -> None:
    lines = ("async def app(scope, receive, send):", f"    if scope['type'] {other}:", "        return")
    assert lifespan_lines(Source("app.py", 1, lines)) == frozenset()
    assert lifespan_lines(Source("app.py", 1, ("def f(:",))) == frozenset()


def test_one_line_alone_is_where_it_waits() -> None:
    assert shown_numbers(SOURCE, {}, 1, 0, "asyncio.sleep") == [20]
    assert shown_numbers(SOURCE, {}, 1, 19, "asyncio.sleep") == [19]
    page = Source("app.py", 8, ("def app(environ, start_response):", "    start_response(OK)", "    return [PAGE]"))
    assert shown_numbers(page, {}, 1, 0, "return [page]") == [10]


def test_marks_have_the_colour_of_their_state() -> None:
    assert [colour_of(str(state)) for state in (Activity.BLOCKED, Task.AWAITING, Task.RUNNING)] == [
        "blocked",
        "awaiting",
        "computing",
    ]
    assert colour_of("") == "dim"


# --- digits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1, 2])
def test_digits_of_blocks_are_as_wide_as_is_said(scale: int) -> None:
    for text in ("5.05s", "0123456789", "4.8x"):
        drawn = block_digits(text, scale, False)
        assert {len(line) for line in drawn} == {cells(text, scale)}
        assert len(drawn) == LINES * scale
        assert set("".join(drawn)) == {"█", " "}
    assert set("".join(block_digits("88", scale, True))) == {"#", " "}


def test_no_two_digits_look_alike() -> None:
    assert len(set(PIXELS.values())) == len(PIXELS)


def test_what_happened_may_be_a_warning_and_the_rest_of_the_card_is_none() -> None:
    assert [row_tone(Tone.WARN, first) for first in (True, False)] == [Tone.WARN, Tone.PLAIN]
    assert [row_tone(Tone.GOOD, first) for first in (True, False)] == [Tone.GOOD, Tone.GOOD]


def test_a_line_of_code_without_room_loses_its_comment_and_not_half_of_it() -> None:
    line = 'value = call("#1")  # the loop goes on'
    assert line[: code_end(line, 30)] == 'value = call("#1")'
    assert code_end(line, 10) == len(line), "the code itself has no room: it is cut"
    assert code_end("    # nothing but a comment, and a long one", 20) == 43


def test_who_is_at_a_line_takes_few_words_where_its_code_needs_the_room() -> None:
    at = HotLine(Location("app.py", 3, "sleep"), ("1.1", "1.2", "2.1"), 0, Activity.BLOCKED)
    assert badge(at, "    time.sleep(seconds)  # a comment may go", 45) == "threads 1.1 1.2 2.1"
    assert badge(at, "    time.sleep(number(query))", 45) == "3 threads"


def test_what_all_demo_apps_need_is_no_code_to_show() -> None:
    """Each request is for a moment in `send_text`, which stood where the computing should."""
    places = [Location("demo_apps/http_text.py", 51, "send_text"), Location("demo_apps/cpu.py", 28, "count_primes")]
    found = tuple(HotLine(place, (), 1, Task.RUNNING) for place in places)
    assert [line.place.file for line in worth_showing(found)] == ["demo_apps/cpu.py"]


@pytest.mark.parametrize(
    ("lanes", "beside", "shown"),
    [(20, 33, True), (60, 33, True), (40, 33, True), (20, 19, False), (40, 19, False), (0, 19, True)],
)
def test_a_large_screen_shows_code_beside_many_lanes(lanes: int, beside: int, shown: bool) -> None:
    """Where not all of sixty requests have a lane anyway, eight more are worth less than the code."""
    assert code_is_shown(lanes, beside, beside + 9) is shown


def test_code_has_room_for_a_function_that_the_app_calls_where_lanes_have_all_they_need() -> None:
    assert [least_code(lanes, 42, 6) for lanes in (0, 5, 20, 22, 60)] == [9, 9, 9, 1, 1]
    assert least_code(12, 42, 6) == 1, "twelve lanes would be of one line instead of two"
    assert [least_code(0, height, code) for height, code in ((37, 6), (42, 10))] == [1, 1]
    assert request_lanes(make(scenario="mixed", requests=60), 0) == 60, "by worker a loop has them too"
    assert request_lanes(make(scenario="sleep", left="gthread", right="sync"), 0) == 0
