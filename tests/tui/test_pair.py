"""Two recordings on one axis."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.tui.stand_in import Check, Seat, StandIn, run_app
from tests.unit.plausible_runs import run
from tests.unit.states import T0, S, sleeping_workers
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.events import Event, PhaseChanged, SettingsChanged
from wsgiviz.log import RecordingWriter, Snapshot
from wsgiviz.settings import make
from wsgiviz.state import Side, State
from wsgiviz.tui.app import WsgivizApp
from wsgiviz.tui.feed import Frame, Playhead
from wsgiviz.tui.pair_feed import PairFeed
from wsgiviz.tui.pair_view import PairView, _ratios, differences
from wsgiviz.tui.render.glyphs import UNICODE


def session(seed: int, **given: object) -> list[Event]:
    """A run to its end, whose settings are changed by ``given``."""
    events = sorted((event for batch in run(random.Random(seed), most=8) for event in batch), key=lambda e: e.t_ns)
    events = [
        replace(event, given=event.given | given) if isinstance(event, SettingsChanged) else event for event in events
    ]
    return [*events, PhaseChanged(events[-1].t_ns + 1, "", 0, "finished")]


def written(path: Path, events: Sequence[Event]) -> str:
    writer, snapshot = RecordingWriter(path), Snapshot()
    for at in range(0, len(events), 6):
        snapshot = snapshot.after(tuple(events[at : at + 6]))
        writer.take(events[at : at + 6], snapshot)
    writer.close()
    assert writer.failure == ""
    return str(path)


RECORDINGS = Path(__file__).parents[1] / "recordings"

LEFT = session(4)
RIGHT = session(4, workers=5)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    return written(tmp_path / "two.wviz", LEFT), written(tmp_path / "five.wviz", RIGHT)


class CountedPair(PairFeed):
    """Its frames are counted, as a `Seat` needs it."""

    advanced = 0

    def advance(self) -> int:
        self.advanced += 1
        return super().advance()


def watch_pair(
    check: Check, files: tuple[str, str], side: str | None = None, size: tuple[int, int] = (120, 36)
) -> None:
    feed: Any = CountedPair(*files, side)
    feed.controls = StandIn().controls
    try:
        run_app(check, WsgivizApp(feed, playback=feed), feed, size, Seat)
    finally:
        feed.close()


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
def test_the_same_side_of_both_is_shown_and_what_differs(files: tuple[str, str], size: tuple[int, int]) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("end")
        await seat.reads("two took")
        assert "WSGI" in seat.pane("left")
        assert "WSGI" in seat.pane("right")
        assert "two" in seat.pane("left").splitlines()[0]
        assert "five" in seat.pane("right").splitlines()[0]
        assert "replay 1×, paused" in seat.lines[0]
        if size[0] > 80:
            assert "two | five  workers 2 | 5" in seat.lines[0]
        assert "? help" in seat.lines[-1]
        assert "q quit" in seat.lines[-1]

    watch_pair(check, files, size=size)


def test_another_side_is_shown_when_asked_for(files: tuple[str, str]) -> None:
    async def check(seat: Seat) -> None:
        assert "ASGI" in seat.pane("left")
        assert "ASGI" in seat.pane("right")

    watch_pair(check, files, "asgi")


def test_so_many_events_forward_and_back_give_the_same_cells(files: tuple[str, str]) -> None:
    async def check(seat: Seat) -> None:
        feed: Any = seat.feed
        await seat.press("space")
        feed.seek(2_000_000)
        feed.step(1)
        await seat.frames(3)
        shown = [[list(strip) for strip in seat.strips]]
        for _ in range(12):
            await seat.press("full_stop")
            await seat.frames()
            shown.append([list(strip) for strip in seat.strips])
        for expected in shown[-2::-1]:
            await seat.press("comma")
            await seat.frames()
            assert [list(strip) for strip in seat.strips] == expected

    watch_pair(check, files)


def test_it_asks_for_nothing_and_saves_nothing(files: tuple[str, str], tmp_path: Path) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("f", "plus", "s", "o", "w", "tab", "l", "k")
        assert type(seat.app.screen).__name__ == "PairScreen"
        with pytest.raises(WsgivizError):
            seat.feed.save(tmp_path / "x.wviz")

    watch_pair(check, files)


def test_a_mark_of_either_is_jumped_to(files: tuple[str, str]) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("j")
        await seat.reads("five  first answer")
        await seat.press("down", "enter")
        await seat.screen_is("PairScreen")
        await seat.reads("paused")

    watch_pair(check, files)


def test_a_side_that_only_one_has_is_refused_in_words(tmp_path: Path) -> None:
    asgi = written(tmp_path / "asgi.wviz", session(4, only="asgi"))
    both = written(tmp_path / "both.wviz", LEFT)
    feed = PairFeed(asgi, both)
    assert feed.side == "asgi"
    feed.close()
    with pytest.raises(UsageError, match="don't have the side wsgi in common"):
        PairFeed(asgi, both, "wsgi")


def test_what_is_no_recording_is_refused(tmp_path: Path, files: tuple[str, str]) -> None:
    (tmp_path / "other").write_bytes(b"GIF89a")
    with pytest.raises(WsgivizError):
        PairFeed(files[0], str(tmp_path / "other"))


def test_the_same_file_twice_is_named_a_and_b(files: tuple[str, str]) -> None:
    feed = PairFeed(files[0], files[0])
    assert feed.names == ("A", "B")
    feed.close()


def test_settings_that_differ_are_named_the_first_few_of_them() -> None:
    assert differences(make(), make()) == "the same settings"
    assert differences(make(workers=4), make(workers=8)) == "workers 4 | 8"
    many = differences(make(), make(workers=8, requests=50, threads=3, async_workers=2, timeout=9))
    assert many.endswith(", and 2 more")
    assert many.count("|") == 3


def test_on_stage_there_are_digits_and_the_recordings_names(files: tuple[str, str]) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("end")
        await seat.reads("two took")
        await seat.press("b")
        await seat.until(lambda: "queue" not in seat.pane("left"), "no statistics")
        assert "two" in seat.pane("left")
        assert "five" in seat.pane("right")
        assert "WSGI" not in seat.pane("right")

    watch_pair(check, files, size=(80, 24))


def test_it_has_no_key_for_the_runs_of_one_recording(files: tuple[str, str]) -> None:
    async def check(seat: Seat) -> None:
        assert "h runs" not in seat.text
        await seat.press("h")
        assert type(seat.app.screen).__name__ == "PairScreen"

    watch_pair(check, files, size=(200, 50))


def test_the_line_that_matters_is_known_where_nobody_has_been_seen_at_it(files: tuple[str, str]) -> None:
    """After a jump to the end the code's one line is the call, and not the first line of the function."""
    left, right = (str(RECORDINGS / name) for name in ("sleep.wviz", "sleep.wviz"))

    async def check(seat: Seat) -> None:
        await seat.press("space", "b", "end")
        await seat.reads("took")
        assert [line.count("time.sleep(seconds)") for line in seat.lines if "time.sleep(seconds)" in line] == [2]

    watch_pair(check, (left, right), size=(80, 24))


