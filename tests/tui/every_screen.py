"""How to get to each screen and mode, from the keys that lead there: for what must hold on all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.recordings import path_of
from tests.tui.kept import Kept
from tests.tui.lesson_seat import Pupil, lesson, teach
from tests.tui.stand_in import Check, Seat, StandIn, run_app, watch, watch_replay
from tests.tui.test_pair import CountedPair
from tests.tui.test_playback import LoggedStandIn
from wsgiviz.state import Failure
from wsgiviz.tui.app import WsgivizApp

Open = Callable[[Check, tuple[int, int], bool], object]
"""Runs a check on a screen, at a size, in ASCII or not."""


def _after(*keys: str, screen: str = "") -> Open:
    def opened(check: Check, size: tuple[int, int], ascii: bool) -> object:
        async def there(seat: Seat) -> None:
            for key in keys:
                await seat.press(key)
            if screen:
                await seat.screen_is(screen)
            await seat.frames(3)
            await check(seat)

        return watch(there, Kept("sleep", "middle"), size, ascii)

    return opened


def _replay(check: Check, size: tuple[int, int], ascii: bool) -> object:
    return watch_replay(check, StandIn(), size, ascii)


def _jump(check: Check, size: tuple[int, int], ascii: bool) -> object:
    async def there(seat: Seat) -> None:
        await seat.press("j")
        await seat.screen_is("JumpScreen")
        await check(seat)

    return watch_replay(there, StandIn(), size, ascii)


def _pair(check: Check, size: tuple[int, int], ascii: bool) -> None:
    feed: Any = CountedPair(str(path_of("sleep")), str(path_of("forty")))
    feed.controls = StandIn().controls
    try:
        run_app(check, WsgivizApp(feed, playback=feed, ascii=ascii), feed, size, Seat)
    finally:
        feed.close()


def _past(check: Check, size: tuple[int, int], ascii: bool) -> object:
    async def there(seat: Seat) -> None:
        await seat.press("p")
        await seat.screen_is("PastScreen")
        await seat.frames(2)
        await check(seat)

    return watch(there, LoggedStandIn(), size, ascii)


def _message(check: Check, size: tuple[int, int], ascii: bool) -> object:
    async def there(seat: Seat) -> None:
        seat.app._say("there is nothing to play back yet", warn=True)
        await seat.reads("There is nothing to play back yet")
        await check(seat)

    return watch(there, Kept("sleep", "middle"), size, ascii)


def _failure(check: Check, size: tuple[int, int], ascii: bool) -> object:
    async def there(seat: Seat) -> None:
        seat.feed.fail(Failure("the port is taken", "end what has it", "a detail"))
        await seat.screen_is("FailureScreen")
        await check(seat)

    return watch(there, None, size, ascii)


def _lesson(*keys: str, screen: str = "LessonScreen") -> Open:
    def opened(check: Check, size: tuple[int, int], ascii: bool) -> object:
        async def there(pupil: Pupil) -> None:
            for key in keys:
                await pupil.press(key)
            await pupil.screen_is(screen)
            await pupil.frames(2)
            await check(pupil)

        return teach(there, lesson(), size=size, ascii=ascii)

    return opened


SCREENS: dict[str, Open] = {
    "live": _after(),
    "stage": _after("b"),
    "replay": _replay,
    "pair": _pair,
    "past": _past,
    "message": _message,
    "palette": _after("ctrl+p", *"the", screen="PaletteScreen"),
    "jump": _jump,
    "ledger": _after("tab", screen="LedgerScreen"),
    "ledger, filter": _after("tab", "slash", screen="LedgerScreen"),
    "inspector": _after("tab", "enter", screen="InspectorScreen"),
    "logs": _after("l", screen="LogsScreen"),
    "runs": _after("h", screen="RunsScreen"),
    "form": _after("o", screen="FormScreen"),
    "form, list": _after("o", "tab", "tab", "tab", "tab", "tab", "tab", "enter", screen="FormScreen"),
    "form, wrong": _after("o", "tab", "x", screen="FormScreen"),
    "picker": _after("s", screen="PickerScreen"),
    "workers": _after("k", screen="WorkersScreen"),
    "save": _after("w", screen="SaveScreen"),
    "help": _after("question_mark", screen="HelpScreen"),
    "failure": _failure,
    "lesson": _lesson(),
    "lesson, big": _lesson("b"),
    "question": _lesson("space", screen="QuestionScreen"),
    "lessons": _lesson("s", screen="LessonListScreen"),
}
