"""What a filter of the ledger lets through, and the columns that there is room for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.tui.stand_in import sleeping
from tests.unit.states import T0, S, answered_request, ledger_of
from wsgiviz.analysis.entries import Entry, entries
from wsgiviz.analysis.entry_filter import entry_filter
from wsgiviz.tui.render.ledger_columns import ALWAYS, BAR, COLUMNS, planned


def some() -> list[Entry]:
    """Four requests of a side: answered, with an error, without an answer, and in the app."""
    plain = answered_request(1, T0, T0 + S)
    bad = replace(answered_request(2, T0, T0 + S), status=503, target="POST /Slow/cart")
    lost = replace(answered_request(3, T0, T0 + S), received_ns=0, failed_ns=T0 + S, status=0, error="timeout")
    held = replace(answered_request(4, T0, 0), ended_ns=0, received_ns=0, status=0)
    side = replace(sleeping().sides["wsgi"], ledger=ledger_of([plain, bad, lost, held]))
    return entries(side, side.ledger)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", [1, 2, 3, 4]),
        ("wsgi", [1, 2, 3, 4]),
        ("asgi", []),
        ("failed", [2, 3]),
        ("ok", [1]),
        ("open", [4]),
        ("200", [1]),
        ("5xx", [2]),
        ("503 failed", [2]),
        ("503 ok", []),
        ("#3", [3]),
        ("/slow", [2]),
        ("/SLOW", [2]),
        ("/", [1, 2, 3, 4]),
        ("post", [2]),
        ("timeout", [3]),
        ("-failed", [1, 4]),
        ("-/slow wsgi", [1, 3, 4]),
        ("-", []),
        ("nothing-of-the-kind", []),
    ],
)
def test_all_its_words_must_be_true(text: str, numbers: list[int]) -> None:
    assert [entry.id for entry in some() if entry_filter(text)(entry)] == numbers


@given(st.text(max_size=40))
def test_any_text_is_a_filter(text: str) -> None:
    passes = entry_filter(text)
    assert all(passes(entry) in (True, False) for entry in some())


NAMES = [column.name for column in COLUMNS if column.name != BAR]


@given(st.sets(st.sampled_from(NAMES)), st.integers(60, 400))
def test_columns_fit_and_stand_in_their_order(telling: set[str], width: int) -> None:
    shown = planned(telling, width)
    assert sum(shown.values()) + 2 * len(shown) <= width
    assert [name for name in NAMES if name in shown] == [name for name in shown if name != BAR]
    assert shown.keys() >= ALWAYS
    assert shown.keys() - ALWAYS - {BAR} <= telling


def test_with_all_columns_eighty_cells_keep_the_most_important() -> None:
    assert list(planned(set(NAMES), 80)) == ["side", "#", "status", "path", "queue wait", "service", "total", BAR]
    assert list(planned(set(NAMES), 200)) == [*NAMES, BAR]


def test_of_requests_of_others_there_is_no_total_that_nobody_knows() -> None:
    assert list(planned({"status", "service"}, 80, ours=False)) == ["#", "status", "service", BAR]
