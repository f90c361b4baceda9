"""What both servers wrote to their logs, as it comes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Log

from wsgiviz.tui.render.printable import printable
from wsgiviz.tui.widgets.keys import Keys

MOST_BYTES = 64_000
POLL_S = 0.25


class LogsScreen(Screen[None]):
    """A pane for each side's log; it follows what comes."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,l,q", "app.pop_screen", "back")]

    def __init__(self, paths: Mapping[str, Path], ascii_only: bool) -> None:
        super().__init__(id="logs")
        self._paths = paths
        self._ascii_only = ascii_only
        self._offsets: dict[str, int] = {}

    def compose(self) -> ComposeResult:
        for side in self._paths:
            log = Log(id=f"log-{side}", max_lines=2_000)
            log.border_title = side.upper()
            yield log
        yield Keys([("escape", "back"), ("tab", "other log"), ("up down", "scroll")])

    def on_mount(self) -> None:
        self.set_class(self._ascii_only, "ascii")
        self._follow()
        self.set_interval(POLL_S, self._follow)

    def _follow(self) -> None:
        for side, path in self._paths.items():
            lines = self._new_lines(side, path)
            if lines:
                self.query_one(f"#log-{side}", Log).write_lines(lines)

    def _new_lines(self, side: str, path: Path) -> list[str]:
        """Whole lines that came since the last look; every character harmless."""
        with contextlib.suppress(OSError), path.open("rb") as log:
            size = log.seek(0, 2)
            start = max(self._offsets.get(side, 0), size - MOST_BYTES)
            log.seek(start)
            whole, newline, _ = log.read().rpartition(b"\n")
            self._offsets[side] = start + len(whole) + len(newline)
            if newline:
                text = whole.decode("utf-8", "replace")
                return [printable(line.expandtabs(4), self._ascii_only) for line in text.splitlines()]
        return []
