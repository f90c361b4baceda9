"""A widget that gives the same lines until something of it is refreshed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widgets import Static

from wsgiviz.tui.widgets.keeps_lines import KeepsLines


class Counted(Static, KeepsLines):
    """Counts how often its lines are made."""

    made = 0

    def lines(self, crop: Region) -> list[Strip]:
        self.made += 1
        return super().lines(crop)


class Two(App[None]):
    def compose(self) -> ComposeResult:
        yield Counted("one", id="one")
        yield Counted("two", id="two")


Check = Callable[[Pilot[None], Counted, Counted], Awaitable[None]]


def shown(check: Check) -> None:
    async def run() -> None:
        async with Two().run_test(size=(20, 5)) as pilot:
            await pilot.pause()
            await check(pilot, pilot.app.query_one("#one", Counted), pilot.app.query_one("#two", Counted))

    asyncio.run(run())


def on_screen(pilot: Pilot[None]) -> str:
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


def test_what_has_not_changed_is_not_made_again() -> None:
    async def check(pilot: Pilot[None], one: Counted, two: Counted) -> None:
        before = one.made, two.made
        two.update("TWO", layout=False)
        await pilot.pause()
        assert (one.made, two.made) == (before[0], before[1] + 1)
        assert "TWO" in on_screen(pilot)
        assert "one" in on_screen(pilot)

    shown(check)


@pytest.mark.parametrize("what", ["theme", "class", "size", "parent"])
def test_what_looks_different_is_made_again(what: str) -> None:
    async def check(pilot: Pilot[None], one: Counted, _: Counted) -> None:
        first = one.render_lines(one.size.region)[0]
        if what == "theme":
            pilot.app.theme = "textual-light"
        elif what == "class":
            one.styles.text_style = "bold"
        elif what == "parent":
            pilot.app.screen.styles.background = "red"
        else:
            await pilot.resize_terminal(30, 5)
        await pilot.pause()
        again = one.render_lines(one.size.region)[0]
        assert list(again) != list(first)

    shown(check)
