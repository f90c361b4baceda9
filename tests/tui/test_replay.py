"""The screens on a recording: marked as one, its keys, and no servers to ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.tui.stand_in import Seat, StandIn, watch, watch_replay
from tests.unit.states import MS, T0
from wsgiviz.errors import WsgivizError
from wsgiviz.events import (
    Event,
    Failed,
    LogWritten,
    PhaseChanged,
    RunRequested,
    ServerRetired,
    ServerStarted,
    SessionOpened,
    SettingsChanged,
    SourceRead,
)
from wsgiviz.log import RecordingWriter
from wsgiviz.log.snapshot import Snapshot
from wsgiviz.settings import make
from wsgiviz.state import Failure, Phase
from wsgiviz.tui.app import WsgivizApp
from wsgiviz.tui.render.glyphs import ASCII
from wsgiviz.tui.replay_feed import ReplayFeed
from wsgiviz.tui.screens.replay import NO_SERVERS, ReplayScreen
from wsgiviz.tui.widgets.caption import CaptionLine

NO_SERVERS_HERE = "This is a recording"

# --- its keys -----------------------------------------------------------------------------------------------------


ASKED = {
    "space": "toggle", "p": "toggle", "full_stop": "step 1", "comma": "step -1", "home": "restart", "end": "to_end",
    "right_square_bracket": "faster 1", "left_square_bracket": "faster -1", "t": "slow_motion", "r": "toggle_loop",
}  # fmt: skip


def test_a_key_of_the_playback_asks_for_just_that() -> None:
    async def check(seat: Seat) -> None:
        for key in ASKED:
            await seat.press(key)

    assert watch_replay(check).calls == [*ASKED.values()]


def test_a_key_that_acts_on_servers_says_that_there_are_none() -> None:
    async def check(seat: Seat) -> None:
        for key in NO_SERVERS:
            seat.app.clear_notifications()
            seat.app.screen.query_one(CaptionLine).end_notice()
            await seat.until(lambda: NO_SERVERS_HERE not in seat.text, "no message")
            await seat.press(key)
            await seat.reads(NO_SERVERS_HERE)
            assert type(seat.app.screen) is ReplayScreen

    assert watch_replay(check).calls == []


def test_the_sentence_offers_no_keys_for_servers() -> None:
    async def check(seat: Seat) -> None:
        seat.feed.feed(replace(seat.feed.state, phase=Phase.FAILED), Phase.FAILED)
        await seat.reads("The servers are not running.")
        assert "Press s for" not in seat.text

    watch_replay(check)


def test_keys_that_act_on_servers_are_those_of_the_live_screen() -> None:
    assert {"f", "plus", "minus", "s", "o", "x", "k", "w"} <= set(NO_SERVERS)
    assert not {"space", "p", "tab", "q", "question_mark"} & set(NO_SERVERS)


@pytest.mark.parametrize(
    ("key", "screen"), [("tab", "LedgerScreen"), ("l", "LogsScreen"), ("question_mark", "HelpScreen")]
)
def test_the_other_screens_are_there_too(key: str, screen: str) -> None:
    async def check(seat: Seat) -> None:
        await seat.press(key)
        await seat.screen_is(screen)

    watch_replay(check)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_help_and_quit_are_in_the_line_of_keys(size: tuple[int, int]) -> None:
    async def check(seat: Seat) -> None:
        assert "space play/pause" in seat.lines[-1]
        assert "? help" in seat.lines[-1]
        assert "q quit" in seat.lines[-1]

    watch_replay(check, size=size)


def test_help_explains_the_keys_of_the_playback_and_none_of_the_servers() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("question_mark")
        await seat.reads("Play, or pause")
        assert "Fire" not in seat.text

    watch_replay(check, size=(120, 90))  # the legend comes first


def test_the_palette_has_no_scenario_to_change_to() -> None:
    async def check(seat: Seat) -> None:
        titles = {command.title for command in seat.app.get_system_commands(seat.app.screen)}
        assert "Play" in titles
        assert not [title for title in titles if title.startswith(("Scenario", "Fire"))]

    watch_replay(check)


def test_a_worker_can_be_chosen_but_not_ended() -> None:
    async def check(seat: Seat) -> None:
        seat.app.live._choose_worker()
        await seat.screen_is("WorkersScreen")
        await seat.press("t")
        await seat.reads(NO_SERVERS_HERE)

    watch_replay(check)


# --- what it says of itself ---------------------------------------------------------------------------------------


def test_the_header_says_recorded_how_fast_and_that_it_is_paused() -> None:
    async def check(seat: Seat) -> None:
        await seat.reads("replay 1× 00:02.4")
        seat.feed.speed = 0.2
        await seat.reads("replay 0.2×")
        await seat.press("space")
        await seat.reads("replay 0.2×, paused")
        assert "live" not in seat.lines[0]

    watch_replay(check)


def test_in_ascii_the_header_is_ascii() -> None:
    async def check(seat: Seat) -> None:
        await seat.reads("replay 1x")

    feed = StandIn()
    feed.recorded = True
    watch(check, feed, ascii=True)


def test_a_step_is_shown_at_once_though_the_time_stands() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("space")
        await seat.reads("paused")
        state = seat.feed.state
        seat.feed.show(replace(state, settings=make(requests=33)))
        await seat.reads("33 at once")

    watch_replay(check)


def test_damage_is_said_once_and_stays_in_the_header() -> None:
    feed = StandIn()
    feed.problem = "This recording is incomplete: 3 bytes are \x1b[2J missing."

    async def check(seat: Seat) -> None:
        await seat.reads(r"3 bytes are \x1b[2J")
        feed.problem = "This recording is incomplete: 9 bytes are missing."
        await seat.reads("replay 1×, incomplete")
        await seat.frames(3)
        assert "9 bytes" not in seat.text

    watch_replay(check, feed)


def test_a_recorded_failure_offers_nothing_that_needs_servers() -> None:
    async def check(seat: Seat) -> None:
        await seat.fail("boom")
        assert "try again" not in seat.text
        await seat.press("space", "o", "s")
        await seat.screen_is("FailureScreen")
        await seat.press("l")
        await seat.screen_is("LogsScreen")

    watch_replay(check)


# --- recording while it is live -----------------------------------------------------------------------------------


def test_that_it_is_recorded_and_that_this_failed_stands_in_the_header() -> None:
    feed = StandIn()
    feed.recording = True

    async def check(seat: Seat) -> None:
        await seat.reads("rec  ● live")
        feed.problem = "the recording r.wviz has ended: no space left"
        await seat.reads("recording failed  ● live")
        await seat.reads("no space left")

    watch(check, feed)


# --- a file -------------------------------------------------------------------------------------------------------


def event(kind: type[Event], at_ms: int, *given: object, side: str = "") -> Event:
    return kind(T0 + at_ms * MS, side, 0, *given)


APP = "HEADERS = []\n\n\ndef app(environ, start_response):\n    return [b'recorded']\n"

SESSION: list[list[Event]] = [
    [event(SettingsChanged, 0, {"wsgi": "shop:app", "only": "wsgi", "requests": "7"})],
    [event(SessionOpened, 1, "2026-11-25T03:48:21+00:00", {}), event(PhaseChanged, 1, "starting")],
    [event(ServerStarted, 50, "sync", "", (), side="wsgi"), event(SourceRead, 51, "/srv/shop.py", APP)],
    [event(LogWritten, 60, ("Listening at nowhere",), side="wsgi"), event(PhaseChanged, 60, "ready")],
    [event(RunRequested, 70, 1, 7, ("wsgi",)), event(PhaseChanged, 70, "running")],
    [event(PhaseChanged, 900, "finished")],
    [event(ServerRetired, 940, side="wsgi")],
    [event(PhaseChanged, 950, "closed")],
]


def recorded(path: Path, batches: list[list[Event]]) -> str:
    writer, snapshot = RecordingWriter(path), Snapshot()
    for batch in batches:
        snapshot = snapshot.after(batch)
        writer.take(batch, snapshot)
    writer.close()
    assert writer.failure == ""
    return str(path)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return recorded(tmp_path / "session.wviz", SESSION)


def phases(feed: ReplayFeed) -> list[Phase]:
    """What it is at, step by step, until it goes no further."""
    found: list[Phase] = []
    while True:
        before = feed.advance(), feed.state
        if found[-1:] != [feed.state.phase]:
            found.append(feed.state.phase)
        feed.step(1)
        if (feed.advance(), feed.state) == before:
            return found


def test_it_is_stepped_through_and_ends_where_there_is_still_something_to_see(file: str) -> None:
    feed = ReplayFeed(file)
    feed.restart()
    feed.step(-100)
    assert phases(feed)[-4:] == [Phase.STARTING, Phase.READY, Phase.RUNNING, Phase.FINISHED]
    assert (feed.playing, feed.calm) == (False, True)
    feed.step(-1)
    assert feed.state.phase is Phase.RUNNING
    feed.close()


def test_it_plays_to_its_end_and_space_begins_anew(file: str) -> None:
    feed = ReplayFeed(file)
    feed.restart()
    assert feed.playing
    feed.to_end()
    assert (feed.state.phase, feed.playing) == (Phase.FINISHED, False)
    feed.toggle()
    assert feed.playing
    assert feed.state.phase is not Phase.FINISHED
    feed.toggle()
    assert not feed.playing
    feed.close()


def test_a_recording_is_not_saved_again(file: str, tmp_path: Path) -> None:
    feed = ReplayFeed(file)
    with pytest.raises(WsgivizError, match="this is a recording already"):
        feed.save(tmp_path / "again.wviz")
    feed.close()


def test_code_and_logs_are_those_of_the_recording(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.py").write_text("def app(): 'another one of that name'\n")
    monkeypatch.chdir(tmp_path)
    feed = ReplayFeed(file)
    feed.to_end()
    shown = StandIn(feed.state.settings)
    shown.show(feed.state)

    async def check(seat: Seat) -> None:
        await seat.reads("return [b'recorded']")
        assert "another one" not in seat.text
        await seat.press("l")
        await seat.reads("Listening at nowhere")

    watch_replay(check, shown)
    feed.close()


def test_a_file_that_is_cut_is_shown_as_far_as_it_goes(file: str) -> None:
    whole = Path(file).read_bytes()
    Path(file).write_bytes(whole[:-10])
    feed = ReplayFeed(file)
    feed.to_end()
    assert feed.state.settings.requests == 7
    assert "incomplete" in feed.problem
    feed.close()


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x00" * 4096])
def test_what_is_no_recording_is_refused_in_words(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(WsgivizError):
        ReplayFeed(str(tmp_path / "other"))


def test_a_failure_in_the_file_is_shown(tmp_path: Path) -> None:
    failed = [event(Failed, 55, "boom", "fix it", "", 1), event(PhaseChanged, 55, "failed")]
    feed = ReplayFeed(recorded(tmp_path / "failed.wviz", [*SESSION[:3], failed]))
    feed.to_end()
    assert feed.state.failure == Failure("boom", "fix it", "", 1)
    assert WsgivizApp(feed, playback=feed, ascii=True).glyphs is ASCII
    feed.close()
