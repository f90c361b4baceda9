"""Blocks on a line of cells: sharp ends, seams between requests, numbers inside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.pictures import MS, RUN, T0, S
from wsgiviz.model.state import Doing, Span
from wsgiviz.tui.render.chart import EIGHTHS, Block, Chart, Scale, draw_blocks, draw_labels
from wsgiviz.tui.render.glyphs import ASCII, UNICODE
from wsgiviz.tui.render.line import Ink
from wsgiviz.tui.render.worker_lanes import apart, blocks_of

TEN = Scale(T0, T0 + 10 * S, 10)
"""Ten cells of a second."""


def drawn(*blocks: Block, names: dict[int, str] | None = None, ascii_only: bool = False) -> Chart:
    chart = Chart(10)
    draw_blocks(chart, blocks, ASCII if ascii_only else UNICODE)
    draw_labels(chart, blocks, names or {})
    return chart


def text(chart: Chart) -> str:
    return "".join(part.text for part in chart.parts())


@pytest.mark.parametrize(("eighths", "end"), list(zip(range(8), " ▏▎▍▌▋▊▉", strict=True)))
def test_a_block_ends_to_the_eighth(eighths: int, end: str) -> None:
    assert text(drawn(Block(0, 16 + eighths, Doing.BLOCKED, "blocked"))) == f"██{end}       "


def test_a_block_begins_to_the_eighth_in_reversed_ink() -> None:
    chart = drawn(Block(11, 32, Doing.BLOCKED, "blocked"))
    assert text(chart) == " ▍██      "
    assert chart.inks[1] == Ink("blocked", "", "r")


def test_two_blocks_share_a_cell_in_two_colours() -> None:
    chart = drawn(Block(0, 12, Doing.BLOCKED, "blocked"), Block(12, 24, Doing.COMPUTING, "computing", 1))
    assert text(chart) == "█▌▞       "
    assert chart.inks[1] == Ink("blocked", "computing")


def test_requests_which_meet_at_a_cell_s_edge_leave_a_seam() -> None:
    spans = [
        Span(T0, T0 + 3 * S, Doing.BLOCKED, RUN + 1),
        Span(T0 + 3 * S, 0, Doing.BLOCKED, RUN + 2),
    ]
    blocks = apart(blocks_of(spans, TEN, T0 + 6 * S))
    assert [block.colour for block in blocks] == ["blocked", "blocked+"]
    assert text(drawn(*blocks)) == "██▉███    "


def test_a_name_stands_in_the_middle_where_it_fits() -> None:
    names = {7: "#7"}
    assert text(drawn(Block(0, 48, Doing.BLOCKED, "blocked", 7), names=names)) == "██#7██    "
    assert text(drawn(Block(0, 16, Doing.BLOCKED, "blocked", 7), names=names)) == "██        "


def test_a_name_takes_the_ink_of_what_it_stands_on() -> None:
    chart = drawn(Block(0, 48, Doing.COMPUTING, "computing+", 7), names={7: "#7"})
    assert chart.inks[2] == Ink("computing+", "computing*", "br")


def test_a_request_too_short_to_see_is_an_eighth_wide() -> None:
    spans = [Span(T0 + S, T0 + S + MS, Doing.BLOCKED, RUN + 1), Span(T0 + S + MS, 0, Doing.IDLE, 0)]
    assert blocks_of(spans, TEN, T0 + 2 * S) == [Block(8, 9, Doing.BLOCKED, "blocked", RUN + 1)]


def test_ascii_draws_by_whole_cells_with_a_bar_at_the_seam() -> None:
    blocks = [Block(0, 31, Doing.BLOCKED, "blocked", 1), Block(31, 50, Doing.COMPUTING, "computing", 2)]
    assert text(drawn(*blocks, ascii_only=True)) == "###|^^    "


@given(st.lists(st.integers(0, 80), max_size=12), st.booleans())
def test_any_blocks_fill_just_their_cells(edges: list[int], ascii_only: bool) -> None:
    edges = sorted(edges)
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    blocks = [Block(a, b, Doing.BLOCKED, "blocked", group) for group, (a, b) in enumerate(pairs)]
    chart = drawn(*apart(blocks), ascii_only=ascii_only)
    assert len(text(chart)) == 10
    if blocks and not ascii_only:
        assert text(chart)[-(-blocks[-1].right // EIGHTHS) :].strip() == ""


@given(st.integers(1, 60), st.integers(1, 400), st.integers(0, 10 * S))
def test_many_lanes_grow_in_larger_steps_and_never_run_ahead(lanes: int, cells: int, since: int) -> None:
    scale = Scale(T0, T0 + 10 * S, cells)
    held = scale.stepped(T0 + since, lanes)
    assert T0 <= held <= T0 + since
    assert scale.at(T0 + since) - scale.at(held) <= EIGHTHS + 1
