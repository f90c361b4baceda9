"""One request in the inspector: it goes on while the request does, and fits every size."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.tui.ledgers import many
from tests.tui.stand_in import Seat, sleeping, watch
from tests.unit.states import RUN
from wsgiviz.tui.screens.inspector import InspectorScreen


def inspected(check: Callable[[Seat], Awaitable[None]], req: int, size: tuple[int, int] = (120, 36)) -> None:
    async def opened(seat: Seat) -> None:
        seat.app.push_screen(InspectorScreen(seat.feed.frame, "wsgi", req, seat.app.glyphs))
        await seat.screen_is("InspectorScreen")
        await seat.reads("latency")
        await check(seat)

    watch(opened, size=size)


def test_it_goes_on_while_the_request_does() -> None:
    async def check(seat: Seat) -> None:
        await seat.reads("#9  wsgi    blocked")
        await seat.reads("2400     ms")
        seat.feed.now_s = 2.7
        await seat.reads("2700     ms")
        seat.feed.now_s = 3.2
        seat.feed.show(sleeping(3.2))
        await seat.reads("#9  wsgi  GET /  200")
        await seat.reads("3002.000 ms")

    inspected(check, RUN + 9)


def test_a_request_that_is_not_kept_any_more_stays_as_it_was_seen() -> None:
    async def check(seat: Seat) -> None:
        seat.feed.show(many(3, run=2))
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
