"""The ledger, opened in the app: what its tests read of it, and how they wait for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.tui.stand_in import Seat, StandIn, watch
from wsgiviz.events import request_number
from wsgiviz.state import State
from wsgiviz.tui.screens.ledger import LedgerScreen
from wsgiviz.tui.screens.request_table import RequestTable


class Opened:
    """The ledger on the screen."""

    def __init__(self, seat: Seat, screen: LedgerScreen) -> None:
        self.seat = seat
        self.screen = screen
        self.table = screen.query_one(RequestTable)

    async def feed(self, state: State) -> None:
        """There is another State; wait until the ledger has taken it in."""
        self.seat.feed.show(state)
        await self.seat.until(lambda: self.screen._shown is state, "an update")
        await self.seat.pilot.pause()

    def column(self, name: str) -> list[str]:
        return [str(self.table.get_cell(row.key, name)).strip() for row in self.table.ordered_rows]

    @property
    def ids(self) -> list[str]:
        """The rows as they stand: "w1" for the first request of the WSGI side."""
        keys = [self.table.key_of(row.key) for row in self.table.ordered_rows]
        return [f"{key[0][0]}{request_number(key[1])}" for key in keys if key is not None]

    async def sort(self, name: str) -> None:
        """Press the number of the place where that column stands."""
        await self.seat.press(str(self.table.shown.index(name) + 1))

    @property
    def on_screen(self) -> list[str]:
        """The numbers in the rows that can be seen."""
        rows = [line.split() for line in self.seat.lines[2:-1]]
        with_side = "side" in self.table.shown
        return [row[0][0] + row[1] if with_side else f"w{row[0]}" for row in rows if len(row) > 1]


def with_ledger(
    check: Callable[[Opened], Awaitable[None]],
    state: State | None = None,
    size: tuple[int, int] = (120, 36),
    ascii: bool = False,
) -> None:
    async def opened(seat: Seat) -> None:
        screen = LedgerScreen(seat.feed.frame, seat.app.glyphs)
        seat.app.push_screen(screen)
        await seat.screen_is("LedgerScreen")
        await seat.reads("Requests")
        await check(Opened(seat, screen))

    watch(opened, StandIn(state=state), size, ascii)
