"""Both versions of the app, side by side, with the lines marked that workers and requests are at now."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from pygments.token import Token  # type: ignore[import-untyped]
from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.highlight import HighlightTheme, highlight

from wsgiviz.analysis.hot_lines import HotLine
from wsgiviz.printable import printable
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.head_rows import colour_of
from wsgiviz.tui.source import Source, lifespan_lines
from wsgiviz.tui.widgets.coloured import Coloured
from wsgiviz.tui.widgets.keeps_lines import Beside

FEWEST_LINES, MOST_LINES = 7, 13

LINES_COME = "here comes the function that most requests are in"
"""In place of the code, where no app is known beforehand."""

COMMENT = re.compile(r"\s+#")
"""Where a comment begins, or what looks like one."""

Marks = Mapping[int, HotLine]
"""By line number: who is there."""

SourceAt = Callable[[str, int, str], Source | None]
"""From a file, a line and a file that the first may be the end of, to the function round that line."""


class NeutralHighlight(HighlightTheme):
    """Code without colours: these are for what happens in it."""

    STYLES: dict[tuple[str, ...], str] = {  # noqa: RUF012  (as in the class above)
        Token.Keyword: "bold",
        Token.Operator.Word: "bold",
        Token.Comment: "italic",
        Token.Literal.String.Doc: "italic",
    }


class CodePane(Beside):
    """The code of each side. It opens no file: it is given the sources, and asks ``source_at`` for others."""

    DEFAULT_CSS = """
    CodePane { height: auto; background: $background; }
    """

    def __init__(self, glyphs: Glyphs, source_at: SourceAt) -> None:
        super().__init__(id="code")
        self._glyphs = glyphs
        self._source_at = source_at
        self._sources: tuple[Source, ...] = ()
        self._calls: tuple[str, ...] = ()
        self._most = MOST_LINES

    def compose(self) -> ComposeResult:
        yield Listing("left", self._glyphs, self._source_at)
        yield Listing("right", self._glyphs, self._source_at)

    @property
    def wanted(self) -> int:
        """Lines for the longest of the functions, whole."""
        return max((len(source.lines) - len(lifespan_lines(source)) for source in self._sources), default=0) + 1

    def fit(self, most: int) -> None:
        """Have at most so many lines; with 1, the line that matters most."""
        if most != self._most:
            self._most = most
            self._arrange()

    def show(self, sources: Sequence[Source], calls: Sequence[str] = ()) -> None:
        """Show these, in the order of the sides; one height for both. Those that are shown already are left alone.
        ``calls``: what each is known to wait in ("time.sleep"), "" where that is not known."""
        if (tuple(sources), tuple(calls)) != (self._sources, self._calls):
            self._sources, self._calls = tuple(sources), tuple(calls)
            self._arrange()

    def _arrange(self) -> None:
        height = self._most if self._most < FEWEST_LINES else max(FEWEST_LINES, min(self._most, self.wanted))
        shown = zip(self.query(Listing), (*self._sources, None, None), (*self._calls, "", ""), strict=False)
        for listing, found, call in shown:
            listing.display = found is not None
            listing.styles.height = height
            if found is not None:
                listing.show(found, call)

    def point(self, pointed: Sequence[bool]) -> None:
        """Put a border beside those that a lesson says to look at, in the order of the sides."""
        for listing, on in zip(self.query(Listing), (*pointed, False, False), strict=False):
            listing.set_class(on, "pointed")

    def mark(self, marks: Sequence[tuple[HotLine, ...]], over: bool = False) -> None:
        """Mark who is where, in the order of the sides. ``over``: nobody will be anywhere."""
        for listing, found in zip(self.query(Listing), marks, strict=False):
            listing.mark(found)
            if over and not found:
                listing.rest()


class Listing(Coloured):
    """One side's code: the app, or the function in which most of its requests are."""

    DEFAULT_CSS = """
    Listing { width: 1fr; background: $surface; color: $foreground; margin: 0 1; padding: 0 1; }
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
        self._call = ""

    def show(self, source: Source, call: str = "") -> None:
        self._call = call
        if source != self._app:
            self._found, self._last_line = (), 0
            self._app = source
            self._take(source)
        else:
            self.recoloured()

    def _take(self, source: Source) -> None:
        self._source = source
        self._lines = coloured(source, self._ascii_only)
        self.recoloured()

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
        self.recoloured()

    def rest(self) -> None:
        """Nobody will be anywhere any more."""
        source = at_rest(self._source, self._app, self._call)
        if source is not self._source:
            self._last_line = 0
            self._take(source)

    def on_resize(self, event: events.Resize) -> None:
        self.recoloured()

    def recoloured(self) -> None:
        width, height = self.content_size
        if not width or not height:
            return
        source = self._source
        if not source.lines:
            self.update(Content.styled(printable(source.why_not, self._ascii_only), self.words("dim")), layout=False)
            return
        marks = {at.place.line: at for at in self._found if source.has(at.place.file, at.place.line)}
        numbers = shown_numbers(source, marks, height - (height > 1), self._last_line, self._call)
        rows = [] if height == 1 else [self._title(source, width)]
        rows += [self._row(number, self._lines[number - source.first_line], marks, width) for number in numbers]
        self.update(Content("\n").join(rows), layout=False)

    def _title(self, source: Source, width: int) -> Content:
        name = printable("/".join(source.path.split("/")[-2:]), self._ascii_only)
        return Content.styled(f"      {name}"[:width], self.words("dim"))

    def _row(self, number: int, line: Content, marks: Marks, width: int) -> Content:
        """Number, mark, code, and who is there, in the colour of what they do there; the words are never cut, the
        code is."""
        at = marks.get(number)
        if self.content_size.height == 1:
            return self._alone(number, line, at, width)
        if at is None:
            head = Content.assemble((f"{number:>4}", self.words("dim")), "  ")
            return head + self._cut(line, max(8, width - head.cell_length))
        colour = self.words(colour_of(at.state), "b")
        head = Content.assemble((f"{number:>4}", colour), (self._glyphs.here, colour), " ")
        words = at.words if len(at.words) <= width // 2 else at.brief
        room = max(8, width - head.cell_length - len(words) - 2)
        code = self._cut(line, room)
        gap = " " * max(1, room - code.cell_length + 2)
        return head + code.stylize(self.words("", "b")) + Content.assemble(gap, (words, colour))

    def _alone(self, number: int, line: Content, at: HotLine | None, width: int) -> Content:
        """One line in place of all: without its indent and its comment, so that the room is for code."""
        text = line.plain.rstrip()
        code = line[len(text) - len(text.lstrip()) : COMMENT.search(text + "  #").start()]  # type: ignore[union-attr]
        colour = self.words(colour_of(at.state), "b") if at is not None else self.words("dim")
        head = Content.assemble((f"{number}{self._glyphs.here if at is not None else ' '} ", colour))
        if at is None:
            return head + self._cut(code, max(8, width - head.cell_length))
        code, room = code.stylize(self.words("", "b")), width - head.cell_length - code.cell_length
        words = next((words for words in (at.words, at.brief, "") if len(words) + 2 <= room), "")
        return (
            head + self._cut(code, width - head.cell_length) + Content.styled(f"  {words}" if words else "", colour)
        )

    def _cut(self, line: Content, room: int) -> Content:
        return line if line.cell_length <= room else line.truncate(room, ellipsis=not self._ascii_only)


def coloured(source: Source, ascii_only: bool) -> list[Content]:
    """The lines, highlighted; every character harmless."""
    text = "\n".join(printable(line.expandtabs(4), ascii_only) for line in source.lines)
    lit = highlight(text, language="python", theme=NeutralHighlight)
    return list(lit.split("\n", allow_blank=True))


def shown_numbers(source: Source, marks: Marks, room: int, focus: int, call: str = "") -> list[int]:
    """The numbers of as many lines as there is ``room`` for, those round ``focus`` (0: where ``call`` is). What an
    app does about its lifespan is left out, unless somebody is there."""
    left_out = lifespan_lines(source) - marks.keys()
    last = source.first_line + len(source.lines)
    numbers = [number for number in range(source.first_line, last) if number not in left_out]
    if focus not in numbers:
        focus = _line_of(call, source, numbers)
    at = numbers.index(focus) if focus in numbers else -1
    first = max(0, min(at - room // 2, len(numbers) - room)) if at >= 0 else 0
    return numbers[first : first + max(1, room)]


def at_rest(shown: Source, app: Source, call: str) -> Source:
    """What explains a run that is over: not the helper in which the last ones were, where the app itself has the
    call that the run is about."""
    called = bool(call) and any(f"{call}(" in line for line in app.lines[1:])
    return app if called and shown.path != app.path else shown


def _line_of(call: str, source: Source, numbers: list[int]) -> int:
    """The line in which nobody has been seen yet, and everybody will be; 0 where that is not known."""
    body = [number for number in numbers if number > source.first_line]
    called = [number for number in body if call and f"{call}(" in source.lines[number - source.first_line]]
    return next(iter(called), body[0] if body else 0)
