"""The form: a list or a text for each option, what is wrong with a text, and what is applied."""

from __future__ import annotations

from functools import partial

import pytest
from textual.widgets import Input, OptionList, Select, Static

from tests.tui.stand_in import Seat, StandIn, watch
from wsgiviz.options import OPTIONS, WSGI_KINDS
from wsgiviz.settings import make

ALL_OF_IT = (120, 70)
"""A terminal in which no dialog has to scroll."""

SMALL = [(60, 16), (80, 24)]


def note(seat: Seat, name: str) -> str:
    return seat.words(f"#note-{name}")


def test_the_form_has_every_option_with_its_value_and_its_help() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("o")
        await seat.screen_is("FormScreen")
        for option in OPTIONS:
            if option.in_form:
                value = getattr(seat.feed.state.settings, option.name)
                field = seat.app.screen.query_one(f"#{option.name}")
                assert isinstance(field, Select if option.choices else Input)
                assert isinstance(field, (Select, Input))
                shown = f"{value:g}" if isinstance(value, float) else str(value)
                if option.switch:
                    shown = "yes" if value else "no"
                assert field.value == ("" if value is None else shown)
                assert option.help in note(seat, option.name)
        assert seat.app.screen.query_one("#parameter-seconds", Input).value == "1.5"

    watch(check, StandIn(make(parameters={"seconds": "1.5"}, timeout="0.25")))


WRONG = [
    ("requests", "0", "a whole number from 1 to 100000"),
    ("workers", "x", "a whole number from 1 to 64"),
    ("timeout", "nan", "a number of seconds from 0.1 to 3600"),
    ("parameter-seconds", "61", "a number from 0 to 60"),
    ("wsgi", "shop.py", "an import string"),
]


def test_a_wrong_value_is_told_beside_its_field_and_nothing_changes() -> None:
    async def check(seat: Seat) -> None:
        await seat.open_form("workers")
        for name, typed, said in WRONG:
            field = seat.app.screen.query_one(f"#{name}", Input)
            field.focus()
            await seat.until(partial(_has_focus, seat, field))
            before = field.value
            await seat.press(*typed)
            await seat.until(partial(_noted, seat, name, said), said)
            words = " ".join(word for line in seat.lines for word in line.split("│")[1:2] for word in line.split())
            assert said.split()[-1] in words
            assert seat.app.screen.query_one(f"#{name}").has_class("-invalid")
            await seat.press("enter")
            await seat.until(lambda: seat.words("#problem") != "", "the problem")
            assert (type(seat.app.screen).__name__, seat.calls) == ("FormScreen", [])
            field.value = before
            seat.app.screen.query_one("#problem", Static).update("")
            await seat.frames(1)
            assert not seat.app.screen.query(".-invalid")

    watch(check, size=ALL_OF_IT)


def _has_focus(seat: Seat, field: Input) -> bool:
    return seat.app.focused is field


def _noted(seat: Seat, name: str, said: str) -> bool:
    return said in note(seat, name)


def test_a_value_put_right_gets_its_help_back() -> None:
    async def check(seat: Seat) -> None:
        await seat.fill("workers", "x")
        await seat.until(lambda: "a whole number" in note(seat, "workers"))
        await seat.press("backspace", "3")
        await seat.until(lambda: note(seat, "workers") == "worker processes of the WSGI server")
        assert not seat.app.screen.query(".-invalid")
        await seat.press("enter")
        await seat.screen_is("LiveScreen")
        assert seat.changes[-1].workers == 3

    watch(check)


@pytest.mark.parametrize("keys", [("shift+tab", "enter"), ("ctrl+s",)])
def test_good_values_are_taken(keys: tuple[str, ...]) -> None:
    async def check(seat: Seat) -> None:
        await seat.fill("requests", "7", "tab", "enter", *"closed", "enter", *keys)
        await seat.screen_is("LiveScreen")
        changed = seat.changes[-1]
        assert (changed.requests, changed.arrivals, seat.calls) == (7, "closed", ["change"])
        await seat.reads("20 users, 7 requests")

    watch(check)


@pytest.mark.parametrize(("size", "ascii"), [(SMALL[0], True), (SMALL[1], False)])
def test_a_worker_class_is_chosen_from_its_list_with_the_keyboard_alone(size: tuple[int, int], ascii: bool) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("o")
        await seat.screen_is("FormScreen")
        while getattr(seat.app.focused, "id", "") != "worker_class":
            await seat.press("tab")
        await seat.scrolled()
        await seat.press("enter")
        await seat.until(lambda: isinstance(seat.app.focused, OptionList))
        await seat.scrolled()
        assert all(kind in seat.text for kind in WSGI_KINDS)
        assert seat.text.isascii() or not ascii, seat.text
        await seat.press("down", "enter")
        await seat.reads("enter choose  ^s apply")
        await seat.press("ctrl+s")
        await seat.screen_is("LiveScreen")
        assert (seat.changes[-1].worker_class, seat.calls) == ("gthread", ["change"])

    watch(check, size=size, ascii=ascii)


def test_escape_closes_the_list_and_then_the_form_and_nothing_changes() -> None:
    async def check(seat: Seat) -> None:
        await seat.open_form("worker_class")
        await seat.press("enter", "down", "escape")
        await seat.reads("enter choose  ^s apply")
        assert seat.app.screen.query_one("#worker_class", Select).value == "sync"
        await seat.press("escape")
        await seat.screen_is("LiveScreen")
        assert seat.calls == []

    watch(check)


