"""Help, picker, failure: what they say, what they change, and that hostile texts stay texts."""

from __future__ import annotations

import pytest
from textual.widgets import OptionList, Static

from tests.tui.hostile import HOSTILE, INERT, harmless
from tests.tui.kept import Kept
from tests.tui.stand_in import Seat, StandIn, watch
from wsgiviz import scenarios
from wsgiviz.settings import make
from wsgiviz.state import Activity, Failure, Task
from wsgiviz.tui.screens.bindings import CONTROL, VIEW, explained

ALL_OF_IT = (120, 70)
"""A terminal in which no dialog has to scroll."""

SMALL = [(60, 16), (80, 24)]

# --- help ---------------------------------------------------------------------------------------------------------


def test_help_explains_every_key_and_every_sign() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("question_mark")
        await seat.screen_is("HelpScreen")
        said = str(seat.app.screen.query(Static).first().render())
        for key, what in explained([*CONTROL, *VIEW]):
            assert f"  {key:<8}{what}" in said
        for state in (*Activity, *Task):
            assert f"{state.value}: " in said
        assert "after the answer: " in said
        assert "ctrl+p" in said

    watch(check)


@pytest.mark.parametrize("key", ["escape", "question_mark", "q"])
def test_help_goes_away_and_nothing_was_asked_for(key: str) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("question_mark")
        await seat.screen_is("HelpScreen")
        await seat.press(key)
        await seat.screen_is("LiveScreen")
        assert seat.calls == []

    watch(check)


@pytest.mark.parametrize("size", SMALL)
def test_help_is_read_to_its_end_with_the_keys(size: tuple[int, int]) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("f1")
        await seat.reads("waits for a connection")
        assert "The palette" not in seat.text
        await seat.press("end")
        await seat.scrolled()
        assert "The palette" in seat.text

    watch(check, size=size)


# --- picker -------------------------------------------------------------------------------------------------------


DOWNS_TO = {scenario.name: at for at, scenario in enumerate(scenarios.catalogue())}
"""How often the key is pressed, from the first scenario on."""


def test_the_picker_has_every_scenario_and_tells_of_the_one_in_hand() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("s")
        await seat.reads("await asyncio.sleep(1)")
        for scenario in scenarios.catalogue():  # there are more than the dialog has lines
            await seat.reads(scenario.question)
            await seat.press("down")
        await seat.press("home")
        await seat.press(*["down"] * DOWNS_TO["db"])
        await seat.reads("rows = 400 rows")

    watch(check, size=ALL_OF_IT)


@pytest.mark.parametrize(
    ("chosen", "requests", "workers"),
    [("sleep", 40, 7), ("http", 20, 7), ("fast", 2000, scenarios.find("fast").settings["workers"])],
)
def test_choosing_a_scenario_changes_to_it(chosen: str, requests: int, workers: int) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("s")
        await seat.screen_is("PickerScreen")
        await seat.press(*["down"] * DOWNS_TO[chosen], "enter")
        await seat.screen_is("LiveScreen")
        assert seat.calls == ["change"]
        changed = seat.changes[-1]
        assert (changed.scenario, changed.requests, changed.workers) == (chosen, requests, workers)
        await seat.until(lambda: f" {chosen}  " in seat.lines[0], "its name")

    watch(check, StandIn(make(requests=40, workers=7)))


def test_the_picker_opens_while_one_of_the_clinic_s_symptoms_runs() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("s")
        await seat.screen_is("PickerScreen")
        await seat.press("enter")
        await seat.screen_is("LiveScreen")
        assert (seat.changes[-1].scenario, seat.changes[-1].sides) == ("sleep", ("wsgi", "asgi"))

    watch(check, StandIn(make(scenario="self-call")))


@pytest.mark.parametrize("size", SMALL)
def test_the_scenario_in_hand_is_in_sight(size: tuple[int, int]) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("s", "end")
        await seat.scrolled()
        assert scenarios.catalogue()[-1].question[:16] in seat.text

    watch(check, size=size)


def test_choosing_with_the_mouse() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("s")
        await seat.reads("Is synchronous slow?")
        await seat.pilot.click(OptionList, offset=(10, 3))
        await seat.screen_is("LiveScreen")
        assert seat.changes[-1].scenario == scenarios.catalogue()[3].name

    watch(check)


