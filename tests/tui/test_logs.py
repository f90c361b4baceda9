"""The logs of the servers: they follow what is written, and what is hostile in them stays text."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.tui.hostile import HOSTILE, INERT, harmless
from tests.tui.stand_in import Seat, StandIn, watch
from wsgiviz.tui.screens.logs import Lines, added


def with_logs(wsgi: Lines, asgi: Lines = ()) -> StandIn:
    feed = StandIn()
    feed.show(replace(feed.state, logs={"wsgi": wsgi, "asgi": asgi}))
    return feed


def test_hostile_logs_are_only_shown() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("l")
        await seat.reads(INERT + r"\u200b")
        assert r"\ud800 [@click=app.quit]x[/]" in seat.text
        assert harmless(seat)

    watch(check, with_logs((HOSTILE, "x" * 5_000)), size=(200, 50))


def test_the_logs_follow_what_is_written() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("l")
        await seat.reads("Listening at")
        seat.feed.show(with_logs(("Listening at", "a second line")).state)
        await seat.reads("a second line")
        seat.feed.show(with_logs(("a second line", "a third"), ("the other began later",)).state)
        await seat.reads("a third")
        await seat.reads("the other began later")
        assert seat.text.count("a second line") == 1
        assert "Listening at" in seat.text

    watch(check, with_logs(("Listening at",)))


def test_a_log_that_goes_back_in_time_is_shown_as_it_was() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("l")
        await seat.reads("the end")
        seat.feed.show(with_logs(("Listening at", "x")).state)
        await seat.until(lambda: "the end" not in seat.text)
        assert "Listening at" in seat.text

    watch(check, with_logs(("Listening at", "x", "x", "the end")))


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        ("", "ab", "ab"), ("ab", "ab", ""), ("ab", "abc", "c"), ("abc", "bcd", "d"), ("abc", "cde", "de"),
        ("aaa", "aaab", "b"), ("abc", "def", None), ("abc", "ab", None), ("aaa", "a", None), ("ab", "", None),
    ],
)  # fmt: skip
def test_what_a_log_has_more_than_before(before: str, after: str, new: str | None) -> None:
    assert added(tuple(before), tuple(after)) == (None if new is None else tuple(new))


@pytest.mark.parametrize("key", ["escape", "l", "q"])
def test_from_the_logs_back_to_the_live_screen(key: str) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("l")
        await seat.screen_is("LogsScreen")
        await seat.press(key)
        await seat.screen_is("LiveScreen")
        await seat.reads("4 of 4 blocked")

    watch(check)


def test_of_a_long_log_the_end_is_shown() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("l")
        await seat.reads("line 000499")
        assert "line 000000" not in seat.text

    watch(check, with_logs(tuple(f"line {number:06d}" for number in range(500))))
