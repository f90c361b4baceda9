"""Blocks on a line of cells: sharp ends, seams between requests, numbers inside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.states import RUN, T0, S
from wsgiviz.state import Activity, Span
from wsgiviz.state.worker import SPANS_KEPT
from wsgiviz.tui.render.chart import EIGHTHS, Block, Chart, Scale, draw_block
from wsgiviz.tui.render.glyphs import ASCII, UNICODE
from wsgiviz.tui.render.history import History
from wsgiviz.tui.render.line import CellStyle

TEN = Scale.over(T0, T0 + 10 * S, 10)
"""Ten cells of a second."""


def drawn(*blocks: Block, ascii_only: bool = False) -> Chart:
    chart, before = Chart(10), Block(0, 0, "", "")
    for block in blocks:
        draw_block(chart, before, block, ASCII if ascii_only else UNICODE)
        before = block
    return chart


def history(*spans: Span, now_s: float = 10, ascii_only: bool = False) -> Chart:
    lane = History(TEN, ASCII if ascii_only else UNICODE)
    lane.take(spans)
    chart = lane.chart(spans, T0 + int(now_s * S))
    lane.draw_names(chart)
    return chart


def span(begin_s: float, end_s: float, activity: Activity, number: int = 0) -> Span:
    """Ends at 0 s: goes on."""
    end = T0 + int(end_s * S) if end_s else 0
    return Span(T0 + int(begin_s * S), end, activity, RUN + number if number else 0)


def text(chart: Chart) -> str:
    return "".join(part.text for part in chart.parts())


@pytest.mark.parametrize(("eighths", "end"), list(zip(range(8), " ▏▎▍▌▋▊▉", strict=True)))
def test_a_block_ends_to_the_eighth(eighths: int, end: str) -> None:
    assert text(drawn(Block(0, 16 + eighths, Activity.BLOCKED, "blocked"))) == f"██{end}       "


def test_a_block_begins_to_the_eighth_in_reversed_style() -> None:
    chart = drawn(Block(11, 32, Activity.BLOCKED, "blocked"))
    assert text(chart) == " ▍██      "
    assert chart.style(1) == CellStyle("blocked", "", "r")


def test_two_blocks_share_a_cell_in_two_colours() -> None:
    chart = drawn(Block(0, 12, Activity.BLOCKED, "blocked"), Block(12, 24, Activity.COMPUTING, "computing", 1))
    assert text(chart) == "█▌▞       "
    assert chart.style(1) == CellStyle("blocked", "computing")


def test_requests_which_meet_at_a_cell_s_edge_leave_a_seam() -> None:
    chart = history(span(0, 3, Activity.BLOCKED, 1), span(3, 0, Activity.BLOCKED, 2), now_s=5)
    assert text(chart) == "#1▉██     "
    assert chart.style(2) == CellStyle("blocked", "blocked+")
    assert [chart.style(cell).front for cell in range(5)] == ["blocked"] * 3 + ["blocked+"] * 2


def test_a_name_stands_in_the_middle_where_it_fits() -> None:
    assert text(history(span(0, 6, Activity.BLOCKED, 7))) == "██#7██    "
    assert text(history(span(0, 2, Activity.BLOCKED, 7))) == "██        "


def test_a_name_takes_the_style_of_what_it_stands_on() -> None:
    chart = history(span(0, 6, Activity.COMPUTING, 7))
    assert chart.style(2) == CellStyle("computing", "computing*", "br")


def test_a_request_too_short_to_see_is_an_eighth_wide() -> None:
    assert text(history(span(1, 1.001, Activity.BLOCKED, 1), span(1.001, 0, Activity.IDLE))) == " ▏        "


def test_reading_computing_and_writing_are_one_request() -> None:
    states = [span(0, 1, Activity.READING), span(1, 4, Activity.COMPUTING, 3), span(4, 6, Activity.WRITING, 3)]
    assert text(history(*states)) == "░▞#3▒▒    "


def test_ascii_draws_by_whole_cells_with_a_bar_at_the_seam() -> None:
    spans = [span(0, 4.1, Activity.BLOCKED, 1), span(4.1, 6.2, Activity.COMPUTING, 2)]
    assert text(history(*spans, ascii_only=True)) == "###|^^    "


def test_what_was_drawn_as_it_happened_is_what_is_drawn_at_once() -> None:
    spans = [
        span(n / 3, (n + 1) / 3, Activity.IDLE if n % 3 == 2 else Activity.BLOCKED, 0 if n % 3 == 2 else n)
        for n in range(1, 25)
    ]
    lane = History(TEN, UNICODE)
    for seen in range(len(spans)):
        now = [*spans[max(0, seen - 4) : seen], replace(spans[seen], end_ns=0)]
        lane.take(now)
        at_once = history(*spans[:seen], now[-1], now_s=(spans[seen].end_ns - T0) / S)
        chart = lane.chart(now, spans[seen].end_ns)
        lane.draw_names(chart)
        assert chart.parts() == at_once.parts()


@given(st.lists(st.integers(0, 80), max_size=12), st.booleans())
def test_any_blocks_fill_just_their_cells(edges: list[int], ascii_only: bool) -> None:
    edges = sorted(edges)
    pairs = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False) if b > a]
    blocks = [Block(a, b, Activity.BLOCKED, "blocked", group) for group, (a, b) in enumerate(pairs)]
    chart = drawn(*blocks, ascii_only=ascii_only)
    assert len(text(chart)) == 10
    if blocks and not ascii_only:
        assert text(chart)[-(-blocks[-1].right // EIGHTHS) :].strip() == ""


@given(st.integers(1, 60), st.integers(1, 400), st.integers(0, 10 * S))
def test_many_lanes_grow_in_larger_steps_and_never_run_ahead(lanes: int, cells: int, since: int) -> None:
    scale = Scale.over(T0, T0 + 10 * S, cells)
    held = scale.stepped(T0 + since, lanes)
    assert T0 <= held <= T0 + since
    assert scale.at(T0 + since) - scale.at(held) <= EIGHTHS + 1


def test_many_short_requests_are_not_drawn_at_a_time_that_has_not_come() -> None:
    """252 requests of 3 ms, each of which is thinner than the eighth of a cell that it is given."""
    spans = [span(at / 200, at / 200 + 0.003, Activity.BLOCKED, at + 1) for at in range(252)]
    assert text(history(*spans, now_s=1.26))[2:] == " " * 8


def test_what_is_not_kept_of_a_worker_does_not_look_idle() -> None:
    spans = [span(6 + at / 200, 6 + at / 200 + 0.005, Activity.BLOCKED, at + 1) for at in range(SPANS_KEPT)]
    assert text(history(*spans))[:6] == "╌" * 6
    assert text(history(*spans[1:]))[:6] == " " * 6, "one fewer: all there was is kept"


@pytest.mark.parametrize(("busy", "levels"), [(0.25, "  ▆"), (0.5, " ▄█"), (1.0, "███")])
def test_a_level_has_the_height_of_its_lane(busy: float, levels: str) -> None:
    """Ten requests in the first cell, in a lane of three lines; bricks of the same level would look like a wall."""
    spans = [span(at / 10, at / 10 + busy / 10, Activity.COMPUTING, at + 1) for at in range(10)]
    lane = History(TEN, UNICODE)
    lane.take(spans)
    assert "".join(text(chart)[0] for chart in lane.charts(spans, T0 + 10 * S, 3)) == levels
