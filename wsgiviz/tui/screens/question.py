"""A lesson's question, asked before the run that answers it."""

from __future__ import annotations

import math
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from wsgiviz.lessons.model import LessonStep
from wsgiviz.printable import printable
from wsgiviz.tui.lesson.session import Guess
from wsgiviz.tui.widgets.keys import Keys
from wsgiviz.tui.widgets.step_text import MarkdownText

LONGEST = 1e9

NOT_BLANK = r"(\S.*)?"
"""Space is the key for the next step everywhere else: here it does not push the number aside."""


class QuestionScreen(ModalScreen[Guess | None]):
    """Gives the guess, which may be none; or None to go back a step.

    A number is checked before it is taken. The text of the step stands above the question.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss_with_none", "skip"),
        Binding("pageup", "dismiss(None)", "back", priority=True),
        Binding("pagedown", "forward", "answer or skip", priority=True),
    ]

    def __init__(self, step: LessonStep, ascii_only: bool) -> None:
        super().__init__()
        assert step.question is not None
        self._step, self._question = step, step.question
        self._ascii_only = ascii_only

    def compose(self) -> ComposeResult:
        question = self._question
        with Vertical(id="question", classes="dialog"):
            yield Static(self._safe(self._step.title), classes="title", markup=False)
            if self._step.text:
                with VerticalScroll(can_focus=False):
                    yield MarkdownText(self._step.text, self._ascii_only)
            yield Static(Content.styled(self._safe(question.ask), "bold"), id="ask", markup=False)
            if question.choices:
                options = [
                    Option(f"{number}  {self._safe(choice)}") for number, choice in enumerate(question.choices, 1)
                ]
                yield OptionList(*options, markup=False, compact=True)
            else:
                placeholder = f"a number, in {question.unit}" if question.unit else "a number"
                yield Input(placeholder=self._safe(placeholder), id="guess", compact=True, restrict=NOT_BLANK)
            yield Static("", id="problem", markup=False)
            yield Keys([("enter", "answer"), ("escape", "no guess"), ("pgup", "back")], None, "keys")

    def on_mount(self) -> None:
        self.set_class(self._ascii_only, "ascii")

    def _safe(self, text: str) -> str:
        return printable(text, self._ascii_only)

    def on_key(self, event: object) -> None:
        """A choice by its number."""
        key = getattr(event, "key", "")
        if self._question.choices and key.isdecimal() and 0 < int(key) <= len(self._question.choices):
            self.dismiss(Guess(choice=int(key) - 1))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(Guess(choice=event.option_index))

    def on_input_changed(self) -> None:
        self._say("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._take(event.value)

    def action_forward(self) -> None:
        """As a presenter's remote sends it: what was given so far counts, and nothing is no guess."""
        if self._question.choices:
            self.dismiss(Guess())
        else:
            self._take(self.query_one("#guess", Input).value)

    def action_dismiss_with_none(self) -> None:
        self.dismiss(Guess())

    def _take(self, text: str) -> None:
        if not text.strip():
            self.dismiss(Guess())
            return
        number = number_in(text, self._question.unit)
        if number is None:
            unit = f", in {self._question.unit}" if self._question.unit else ""
            self._say(self._safe(f"give a number{unit}, such as 1.5; or escape for no guess"))
        else:
            self.dismiss(Guess(number=number))

    def _say(self, problem: str) -> None:
        self.query_one("#problem", Static).update(problem)


def number_in(text: str, unit: str) -> float | None:
    """The number that a person gave, with its unit or without; None when it is none, or not of a run's size."""
    text = text.strip().replace(",", ".")
    if unit and text.lower().endswith(unit.lower()):
        text = text[: -len(unit)].rstrip()
    try:
        number = float(text) if text.isascii() else math.nan
    except ValueError:
        return None
    return number if abs(number) <= LONGEST else None
