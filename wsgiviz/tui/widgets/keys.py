"""The line at the bottom: the keys that do something here."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

Hint = tuple[str, str]


class Keys(Static):
    """Shows as many of its hints as fit, the first ones first."""

    DEFAULT_CSS = """
    Keys { height: 1; background: $panel; color: $foreground; padding: 0 1; }
    """

    def __init__(self, hints: list[Hint]) -> None:
        super().__init__("", id="keys", markup=False)
        self._hints = hints

    def on_resize(self) -> None:
        self._draw()

    def show(self, hints: list[Hint]) -> None:
        if hints != self._hints:
            self._hints = hints
            self._draw()

    def _draw(self) -> None:
        line = Content("")
        for key, what in self._hints:
            part = Content.assemble((key, "bold $primary"), f" {what}  ")
            if line.cell_length + part.cell_length > self.content_size.width:
                break
            line += part
        self.update(line, layout=False)
