"""The frame clock: slow while nothing moves, at once again when a person or the servers do something."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from textual.app import App

from tests.tui.stand_in import Seat, StandIn, sleeping, watch
from wsgiviz.state import Phase
from wsgiviz.tui.frame_clock import CALM_AFTER_FRAMES, CALM_FPS, FrameClock


def calm() -> StandIn:
    feed = StandIn()
    feed.calm = True
    return feed


async def slows(seat: Seat) -> None:
    await seat.until(lambda: seat.app.clock.slow, "a slow clock")


async def seconds_for_frames(seat: Seat, more: int) -> float:
    """How long so many frames take. The first may come at any time, and is not counted."""
    await seat.frames(1)
    began = time.monotonic()
    await seat.frames(more)
    return time.monotonic() - began


def test_while_nothing_moves_frames_are_few() -> None:
    async def check(seat: Seat) -> None:
        await slows(seat)
        assert await seconds_for_frames(seat, 3) > 1.5 / CALM_FPS  # three less what the first may have been late

    watch(check, calm(), own_clock=True)


def test_what_happens_is_shown_and_the_clock_is_fast_again() -> None:
    async def check(seat: Seat) -> None:
        await slows(seat)
        seat.feed.feed(sleeping(3.4), Phase.RUNNING)
        seat.feed.now_s, seat.feed.calm = 3.4, False
        await seat.reads("00:03.4")
        await seat.until(lambda: not seat.app.clock.slow, "a fast clock")

    watch(check, calm(), own_clock=True)


def test_a_key_wakes_it() -> None:
    async def check(seat: Seat) -> None:
        await slows(seat)
        await seat.pilot.press("greater_than_sign")
        assert not seat.app.clock.slow
        await slows(seat)
        await seat.pilot.press("up")
        assert not seat.app.clock.slow

    watch(check, calm(), own_clock=True)


def test_what_was_asked_for_keeps_it_awake_until_it_is_there() -> None:
    async def check(seat: Seat) -> None:
        await slows(seat)
        await seat.press("plus")
        await seat.frames(40)
        assert not seat.app.clock.slow
        seat.feed.feed(sleeping(workers=5), Phase.RUNNING)
        await seat.reads("Worker added (TTIN): 5 workers now.")
        await slows(seat)

    watch(check, calm(), own_clock=True)


def test_the_header_shows_the_rate_that_there_is() -> None:
    async def check(seat: Seat) -> None:
        await slows(seat)
        await seat.reads(" 4 fps")

    watch(check, calm(), own_clock=True)


def test_after_a_rest_the_rate_is_not_that_of_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends it is found out while a frame is made, as long as nobody presses a key."""
    seconds = iter([0.0, 0.25, 0.5, 0.53, 0.56])
    clock: FrameClock = FrameClock(App[None](), lambda: None)
    for _ in range(CALM_AFTER_FRAMES + 1):
        clock.calm(True)
    monkeypatch.setattr("wsgiviz.tui.frame_clock.time", SimpleNamespace(monotonic=seconds.__next__))
    for _ in range(3):
        clock.tick()
    assert clock.fps == CALM_FPS
    clock.calm(False)
    clock.tick(), clock.tick()
    assert clock.fps == 33


def test_an_error_in_a_frame_ends_the_app_and_no_more_are_made() -> None:
    feed = StandIn()
    frames = []

    async def check(seat: Seat) -> None:
        def fail() -> int:
            frames.append(1)
            raise ZeroDivisionError("in a frame")

        feed.advance = fail  # type: ignore[method-assign]
        await seat.until(lambda: not seat.app.is_running)

    with pytest.raises(ZeroDivisionError, match="in a frame"):
        watch(check, feed, own_clock=True)
    assert len(frames) == 1
