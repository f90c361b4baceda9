"""The live progress line of a headless run: on a terminal's stderr, else silent."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from wsgiviz.analysis import booting, metrics
from wsgiviz.report.plain import plain, spelled
from wsgiviz.state import Activity, Phase, Side, State

LONG_NS = 5_000_000_000
"""Starts that take longer deserve a word where there is no line that shows them."""

BAR_CELLS = 20
SHORTEST_BAR = 4
WORDS = 43
"""Of a side's part of the line so many cells are for words; the bar gets what is left."""


class Progress:
    """A context in which one line shows how far both sides are."""

    def __init__(self, ascii_only: bool = False) -> None:
        self._console = Console(stderr=True)
        self._ascii_only = plain(self._console, ascii_only)
        self._said = ""
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
        else:
            self._say_what_lasts(state, now_ns)

    def _say_what_lasts(self, state: State, now_ns: int) -> None:
        """Where no line can be redrawn: who loads an app for long, once, and again when that is at another line."""
        loading = booting.of_all(state) if state.phase is Phase.STARTING else ""
        if loading and loading != self._said and now_ns - booting.since_ns(state) > LONG_NS:
            self._said = loading
            print(spelled(f"wsgiviz: {waiting(state, now_ns)}", self._ascii_only), file=sys.stderr, flush=True)


def progress_line(state: State, now_ns: int, width: int, ascii_only: bool = False) -> Text:
    """The whole line, ``width`` cells at most: both sides while a run is on, else the phase."""
    sides = [state.sides[name] for name in state.settings.sides if name in state.sides]
    if state.phase is not Phase.RUNNING or not sides:
        return Text(spelled(waiting(state, now_ns), ascii_only), no_wrap=True, overflow="ellipsis")
    room = width // len(sides) - WORDS
    bar = min(BAR_CELLS, room) if room >= SHORTEST_BAR else 0
    timed_s = state.settings.timed_s
    line = Text("   ").join([side_line(side, now_ns, bar, ascii_only, timed_s) for side in sides])
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def waiting(state: State, now_ns: int) -> str:
    """ "starting …  WSGI: 2 workers load the app at slowimport.py:3 time.sleep  3.2 s of 30 s"."""
    loading = booting.of_all(state) if state.phase is Phase.STARTING else ""
    if not loading:
        return f"{state.phase.value} …"
    waited_s = max(0, now_ns - booting.since_ns(state)) / 1e9
    return f"{state.phase.value} …  {loading}  {waited_s:.1f} s of {state.settings.ready_timeout:g} s"


def side_line(
    side: Side, now_ns: int, bar_cells: int = BAR_CELLS, ascii_only: bool = False, timed_s: float | None = None
) -> Text:
    """ "WSGI ████░░░░ 8/20  2.41 s  4 blocked, 12 queued"; of a run that ends after ``timed_s`` seconds how much of
    them is over: "WSGI ████░░░░ 2.4 of 10 s  310 done  4 blocked"."""
    share, counts = _reached(side, now_ns, timed_s)
    filled = min(bar_cells, int(bar_cells * share))
    colour = "orange1" if side.protocol == "wsgi" else "sky_blue1"
    full, empty = spelled("█", ascii_only), spelled("░", ascii_only)
    bar = Text(full * filled, colour) + Text(empty * (bar_cells - filled), "dim")
    space = " " if bar_cells else ""
    return Text(f"{side.name.upper()} ", f"bold {colour}") + bar + Text(f"{space}{counts}  {_now(side)}")


def _reached(side: Side, now_ns: int, timed_s: float | None) -> tuple[float, str]:
    """How much of the run is over, and that in words."""
    done, planned, seconds = side.run.done, side.run.planned, metrics.elapsed_ns(side, now_ns) / 1e9
    if timed_s is not None:
        return seconds / timed_s, f"{min(seconds, timed_s):4.1f} of {timed_s:g} s  {done} done"
    return done / max(1, planned), f"{done:>{len(str(planned))}}/{planned}  {seconds:5.2f} s"


def _now(side: Side) -> str:
    depth = side.server.queue_depth
    queued = f", {depth} queued" if depth > 0 else ""
    if side.is_loop:
        return f"{side.run.in_app} in the app{queued}"
    busy = [worker.activity for worker in side.server.living() if worker.busy]
    blocked = busy.count(Activity.BLOCKED)
    others = f", {len(busy) - blocked} otherwise busy" if len(busy) > blocked else ""
    return f"{blocked} blocked{others}{queued}"
