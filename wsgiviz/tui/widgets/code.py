"""Both versions of the app, side by side."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.highlight import highlight
from textual.widgets import Static

from wsgiviz.tui.render.printable import printable
from wsgiviz.tui.source import Source, find_source


class CodePane(Horizontal):
    """The source of each side's app, with its line numbers. It is read, never imported."""

    DEFAULT_CSS = """
    CodePane { height: auto; max-height: 14; background: $background; }
    CodePane VerticalScroll {
        width: 1fr; height: auto; max-height: 14; background: $surface; margin: 0 1; padding: 0 1;
    }
    CodePane Static { width: auto; }
    """

    def __init__(self, ascii_only: bool) -> None:
        super().__init__(id="code")
        self._ascii_only = ascii_only
        self._shown: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        for side in ("wsgi", "asgi"):
            with VerticalScroll(id=f"code-{side}", can_focus=False):
                yield Static("", markup=False)

    def show(self, targets: dict[str, str]) -> None:
        """Show the source behind each side's import string."""
        key = tuple(targets.items()).__repr__(), *targets
        if key == self._shown:
            return
        self._shown = key
        for side in ("wsgi", "asgi"):
            scroll = self.query_one(f"#code-{side}")
            scroll.display = side in targets
            if side in targets:
                scroll.query_one(Static).update(numbered(find_source(targets[side]), self._ascii_only))


def numbered(source: Source, ascii_only: bool) -> Content:
    """The lines with their numbers, highlighted; every character harmless."""
    if not source.lines:
        return Content.styled(printable(source.why_not, ascii_only), "dim")
    text = "\n".join(printable(line.expandtabs(4), ascii_only) for line in source.lines)
    lines = highlight(text, language="python").split("\n", allow_blank=True)
    numbered = [
        Content.assemble((f"{source.first_line + at:>4}  ", "dim"), line) for at, line in enumerate(lines)
    ]
    return Content("\n").join(numbered)
