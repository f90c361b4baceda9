"""Both versions of the app, side by side, with the lines marked that workers and requests are at now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.highlight import highlight
from textual.widgets import Static

from wsgiviz.analysis.hot_lines import HotLine
from wsgiviz.printable import printable
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.source import Source

FEWEST_LINES, MOST_LINES = 7, 13

Marks = Mapping[int, str]
"""By line number: who is there, in words."""

SourceAt = Callable[[str, int, str], Source | None]
"""From a file, a line and a file that the first may be the end of, to the function round that line."""


class CodePane(Horizontal):
    """The code of each side. It opens no file: it is given the sources, and asks ``source_at`` for others."""

    DEFAULT_CSS = """
    CodePane { height: auto; background: $background; }
    """

    def __init__(self, glyphs: Glyphs, source_at: SourceAt) -> None:
        super().__init__(id="code")
        self._glyphs = glyphs
        self._source_at = source_at
        self._sources: tuple[Source, ...] = ()

    def compose(self) -> ComposeResult:
        yield Listing("left", self._glyphs, self._source_at)
        yield Listing("right", self._glyphs, self._source_at)

    def show(self, sources: Sequence[Source]) -> None:
        """Show these, in the order of the sides; one height for both. Those that are shown already are left alone."""
        if tuple(sources) != self._sources:
            self._sources = tuple(sources)
            self._arrange()

    def _arrange(self) -> None:
        longest = max((len(source.lines) for source in self._sources), default=0)
        height = max(FEWEST_LINES, min(MOST_LINES, longest + 1))
        for listing, found in zip(self.query(Listing), (*self._sources, None, None), strict=False):
            listing.display = found is not None
            listing.styles.height = height
            if found is not None:
                listing.show(found)

    def point(self, pointed: Sequence[bool]) -> None:
        """Put a border beside those that a lesson says to look at, in the order of the sides."""
        for listing, on in zip(self.query(Listing), (*pointed, False, False), strict=False):
            listing.set_class(on, "pointed")

    def mark(self, marks: Sequence[tuple[HotLine, ...]]) -> None:
        """Mark who is where, in the order of the sides."""
        for listing, found in zip(self.query(Listing), marks, strict=False):
            listing.mark(found)


class Listing(Static):
    """One side's code: the app, or the function in which most of its requests are."""

    DEFAULT_CSS = """
    Listing { width: 1fr; background: $surface; margin: 0 1; padding: 0 1; }
    Listing.pointed { border-left: thick $foreground; margin: 0 1 0 0; }
    .ascii Listing.pointed { border-left: ascii $foreground; }
    """

    ALLOW_SELECT = False

    def __init__(self, side: str, glyphs: Glyphs, source_at: SourceAt) -> None:
        super().__init__("", id=f"code-{side}", markup=False)
        self._glyphs = glyphs
        self._source_at = source_at
        self._app = self._source = Source("", 1, ())
        self._lines: list[Content] = []
        self._found: tuple[HotLine, ...] = ()
        self._last_line = 0

    def show(self, source: Source) -> None:
        self._app = source
        self._found, self._last_line = (), 0
        self._take(source)

    def _take(self, source: Source) -> None:
        self._source = source
        self._lines = coloured(source, self._ascii_only)
        self._draw()

    @property
    def _ascii_only(self) -> bool:
        return not self._glyphs.eighths

    def mark(self, found: tuple[HotLine, ...]) -> None:
        """Mark these, and show the code in which most of them are."""
        if found == self._found:
            return
        self._found = found
        if found:
            place = found[0].place
            self._last_line = place.line
            if not self._source.has(place.file, place.line):
                elsewhere = self._source_at(place.file, place.line, self._app.path)
                if elsewhere is not None:
                    self._take(elsewhere)
                    return
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        width, height = self.content_size
        if not width or not height:
            return
        source = self._source
        if not source.lines:
            self.update(Content.styled(printable(source.why_not, self._ascii_only), "dim"), layout=False)
            return
        marks = {at.place.line: at.words for at in self._found if source.has(at.place.file, at.place.line)}
        numbered = range(source.first_line, source.first_line + len(self._lines))
        shown = _window(len(numbered), height - 1, self._last_line - source.first_line)
        rows = [_title(source, width, self._ascii_only)]
        rows += [self._row(numbered[at], self._lines[at], marks, width) for at in shown]
        self.update(Content("\n").join(rows), layout=False)

    def _row(self, number: int, line: Content, marks: Marks, width: int) -> Content:
        """Number, mark, code, and who is there; the words are never cut, the code is."""
        words = marks.get(number, "")
        sign = self._glyphs.here if words else " "
        head = Content.assemble((f"{number:>4}", "bold $warning" if words else "dim"), (sign, "bold $warning"), " ")
        room = max(8, width - head.cell_length - (len(words) + 2 if words else 0))
        code = line if line.cell_length <= room else line.truncate(room, ellipsis=not self._ascii_only)
        if not words:
            return head + code
        gap = " " * max(1, room - code.cell_length + 2)
        return head + code.stylize("bold") + Content.assemble(gap, (words, "bold $warning"))


def coloured(source: Source, ascii_only: bool) -> list[Content]:
    """The lines, highlighted; every character harmless."""
    text = "\n".join(printable(line.expandtabs(4), ascii_only) for line in source.lines)
    return list(highlight(text, language="python").split("\n", allow_blank=True))


def _title(source: Source, width: int, ascii_only: bool) -> Content:
    name = printable("/".join(source.path.split("/")[-2:]), ascii_only)
    return Content.styled(f"      {name}"[:width], "dim")


def _window(count: int, room: int, focus: int) -> range:
    """As many of ``count`` lines as there is room for, those round ``focus``."""
    first = max(0, min(focus - room // 2, count - room)) if focus >= 0 else 0
    return range(first, min(count, first + max(1, room)))
