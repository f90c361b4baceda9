"""The pane in an app: it paints what changed, in the theme's colours, and says the same without colour."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as changed
from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.pilot import Pilot
from textual.strip import Strip

from tests.unit.states import MS, T0, S, awaiting_tasks, mixed_workers, sleeping_workers
from wsgiviz.state import Activity, Side
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.widgets.canvas import regions
from wsgiviz.tui.widgets.pane import Pane


class OnePane(App[None]):
    """A pane of 60×18."""

    CSS = "Pane { width: 60; height: 18; }"

    def __init__(self, side: str) -> None:
        super().__init__()
        self.pane = Pane()

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield self.pane


def view_of(side: Side, now_s: float) -> PaneView:
    return PaneView(side, "gunicorn", T0 + int(now_s * S), T0, T0 + int(5.5 * S))


def in_app(side: str, check: Callable[[Pane, Pilot[None]], Awaitable[None]]) -> None:
    async def run() -> None:
        app = OnePane(side)
        async with app.run_test(size=(80, 24)) as pilot:
            await check(app.pane, pilot)

    asyncio.run(run())


def painted(pane: Pane, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows painted from now on."""
    seen: list[int] = []
    paint = pane.painted

    def painting(y: int) -> Strip:
        seen.append(y)
        return paint(y)

    monkeypatch.setattr(pane, "painted", painting)
    return seen


def text(pane: Pane) -> str:
    return "\n".join(pane.render_line(y).text for y in range(pane.size.height))


def test_every_strip_is_as_wide_as_the_pane() -> None:
    async def check(pane: Pane, pilot: Pilot[None]) -> None:
        pane.show(view_of(sleeping_workers(2.4), 2.4))
        await pilot.pause()
        for y in range(18):
            strip = pane.render_line(y)
            assert strip.cell_length == sum(segment.cell_length for segment in strip) == 60

    in_app("wsgi", check)


def test_nothing_new_paints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(pane: Pane, pilot: Pilot[None]) -> None:
        pane.show(view_of(sleeping_workers(2.4), 2.4))
        await pilot.pause()
        seen = painted(pane, monkeypatch)
        refreshed: list[Any] = []
        monkeypatch.setattr(pane, "refresh", lambda *given, **more: refreshed.append(given))
        pane.show(view_of(sleeping_workers(2.4), 2.4))
        await pilot.pause()
        assert (seen, refreshed) == ([], [])

    in_app("wsgi", check)


def test_only_the_rows_that_look_different_are_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(pane: Pane, pilot: Pilot[None]) -> None:
        pane.show(view_of(sleeping_workers(2.40), 2.40))
        await pilot.pause()
        seen = painted(pane, monkeypatch)
        pane.show(view_of(sleeping_workers(2.43), 2.43))
        await pilot.pause()
        assert sorted(seen) == [5, 7, 9, 11]  # the four lanes: what stands in words stays for a tenth

    in_app("wsgi", check)


def test_where_no_tenth_comes_nothing_waits_for_it() -> None:
    """Time stands, or goes on slowly: workers have begun to compute, and nothing else has changed."""

    async def check(pane: Pane, pilot: Pilot[None]) -> None:
        side = sleeping_workers(0.5, 20)
        view = replace(view_of(side, 0.5), by_request=True, at_once=20, wanted=20)
        pane.show(view)
        assert "blocked" in text(pane)
        workers = {key: changed(one, activity=Activity.COMPUTING) for key, one in side.server.workers.items()}
        later = changed(side, server=changed(side.server, workers=workers))
        pane.show(replace(view, side=later, now_ns=view.now_ns + MS), exactly=True)
        assert "more, all computing" in text(pane)
        assert "blocked" not in text(pane)

    in_app("wsgi", check)


def test_another_theme_paints_all_rows_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(pane: Pane, pilot: Pilot[None]) -> None:
        pane.show(view_of(sleeping_workers(2.4), 2.4))
        await pilot.pause()
        before = [segment.style for segment in pane.render_line(6)]
        pilot.app.theme = "solarized-light"
        await pilot.pause()
        after = [segment.style for segment in pane.render_line(6)]
        assert all(old != new for old, new in zip(before, after, strict=True))

    in_app("wsgi", check)


def test_it_follows_its_size() -> None:
    async def check(pane: Pane, pilot: Pilot[None]) -> None:
        pane.show(view_of(awaiting_tasks(0.7), 0.7))
        pane.styles.width, pane.styles.height = 38, 14
        await pilot.pause()
        assert {pane.render_line(y).cell_length for y in range(14)} == {38}
        assert "13 more, all awaiting" in text(pane)

    in_app("asgi", check)


def test_shown_before_it_has_a_size_it_draws_once_it_has() -> None:
    async def run() -> None:
        app = OnePane("wsgi")
        app.pane.show(view_of(sleeping_workers(2.4), 2.4))
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            assert "4 of 4 blocked" in text(app.pane)

    asyncio.run(run())


def test_the_wheel_scrolls_the_lanes_no_further_than_they_go() -> None:
    async def check(pane: Pane, pilot: Pilot[None]) -> None:
        pane.show(view_of(awaiting_tasks(0.7), 0.7))
        await pilot.pause()
        pane.scroll_lanes(3)
        assert "   #4 ○" in text(pane)
        assert "3 ↑  10 more, all awaiting" in text(pane)
        pane.scroll_lanes(500)
        assert "13 ↑" in text(pane)
        pane.scroll_lanes(-1)
        assert "12 ↑  1 more: awaiting" in text(pane)

    in_app("asgi", check)


def test_without_colour_the_textures_still_set_the_states_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def check(pane: Pane, pilot: Pilot[None]) -> None:
        pane.show(view_of(mixed_workers(2.3), 2.3))
        await pilot.pause()
        shown = pane.render_lines(pane.size.region)
        colours = {segment.style.color for strip in shown for segment in strip if segment.style}
        assert all(len(set(colour.triplet)) == 1 for colour in colours if colour and colour.triplet)  # greys
        lanes = "\n".join(strip.text for strip in shown)
        for texture in ("▞▞", "░░", "██", "▒", "~~", "✕"):
            assert texture in lanes

    in_app("wsgi", check)


def test_markup_in_a_title_is_text() -> None:
    async def check(pane: Pane, pilot: Pilot[None]) -> None:
        side = sleeping_workers(2.4)
        pane.show(PaneView(side, "[red]not markup[/]\x1b[2J", T0, T0, T0 + S))
        await pilot.pause()
        assert r"[red]not markup[/]\x1b[2J" in text(pane)

    in_app("wsgi", check)


def test_rows_side_by_side_are_one_region() -> None:
    assert [(r.y, r.height) for r in regions([1, 2, 3, 7, 9, 10], 60)] == [(1, 3), (7, 1), (9, 2)]
