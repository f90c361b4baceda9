"""All settings in a form, made from the table of options; a field is a list, or says what is wrong with its text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from wsgiviz import scenarios
from wsgiviz.errors import UsageError
from wsgiviz.options import OPTIONS, Option
from wsgiviz.scenarios import Choice, Parameter
from wsgiviz.settings import Settings
from wsgiviz.tui.widgets.form_field import ChoiceField, TextField

SCENARIO = "scenario"
PARAMETER = "parameter-"

BLANK = "default"
"""What a list calls a setting that isn't given."""

KEYS_OF_TEXT = "tab next   enter apply and fire   escape back"
KEYS_OF_CHOICE = "tab next  enter choose  ctrl+s apply  escape back"
KEYS_OF_OPEN_LIST = "escape back   enter choose   up down or type"  # the list may cover the rest


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
            with VerticalScroll(can_focus=False):
                yield from _row("scenario", self._scenario(), _note_of_scenario())
                for parameter in self._parameters():
                    yield from _row(parameter.name, self._field_of(parameter), parameter.help)
                for option in self._options:
                    text = _text(getattr(settings, option.name))
                    yield from _row(option.flag[2:], _field(option, text, self._checked(option.name)), option.help)
            yield Static("", id="problem", markup=False)
            yield Static(KEYS_OF_TEXT, classes="keys", markup=False)

    def _scenario(self) -> ChoiceField:
        words = [scenario.name for scenario in (*scenarios.catalogue(), *scenarios.symptoms())]
        return ChoiceField(self._settings.scenario, SCENARIO, dict.fromkeys([*words, self._settings.scenario]))

    def _field_of(self, parameter: Parameter | Choice) -> Widget:
        text = parameter.show(self._settings.parameters.get(parameter.name, parameter.default))
        name = PARAMETER + parameter.name
        if isinstance(parameter, Choice):
            return ChoiceField(text, name, parameter.words)
        return TextField(text, name, self._checked(name))

    def _checked(self, name: str) -> Callable[[str], str]:
        return lambda text: self._problem(name, text)

    def _parameters(self) -> tuple[Parameter | Choice, ...]:
        scenario = self._settings.scenario_used
        return scenario.parameters if scenario else ()

    def on_mount(self) -> None:
        self.set_class(self.app.screen_stack[0].has_class("ascii"), "ascii")
        if self.has_class("ascii"):
            for field in self.query(ChoiceField):
                field.use_ascii()

    def on_descendant_focus(self) -> None:
        """The line of keys has those of the field that has the focus."""
        focused = self.focused
        closed = KEYS_OF_CHOICE if isinstance(focused, ChoiceField) else KEYS_OF_OPEN_LIST
        self.query_one(".keys", Static).update(KEYS_OF_TEXT if isinstance(focused, Input) else closed)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say beside the field that was changed what is wrong with it by itself."""
        name = event.input.id or ""
        result = event.validation_result
        problem = "" if result is None else " ".join(result.failure_descriptions)
        note = self.query_one(f"#note-{name}", Static)
        note.set_class(bool(problem), "wrong")
        note.update(problem or self._note_of(name))

    def _problem(self, name: str, text: str) -> str:
        try:
            if name.startswith(PARAMETER):
                self._parameter(name).parse(text)
            elif text:
                self._option(name).parse(text)
        except UsageError as error:
            return error.message
        except ValueError as error:
            return f"must be {error}"
        return ""

    def _note_of(self, name: str) -> str:
        return self._parameter(name).help if name.startswith(PARAMETER) else self._option(name).help

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
            for field in self.query("TextField.-invalid").results(TextField):
                field.focus()
                break
            return
        self.dismiss(settings)

    def _entered(self) -> dict[str, Any]:
        texts = {field.id or "": field.value.strip() for field in self.query(TextField)}
        texts |= {field.id or "": field.word for field in self.query(ChoiceField)}
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


def _row(label: str, field: Widget, note: str) -> ComposeResult:
    with Horizontal(classes="row"):
        yield Label(label, markup=False)
        yield field
        yield Static(note, id=f"note-{field.id}", classes="note", markup=False)


def _field(option: Option, text: str, problem: Callable[[str], str]) -> Widget:
    if not option.choices:
        return TextField(text, option.name, problem)
    may_be_blank = getattr(Settings(), option.name) is None
    return ChoiceField(text, option.name, option.choices, BLANK if may_be_blank else "")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _note_of_scenario() -> str:
    """Their names would fill a small screen."""
    return f"one of {len(scenarios.catalogue()) + len(scenarios.symptoms())}: enter lists them"
