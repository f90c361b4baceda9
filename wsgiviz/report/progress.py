"""The live progress line of a headless run: on a terminal's stderr, else silent."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from wsgiviz.analysis import metrics
from wsgiviz.report.plain import plain, spelled
from wsgiviz.state import Activity, Phase, Side, State

BAR_CELLS = 20
SHORTEST_BAR = 4
WORDS = 43
"""Of a side's part of the line so many cells are for words; the bar gets what is left."""


class Progress:
    """A context in which one line shows how far both sides are."""

    def __init__(self, ascii_only: bool = False) -> None:
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

    def update(self, state: State, now_ns: int) -> None:
        """Show this State; the line itself is redrawn ten times a second."""
        if self._console.is_terminal:
            self._live.update(progress_line(state, now_ns, self._console.width, self._ascii_only))


def progress_line(state: State, now_ns: int, width: int, ascii_only: bool = False) -> Text:
    """The whole line, ``width`` cells at most: both sides while a run is on, else the phase."""
    sides = [state.sides[name] for name in state.settings.sides if name in state.sides]
    if state.phase is not Phase.RUNNING or not sides:
        return Text(spelled(f"{state.phase.value} …", ascii_only))
    room = width // len(sides) - WORDS
    bar = min(BAR_CELLS, room) if room >= SHORTEST_BAR else 0
    line = Text("   ").join([side_line(side, now_ns, bar, ascii_only) for side in sides])
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def side_line(side: Side, now_ns: int, bar_cells: int = BAR_CELLS, ascii_only: bool = False) -> Text:
    """ "WSGI ████░░░░ 8/20  2.41 s  4 blocked, 12 queued"."""
    done, planned = side.run.done, side.run.planned
    filled = min(bar_cells, bar_cells * done // planned) if planned else 0
    colour = "orange1" if side.protocol == "wsgi" else "sky_blue1"
    full, empty = spelled("█", ascii_only), spelled("░", ascii_only)
    bar = Text(full * filled, colour) + Text(empty * (bar_cells - filled), "dim")
    seconds = metrics.elapsed_ns(side, now_ns) / 1e9
    space = " " if bar_cells else ""
    counts = f"{space}{done:>{len(str(planned))}}/{planned}  {seconds:5.2f} s  {_now(side)}"
    return Text(f"{side.name.upper()} ", f"bold {colour}") + bar + Text(counts)


def _now(side: Side) -> str:
    depth = side.server.queue_depth
    queued = f", {depth} queued" if depth > 0 else ""
    if side.is_loop:
        return f"{side.run.in_app} in the app{queued}"
    busy = [worker.activity for worker in side.server.living() if worker.busy]
    blocked = busy.count(Activity.BLOCKED)
    others = f", {len(busy) - blocked} otherwise busy" if len(busy) > blocked else ""
    return f"{blocked} blocked{others}{queued}"
