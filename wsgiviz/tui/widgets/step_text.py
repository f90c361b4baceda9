"""A step's text, and what has come of it so far."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from wsgiviz.printable import printable
from wsgiviz.tui.lesson.view import LessonView, Note
from wsgiviz.tui.render.markdown import markdown_lines

TONES = {"plain": "", "strong": "bold", "good": "bold", "warn": "bold", "dim": ""}


class MarkdownText(Static):
    """Markdown in the width that there is."""

    DEFAULT_CSS = """
    MarkdownText { height: auto; }
    """

    def __init__(self, text: str, ascii_only: bool) -> None:
        super().__init__("", markup=False)
        self._text, self._ascii_only = text, ascii_only

    def on_resize(self, event: events.Resize) -> None:
        self.update(Content("\n").join(markdown_lines(self._text, self.content_size.width, self._ascii_only)))


class StepText(VerticalScroll, can_focus=False):
    """Shows a `LessonView`, and only touches the screen when it changes."""

    DEFAULT_CSS = """
    StepText { background: $background; padding: 0 1; height: 1fr; width: 1fr; }
    StepText Static { height: auto; width: 1fr; }
    """

    def __init__(self, ascii_only: bool) -> None:
        super().__init__(id="step-text")
        self._ascii_only = ascii_only
        self._words = Static("", markup=False)
        self._view: LessonView | None = None
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield self._words

    def show(self, view: LessonView) -> None:
        """A step; another one is shown from its beginning."""
        before, self._view = self._view, view
        self._draw()
        if before is not None and before.number != view.number:
            self.scroll_home(animate=False)

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        view, width = self._view, self._words.content_size.width or self.content_size.width
        if view is None or not width:
            return
        shown = (view.number, view.title, view.text, view.notes, width)
        if shown != self._shown:
            self._shown = shown
            self._words.update(Content("\n").join(self._lines(view, width)))

    def _lines(self, view: LessonView, width: int) -> list[Content]:
        title = f"{view.number}/{view.steps}  {printable(view.title, self._ascii_only)}"
        found = [Content.styled(title, "bold")]
        if view.text:
            found += [Content(""), *markdown_lines(view.text, width, self._ascii_only)]
        for note in view.notes:
            found += [Content("")] * note.apart + note_lines(note, width, self._ascii_only)
        return found


def note_lines(note: Note, width: int, ascii_only: bool) -> list[Content]:
    """Its words, wrapped; they may be anybody's."""
    return Content.styled(printable(note.words, ascii_only), TONES[note.tone]).wrap(width)