def test_a_pane_s_server_is_chosen_and_given_up_again() -> None:
    async def check(seat: Seat) -> None:
        for word, taken in (("gthread", "gthread"), ("default", None)):
            await seat.choose("left", word)
            await seat.press("ctrl+s")
            await seat.screen_is("LiveScreen")
            assert seat.changes[-1].left == taken

    watch(check)


def test_enter_goes_to_the_field_that_is_wrong() -> None:
    async def check(seat: Seat) -> None:
        await seat.fill("workers", "x", "tab", "7", "enter")
        await seat.until(lambda: getattr(seat.app.focused, "id", "") == "workers")
        assert (type(seat.app.screen).__name__, seat.calls) == ("FormScreen", [])

    watch(check)


def test_what_is_wrong_only_together_is_told_below() -> None:
    async def check(seat: Seat) -> None:
        await seat.fill("duration", "5", "enter")
        await seat.reads("--duration needs --arrivals closed. ")
        assert seat.calls == []

    watch(check, size=ALL_OF_IT)


def test_another_scenario_in_the_form_brings_its_own_parameters_and_requests() -> None:
    async def check(seat: Seat) -> None:
        await seat.choose("scenario", "fast")
        await seat.press("ctrl+s")
        await seat.screen_is("LiveScreen")
        changed = seat.changes[-1]
        assert (changed.scenario, changed.requests, dict(changed.parameters)) == ("fast", 2000, {"rows": 40})

    watch(check)


def test_the_scenario_that_is_chosen_redraws_its_parameters_and_its_own_settings() -> None:
    async def check(seat: Seat) -> None:
        await seat.choose("scenario", "fast")
        screen = seat.app.screen
        await seat.until(lambda: bool(screen.query("#parameter-rows")), "its parameters")
        assert not screen.query("#parameter-seconds")
        assert screen.query_one("#parameter-rows", Input).value == "40"
        assert screen.query_one("#requests", Input).value == "2000"
        screen.query_one("#requests", Input).value = "300"  # a person's own stays
        screen.query_one("#parameter-rows", Input).value = "7"
        await seat.press("ctrl+s")
        await seat.screen_is("LiveScreen")
        changed = seat.changes[-1]
        assert (changed.requests, dict(changed.parameters)) == (300, {"rows": 7})

    watch(check, size=ALL_OF_IT, ascii=True)


def test_back_at_the_first_scenario_its_parameters_are_as_they_were() -> None:
    async def check(seat: Seat) -> None:
        await seat.choose("scenario", "threads")
        screen = seat.app.screen
        await seat.until(lambda: screen.query_one("#right", Select).value == "sync", "its own servers")
        assert screen.query_one("#left", Select).value == "gthread"
        await seat.press("enter", *"sleep", "enter")
        await seat.until(lambda: bool(screen.query("#parameter-seconds")), "its parameters")
        assert screen.query_one("#parameter-seconds", Input).value == "1.5"
        assert screen.query_one("#right", Select).value == ""
        await seat.press("ctrl+s")
        await seat.screen_is("LiveScreen")
        assert seat.changes[-1] == make(parameters={"seconds": "1.5"}, requests="30")

    watch(check, StandIn(make(parameters={"seconds": "1.5"}, requests="30")), size=ALL_OF_IT)


@pytest.mark.parametrize("size", SMALL)
def test_the_field_that_has_the_focus_is_in_sight(size: tuple[int, int]) -> None:
    async def check(seat: Seat) -> None:
        await seat.fill("path", *"far/down")
        await seat.scrolled()
        assert "far/down" in seat.text

    watch(check, size=size)


def test_each_name_is_in_one_row_and_whole() -> None:
    async def check(seat: Seat) -> None:
        await seat.open_form("path")
        for size in [*SMALL, (120, 36)]:
            await seat.resize(*size)
            for label in seat.app.screen.query(".row Label"):
                name = str(label.render())
                assert label.content_size.height == 1, name
                assert label.content_size.width >= len(name), name
        assert seat.app.screen.query_one("#preload", Select).value == "no"

    watch(check, size=SMALL[0])


def test_keys_of_the_live_screen_are_only_letters_in_a_field() -> None:
    async def check(seat: Seat) -> None:
        field = await seat.fill("path", "home", *"sqpxlcb+-[]0 ")
        assert (field.value, type(seat.app.screen).__name__) == ("sqpxlcb+-[]0 /", "FormScreen")
        assert seat.calls == []

    watch(check)


def test_what_was_wrong_is_not_said_of_what_was_typed_since() -> None:
    async def check(seat: Seat) -> None:
        await seat.fill("workers", "x", "enter")
        await seat.reads("--workers x: must be")
        await seat.press("8")
        await seat.until(lambda: "--workers x" not in seat.text, "nothing said")

    watch(check)


def test_the_form_opens_without_laying_its_notes_out_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each field says that it has changed when it is mounted."""
    laid_out = []
    update = Static.update

    def counted(self: Static, *args: object, **kwargs: object) -> None:
        if self.has_class("note"):
            laid_out.append(self.id)
        update(self, *args, **kwargs)  # type: ignore[arg-type]

    async def check(seat: Seat) -> None:
        monkeypatch.setattr(Static, "update", counted)
        await seat.open_form("workers")
        await seat.frames()
        assert laid_out == []
        await seat.press("x")
        await seat.until(lambda: laid_out == ["note-workers"], "the note of what is wrong")

    watch(check)
