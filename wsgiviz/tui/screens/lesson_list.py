"""Choose a lesson, or a case of the clinic: its title, its claim, and how far one has come in it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from wsgiviz.lessons.model import Lesson
from wsgiviz.printable import printable
from wsgiviz.state import Task
from wsgiviz.tui.lesson.progress import LessonProgress
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.widgets.keys import Keys

LOW = 20
"""In fewer lines than these only the list is shown."""

MOST_PROBLEMS = 3

INDENT, OPTION_PADDING = 2, 2
"""Cells before a title, and beside each option."""

LEAST = 20
"""Titles are not wrapped to less."""


class LessonListScreen(ModalScreen[Lesson | None]):
    """Gives the lesson that was chosen, or None. ``problems`` say what could not be read."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,s,q", "dismiss(None)", "back")]

    def __init__(
        self,
        title: str,
        lessons: Sequence[tuple[Lesson, LessonProgress]],
        problems: Sequence[str],
        glyphs: Glyphs,
        chosen: str = "",
    ) -> None:
        super().__init__()
        self._title, self._lessons, self._problems = title, lessons, problems
        self._glyphs = glyphs
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        with Vertical(id="lessons", classes="dialog"):
            yield Static(self._safe(self._title), classes="title", markup=False)
            yield OptionList(*self._options(), markup=False)
            yield Static("" if self._lessons else "There are none yet.", id="about", markup=False)
            yield Static("\n".join(map(self._safe, self._problems[:MOST_PROBLEMS])), id="problems", markup=False)
            yield Keys([("enter", "start or continue"), ("escape", "back")], None, "keys")

    def on_mount(self) -> None:
        self.set_class(self._glyphs.name == "ascii", "ascii")
        self.set_class(any(lesson.symptom for lesson, _ in self._lessons), "cases")
        names = [lesson.name for lesson, _ in self._lessons]
        if names:
            self.query_one(OptionList).highlighted = (
                names.index(self._chosen) if self._chosen in names else self._next()
            )

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < LOW, "low")
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        """Titles that have no room in one line go on below their beginning."""
        options = self.query_one(OptionList)
        width = options.scrollable_content_region.width - INDENT - OPTION_PADDING
        for at, option in enumerate(self._options(max(LEAST, width))):
            options.replace_option_prompt_at_index(at, option.prompt)

    def _next(self) -> int:
        """The first lesson that is not done."""
        return next((at for at, (_, progress) in enumerate(self._lessons) if not progress.done), 0)

    def _options(self, room: int = 200) -> list[Option]:
        width = max((len(self._title_of(lesson)) for lesson, _ in self._lessons), default=0)
        return [self._option(lesson, progress, width, room) for lesson, progress in self._lessons]

    def _option(self, lesson: Lesson, progress: LessonProgress, width: int, room: int) -> Option:
        sign = self._glyphs.task[Task.DONE] if progress.done else " "
        begun = f"{progress.step + 1}/{progress.steps}" if progress.step and not progress.done else ""
        title = self._title_of(lesson).ljust(min(width, room))
        if len(f"{title}  {begun}".rstrip()) > room:
            title = ("\n" + " " * INDENT).join(textwrap.wrap(title, room - len(f"  {begun}".rstrip())))
        return Option(Content.assemble((sign, "bold"), " ", (title, "bold"), f"  {begun}" if begun else ""))

    def _title_of(self, lesson: Lesson) -> str:
        """Of a case, what people say of it."""
        return self._safe(lesson.symptom or lesson.title)

    def _safe(self, text: str) -> str:
        return printable(text, self._glyphs.name == "ascii")

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        lesson, _ = self._lessons[event.option_index]
        minutes = f"   ({lesson.minutes} minutes)" if lesson.minutes else ""
        heading = [lesson.title] if lesson.symptom else []
        self.query_one("#about", Static).update(self._safe(": ".join([*heading, lesson.claim])) + minutes)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._lessons[event.option_index][0])
