"""The ledger's filter: what it asks for, letters that are no keys, and rows that come and go with it."""

from __future__ import annotations

from textual.widgets import Input

from tests.tui.opened_ledger import Opened, with_ledger
from tests.tui.stand_in import sleeping


async def filtered(ledger: Opened, words: str) -> list[str]:
    await ledger.seat.press("slash")
    await ledger.seat.until(lambda: isinstance(ledger.seat.app.focused, Input), "the filter")
    ledger.screen.query_one(Input).value = words
    await ledger.seat.press("enter")
    await ledger.seat.until(lambda: ledger.seat.app.focused is ledger.table, "the table")
    return ledger.ids


def test_a_filter_shows_what_it_asks_for_and_escape_shows_all_again() -> None:
    async def check(ledger: Opened) -> None:
        assert await filtered(ledger, "wsgi ok") == [f"w{n}" for n in range(1, 9)]
        await ledger.seat.reads("only wsgi ok: 8 of 40")
        assert await filtered(ledger, "wsgi blocked") == [f"w{n}" for n in range(9, 13)]
        assert await filtered(ledger, "#5") == ["w5", "a5"]
        assert await filtered(ledger, "failed") == []
        await ledger.seat.press("escape")
        assert len(ledger.ids) == 40
        await ledger.seat.screen_is("LedgerScreen")
        await ledger.seat.press("escape")
        await ledger.seat.screen_is("LiveScreen")

    with_ledger(check)


def test_letters_in_the_filter_are_no_keys_of_the_screen_and_apply_at_once() -> None:
    async def check(ledger: Opened) -> None:
        await ledger.seat.press("slash", *"asgi")
        await ledger.seat.until(lambda: ledger.ids == [f"a{n}" for n in range(1, 21)], "the other side only")
        await ledger.seat.screen_is("LedgerScreen")
        await ledger.seat.press("escape")
        assert len(ledger.ids) == 40

    with_ledger(check)


def test_what_does_not_pass_any_more_goes_and_what_passes_now_comes() -> None:
    async def check(ledger: Opened) -> None:
        assert await filtered(ledger, "wsgi open") == [f"w{n}" for n in range(9, 21)]
        await ledger.feed(sleeping(3.5))
        assert ledger.ids == [f"w{n}" for n in range(13, 21)]

    with_ledger(check)


def test_while_a_filter_is_typed_the_keys_are_its_own() -> None:
    async def check(ledger: Opened) -> None:
        seat = ledger.seat
        assert "tab side" in seat.lines[-1]
        await seat.press("slash")
        await seat.until(
            lambda: "f follow" not in seat.lines[-1] and "escape without it" in seat.lines[-1], "its keys"
        )
        await seat.press("enter")
        await seat.until(lambda: "f follow" in seat.lines[-1], "the keys of the table")

    with_ledger(check)
