"""Playback as a mode: on a recording, and over a session whose servers go on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.segment import Segment
from textual.widgets import Input

from tests.tui.stand_in import Check, Seat, StandIn, run_app, watch
from tests.unit.plausible_runs import T0, run
from wsgiviz.events import Event, PhaseChanged
from wsgiviz.log import EventLog, RecordingWriter, Snapshot
from wsgiviz.tui.app import WsgivizApp
from wsgiviz.tui.intents import AskPlayback
from wsgiviz.tui.replay_feed import ReplayFeed
from wsgiviz.tui.screens.jump import Jump, JumpScreen, parse_jump
from wsgiviz.tui.screens.replay import PastScreen
from wsgiviz.tui.widgets.scrub_bar import ScrubBar

EVENTS = sorted((event for batch in run(random.Random(4), most=8) for event in batch), key=lambda event: event.t_ns)
END: list[Event] = [PhaseChanged(EVENTS[-1].t_ns + 1, "", 0, "finished")]
BATCHES = [EVENTS[at : at + 6] for at in range(0, len(EVENTS), 6)] + [END]
FIRED = next(at for at, event in enumerate(EVENTS) if type(event).__name__ == "RunStarted")


class LoggedStandIn(StandIn):
    """A feed with a log: it has got ``batches``, and gets others when a test says so."""

    def __init__(self, batches: Sequence[Sequence[Event]] = BATCHES) -> None:
        super().__init__()
        self.log = EventLog()
        self.more(batches)

    def more(self, batches: Sequence[Sequence[Event]]) -> None:
        for batch in batches:
            self.log.append(batch)
        self.state, self.occurrences = self.log.snapshot
        self.now_s = (self.state.t_ns - T0) / 1e9


class CountedReplay(ReplayFeed):
    """A recording whose frames are counted, as a `Seat` needs it."""

    advanced = 0

    def advance(self) -> int:
        self.advanced += 1
        return super().advance()


def watch_file(check: Check, path: Path, size: tuple[int, int] = (120, 36), **given: Any) -> None:
    feed: Any = CountedReplay(str(path), **given)
    feed.controls = StandIn().controls
    try:
        run_app(check, WsgivizApp(feed, playback=feed), feed, size, Seat)
    finally:
        feed.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.wviz"
    writer, snapshot = RecordingWriter(path), Snapshot()
    for batch in BATCHES:
        snapshot = snapshot.after(batch)
        writer.take(batch, snapshot)
    writer.close()
    assert writer.failure == ""
    return path


def cells(seat: Seat) -> list[list[Segment]]:
    """All that the terminal shows, styles included."""
    return [list(strip) for strip in seat.strips]


def player(seat: Seat) -> Any:
    feed: Any = seat.app._past.feed if seat.app._past is not None else seat.feed
    return feed.player


async def at(seat: Seat, event: int) -> list[list[Segment]]:
    """Wait until so many events are shown."""
    await seat.reads(f"event {event:>{len(f'{len(EVENTS) + 1:,}')},} of")
    await seat.frames()
    return cells(seat)


# --- the same file and time give the same cells ---------------------------------------------------------------------


@pytest.mark.parametrize("view", [[], ["v"]])
def test_so_many_events_forward_and_back_give_the_same_cells(file: Path, view: list[str]) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("space", *view)
        player(seat).go_to(FIRED // 6, FIRED % 6)
        forward = [await at(seat, FIRED)]
        for event in range(FIRED + 1, FIRED + 25):
            await seat.press("full_stop")
            forward.append(await at(seat, event))
        assert len({str(shown) for shown in forward}) > 10
        for event in range(FIRED + 23, FIRED - 1, -1):
            await seat.press("comma")
            assert await at(seat, event) == forward[event - FIRED]

    watch_file(check, file)


def test_it_makes_no_difference_whether_a_time_was_played_to_or_jumped_to(file: Path) -> None:
    async def check(seat: Seat) -> None:
        replayed = player(seat)
        replayed.go_to(FIRED // 6)
        replayed.speed, replayed.playing = 0.05, True
        await seat.until(lambda: replayed.event > FIRED + 20, "some way")
        await seat.press("space")
        await seat.reads("paused")
        await seat.frames()
        t_ns, played = replayed.now_ns, cells(seat)
        for key in ("home", "end"):
            await seat.press(key)
            await seat.frames()
            await seat.until(lambda: cells(seat) != played, "another time")
            seat.app.live.post_message(AskPlayback(lambda playback: playback.seek(t_ns)))
            await seat.frames(3)
            assert cells(seat) == played

    watch_file(check, file)


# --- a mode over a session that goes on -----------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "event"), [("p", len(EVENTS) + 1), ("comma", len(EVENTS))])
def test_a_key_enters_it_and_escape_leaves_it(key: str, event: int) -> None:
    async def check(seat: Seat) -> None:
        await seat.press(key)
        await seat.screen_is("PastScreen")
        await at(seat, event)
        assert "replay 1×, paused" in seat.lines[0]
        assert "escape back" in seat.lines[-1]
        await seat.press("escape")
        await seat.screen_is("LiveScreen")
        assert "replay" not in seat.text
        assert seat.calls == []

    watch(check, LoggedStandIn())


def test_the_servers_go_on_and_what_is_played_stays_as_it_was() -> None:
    feed = LoggedStandIn(BATCHES[:-5])

    async def check(seat: Seat) -> None:
        await seat.press("p")
        shown = await at(seat, len(EVENTS) - 4 * 6 - (len(EVENTS) % 6 or 6) + 6)
        advanced = feed.advanced
        feed.more(BATCHES[-5:])
        await seat.frames(3)
        assert cells(seat) == shown
        assert feed.advanced > advanced
        await seat.press("escape")
        await seat.reads("done")

    watch(check, feed)


def test_its_keys_ask_the_servers_for_nothing() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("p", "plus", "f", "space", "right_square_bracket", "left_square_bracket", "r", "s")
        await seat.reads("The servers go on: escape leads back to them.")
        assert type(seat.app.screen) is PastScreen
        assert seat.calls == []

    watch(check, LoggedStandIn())


def test_it_is_seen_as_the_screen_that_it_was_entered_from() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("greater_than_sign", "c", "v", "b", "p")
        past = seat.app.screen
        assert isinstance(past, PastScreen)
        assert (past.viewport, past.by_request) == (seat.app.live.viewport, seat.app.live.by_request)
        assert (past._code_wanted, past.has_class("stage")) == (seat.app.live._code_wanted, True)
        await seat.reads("replay 1×, paused")

    watch(check, LoggedStandIn())


def test_what_was_made_big_in_it_is_big_after_it_and_the_other_way_round() -> None:
    async def check(seat: Seat) -> None:
        seat.app.theme = "nord"
        await seat.press("p", "b", "escape")
        await seat.screen_is("LiveScreen")
        assert (seat.app.theme, seat.app.live.has_class("stage")) == ("wsgiviz-stage", True)
        await seat.press("p", "b", "escape")
        await seat.screen_is("LiveScreen")
        assert (seat.app.theme, seat.app.live.has_class("stage")) == ("nord", False)

    watch(check, LoggedStandIn())


def test_a_failure_of_the_servers_ends_it() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("p")
        await seat.screen_is("PastScreen")
        await seat.fail("boom")
        await seat.press("escape")
        await seat.screen_is("LiveScreen")

    watch(check, LoggedStandIn())


def test_what_was_played_is_played_from_where_its_run_began() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("p", *["left_square_bracket"] * 6, "space")
        await seat.reads("replay 0.01× ")
        assert not player(seat).ended
        player(seat).speed = 20.0
        await seat.until(lambda: player(seat).ended, "its end")
        await seat.reads("replay 20×, paused")

    watch(check, LoggedStandIn())


# --- slow motion ----------------------------------------------------------------------------------------------------


def test_slow_motion_runs_behind_and_says_how_far_until_it_has_shown_the_run() -> None:
    feed = LoggedStandIn(BATCHES[:6])

    async def check(seat: Seat) -> None:
        await seat.press("t")
        await seat.reads("slow motion 0.1×")
        feed.more(BATCHES[6:-1])
        behind = f"{(EVENTS[-1].t_ns - BATCHES[5][-1].t_ns) / 1e9 - 0.06:.1f}"[:3]
        await seat.reads(f"slow motion 0.1×, {behind}")
        assert player(seat).state.events < feed.state.events
        feed.more([END])
        player(seat).speed = 20.0
        await seat.screen_is("LiveScreen")
        await seat.reads("done")

    watch(check, feed)


def test_slow_motion_after_a_run_shows_it_again() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("t")
        await seat.reads("replay 0.1×")
        assert not player(seat).ended
        await seat.press("t")
        await seat.reads("replay 1×")
        assert isinstance(seat.app.screen, PastScreen)

    watch(check, LoggedStandIn())


# --- jumps ----------------------------------------------------------------------------------------------------------


def test_a_mark_of_the_list_is_jumped_to(file: Path) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("j")
        await seat.reads("first answer")
        screen = seat.app.screen
        assert isinstance(screen, JumpScreen)
        wanted = next(at for at, mark in enumerate(screen._marks) if mark.type == "first answer")
        await seat.press(*["down"] * wanted, "enter")
        await seat.screen_is("ReplayScreen")
        await seat.reads("paused")
        mark = screen._marks[wanted]
        assert (player(seat).position, player(seat).within) == (mark.position, mark.within)
        assert player(seat).state.sides[mark.side].run.completed == 1
        await seat.reads("✓ ")

    watch_file(check, file)


def test_a_time_is_typed(file: Path) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("end", "j")
        await seat.screen_is("JumpScreen")
        await seat.press(*"0.012", "enter")
        await seat.screen_is("ReplayScreen")
        await seat.reads("0.012 s  ")

    watch_file(check, file)


def test_a_request_is_jumped_to_and_followed(file: Path) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("j")
        await seat.screen_is("JumpScreen")
        await seat.press("number_sign", "2", "enter")
        await seat.screen_is("ReplayScreen")
        await seat.until(lambda: bool(seat.app.live.followed), "followed")
        request = player(seat).state.sides["wsgi"].ledger.get(seat.app.live.followed)
        assert request is not None
        assert player(seat).now_ns == request.began_ns
        await seat.press("j", "number_sign", *"999", "enter")
        await seat.reads("There is no request #999 in this run.")

    watch_file(check, file)


def test_what_is_neither_is_refused_in_words(file: Path) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("j")
        await seat.screen_is("JumpScreen")
        await seat.press(*"soon", "enter")
        await seat.reads("give seconds since the run began")
        seat.app.screen.query_one(Input).value = ""
        await seat.press("escape")
        await seat.screen_is("ReplayScreen")

    watch_file(check, file)


@pytest.mark.parametrize(
    ("text", "jump"),
    [("2.5", Jump(seconds=2.5)), (" 2.5 s ", Jump(seconds=2.5)), ("-1", Jump(seconds=-1)), ("#12", Jump(request=12)),
     ("#0", None), ("#", None), ("#-3", None), ("", None), ("nan", None), ("inf", None), ("1e99", None), ("x", None)],
)  # fmt: skip
def test_what_can_be_typed(text: str, jump: Jump | None) -> None:
    assert parse_jump(text) == jump


def test_a_click_on_the_bar_goes_there(file: Path) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("space")
        bar = seat.app.screen.query_one(ScrubBar)
        first, width = bar._bar
        for share in (0.0, 0.5, 1.0):
            await seat.pilot.click(bar, offset=(1 + first + round((width - 1) * share), 0))
            await seat.frames()
            span = player(seat).end_ns - player(seat).timeline.start_ns
            found = (player(seat).now_ns - player(seat).timeline.start_ns) / span
            assert abs(found - share) <= 1 / width

    watch_file(check, file)


# --- what it says of itself -----------------------------------------------------------------------------------------


def test_the_bar_has_the_marks_and_the_header_the_speed(file: Path) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("end")
        await seat.until(lambda: seat.app.screen.query_one(ScrubBar)._playhead.searched == 1, "all marks")  # type: ignore[union-attr]
        await seat.frames()
        line = next(line for line in seat.lines if " event " in line)
        assert {"▷", "✓"} <= set(line)
        await seat.press(*["left_square_bracket"] * 20)
        await seat.reads("replay 0.01×, paused")
        await seat.press(*["right_square_bracket"] * 20)
        await seat.reads("replay 20×, paused")

    watch_file(check, file)


def test_a_loop_begins_again_at_its_end(file: Path) -> None:
    async def check(seat: Seat) -> None:
        await seat.reads("replay 1×, repeated")
        replayed = player(seat)
        replayed.seek(replayed.end_ns)
        await seat.until(lambda: replayed.ended and replayed.playing, "its end")
        await seat.until(lambda: not replayed.ended, "its beginning")
        await seat.press("r")
        await seat.until(lambda: "repeated" not in seat.lines[0], "no loop")

    watch_file(check, file, loop=True)


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 36), (200, 50)])
def test_help_and_quit_stay_at_every_size(file: Path, size: tuple[int, int]) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("space")
        await seat.reads("paused")
        assert "? help" in seat.lines[-1]
        assert "q quit" in seat.lines[-1]
        assert "replay 1×" in seat.lines[0]
        assert any(" event " in line for line in seat.lines)

    watch_file(check, file, size)


def test_the_bar_keeps_its_place_when_the_stage_is_left(file: Path) -> None:
    async def check(seat: Seat) -> None:
        ids = [widget.id for widget in seat.app.screen.children]
        await seat.press("b")
        on_stage = [widget.id for widget in seat.app.screen.children]
        assert on_stage.index("code") < on_stage.index("caption") < on_stage.index("scrub")
        await seat.press("b")
        assert [widget.id for widget in seat.app.screen.children] == ids

    watch_file(check, file)
