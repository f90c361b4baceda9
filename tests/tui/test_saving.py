"""What ends or keeps something: signals to workers, and a run that is saved."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.widgets import Input

from tests.tui.hostile import harmless
from tests.tui.stand_in import Seat, StandIn, watch
from tests.unit.states import T0, S
from wsgiviz.errors import WsgivizError
from wsgiviz.state import Activity, Death

# --- workers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "number"), [("t", signal.SIGTERM), ("k", signal.SIGKILL)])
def test_the_chosen_worker_gets_the_signal_and_its_end_is_said(key: str, number: signal.Signals) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("k")
        await seat.reads("pid 101")
        await seat.press("down", key)
        await seat.screen_is("LiveScreen")
        await seat.until(lambda: seat.feed.controls.ended == [("wsgi", 101, number)], "the signal")
        side = seat.feed.state.sides["wsgi"]
        death = Death(T0 + 2 * S, status=number)
        dead = replace(side.server.workers[101, 0], activity=Activity.DEAD, death=death)
        server = replace(side.server, workers={**side.server.workers, (101, 0): dead})
        sides = {**seat.feed.state.sides, "wsgi": replace(side, server=server)}
        seat.feed.show(replace(seat.feed.state, sides=sides))
        await seat.reads(f"Worker 2 was killed by {number.name}; #10 died with it.")

    watch(check)


def test_a_worker_that_is_gone_already_is_said() -> None:
    async def check(seat: Seat) -> None:
        seat.feed.controls.there_is_such_a_worker = False
        await seat.press("k")
        await seat.screen_is("WorkersScreen")
        await seat.press("t")
        await seat.reads("There is no worker with pid 100 any more.")

    watch(check)


def test_what_does_not_happen_is_said_too() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("plus")
        await seat.until(lambda: seat.calls == ["add_worker"])
        seat.feed.now_s += 11
        await seat.reads("TTIN was sent, and nothing has changed.")

    watch(check)


# --- saving -------------------------------------------------------------------------------------------------------


def test_a_run_is_saved_under_a_name_of_scenario_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    feed = StandIn()
    feed.show(replace(feed.state, started="2026-11-25T03:48:21+00:00"))

    async def check(seat: Seat) -> None:
        await seat.press("w")
        await seat.reads("wsgiviz-sleep-20261125-034821.wviz")
        await seat.press("enter")
        await seat.screen_is("LiveScreen")
        await seat.until(lambda: feed.saved == [Path("wsgiviz-sleep-20261125-034821.wviz")], "the file's name")
        feed.saved[0].write_bytes(b"x" * 1_200_000)
        assert "Saved" not in seat.text
        feed.saving.finished = True
        await seat.reads("Saved to")
        await seat.reads("1,234")
        await seat.reads("1.2 MB.")

    watch(check, feed)


async def save_as(seat: Seat, name: str) -> None:
    await seat.press("w")
    await seat.screen_is("SaveScreen")
    seat.app.screen.query_one(Input).value = name
    await seat.press("enter")


def test_a_file_that_is_there_is_replaced_only_when_that_is_confirmed(tmp_path: Path) -> None:
    there = tmp_path / "there.wviz"
    there.touch()

    async def check(seat: Seat) -> None:
        await save_as(seat, str(there))
        await seat.reads("this file is there already")
        assert seat.feed.saved == []
        await seat.press("enter")
        await seat.until(lambda: seat.feed.saved == [there], "the file's name")

    watch(check)


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "this is a folder"), (".", "this is a folder"), ("x" * 5_000, "can't have this name"),
     ("~nobody-has-this-name/x", "can't have this name"), ("/no-such-folder/x.wviz", "no folder /no-such-folder")],
)  # fmt: skip
def test_a_name_that_is_none_is_refused(name: str, said: str) -> None:
    async def check(seat: Seat) -> None:
        await save_as(seat, name)
        await seat.reads(said)
        await seat.press("escape")
        await seat.screen_is("LiveScreen")
        assert seat.feed.saved == []

    watch(check)


@pytest.mark.parametrize("when", ["at once", "later"])
def test_what_cannot_be_saved_says_why(when: str, tmp_path: Path) -> None:
    feed = StandIn()
    if when == "at once":
        feed.save_fails = WsgivizError("no space \x1b[2J left", "choose another file")
    else:
        feed.saving.failure = "no space \x1b[2J left"

    async def check(seat: Seat) -> None:
        await save_as(seat, str(tmp_path / "new.wviz"))
        await seat.reads(r"o space \x1b[2J left")
        assert harmless(seat)

    watch(check, feed)
