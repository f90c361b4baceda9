"""Fields of the form: a text that its option's own parser checks while it is typed, and a list to choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual.validation import ValidationResult, Validator
from textual.widgets import Input, Select, Static


class ParserValidator(Validator):
    """What ``problem`` says of a text is why it is not valid; "" where it is."""

    def __init__(self, problem: Callable[[str], str]) -> None:
        super().__init__()
        self._problem = problem

    def validate(self, value: str) -> ValidationResult:
        problem = self._problem(value.strip())
        return self.failure(problem, value) if problem else self.success()


class TextField(Input):
    """One line of text. While it is not valid it has the class -invalid, and a bar at its left."""

    def __init__(self, value: str, name: str, problem: Callable[[str], str]) -> None:
        super().__init__(value, id=name, select_on_focus=True, compact=True, validators=[ParserValidator(problem)])


class ChoiceField(Select[str]):
    """One of a few words; ``blank`` is what "" is called, where nothing need be chosen."""

    def __init__(self, value: str, name: str, words: Iterable[str], blank: str = "") -> None:
        named = [(blank, "")] if blank else []
        named += [(word, word) for word in words]
        super().__init__(named, id=name, allow_blank=False, value=value, compact=True)

    def use_ascii(self) -> None:
        """Draw the arrows in ASCII."""
        self.query_one(".down-arrow", Static).update("v")
        self.query_one(".up-arrow", Static).update("^")

    @property
    def word(self) -> str:
        """What is chosen, "" for the blank."""
        return self.selection or ""