def test_a_scenario_takes_the_place_of_an_app_of_ones_own() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("s")
        await seat.screen_is("PickerScreen")
        await seat.press("enter")
        await seat.screen_is("LiveScreen")
        changed = seat.changes[-1]
        assert (changed.own_app, changed.path, changed.sides) == (False, "/", ("wsgi", "asgi"))

    watch(check, StandIn(make(wsgi="shop:app", path="/cart", only="wsgi")))


@pytest.mark.parametrize(("opened_by", "key"), [("s", "escape"), ("s", "s"), ("s", "q"), ("o", "escape")])
def test_going_back_changes_nothing(opened_by: str, key: str) -> None:
    async def check(seat: Seat) -> None:
        await seat.press(opened_by)
        await seat.until(lambda: seat.app.screen is not seat.app.live)
        await seat.press(key)
        await seat.screen_is("LiveScreen")
        assert seat.calls == []

    watch(check)


# --- failure ------------------------------------------------------------------------------------------------------


def test_a_failure_is_shown_with_its_fix_and_hostile_words_stay_words() -> None:
    async def check(seat: Seat) -> None:
        await seat.fail(f"message {HOSTILE}", f"hint {HOSTILE}", f"Traceback\n\tdetail {HOSTILE}\r\n")
        for start in ("message", "hint", "    detail"):
            await seat.reads(f"{start} {INERT}")
        assert seat.text.count(r"\ud800") == seat.text.count("[@click=app.quit]x[/]") == 3
        assert harmless(seat)

    watch(check, size=(200, 50))


@pytest.mark.parametrize("size", SMALL)
def test_a_long_traceback_is_read_to_its_end(size: tuple[int, int]) -> None:
    async def check(seat: Seat) -> None:
        await seat.fail("boom", "fix", "\n".join(["a line"] * 60 + ["ValueError: the last line"]))
        await seat.press("end")
        await seat.scrolled()
        assert "ValueError: the last line" in seat.text

    watch(check, size=size)


def test_a_failure_before_the_first_frame_is_shown_too() -> None:
    feed = StandIn()
    feed.fail(Failure("can't make a run directory", "is there room?"))

    async def check(seat: Seat) -> None:
        await seat.screen_is("FailureScreen")
        assert "can't make a run directory" in seat.text
        assert "is there room?" in seat.text

    watch(check, feed)


@pytest.mark.parametrize(
    ("key", "screen", "calls"),
    [
        ("space", "LiveScreen", ["change"]),
        ("escape", "LiveScreen", []),
        ("o", "FormScreen", []),
        ("s", "PickerScreen", []),
        ("l", "LogsScreen", []),
    ],
)
def test_what_can_be_done_about_a_failure(key: str, screen: str, calls: list[str]) -> None:
    async def check(seat: Seat) -> None:
        await seat.fail("boom")
        await seat.press(key)
        await seat.screen_is(screen)
        await seat.frames(2)
        assert (type(seat.app.screen).__name__, seat.calls) == (screen, calls)

    watch(check)


def test_the_next_failure_is_shown_again() -> None:
    async def check(seat: Seat) -> None:
        for message in ("first", "second"):
            await seat.fail(f"the {message} one")
            await seat.reads(f"the {message} one")
            await seat.press("space")
            await seat.screen_is("LiveScreen")
        assert seat.calls == ["change", "change"]

    watch(check)


def test_q_on_a_failure_ends_the_program() -> None:
    async def check(seat: Seat) -> None:
        await seat.fail("boom")
        await seat.pilot.press("q")
        assert seat.app.return_value == 0

    watch(check)


def test_what_a_worker_does_is_in_its_line_and_the_ledger_s_first_line_is_whole() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("k")
        await seat.screen_is("WorkersScreen")
        assert all("blocked" in line and " on #" in line for line in seat.lines if "pid " in line and "sync" in line)
        await seat.press("escape", "tab")
        await seat.screen_is("LedgerScreen")
        await seat.frames(3)
        assert seat.lines[0].rstrip().endswith(("ascending", "GET /"))

    watch(check, Kept("sleep", "middle"), size=(80, 24))
