"""What the servers wrote to their logs, as it comes."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Log

from wsgiviz.printable import printable
from wsgiviz.tui.feed import Frame
from wsgiviz.tui.widgets.keys import Keys

Lines = tuple[str, ...]

LINES_SHOWN = 2_000


class LogsScreen(Screen[None]):
    """A pane for each side's log; it follows what comes."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,l,q", "app.pop_screen", "back")]

    def __init__(self, frame: Frame, ascii_only: bool) -> None:
        super().__init__(id="logs")
        self._frame = frame
        self._sides = frame.state.side_names
        self._ascii_only = ascii_only
        self._shown: dict[str, Lines] = {}

    def compose(self) -> ComposeResult:
        for side in self._sides:
            log = Log(id=f"log-{side}", max_lines=LINES_SHOWN)
            log.border_title = side.upper()
            yield log
        yield Keys([("escape", "back"), ("tab", "other log"), ("up down", "scroll")])

    def on_mount(self) -> None:
        self.set_class(self._ascii_only, "ascii")
        self._update(self._frame)

    def show(self, frame: Frame) -> None:
        if self.is_mounted:
            self._update(frame)

    def _update(self, frame: Frame) -> None:
        """Add what is new."""
        for side in self._sides:
            lines, before = frame.state.logs.get(side, ()), self._shown.get(side, ())
            if lines is not before:
                self._shown[side] = lines
                self._follow(self.query_one(f"#log-{side}", Log), before, lines)

    def _follow(self, log: Log, before: Lines, lines: Lines) -> None:
        new = added(before, lines)
        if new is None:
            log.clear()
            new = lines
        if new:
            log.write_lines([printable(line.expandtabs(4), self._ascii_only) for line in new])


def added(before: Lines, after: Lines) -> Lines | None:
    """What ``after`` has more than ``before``, whose oldest lines may be gone; None when it does not continue it."""
    if not before:
        return after
    if len(after) < len(before):
        return None
    for gone in range(len(before)):
        kept = before[gone:]
        if after[: len(kept)] == kept:
            return after[len(kept) :]
    return None
