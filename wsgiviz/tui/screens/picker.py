"""Choose a scenario: its question, what it calls, its parameters."""

from __future__ import annotations

from textwrap import wrap
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from wsgiviz import scenarios
from wsgiviz.scenarios import Scenario
from wsgiviz.settings import Settings
from wsgiviz.tui.widgets.keys import Keys

NAME_CELLS = max(len(scenario.name) for scenario in scenarios.catalogue())

LEAST = 20
"""Cells of a question's line, however narrow the list is."""

LOW = 20
"""In fewer lines than these only the list is shown."""

HIGH = 36
"""From this height on the list has room for every scenario."""


class PickerScreen(ModalScreen[Settings | str | None]):
    """Gives the settings for the chosen scenario, "lessons" or "clinic" for a list of these, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,s,q", "dismiss(None)", "back"),
        Binding("g", "dismiss('lessons')", "lessons"),
        Binding("c", "dismiss('clinic')", "clinic"),
    ]

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings

    def compose(self) -> ComposeResult:
        with Vertical(id="picker", classes="dialog"):
            yield Static("Scenarios", classes="title")
            yield OptionList(
                *(Option(scenario.name, id=scenario.name) for scenario in scenarios.catalogue()), markup=False
            )
            yield Static("", id="about", markup=False)
            yield Keys([("enter", "run it"), ("g", "lessons"), ("c", "clinic"), ("escape", "back")], None, "keys")

    def on_mount(self) -> None:
        self.set_class(self.app.screen_stack[0].has_class("ascii"), "ascii")
        names = [scenario.name for scenario in scenarios.catalogue()]
        chosen = self._settings.scenario  # which may be one of the clinic's
        self.query_one(OptionList).highlighted = names.index(chosen) if chosen in names else 0

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < LOW, "low")
        self.set_class(event.size.height >= HIGH, "high")
        self.call_after_refresh(self._wrap)

    def _wrap(self) -> None:
        """Questions of more than one line stay in their column."""
        listed = self.query_one(OptionList)
        for scenario in scenarios.catalogue():
            listed.replace_option_prompt(scenario.name, _prompt(scenario, listed.scrollable_content_region.width - 2))
        self.call_after_refresh(listed.scroll_to_highlight)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self.query_one("#about", Static).update(_about(scenarios.find(str(event.option_id))))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(
            self._settings.changed(
                scenario=str(event.option_id), wsgi=None, asgi=None, path=None, dsn=None, only=None
            )
        )


def _prompt(scenario: Scenario, width: int) -> Content:
    """The name and, beside it, the question, in lines of ``width`` cells."""
    name, indent = scenario.name.ljust(NAME_CELLS), "\n" + " " * (NAME_CELLS + 2)
    lines = wrap(scenario.question, max(LEAST, width - NAME_CELLS - 2))
    return Content.assemble((name, "bold"), f"  {indent.join(lines)}")


def _about(scenario: Scenario) -> Content:
    labels = ("WSGI  ", "bold"), ("ASGI  ", "bold")
    calls = scenario.calls(scenario.values({}))
    lines = [Content.assemble(label, call) for label, call in zip(labels, calls, strict=True) if call]
    for parameter in scenario.parameters:
        default = f"{parameter.show(parameter.default)} {parameter.unit}".rstrip()
        lines.append(Content.assemble((f"{parameter.name} = {default}", "bold"), f"   {parameter.help}"))
    return Content("\n").join(lines)
