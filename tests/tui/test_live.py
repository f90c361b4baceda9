"""The live screen: each key does what its tooltip says, on servers that note what they were asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from textual.widgets import Input

from tests.tui.stand_in import Check, Seat, StandIn, sleeping, watch
from tests.unit.states import T0, S, awaiting_tasks
from wsgiviz import scenarios
from wsgiviz.settings import make
from wsgiviz.state import Phase, State
from wsgiviz.tui.screens.bindings import CONTROL, VIEW, commands, keys_of
from wsgiviz.tui.screens.live import LiveScreen
from wsgiviz.tui.widgets.caption import CaptionLine


def asks_for(*calls: str) -> Callable[[str], Check]:
    """The key asks the servers for just this."""

    def of(key: str) -> Check:
        async def check(seat: Seat) -> None:
            await seat.press(key)
            assert seat.calls == list(calls)

        return check

    return of


def opens(screen: str) -> Callable[[str], Check]:
    """The key shows that screen, and asks the servers for nothing."""

    def of(key: str) -> Check:
        async def check(seat: Seat) -> None:
            await seat.press(key)
            await seat.screen_is(screen)
            assert seat.calls == []

        return check

    return of


def sets_requests(to: int) -> Callable[[str], Check]:
    def of(key: str) -> Check:
        async def check(seat: Seat) -> None:
            await seat.press(key)
            await seat.until(lambda: bool(seat.changes))
            assert (seat.calls, seat.changes[-1].requests) == (["change"], to)
            await seat.reads(f"{to} at once")

        return check

    return of


def moves(undone_by: str, *before: str) -> Callable[[str], Check]:
    """After keys ``before``, the key changes what the panes show, and ``undone_by`` brings it back."""

    def of(key: str) -> Check:
        async def check(seat: Seat) -> None:
            for other in before:  # where there are no lanes out of sight, none can be scrolled
                await seat.press(other)
                await seat.frames()
            first = seat.pane("left"), seat.pane("right")
            await seat.press(key)
            await seat.until(lambda: (seat.pane("left"), seat.pane("right")) != first, "another view")
            await seat.press(*undone_by.split())
            await seat.until(lambda: (seat.pane("left"), seat.pane("right")) == first, "the view before")
            assert seat.calls == []

        return check

    return of


async def by_worker_and_back(seat: Seat) -> None:
    assert "w1" in seat.pane("left"), "twenty requests have a line each here"
    await seat.press("v")
    await seat.until(lambda: "blocked 0.4 s on #9" in seat.pane("left"), "lanes by worker")
    await seat.press("v")
    await seat.until(lambda: "w1" in seat.pane("left"), "lanes by request")


def says(words: str) -> Callable[[str], Check]:
    """The key does nothing else here."""

    def of(key: str) -> Check:
        async def check(seat: Seat) -> None:
            await seat.press(key)
            await seat.reads(words)
            assert (seat.calls, type(seat.app.screen)) == ([], LiveScreen)

        return check

    return of


def follows(key: str) -> Check:
    async def check(seat: Seat) -> None:
        first = seat.pane("left")
        await seat.press("greater_than_sign", "left", "left")
        await seat.until(lambda: seat.pane("left") != first, "another view")
        await seat.press(key)
        await seat.until(lambda: seat.pane("left") == first, "the whole run")

    return check


def shows_code(key: str) -> Check:
    async def check(seat: Seat) -> None:
        code = "await asyncio.sleep(seconds)"
        await seat.press("v")  # twenty lanes leave no room for it
        await seat.reads(code)
        height = seat.panes[0].size.height
        await seat.press(key)
        await seat.until(lambda: code not in seat.text, "no code")
        assert seat.panes[0].size.height > height
        await seat.press(key)
        await seat.reads(code)

    return check


def makes_big(key: str) -> Check:
    async def check(seat: Seat) -> None:
        seat.app.theme = "nord"
        await seat.press(key)
        await seat.until(lambda: "queue" not in seat.text and "[ ] requests" not in seat.text, "no statistics")
        assert seat.app.theme == "wsgiviz-stage"
        assert "async def" not in seat.text
        assert "All 4 workers are blocked" in seat.text
        await seat.press(key)
        await seat.reads("[ ] requests")
        await seat.frames(2)
        assert (seat.app.theme, "4 of 4 blocked" in seat.text) == ("nord", True)

    return check


def quits(key: str) -> Check:
    async def check(seat: Seat) -> None:
        await seat.pilot.press(key)
        assert (seat.app._exit, seat.app.return_value) == (True, 0)

    return check


DOES: dict[str, Callable[[str], Check]] = {
    "space": asks_for("fire"),
    "f": asks_for("fire_one"),
    "plus": asks_for("add_worker"),
    "equals_sign": asks_for("add_worker"),
    "minus": asks_for("remove_worker"),
    "right_square_bracket": sets_requests(25),
    "left_square_bracket": sets_requests(15),
    "s": opens("PickerScreen"),
    "g": asks_for(),
    "o": opens("FormScreen"),
    **dict.fromkeys(("p", "comma", "full_stop", "t"), says("There is nothing to play back yet.")),
    "x": asks_for("cancel"),
    "k": opens("WorkersScreen"),
    "r": asks_for("reload"),
    "w": opens("SaveScreen"),
    "tab": opens("LedgerScreen"),
    "enter": opens("LedgerScreen"),
    "escape": asks_for(),
    "less_than_sign": moves("greater_than_sign", "greater_than_sign", "greater_than_sign"),
    "greater_than_sign": moves("less_than_sign"),
    "left": moves("right"),
    "right": moves("left"),
    "0": follows,
    "v": lambda key: by_worker_and_back,
    "h": opens("RunsScreen"),
    "down": moves("up", "v"),
    "up": moves("down", "v", "down", "down"),
    "c": shows_code,
    "b": makes_big,
    "l": opens("LogsScreen"),
    "question_mark": opens("HelpScreen"),
    "f1": opens("HelpScreen"),
    "q": quits,
}


@pytest.mark.parametrize("key", keys_of([*CONTROL, *VIEW]))
def test_key_does_what_its_tooltip_says(key: str) -> None:
    watch(DOES[key](key))


def test_it_starts_the_servers_and_fires_once() -> None:
    async def check(seat: Seat) -> None:
        await seat.frames(3)
        assert seat.begun == ("start", "fire")
        assert seat.calls == []

    watch(check)


@pytest.mark.parametrize(
    ("given", "key", "asked"),
    [(1, "[", 1), (2, "[", 1), (9, "]", 10), (10, "[", 5), (99, "]", 104), (100, "]", 150), (100, "[", 95),
     (1_000, "[", 950), (100_000, "]", 100_000)],
)  # fmt: skip
def test_steps_of_requests_suit_their_number(given: int, key: str, asked: int) -> None:
    async def check(seat: Seat) -> None:
        await seat.press({"[": "left_square_bracket", "]": "right_square_bracket"}[key])
        assert seat.changes[-1].requests == asked

    watch(check, StandIn(make(requests=given)))


def test_the_last_worker_stays_and_a_message_says_so() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("minus")
        await seat.reads("One worker is the least that gunicorn keeps.")
        assert seat.calls == []
        await seat.press("plus")
        assert seat.calls == ["add_worker"]

    watch(check, StandIn(state=sleeping(workers=1)))


def test_a_side_alone_has_the_whole_width() -> None:
    async def check(seat: Seat) -> None:
        assert [pane.size.width > 110 for pane in seat.panes] == [True]
        assert "20 more" in seat.text or "#1 " in seat.pane("left")

    watch(check, StandIn(make(only="asgi")))


def test_a_run_that_is_over_stands_still() -> None:
    async def check(seat: Seat) -> None:
        seat.feed.feed(ended := both_done(), Phase.FINISHED)
        await seat.reads("done 00:05.0")
        shown = seat.pane("left")
        seat.feed.now_s = 500.0
        await seat.frames(2)
        assert seat.pane("left") == shown
        assert max(side.run.ended_ns for side in ended.sides.values()) < T0 + 6 * S

    watch(check)


class Slowed(StandIn):
    """Played back so slowly that there are 300 frames for a tenth of a second."""

    def __init__(self) -> None:
        super().__init__()
        self.recorded, self.speed = True, 0.01

    def advance(self) -> int:
        self.now_s += 0.1 / 300
        return super().advance()


def test_in_slow_motion_no_figure_waits_for_the_next_tenth_of_a_second() -> None:
    async def check(seat: Seat) -> None:
        state, asgi = seat.feed.state, seat.feed.state.sides["asgi"]
        assert "20 now" in seat.pane("right")
        fewer = replace(asgi, run=replace(asgi.run, in_app=7))
        seat.feed.show(replace(state, sides={**state.sides, "asgi": fewer}))
        await seat.frames(2)
        assert " 7 now" in seat.pane("right")

    watch(check, Slowed(), size=(120, 60))


def both_done() -> State:
    """Both runs over, the ASGI one sooner."""
    done = sleeping(5.2)
    return replace(done, sides={"wsgi": done.sides["wsgi"], "asgi": awaiting_tasks(5.2)})


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.MEASURING, Phase.FAILED])
def test_the_caption_says_how_far_the_servers_are(phase: Phase) -> None:
    said = {
        Phase.STARTING: "Starting the servers",
        Phase.MEASURING: "Measuring what one request costs",
        Phase.FAILED: "The servers are not running. Press s for another",
    }

    async def check(seat: Seat) -> None:
        seat.feed.feed(State(), phase)
        await seat.reads(said[phase])

    watch(check)


# --- palette ------------------------------------------------------------------------------------------------------


def test_the_palette_has_every_action_and_every_scenario() -> None:
    async def check(seat: Seat) -> None:
        found = {command.title: command.help for command in seat.app.get_system_commands(seat.app.screen)}
        for title, _, tooltip in commands([*CONTROL, *VIEW]):
            assert found[title] == tooltip
        for scenario in scenarios.catalogue():
            assert found[f"Scenario {scenario.name}"] == scenario.question

    watch(check)


@pytest.mark.parametrize(
    ("typed", "help", "calls"),
    [
        ("Cancel", "Cancel the current run", ["cancel"]),
        ("add worker", "Add a WSGI worker", ["add_worker"]),
        ("Scenario cpu", "Does async help", ["change"]),
    ],
)
def test_what_is_chosen_in_the_palette_is_done(typed: str, help: str, calls: list[str]) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("ctrl+p")
        await seat.screen_is("PaletteScreen")
        seat.app.screen.query_one(Input).value = typed
        await seat.reads(help)
        await seat.press("enter")
        await seat.until(lambda: seat.calls == calls, str(calls))
        await seat.screen_is("LiveScreen")

    feed = watch(check)
    assert [change.scenario for change in feed.controls.changes] == ["cpu"] * ("change" in calls)


def test_clicking_where_nothing_is_does_nothing() -> None:
    async def check(seat: Seat) -> None:
        for key in ("", "s", "o", "question_mark", "l"):
            await seat.press(*[key] if key else [])
            await seat.until(lambda key=key: (type(seat.app.screen) is LiveScreen) == (not key), "its screen")  # type: ignore[misc]
            screen = seat.app.screen
            for x, y in [(0, 0), (119, 0), (0, 35), (119, 35), (0, 18), (60, 1), (119, 20)]:
                assert await seat.pilot.click(offset=(x, y)) is not None
            await seat.frames()
            assert seat.app.screen is screen
            assert seat.calls == []
            await seat.press("escape")
            await seat.screen_is("LiveScreen")

    watch(check)


def test_a_frame_that_is_due_while_the_app_ends_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CaptionLine, "on_unmount", lambda line: line.app._frame(), raising=False)

    async def check(seat: Seat) -> None:
        await seat.pilot.press("q")

    watch(check)
