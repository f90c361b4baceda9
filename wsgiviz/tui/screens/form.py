"""All settings in a form, made from the table of options; each field says what is wrong with it."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from wsgiviz import scenarios
from wsgiviz.errors import UsageError
from wsgiviz.options import OPTIONS, Option
from wsgiviz.scenarios import Choice, Parameter
from wsgiviz.settings import Settings

SCENARIO = "scenario"
PARAMETER = "parameter-"


class FormScreen(ModalScreen[Settings | None]):
    """Gives the settings that were entered, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "back"),
        Binding("ctrl+s", "apply", "apply", priority=True),
        Binding("enter", "apply", "apply"),
    ]

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._options = [option for option in OPTIONS if option.in_form]

    def compose(self) -> ComposeResult:
        settings = self._settings
        with Vertical(id="form", classes="dialog"):
            yield Static("Settings", classes="title")
            with VerticalScroll():
                yield from _row(SCENARIO, "scenario", settings.scenario, _note_of_scenario())
                for parameter in self._parameters():
                    value = settings.parameters.get(parameter.name, parameter.default)
                    yield from _row(PARAMETER + parameter.name, parameter.name, parameter.show(value), parameter.help)
                for option in self._options:
                    value = getattr(settings, option.name)
                    yield from _row(option.name, option.flag[2:], _text(value), _note(option))
            yield Static("", id="problem", markup=False)
            yield Static("tab next   enter apply and fire   escape back", classes="keys", markup=False)

    def _parameters(self) -> tuple[Parameter | Choice, ...]:
        scenario = self._settings.scenario_used
        return scenario.parameters if scenario else ()

    def on_mount(self) -> None:
        self.set_class(self.app.screen_stack[0].has_class("ascii"), "ascii")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check the field that was changed by itself."""
        name = event.input.id or ""
        problem = self._problem(name, event.value.strip())
        note = self.query_one(f"#note-{name}", Static)
        note.set_class(bool(problem), "wrong")
        note.update(problem or self._note_of(name))

    def _problem(self, name: str, text: str) -> str:
        try:
            if name == SCENARIO:
                scenarios.find(text)
            elif name.startswith(PARAMETER):
                self._parameter(name).parse(text)
            elif text:
                self._option(name).parse(text)
        except UsageError as error:
            return error.hint if name == SCENARIO else error.message
        except ValueError as error:
            return f"that is not {error}"
        return ""

    def _note_of(self, name: str) -> str:
        if name == SCENARIO:
            return _note_of_scenario()
        return self._parameter(name).help if name.startswith(PARAMETER) else _note(self._option(name))

    def _parameter(self, name: str) -> Parameter | Choice:
        return next(found for found in self._parameters() if PARAMETER + found.name == name)

    def _option(self, name: str) -> Option:
        return next(option for option in self._options if option.name == name)

    def on_input_submitted(self) -> None:
        self.action_apply()

    def action_apply(self) -> None:
        """Give the settings, or say what is wrong with them together."""
        try:
            settings = self._settings.changed(**self._entered())
        except UsageError as error:
            self.query_one("#problem", Static).update(f"{error.message}. {error.hint}")
            return
        self.dismiss(settings)

    def _entered(self) -> dict[str, Any]:
        texts = {field.id or "": field.value.strip() for field in self.query(Input)}
        entered: dict[str, Any] = {option.name: texts[option.name] or None for option in self._options}
        entered[SCENARIO] = texts[SCENARIO]
        if texts[SCENARIO] == self._settings.scenario:
            entered["parameters"] = {
                name.removeprefix(PARAMETER): text
                for name, text in texts.items()
                if name.startswith(PARAMETER) and not (entered["wsgi"] or entered["asgi"])
            }
        else:
            for name in self._settings.belong_to_scenario(texts[SCENARIO]):
                if entered.get(name) == _text(getattr(self._settings, name)):
                    del entered[name]  # another scenario has its own default
        return entered


def _row(name: str, label: str, value: str, note: str) -> ComposeResult:
    with Horizontal(classes="row"):
        yield Label(label, markup=False)
        yield Input(value, id=name, select_on_focus=True, compact=True)
        yield Static(note, id=f"note-{name}", classes="note", markup=False)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _note_of_scenario() -> str:
    """Their names would fill a small screen."""
    return f"one of {len(tuple(scenarios.catalogue()))}: key s, outside of this form, lists them"


def _note(option: Option) -> str:
    choices = f" ({', '.join(option.choices)})" if option.choices else ""
    return option.help + choices