def test_the_faster_one_says_by_how_much() -> None:
    """As of two sides of a run: in its pane, and on stage in digits."""
    four, eight = sleeping_workers(9, 4, 16), sleeping_workers(9, 8, 16)
    four, eight = (replace(side, run=replace(side.run, ended_ns=T0 + 9 * S)) for side in (four, eight))
    assert _ratios(four, eight) == pytest.approx((0, 2), rel=0.05)
    assert _ratios(eight, four) == pytest.approx((2, 0), rel=0.05)
    assert _ratios(four, four) == (0, 0)
    assert _ratios(four, replace(eight, run=replace(eight.run, failed=1))) == (0, 0)
    assert _ratios(four, replace(eight, run=replace(eight.run, ended_ns=0))) == (0, 0)


def paired(*sides: Side) -> PairView:
    """Of two recordings, 9 s into their runs."""
    one, other = (Frame(State(sides={side.name: side}, settings=make()), T0 + 9 * S, Occurrences()) for side in sides)
    playhead = Playhead(T0, T0 + 9 * S, T0, 0, 0, other=other)
    return PairView(dataclasses.replace(one, playhead=playhead), UNICODE, only=sides[0].name)


def test_each_pane_knows_what_is_beside_it() -> None:
    """A request's lane has the same row in both, and that depends on what stands above it in either."""
    one, other = paired(sleeping_workers(9, 4, 16), sleeping_workers(9, 8, 16)).panes()
    assert one.beside is other.side
    assert other.beside is one.side


@pytest.mark.parametrize("other", [{"cancelled": True}, {"completed": 160}])
def test_runs_that_did_not_answer_the_same_are_not_compared(other: dict[str, Any]) -> None:
    """Of which one was cancelled, or had more requests: neither in the panes nor in the sentence."""
    four, eight = sleeping_workers(9, 4, 16), sleeping_workers(9, 8, 16)
    four, eight = (replace(side, run=replace(side.run, ended_ns=T0 + 9 * S)) for side in (four, eight))
    eight = replace(eight, run=replace(eight.run, **other))
    assert _ratios(four, eight) == (0, 0)
    frames = [
        Frame(State(sides={"wsgi": side}, settings=make()), T0 + 9 * S, Occurrences()) for side in (four, eight)
    ]
    playhead = Playhead(T0, T0 + 9 * S, T0, 0, 0, other=frames[1])
    view = PairView(dataclasses.replace(frames[0], playhead=playhead), UNICODE, only="wsgi")
    [(_, _, said)] = view.captions()
    assert said.text == "A took 4.00 s and B took 2.00 s."
