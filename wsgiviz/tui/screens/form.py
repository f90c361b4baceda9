"""All settings in a form, made from the table of options; a field is a list, or says what is wrong with its text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Label, Select, Static

from wsgiviz import scenarios
from wsgiviz.errors import UsageError
from wsgiviz.options import OPTIONS, Option
from wsgiviz.scenarios import Choice, Parameter
from wsgiviz.settings import Settings
from wsgiviz.tui.widgets.form_field import ChoiceField, TextField
from wsgiviz.tui.widgets.keys import Hint, Keys

SCENARIO = "scenario"
PARAMETER = "parameter-"

BLANK = "default"
"""What a list calls a setting that isn't given."""

KEYS_OF_TEXT: list[Hint] = [("tab", "next"), ("enter", "apply and fire"), ("escape", "back")]
KEYS_OF_CHOICE: list[Hint] = [("tab", "next"), ("enter", "choose"), ("^s", "apply"), ("escape", "back")]
KEYS_OF_OPEN_LIST: list[Hint] = [
    ("escape", "back"),
    ("enter", "choose"),
    ("up down", "or type"),
]  # it may cover the rest


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
        self._shown = settings  # the same with the scenario that is chosen, and what it has of its own
        self._said, self._wrong = "", dict[str, str]()
        self._options = [option for option in OPTIONS if option.in_form]

    def compose(self) -> ComposeResult:
        settings = self._settings
        with Vertical(id="form", classes="dialog"):
            yield Static("Settings", classes="title")
            with VerticalScroll(can_focus=False):
                yield _row("scenario", self._scenario(), _note_of_scenario())
                yield from self._rows_of_parameters()
                for option in self._options:
                    text = _text(getattr(settings, option.name))
                    yield _row(option.flag[2:], _field(option, text, self._checked(option.name)), option.help)
            yield Static("", id="problem", markup=False)
            yield Keys(KEYS_OF_CHOICE, None, "keys")

    def _rows_of_parameters(self) -> list[Horizontal]:
        return [
            _row(parameter.name, self._field_of(parameter), parameter.help, "row parameter")
            for parameter in self._parameters()
        ]

    def _scenario(self) -> ChoiceField:
        words = [scenario.name for scenario in (*scenarios.catalogue(), *scenarios.symptoms())]
        return ChoiceField(self._settings.scenario, SCENARIO, dict.fromkeys([*words, self._settings.scenario]))

    def _field_of(self, parameter: Parameter | Choice) -> Widget:
        text = parameter.show(self._shown.parameters.get(parameter.name, parameter.default))
        name = PARAMETER + parameter.name
        if isinstance(parameter, Choice):
            return ChoiceField(text, name, parameter.words)
        return TextField(text, name, self._checked(name))

    def _checked(self, name: str) -> Callable[[str], str]:
        return lambda text: self._problem(name, text)

    def _parameters(self) -> tuple[Parameter | Choice, ...]:
        scenario = self._shown.scenario_used
        return scenario.parameters if scenario else ()

    def on_mount(self) -> None:
        self.set_class(self.app.screen_stack[0].has_class("ascii"), "ascii")
        self._draw_arrows()

    def _draw_arrows(self) -> None:
        if self.has_class("ascii"):
            for field in self.query(ChoiceField):
                field.use_ascii()

    async def on_select_changed(self, event: Select.Changed) -> None:
        """Another scenario has other parameters, and settings of its own where nobody has changed them."""
        chosen = self.query_one(f"#{SCENARIO}", ChoiceField).word
        if event.select.id != SCENARIO or chosen == self._shown.scenario:
            return
        before = self._shown
        try:
            self._shown = self._settings.changed(scenario=chosen)
        except UsageError as error:  # some of what was given does not go with it: it can be changed here
            self._say(_sentences(error))
            return
        self._say("")
        for name in before.belong_to_scenario(chosen) | self._settings.belong_to_scenario(chosen):
            self._put_own(name, before)
        await self.query(".parameter").remove()
        await self.query_one("#form VerticalScroll").mount_all(self._rows_of_parameters(), after=0)
        self._draw_arrows()

    def _put_own(self, name: str, before: Settings) -> None:
        """The scenario's own value, where the field still has the one of the scenario before it."""
        now, was = (_text(getattr(settings, name)) for settings in (self._shown, before))
        for text in self.query(f"TextField#{name}").results(TextField):
            text.value = now if text.value.strip() == was else text.value
        for choice in self.query(f"ChoiceField#{name}").results(ChoiceField):
            choice.value = now if choice.word == was else choice.value

    def on_descendant_focus(self) -> None:
        """The line of keys has those of the field that has the focus."""
        focused = self.focused
        closed = KEYS_OF_CHOICE if isinstance(focused, ChoiceField) else KEYS_OF_OPEN_LIST
        self.query_one(Keys).show(KEYS_OF_TEXT if isinstance(focused, Input) else closed)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say beside the field that was changed what is wrong with it by itself; what was said of all is over. Each
        field posts this when it is mounted: there is nothing to lay out anew for it then."""
        self._say("")
        name, result = event.input.id or "", event.validation_result
        problem = "" if result is None else " ".join(result.failure_descriptions)
        if problem != self._wrong.get(name, ""):
            self._wrong[name] = problem
            note = self.query_one(f"#note-{name}", Static)
            note.set_class(bool(problem), "wrong")
            note.update(problem or self._note_of(name))

    def _say(self, words: str) -> None:
        """Below all fields."""
        if words != self._said:
            self._said = words
            self.query_one("#problem", Static).update(words)

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
            self._say(_sentences(error))
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
        if not (entered["wsgi"] or entered["asgi"]):
            entered["parameters"] = {
                name.removeprefix(PARAMETER): text for name, text in texts.items() if name.startswith(PARAMETER)
            }
        return entered


def _sentences(error: UsageError) -> str:
    hint = f"{error.hint[:1].upper()}{error.hint[1:].rstrip('.')}." if error.hint else ""
    return f"{error.message.rstrip('.')}. {hint}".rstrip()


def _row(label: str, field: Widget, note: str, classes: str = "row") -> Horizontal:
    said = Static(note, id=f"note-{field.id}", classes="note", markup=False)
    return Horizontal(Label(label, markup=False), field, said, classes=classes)


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
