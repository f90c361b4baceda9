"""The live progress line of a headless run: on a terminal's stderr, else silent."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from wsgiviz.model import metrics
from wsgiviz.model.state import BUSY, Doing, Side
from wsgiviz.report.plain import plain, spelled
from wsgiviz.session import Phase, Session

BAR_CELLS = 20
SHORTEST_BAR = 4
WORDS = 43
"""Of a side's part of the line so many cells are for words; the bar gets what is left."""


class Progress:
    """A context in which one line tells how far both sides are."""

    def __init__(self, session: Session, ascii_only: bool = False) -> None:
        self._session = session
        self._console = Console(stderr=True)
        self._ascii_only = plain(self._console, ascii_only)
        self._live = Live(console=self._console, refresh_per_second=10, transient=True)

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def update(self, now_ns: int) -> None:
        """Show the present state; the line itself is redrawn ten times a second."""
        if self._console.is_terminal:
            self._live.update(self._line(now_ns))

    def _line(self, now_ns: int) -> Text:
        session = self._session
        if session.phase is not Phase.RUNNING:
            return Text(spelled(f"{session.phase.value} …", self._ascii_only))
        sides = [session.picture.sides[name] for name in session.settings.sides]
        room = self._console.width // len(sides) - WORDS
        bar = min(BAR_CELLS, room) if room >= SHORTEST_BAR else 0
        line = Text("   ").join([side_line(side, now_ns, bar, self._ascii_only) for side in sides])
        line.no_wrap, line.overflow = True, "ellipsis"
        return line


def side_line(side: Side, now_ns: int, bar_cells: int = BAR_CELLS, ascii_only: bool = False) -> Text:
    """ "WSGI ████░░░░ 8/20  2.41 s  4 blocked, 12 queued"."""
    filled = bar_cells * side.done // side.planned if side.planned else 0
    colour = "orange1" if side.protocol == "wsgi" else "sky_blue1"
    full, empty = spelled("█", ascii_only), spelled("░", ascii_only)
    bar = Text(full * filled, colour) + Text(empty * (bar_cells - filled), "dim")
    seconds = metrics.elapsed_ns(side, now_ns) / 1e9
    space = " " if bar_cells else ""
    counts = f"{space}{side.done:>{len(str(side.planned))}}/{side.planned}  {seconds:5.2f} s  {_now(side)}"
    return Text(f"{side.name.upper()} ", f"bold {colour}") + bar + Text(counts)


def _now(side: Side) -> str:
    queued = f", {side.queue_depth} queued" if side.queue_depth > 0 else ""
    if side.is_loop:
        return f"{side.now_in_app} in the app{queued}"
    busy = [worker.doing for worker in side.living() if worker.doing in BUSY]
    blocked = busy.count(Doing.BLOCKED)
    others = f", {len(busy) - blocked} otherwise busy" if len(busy) > blocked else ""
    return f"{blocked} blocked{others}{queued}"
