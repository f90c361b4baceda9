"""The ledger and the inspector in the app: order, cursor, what is new, and what a hostile text does."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.tui.ledgers import many, only, with_more
from tests.tui.opened_ledger import Opened, with_ledger
from tests.unit.states import MS, RUN, T0, S, answered_request, ledger_of
from wsgiviz.analysis.entries import AFTER_ANSWER, FOR_NOBODY, RETURNING
from wsgiviz.state import Activity, Phase, Request, State, Task
from wsgiviz.tui.render.ledger_columns import BRIEF, COLUMNS
from wsgiviz.tui.screens.request_table import RequestTable

HOSTILE = "GET /\x1b[2J[bold red]\u202egnp.exe"


# --- order -----------------------------------------------------------------------------------------------------


def test_it_shows_every_request_of_both_sides_by_number() -> None:
    async def check(ledger: Opened) -> None:
        assert ledger.ids[:6] == ["w1", "a1", "w2", "a2", "w3", "a3"]
        assert len(ledger.ids) == 40
        assert "1 of 40   both sides   by #, ascending" in ledger.seat.text
        await ledger.seat.reads("wsgi        5         1    ✓ 200")
        await ledger.seat.reads("■ blocked")

    with_ledger(check)


def test_a_number_sorts_by_that_column_and_once_more_the_other_way_with_the_unknown_last() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.sort("total")
        totals = ledger.column("total")
        assert totals[:8] == ["1.00 s"] * 4 + ["2.00 s"] * 4
        assert set(totals[8:]) == {""}
        await ledger.sort("total")
        totals = ledger.column("total")
        assert totals[:8] == ["2.00 s"] * 4 + ["1.00 s"] * 4
        assert set(totals[8:]) == {""}
        await ledger.seat.reads("by total, descending")
        await ledger.sort("status")
        assert ledger.column("status")[0] == "✓ 200"

    with_ledger(check)


def test_s_takes_the_next_column() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.seat.press("s")
        await ledger.seat.reads("by worker, ascending")
        await ledger.seat.press(*"s" * (len(ledger.table.shown) - 3))  # the bars are no column to sort by
        await ledger.seat.reads("by side, ascending")

    with_ledger(check)


def test_a_click_on_a_heading_sorts_by_it() -> None:
    async def check(ledger: Opened) -> None:
        heading = ledger.seat.lines[1].index("total")
        await ledger.seat.pilot.click(RequestTable, offset=(heading, 0))
        await ledger.seat.reads("by total, ascending")

    with_ledger(check)


def test_tab_shows_one_side_then_the_other_then_both_with_the_cursor_on_its_request() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.seat.press(*["down"] * 4)
        assert ledger.table.current == ("wsgi", RUN + 3)
        await ledger.seat.press("tab")
        assert ledger.ids == [f"w{n}" for n in range(1, 21)]
        assert ledger.table.current == ("wsgi", RUN + 3)
        await ledger.seat.press("tab")
        assert ledger.ids == [f"a{n}" for n in range(1, 21)]
        await ledger.seat.press("tab")
        assert len(ledger.ids) == 40

    with_ledger(check)


def test_of_an_answer_that_came_before_close_nobody_knows_how_long_it_took_to_return() -> None:
    async def check(ledger: Opened) -> None:
        assert "return" not in ledger.table.shown
        await ledger.seat.reads("served in 1.00 s")

    with_ledger(
        check, only(replace(answered_request(n, T0, T0 + S), received_ns=T0 + S - n * n * 45_000) for n in (1, 2))
    )


# --- what is new -------------------------------------------------------------------------------------------------


def test_only_the_cells_that_differ_are_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(ledger: Opened) -> None:
        touched: list[tuple[Any, ...]] = []
        write = ledger.table.update_cell

        def noted(*given: Any) -> None:
            touched.append(given)
            write(*given)

        monkeypatch.setattr(ledger.table, "update_cell", noted)
        before = ledger.seat.feed.state
        await ledger.feed(replace(before, t_ns=before.t_ns + 1))
        assert touched == []
        side = before.sides["asgi"]
        known = {request.id: request for request in side.ledger}
        known[RUN + 3] = replace(known[RUN + 3], task=Task.RUNNING)
        asgi = replace(side, ledger=ledger_of(known.values()))
        await ledger.feed(replace(before, sides={**before.sides, "asgi": asgi}))
        assert [(column, str(cell)) for _, column, cell in touched] == [("status", "▶ running")]

    with_ledger(check)


def test_cursor_and_lines_stay_where_they_are_while_rows_come_in_above() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.sort("total")
        await ledger.sort("total")
        ledger.table.move_cursor(row=40)
        await ledger.seat.pilot.pause()
        assert ledger.table.current == ("wsgi", RUN + 60)
        seen = ledger.on_screen
        await ledger.feed(many(150))
        assert ledger.ids[0] == "w150"
        assert ledger.table.current == ("wsgi", RUN + 60)
        assert ledger.on_screen == seen

    with_ledger(check, many(100))


def test_requests_that_are_not_kept_any_more_leave_their_rows_to_new_ones() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.feed(many(100, first=51))
        assert ledger.ids == [f"w{n}" for n in range(51, 151)]

    with_ledger(check, many(100))


def test_another_run_is_another_ledger() -> None:
    async def check(ledger: Opened) -> None:
        ledger.table.move_cursor(row=40)
        await ledger.feed(many(3, run=2))
        assert ledger.ids == ["w1", "w2", "w3"]
        assert ledger.table.current in [("wsgi", 2 * RUN + n) for n in (1, 2, 3)]

    with_ledger(check, many(100))


def test_fewer_rows_are_still_in_order() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.sort("total")
        await ledger.sort("total")
        await ledger.seat.press("down", "down")
        await ledger.feed(many(40, first=11))
        assert ledger.ids == [f"w{n}" for n in range(50, 10, -1)]
        assert ledger.table.current == ("wsgi", RUN + 48)

    with_ledger(check, many(50))


def test_thousands_of_rows_are_shown_and_new_ones_touch_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(ledger: Opened) -> None:
        assert len(ledger.ids) == 2_000
        touched: list[object] = []
        monkeypatch.setattr(ledger.table, "update_cell", lambda *given: touched.append(given))
        await ledger.feed(with_more(ledger.seat.feed.state, many(1, first=2_001)))
        assert (len(ledger.ids), ledger.ids[-1], touched) == (2_001, "w2001", [])

    with_ledger(check, many(2_000))


# --- bars, columns -------------------------------------------------------------------------------------------------


def bars(ledger: Opened) -> dict[str, str]:
    return dict(zip(ledger.ids, ledger.column("wait and service"), strict=True))


def test_a_bar_shows_the_wait_and_then_the_service_of_each_request_to_one_scale() -> None:
    async def check(ledger: Opened) -> None:
        found = bars(ledger)
        first, fifth = found["w1"], found["w5"]
        assert set(first) == {"█"}
        assert fifth.strip("█") == "·" * fifth.count("·")
        assert fifth.count("·") == pytest.approx(len(first), abs=1)
        assert fifth.count("█") == pytest.approx(len(first), abs=1)
        assert set(found["a1"]) <= {"", "━", "·"}

    with_ledger(check)


def test_a_longer_one_makes_all_others_shorter() -> None:
    async def check(ledger: Opened) -> None:
        before = bars(ledger)["w100"]
        await ledger.feed(with_more(ledger.seat.feed.state, many(1, first=200)))
        after = bars(ledger)
        assert len(after["w100"]) == pytest.approx(len(before) / 2, abs=1)
        assert len(after["w200"]) == len(before)

    with_ledger(check, many(100))


def test_a_column_that_says_nothing_is_left_out_and_comes_in_when_it_does() -> None:
    async def check(ledger: Opened) -> None:
        assert ledger.table.shown == ["#", "service", "total", "wait and service"]
        await ledger.seat.reads("all: wsgi, on worker 1, ✓ 200, GET /")
        failed = replace(answered_request(101, T0, T0 + S, pid=100), status=500, target="GET /slow")
        await ledger.feed(with_more(ledger.seat.feed.state, only([failed])))
        assert ledger.table.shown == ["#", "status", "path", "service", "total", "wait and service"]
        assert ledger.column("status")[-2:] == ["✓ 200", "✕ 500"]
        assert ledger.column("path")[-2:] == ["GET /", "GET /slow"]

    with_ledger(check, many(100))


def test_several_paths_have_a_summary_of_each() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.seat.reads("service p50")
        lines = [line.split() for line in ledger.seat.lines]
        assert ["wsgi", "/", "3/3"] in [line[:3] for line in lines]
        assert ["wsgi", "/slow", "1/1"] in [line[:3] for line in lines]

    async def narrow(ledger: Opened) -> None:
        [line] = [line for line in ledger.seat.lines if "/slow" in line and "1/1" in line]
        assert line.split()[-2:] == ["3.0", "ms"]  # the third in turn

    state = many(4)
    side = state.sides["wsgi"]
    run = replace(side.run, paths=((3, "/"), (1, "/slow")))
    several = replace(state, sides={**state.sides, "wsgi": replace(side, run=run)})
    with_ledger(check, several)
    with_ledger(narrow, several, (80, 24))


# --- what is asked for -------------------------------------------------------------------------------------------


def test_f_follows_the_request_and_shows_the_panes() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.seat.press("escape")
        await ledger.seat.screen_is("LiveScreen")
        await ledger.seat.press("tab")
        await ledger.seat.screen_is("LedgerScreen")
        await ledger.seat.press("down", "down", "f")
        await ledger.seat.screen_is("LiveScreen")
        assert ledger.seat.app.live.followed == RUN + 2
        await ledger.seat.press("escape")
        assert ledger.seat.app.live.followed == 0

    with_ledger(check)


def test_f_follows_from_the_inspector_too() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.seat.press("escape")
        await ledger.seat.screen_is("LiveScreen")
        await ledger.seat.press("tab")
        await ledger.seat.screen_is("LedgerScreen")
        await ledger.seat.press("down", "down", "enter")
        await ledger.seat.screen_is("InspectorScreen")
        await ledger.seat.press("f")
        await ledger.seat.screen_is("LiveScreen")
        assert ledger.seat.app.live.followed == RUN + 2

    with_ledger(check)


def test_escape_goes_back() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.seat.press("escape")
        await ledger.seat.screen_is("LiveScreen")

    with_ledger(check)


def test_enter_opens_the_request_in_the_inspector_and_escape_comes_back() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.seat.press(*["down"] * 8, "enter")
        await ledger.seat.screen_is("InspectorScreen")
        await ledger.seat.reads("#5  wsgi  GET /  200")
        await ledger.seat.reads("worker 1, pid 100, slot 0")
        await ledger.seat.press("escape")
        await ledger.seat.screen_is("LedgerScreen")
        assert ledger.table.current == ("wsgi", RUN + 5)

    with_ledger(check)


# --- texts, sizes ------------------------------------------------------------------------------------------------


def hostile() -> State:
    odd = replace(answered_request(1, T0, T0 + S), target=HOSTILE, received_ns=0, failed_ns=T0 + S)
    return only([replace(odd, error="re\x1b]0;set\x07", raised="[red]Err[/]\u202e")])


def test_texts_of_others_are_shown_and_do_nothing() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.seat.reads(r"all: wsgi, ✕ re\x1b]0;set\x07 [red]Err[/]"[:30])
        await ledger.seat.press("enter")
        await ledger.seat.reads(r"GET /\x1b[2J[bold red]\u202egnp.exe")
        await ledger.seat.reads(r"re\x1b]0;set\x07 [red]Err[/]\u202e")
        assert not any(char in ledger.seat.text for char in "\x1b\x07\u202e")

    with_ledger(check, hostile())


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
def test_plain_ascii_is_all_there_is_in_ascii_mode(size: tuple[int, int]) -> None:
    async def check(ledger: Opened) -> None:
        assert ledger.seat.text.isascii(), ledger.seat.text
        await ledger.seat.reads("# blocked")
        await ledger.seat.press("enter")
        await ledger.seat.screen_is("InspectorScreen")
        assert ledger.seat.text.isascii(), ledger.seat.text

    with_ledger(check, size=size, ascii=True)


def test_eighty_columns_hold_all_of_it() -> None:
    async def check(ledger: Opened) -> None:
        words = ledger.seat.lines[1].split()
        assert words == ["side", "#", "worker", "status", "queue", "total", "wait", "and", "service"]
        assert ledger.seat.lines[2].split()[-3:-1] == ["1.00", "s"]
        assert set(ledger.seat.lines[2].split()[-1]) == {"█"}

    with_ledger(check, size=(80, 24))


@pytest.mark.parametrize("state", [*(Task), *(Activity), RETURNING, AFTER_ANSWER, FOR_NOBODY])
def test_what_a_request_does_has_room_in_a_narrow_table(state: str) -> None:
    [narrow] = [column.narrow for column in COLUMNS if column.name == "status"]
    assert len(BRIEF.get(state, state)) + 2 <= narrow, "with its sign"


def test_in_a_wide_table_it_is_said_in_full() -> None:
    async def check(ledger: Opened) -> None:
        assert ledger.column("status") == ["△ GIL wait", "✓ 200"]
        await ledger.seat.pilot.resize_terminal(120, 36)
        await ledger.seat.until(lambda: ledger.column("status")[0] == "△ waiting for the GIL in a thread", "words")
        await ledger.feed(only([replace(request, task=Task.FOR_THREAD), other]))
        assert ledger.column("status")[0] == "◌ waiting for a thread"
        await ledger.seat.pilot.resize_terminal(80, 24)
        await ledger.seat.until(lambda: ledger.column("status")[0] == "◌ in queue", "few words")

    request = Request(RUN + 1, T0, T0, began_ns=T0 + MS, task=Task.THREAD_FOR_GIL, since_ns=T0 + MS)
    other = answered_request(2, T0, T0 + S)
    with_ledger(check, only([request, other]), size=(80, 24))


def test_of_an_external_request_the_ledger_knows_what_the_server_knows() -> None:
    async def check(ledger: Opened) -> None:
        assert ledger.column("#") == ["-7"]
        assert ledger.column("total") == [""]
        await ledger.seat.press("enter")
        await ledger.seat.reads("external")
        await ledger.seat.reads("wsgi  GET /")

    external = Request(-7, accepted_ns=T0, began_ns=T0 + MS, ended_ns=T0 + S, target="GET /", app_status=200)
    with_ledger(check, only([external]))


def test_what_goes_on_after_the_answer_says_so() -> None:
    async def check(ledger: Opened) -> None:
        assert ledger.column("status") == ["» after the answer", "» for nobody"]

    answered = replace(answered_request(1, T0, T0 + S), ended_ns=0, received_ns=T0 + S)
    given_up = replace(answered_request(2, T0, 0), received_ns=0, status=0, failed_ns=T0 + S, error="timeout")
    with_ledger(check, only([answered, given_up]))


def test_of_one_server_of_others_no_side_and_no_order_by_numbers_is_spoken_of() -> None:
    """The numbers are of several processes: in order of arrival they go up and down."""

    async def check(ledger: Opened) -> None:
        assert ledger.seat.lines[0].split("   ")[:2] == [" Requests  1 of 1", "by arrival, ascending"]
        assert "tab side" not in ledger.seat.lines[-1]
        assert "total" not in ledger.table.shown

    external = Request(-7, accepted_ns=T0, began_ns=T0 + MS, ended_ns=T0 + S, target="GET /", app_status=200)
    shown = only([external])
    with_ledger(check, replace(shown, attached=True, phase=Phase.ATTACHED, sides={"wsgi": shown.sides["wsgi"]}))


def test_the_longest_bar_is_beside_the_scroll_bar_and_not_below_it() -> None:
    async def check(ledger: Opened) -> None:
        assert sum(column.get_render_width(ledger.table) for column in ledger.table.ordered_columns) <= 80 - 2

    with_ledger(check, size=(80, 24))
