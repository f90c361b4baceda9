"""The list of servers to attach to: one is opened, or two that were marked; it follows what runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.tui.hostile import HOSTILE
from tests.tui.test_notes import reads
from wsgiviz.control.running import Running
from wsgiviz.errors import UsageError
from wsgiviz.recorder.served import About
from wsgiviz.tui import server_list_app
from wsgiviz.tui.server_list_app import ServerListApp, choose_servers

Press = Callable[[str], Awaitable[None]]
Reads = Callable[[str], Awaitable[str]]


def server(pid: int, *command: str) -> Running:
    about = About(pid, pid, "2026-11-30T08:00:00+00:00", command or ("gunicorn", f"shop{pid}"), f"/srv/{pid}")
    return Running(Path(f"/run/{pid}"), about, frozenset({pid, pid + 1, pid + 2}), 2)


SERVERS = [server(100), server(200), server(300, "gunicorn", HOSTILE)]


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[Running]:
    """What runs; to be changed by a test."""
    found = list(SERVERS)
    monkeypatch.setattr(server_list_app, "running", lambda: list(found))
    monkeypatch.setattr(server_list_app, "LIST_EVERY_S", 0.02)
    return found


def choose(*keys: str, before: Callable[[Reads], Awaitable[None]] | None = None) -> ServerListApp:
    """Press ``keys`` in the list; give the app after its end."""

    async def run() -> ServerListApp:
        app = ServerListApp()
        async with app.run_test(size=(80, 24)) as pilot:
            await reads(pilot, "Which server?")
            if before is not None:
                await before(lambda words: reads(pilot, words))
            for key in keys:
                await pilot.press(key)
            await pilot.pause(0)
        return app

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("keys", "pids"),
    [
        (("enter",), [100]),
        (("down", "enter"), [200]),
        (("space", "down", "enter"), [100, 200]),
        (("down", "space", "up", "space", "down", "down", "enter"), [100, 200]),
        (("space", "down", "space", "down", "space", "enter"), [200, 300]),
        (("space", "space", "enter"), [100]),
        (("escape",), None),
        (("q",), None),
    ],
)
def test_one_is_opened_or_two_that_were_marked(
    listed: list[Running], keys: tuple[str, ...], pids: list[int] | None
) -> None:
    chosen = choose(*keys).return_value
    assert chosen == (None if pids is None else [Path(f"/run/{pid}") for pid in pids])


def test_a_command_is_shown_harmless_with_its_workers_and_folder(listed: list[Running]) -> None:
    async def check(reads: Reads) -> None:
        text = await reads("in /srv/100, 2 workers")
        assert "\x1b" not in text
        assert "100        2" in text

    choose("escape", before=check)


def test_it_follows_what_runs_and_keeps_what_is_highlighted(listed: list[Running]) -> None:
    async def check(reads: Reads) -> None:
        listed[:] = [server(50), *SERVERS[:1]]
        await reads("shop50")

    assert choose("enter", before=check).return_value == [Path("/run/100")]


def test_where_the_last_one_ends_it_leaves_with_a_hint(
    listed: list[Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> ServerListApp:
        app = ServerListApp()
        async with app.run_test(size=(80, 24)) as pilot:
            listed.clear()
            while app.is_running and not app.none_left:
                await pilot.pause(0.01)
        return app

    app = asyncio.run(run())
    assert app.none_left
    assert app.return_value is None
    monkeypatch.setattr(ServerListApp, "run", lambda self: setattr(self, "none_left", True))
    with pytest.raises(UsageError, match="no server of yours runs") as error:
        choose_servers()
    assert "wsgiviz exec" in error.value.hint
