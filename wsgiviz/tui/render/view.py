"""What a pane is given to show: one side of the picture, and the window of time to show it in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsgiviz.model.state import Side
from wsgiviz.tui.render.glyphs import UNICODE, Glyphs

if TYPE_CHECKING:
    from wsgiviz.model.theory import Prediction


@dataclass(frozen=True, slots=True)
class PaneView:
    """All that a pane shows. Times are CLOCK_MONOTONIC nanoseconds; both panes share the axis."""

    side: Side
    title: str
    """"gunicorn sync, 4 workers"."""
    now_ns: int
    start_ns: int
    """Left edge of the time axis."""
    end_ns: int
    """Right edge of the time axis."""
    prediction: Prediction | None = None
    makespan_s: float | None = None
    """Measured, once the run is over."""
    glyphs: Glyphs = UNICODE
    zero_ns: int = 0
    """The time that the axis calls 0 s; 0 for the left edge."""
    followed: int = 0
    """The request whose marks stand out; 0 for none."""
    scroll: int = 0
    """Lanes scrolled out at the top."""

    @property
    def origin_ns(self) -> int:
        return self.zero_ns or self.start_ns
