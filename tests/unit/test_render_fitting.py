"""Sentences on small screens: whole clauses are left out, the least important first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgiviz.analysis.captions import READY, Caption
from wsgiviz.state import Location
from wsgiviz.tui.render.fitting import fitted, lines_of, with_units, wordings
from wsgiviz.tui.render.glyphs import UNICODE
from wsgiviz.tui.render.head_rows import fitting_title
from wsgiviz.tui.render.words import place
from wsgiviz.tui.widgets.caption import caption_text

WHO = "40 requests wait for one of the 4 threads (all at app.py:7 time.sleep; over 2 s of waiting)"
HELP = "await an asyncio library, or raise its total_tokens"


@pytest.mark.parametrize(("text", "width", "wanted"), [
    ("All is well.", 40, "All is well."),
    (f"{WHO}: {HELP}.", 60, f"{WHO}."),
    (f"{WHO}: {HELP}.", 30, "40 requests wait for one of the 4 threads."),
    ("The threads take turns with the GIL (over 2 s of waiting): processes would compute at the same time.", 46,
     "The threads take turns with the GIL: processes would compute at the same time."),
    ("A client holds the only worker; 2 requests wait in the kernel; gunicorn kills a worker for that.", 36,
     "A client holds the only worker; 2 requests wait in the kernel."),
    ("WSGI took 20.1 s, ASGI 1.02 s. Workers wait in time.sleep(1) most of their time, and serve nobody.", 40,
     "Workers wait in time.sleep(1) most of their time, and serve nobody."),
])  # fmt: skip
def test_what_is_left_out(text: str, width: int, wanted: str) -> None:
    assert fitted(text, width, 2) == wanted


def test_a_place_in_the_code_stays_longer_than_what_helps() -> None:
    assert "app.py:7" in fitted(f"{WHO}: {HELP}.", 60, 2)


def test_a_call_s_own_parentheses_are_no_aside() -> None:
    assert list(wordings("It waits in time.sleep(1) for long (at f() of x).")) == [
        "It waits in time.sleep(1) for long (at f() of x).",
        "It waits in time.sleep(1) for long.",
    ]


@given(st.text(st.sampled_from("abc .:;()#A7…"), max_size=120), st.integers(4, 40), st.integers(1, 3))
def test_whatever_is_said_it_fits(text: str, width: int, lines: int) -> None:
    assert lines_of(fitted(text, width, lines), width) <= lines


def test_keys_are_named_only_where_there_is_room() -> None:
    assert caption_text(READY, 78, 1, ascii_only=False) == "Ready. Press space to fire."
    assert caption_text(READY, 20, 1, ascii_only=False) == "Ready."
    assert caption_text(Caption("An endless word: " + "x" * 90), 42, 2, ascii_only=True).isascii()


def test_whose_threads_they_are_gives_way_before_a_word_is_cut() -> None:
    text = "14 requests wait for one of the 6 threads of asyncio's default executor."
    assert fitted(text, 70, 1) == "14 requests wait for one of the 6 threads."
    assert fitted(text, 80, 1) == text


@pytest.mark.parametrize(("width", "wanted"), [
    (90, "Worker 1 was killed by SIGKILL while it held #5, last seen at crash.py:13 time.sleep."),
    (56, "Worker 1 was killed by SIGKILL while it held #5."),
])  # fmt: skip
def test_where_it_was_last_seen_goes_as_a_whole(width: int, wanted: str) -> None:
    text = "Worker 1 was killed by SIGKILL while it held #5, last seen at crash.py:13 time.sleep; gunicorn goes on."
    assert fitted(text, width, 1) == wanted


@pytest.mark.parametrize(("room", "wanted"), [
    (24, "sleep.py:14 time.sleep"), (21, "time.sleep"), (9, ""), (0, ""),
])  # fmt: skip
def test_a_place_is_shown_whole_or_in_part_but_never_cut(room: int, wanted: str) -> None:
    assert place(Location("demo_apps/sleep.py", 14, "wsgi_app", "time.sleep"), room) == wanted


def test_a_place_without_a_call_is_its_line() -> None:
    assert place(Location("shop.py", 9, "checkout_of_a_customer"), 12) == "shop.py:9"


@pytest.mark.parametrize(("room", "wanted"), [
    (60, "gunicorn gthread, 2 workers of 4 threads"),
    (31, "gthread, 2 workers of 4 threads"),
    (30, "gthread, 2 × 4 threads"),
    (12, "gunicorn gt…"),
])  # fmt: skip
def test_the_title_of_a_narrow_pane_says_how_many_threads(room: int, wanted: str) -> None:
    assert fitting_title("gunicorn gthread, 2 workers of 4 threads", room, UNICODE) == wanted


def test_what_was_not_measured_is_true_as_far_as_it_is_shown() -> None:
    text = "Not measured: an event loop, a steady load, hundreds of open connections, clients on a real network."
    assert fitted(text, 60, 1) == "Not measured: an event loop, a steady load."


def test_a_sentence_may_begin_with_the_name_of_a_server() -> None:
    text = "Processes fit this load. gthread waited for the GIL for 61 % of its busy time: its threads share one."
    assert fitted(text, 60, 1) == "gthread waited for the GIL for 61 % of its busy time."


def test_a_unit_does_not_begin_a_line() -> None:
    assert with_units("held the loop for up to 0.50 s (#1)", 30, 28) == "held the loop for up to\n0.50 s (#1)"
    assert with_units("held the loop for up to 0.50 s (#1)", 30, 30) == "held the loop for up to 0.50 s (#1)"
    assert with_units("it took 12 % of all", 40, 10) == "it took\n12 % of all"
