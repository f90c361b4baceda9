"""The ledger and the inspector in the app: order, filter, cursor, what is new, and what a hostile text does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tests.tui.stand_in import Seat, StandIn, StandingClock, sleeping, watch
from tests.unit.pictures import MS, RUN, T0, S, answered_request, sleeping_workers
from wsgiviz.model.ledger import Entry, entries
from wsgiviz.model.state import Picture, Request, Side, Task
from wsgiviz.tui.screens import inspector
from wsgiviz.tui.screens import ledger as ledger_screen
from wsgiviz.tui.screens.inspector import InspectorScreen
from wsgiviz.tui.screens.ledger import Ledger, LedgerScreen, RequestTable

HOSTILE = "GET /\x1b[2J[bold red]\u202egnp.exe"


@pytest.fixture(autouse=True)
def inspector_clock(monkeypatch: pytest.MonkeyPatch, clock: StandingClock) -> None:
    monkeypatch.setattr(inspector, "time", clock)


class Opened:
    """The ledger on the screen."""

    def __init__(self, seat: Seat, screen: LedgerScreen) -> None:
        self.seat = seat
        self.screen = screen
        self.table = screen.query_one(RequestTable)

    async def feed(self, picture: Picture) -> None:
        """The session has another picture; wait until the ledger has taken it in."""
        self.seat.session.picture = picture
        await self.seat.until(lambda: self.screen._picture is picture, "a look at the picture")
        await self.seat.pilot.pause()

    def column(self, name: str) -> list[str]:
        return [str(self.table.get_cell(row.key, name)).strip() for row in self.table.ordered_rows]

    @property
    def ids(self) -> list[str]:
        """The rows as they stand: "w1" for the first request of the WSGI side."""
        return [f"{s[0]}{n}" for s, n in zip(self.column("side"), self.column("#"), strict=True)]

    @property
    def on_screen(self) -> list[str]:
        """The numbers in the rows that can be seen."""
        rows = [line.split() for line in self.seat.lines[2:-1]]
        return [row[0][0] + row[1] for row in rows if len(row) > 1]


def with_ledger(
    check: Callable[[Opened], Awaitable[None]],
    picture: Picture | None = None,
    size: tuple[int, int] = (120, 36),
    ascii: bool = False,
) -> None:
    async def opened(seat: Seat) -> None:
        screen = LedgerScreen(seat.session, seat.app.glyphs)
        seat.app.push_screen(screen)
        await seat.screen_is("LedgerScreen")
        await seat.reads("Requests")
        await check(Opened(seat, screen))

    watch(opened, StandIn(picture=picture), size, ascii)


def many(count: int, first: int = 1, run: int = 1) -> Picture:
    """So many answered requests, the later the longer they took."""
    finished = tuple(
        replace(answered_request(n, T0, T0 + n * MS, pid=100), id=run * RUN + n) for n in range(first, first + count)
    )
    side = replace(sleeping_workers(0.5), finished=finished, in_flight={}, run=run)
    return Picture(run=run, sides={"wsgi": side, "asgi": Side("asgi", "asgi")})


# --- order and filter --------------------------------------------------------------------------------------------


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
        await ledger.seat.press("9")
        totals = ledger.column("total")
        assert totals[:8] == ["1.00 s"] * 4 + ["2.00 s"] * 4
        assert set(totals[8:]) == {""}
        await ledger.seat.press("9")
        totals = ledger.column("total")
        assert totals[:8] == ["2.00 s"] * 4 + ["1.00 s"] * 4
        assert set(totals[8:]) == {""}
        await ledger.seat.reads("by total, descending")
        await ledger.seat.press("4")
        assert ledger.column("status")[0] == "✓ 200"

    with_ledger(check)


def test_s_takes_the_next_column() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.seat.press("s")
        await ledger.seat.reads("by worker, ascending")
        await ledger.seat.press(*"sssssss")
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


def test_an_answer_that_came_before_close_is_less_than_nothing_but_never_minus_nothing() -> None:
    async def check(ledger: Opened) -> None:
        assert ledger.column("return") == ["0.0 ms", "-0.2 ms"]

    early = [replace(answered_request(n, T0, T0 + S), received_ns=T0 + S - n * n * 45_000) for n in (1, 2)]
    side = replace(sleeping_workers(0.5), finished=tuple(early), in_flight={})
    with_ledger(check, Picture(run=1, sides={"wsgi": side, "asgi": Side("asgi", "asgi")}))


# --- what is new -------------------------------------------------------------------------------------------------


def test_only_the_cells_that_differ_are_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(ledger: Opened) -> None:
        touched: list[tuple[Any, ...]] = []
        write = ledger.table.update_cell

        def noted(*given: Any) -> None:
            touched.append(given)
            write(*given)

        monkeypatch.setattr(ledger.table, "update_cell", noted)
        before = ledger.seat.session.picture
        await ledger.feed(replace(before, t_ns=before.t_ns + 1))
        assert touched == []
        side = before.asgi
        runs = replace(side.in_flight[RUN + 3], task=Task.RUNNING)
        asgi = replace(side, in_flight={**side.in_flight, RUN + 3: runs})
        await ledger.feed(replace(before, sides={"wsgi": before.wsgi, "asgi": asgi}))
        assert [(column, str(cell)) for _, column, cell in touched] == [("status", "▶ running")]

    with_ledger(check)


def test_cursor_and_lines_stay_where_they_are_while_rows_come_in_above() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.seat.press("9", "9")
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
        await ledger.seat.press("9", "9", "down", "down")
        await ledger.feed(many(40, first=11))
        assert ledger.ids == [f"w{n}" for n in range(50, 10, -1)]
        assert ledger.table.current == ("wsgi", RUN + 48)

    with_ledger(check, many(50))


def test_the_ledger_looks_only_at_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []

    def noted(side: Side, requests: list[Request]) -> list[Entry]:
        looked_at.extend(request.id - RUN for request in requests)
        return entries(side, requests)

    monkeypatch.setattr(ledger_screen, "entries", noted)
    ledger, whole = Ledger(), many(102)
    parts = [replace(whole.wsgi, finished=whole.wsgi.finished[first : first + 100]) for first in (0, 0, 2)]
    changed, gone = ledger.update(Picture(sides={"wsgi": parts[0]}))
    assert (len(changed), gone) == (100, [])
    looked_at.clear()
    assert ledger.update(Picture(sides={"wsgi": parts[1]})) == ([], [])
    changed, gone = ledger.update(Picture(sides={"wsgi": parts[2]}))
    assert [entry.id for entry in changed] == looked_at == [101, 102]
    assert gone == [("wsgi", RUN + 1), ("wsgi", RUN + 2)]
    assert len(ledger.entries()) == 100


def test_ten_thousand_rows_are_shown_and_new_ones_touch_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(ledger: Opened) -> None:
        assert len(ledger.ids) == 10_000
        touched: list[object] = []
        monkeypatch.setattr(ledger.table, "update_cell", lambda *given: touched.append(given))
        before = ledger.seat.session.picture
        one_more = many(1, first=10_001).wsgi.finished
        side = replace(before.wsgi, finished=before.wsgi.finished + one_more)
        await ledger.feed(replace(before, sides={**before.sides, "wsgi": side}))
        assert (len(ledger.ids), ledger.ids[-1], touched) == (10_001, "w10001", [])

    with_ledger(check, many(10_000))


# --- what is asked for -------------------------------------------------------------------------------------------


def test_f_follows_the_request_and_shows_the_panes() -> None:
    async def check(ledger: Opened) -> None:
        followed: list[int] = []
        ledger.seat.app.live.__dict__["follow_request"] = followed.append
        await ledger.seat.press("down", "down", "f")
        await ledger.seat.screen_is("LiveScreen")
        assert followed == [RUN + 2]

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


def hostile() -> Picture:
    odd = replace(answered_request(1, T0, T0 + S), what=HOSTILE, received_ns=0, failed_ns=T0 + S)
    odd = replace(odd, error="re\x1b]0;set\x07", raised="[red]Err[/]\u202e")
    side = replace(sleeping_workers(0.5), finished=(odd,), in_flight={})
    return Picture(run=1, sides={"wsgi": side, "asgi": Side("asgi", "asgi")})


def test_texts_of_others_are_shown_and_do_nothing() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.seat.reads(r"✕ re\x1b]0;set\x07 [red]Err[/]"[:30])
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
        assert words == ["side", "#", "worker", "status", "planned", "queue", "service", "return", "total"]
        assert ledger.seat.lines[2].split()[-2:] == ["1.00", "s"]

    with_ledger(check, size=(80, 24))


# --- the inspector -----------------------------------------------------------------------------------------------


def inspected(check: Callable[[Seat], Awaitable[None]], req: int, size: tuple[int, int] = (120, 36)) -> None:
    async def opened(seat: Seat) -> None:
        seat.app.push_screen(InspectorScreen(seat.session, "wsgi", req, seat.app.glyphs))
        await seat.screen_is("InspectorScreen")
        await seat.reads("latency")
        await check(seat)

    watch(opened, size=size)


def test_it_goes_on_while_the_request_does(clock: StandingClock) -> None:
    async def check(seat: Seat) -> None:
        await seat.reads("#9  wsgi    blocked")
        await seat.reads("2400     ms")
        clock.now_s = 2.7
        await seat.reads("2700     ms")
        clock.now_s = 3.2
        seat.session.picture = sleeping(3.2)
        await seat.reads("#9  wsgi  GET /  200")
        await seat.reads("3002.000 ms")

    inspected(check, RUN + 9)


def test_a_request_that_is_not_kept_any_more_stays_as_it_was_seen(clock: StandingClock) -> None:
    async def check(seat: Seat) -> None:
        seat.session.picture = many(3, run=2)
        await seat.reads("not kept any more")
        await seat.reads("2400     ms")

    inspected(check, RUN + 9)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36), (200, 50)])
def test_it_fits_every_size_and_scrolls_to_the_last_stamp(size: tuple[int, int]) -> None:
    async def check(seat: Seat) -> None:
        assert all("│" in line for line in seat.lines[3 : size[1] - 3]), seat.text
        await seat.press("end")
        await seat.reads("received")

    inspected(check, RUN + 9, size)


def test_a_theme_changes_its_colours() -> None:
    async def check(seat: Seat) -> None:
        def colours() -> set[str]:
            return {str(s.style.color) for strip in seat.strips for s in strip if s.style and "planned" in s.text}

        before = colours()
        seat.app.theme = "solarized-light"
        await seat.until(lambda: bool(colours()) and colours() != before, "other colours")

    inspected(check, RUN + 9)


def test_of_a_stranger_the_ledger_knows_what_the_server_knows() -> None:
    async def check(ledger: Opened) -> None:
        assert ledger.column("#") == ["-7"]
        assert ledger.column("total") == [""]
        await ledger.seat.press("enter")
        await ledger.seat.reads("a stranger  wsgi  GET /")

    stranger = Request(-7, accepted_ns=T0, began_ns=T0 + MS, ended_ns=T0 + S, what="GET /", status=200)
    side = replace(sleeping_workers(0.5), finished=(stranger,), in_flight={})
    with_ledger(check, Picture(run=1, sides={"wsgi": side, "asgi": Side("asgi", "asgi")}))
