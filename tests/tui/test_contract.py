"""The steps of one request on the live screen and in a replay, at every size."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.tui.stand_in import Seat, StandIn, watch, watch_replay
from tests.tui.test_replay import recorded
from tests.unit.contract_events import both
from tests.unit.lint_contexts import reduced
from wsgiviz.settings import make
from wsgiviz.state import State
from wsgiviz.tui.replay_feed import ReplayFeed
from wsgiviz.tui.widgets.contract import ContractPane, StepList

SIZES = [(60, 16), (70, 40), (80, 24), (120, 36), (200, 50)]

all_sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))


def feed_at(at_s: float) -> StandIn:
    """The screen's feed so long after the run began."""
    state = reduced(both(at_s))
    feed = StandIn(state.settings, state)
    feed.now_s = at_s
    return feed


def steps_of(seat: Seat, side: str) -> list[str]:
    found = seat.app.live.query_one(f"#steps-{side}", StepList)
    return [found.render_line(y).text.rstrip() for y in range(found.size.height)]


@all_sizes
@pytest.mark.parametrize("ascii", [False, True], ids=["unicode", "ascii"])
def test_both_sides_steps_are_there_with_the_newest_marked(size: tuple[int, int], ascii: bool) -> None:
    here = ">" if ascii else "▶"

    async def check(seat: Seat) -> None:
        [wsgi] = [line for line in steps_of(seat, "left") if line.startswith(here)]
        [asgi] = [line for line in steps_of(seat, "right") if line.startswith(here)]
        assert "next()" in wsgi
        assert "send(" in asgi or "await" in asgi
        assert "returns <Body>" in seat.text or size == (60, 16)
        assert not ascii or seat.text.isascii()

    watch(check, feed_at(2.5), size, ascii=ascii)


@all_sizes
def test_nothing_lies_over_anything_or_beyond_the_screen(size: tuple[int, int]) -> None:
    async def check(seat: Seat) -> None:
        live = seat.app.live
        assert [strip.cell_length for strip in seat.strips] == [size[0]] * size[1]
        shown = [widget for widget in live.children if widget.display and widget.region]
        assert live.query_one(ContractPane) in shown
        for above, below in pairwise(shown):
            assert above.region.bottom <= below.region.y
        lists = [found for found in live.query(StepList) if found.display]
        assert len(lists) == 2
        for found in lists:
            assert found.size.height >= 2
            assert live.query_one(ContractPane).region.contains_region(found.region)
        assert all(live.region.contains_region(widget.region) for widget in shown)

    watch(check, feed_at(2.5), size)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)], ids=lambda size: "{}x{}".format(*size))
def test_in_the_end_all_that_was_passed_is_in_sight(size: tuple[int, int]) -> None:
    async def check(seat: Seat) -> None:
        wsgi, asgi = ("\n".join(steps_of(seat, side)) for side in ("left", "right"))
        for words in (
            "app(environ",
            "start_response('200 OK'",
            "returns <Body>",
            r"yields b'one\n'",
            "close() returns",
        ):
            assert words in wsgi
        for words in ("app(scope", "receive()", "request", "response.start", r"b'one\n'", "returns None"):
            assert words in asgi
        assert "Its worker was held for 6.00 s" in seat.text

    watch(check, feed_at(7.0), size)


def test_who_calls_whom_is_spelled_out_where_there_is_room() -> None:
    async def check(seat: Seat) -> None:
        assert "server → app  app(environ, start_response)" in seat.text
        assert "app → server  returns <Body>" in seat.text
        assert "environ: REQUEST_METHOD=GET PATH_INFO=/ SERVER_PROTOCOL=HTTP/1.1" in seat.text

    watch(check, feed_at(2.5), (200, 50))


def test_the_sentence_and_the_line_of_code_go_with_it() -> None:
    async def check(seat: Seat) -> None:
        await seat.reads("The server has asked for the first chunk and waits for it.")
        await seat.reads("def wsgi_app(environ, start_response):")
        assert "the app is at contract.py:13 time.sleep" in seat.text
        marked = [line for line in seat.lines if "13▶" in line]
        assert len(marked) == 1
        assert "time.sleep(pause)" in marked[0]

    watch(check, feed_at(2.5), (120, 36))


def test_a_step_that_comes_is_shown_in_the_next_frame() -> None:
    async def check(seat: Seat) -> None:
        assert "yields" not in seat.text
        seat.feed.show(replace(reduced(both(3.015)), settings=seat.feed.state.settings))
        seat.feed.now_s = 3.015
        await seat.reads(r"yields b'one\n'")

    watch(check, feed_at(2.5))


def test_other_scenarios_have_no_such_list() -> None:
    async def check(seat: Seat) -> None:
        assert "steps of #1" in seat.text
        assert seat.app.live.query_one(ContractPane).region.height > 2
        seat.feed.show(replace(seat.feed.state, settings=make(scenario="sleep")))
        await seat.until(lambda: "steps of #1" not in seat.text, "no steps")
        assert seat.app.live.query_one(ContractPane).region.height == 0

    watch(check, feed_at(2.5))


def test_one_side_alone_has_the_whole_width() -> None:
    state = reduced(both(2.5))
    settings = make(scenario="contract", only="asgi")
    feed = StandIn(settings, replace(state, sides={"asgi": state.sides["asgi"]}))
    feed.now_s = 2.5

    async def check(seat: Seat) -> None:
        shown = [found for found in seat.app.live.query(StepList) if found.display]
        assert [found.size.width for found in shown] == [118]
        assert "app(scope, receive, send)" in seat.text

    watch(check, feed)


def test_on_stage_it_stays() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("b")
        await seat.frames()
        assert "returns <Body>" in seat.text

    watch(check, feed_at(2.5), (80, 24))


def shown_at(state: State, at_s: float, replay: bool) -> list[list[str]]:
    found: list[list[str]] = []

    async def check(seat: Seat) -> None:
        found.extend([steps_of(seat, "left"), steps_of(seat, "right")])

    feed = StandIn(state.settings, state)
    feed.now_s = at_s
    if replay:
        watch_replay(check, feed, (80, 25))  # the bar of playback takes a line
    else:
        watch(check, feed, (80, 24))
    return found


def test_a_replay_shows_the_same(tmp_path: Path) -> None:
    events = both(7.0)
    path = recorded(tmp_path / "contract.wviz", [[event] for event in events])
    replay = ReplayFeed(path)
    replay.to_end()
    assert replay.state.sides["wsgi"].run.contract == reduced(events).sides["wsgi"].run.contract != ()
    live, again = shown_at(reduced(events), 7.0, replay=False), shown_at(replay.state, 7.0, replay=True)
    replay.close()
    assert again == live
    assert any("yields" in line for line in again[0])
