"""The signs for everything on the screen: one set for Unicode terminals, one in plain ASCII.

Shape comes first: each state has its own sign and its own texture, so that colour only repeats what they say.
Each is one cell wide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wsgiviz.model.state import Doing, Task

HELD = "held"
"""The texture of a step which holds its loop longer than `LOOP_HELD_NS`."""

ON_THE_WAY = "on the way"
"""The texture of a request's time outside the app: queued before it, on its way back after it."""

UNKNOWN = "unknown"
"""The texture of time inside the app whose steps are no longer kept."""

LOOP_HELD_NS = 100_000_000
"""A step longer than this holds the loop: nobody else gets on (asyncio's slow_callback_duration)."""


@dataclass(frozen=True, slots=True, eq=False)
class Glyphs:
    """One set of signs."""

    name: str
    doing: Mapping[Doing, str]
    """A worker's state."""
    task: Mapping[Task, str]
    """A request's state on a loop."""
    texture: Mapping[str, str]
    """What fills a lane: by the value of a `Doing` or `Task`, or one of the names above."""
    eighths: str
    """A cell filled from the left, from empty to full in nine steps; "" when there are no such signs."""
    levels: str
    """A cell filled from below, from empty to full: the busy share of its time, where requests are too short
    to be drawn."""
    waiting: str
    """One request in the accept queue."""
    free: str
    """A place without one."""
    rest: str
    """The part of a bar that is not reached yet."""
    step: str
    """A step on the loop too short to draw to scale."""
    now: str
    more: str
    dash: str
    live: str
    here: str
    """Marks the line of code at which somebody is."""
    followed: str
    """Fills the blocks of the request that is followed."""
    half_left: str
    half_right: str
    """The ends of a line which begins or ends in the middle of a cell."""
    ellipsis: str
    up: str
    down: str


UNICODE = Glyphs(
    name="unicode",
    doing={
        Doing.IDLE: "·",
        Doing.READING: "◔",
        Doing.BLOCKED: "■",
        Doing.COMPUTING: "▲",
        Doing.WRITING: "◕",
        Doing.CLOSING: "◑",
        Doing.BOOTING: "↻",
        Doing.STOPPING: "↓",
        Doing.DEAD: "✕",
    },
    task={
        Task.QUEUED: "●",
        Task.RUNNING: "▶",
        Task.READY: "◇",
        Task.AWAITING: "○",
        Task.DONE: "✓",
        Task.FAILED: "✕",
    },
    texture={
        Doing.IDLE: " ",
        Doing.READING: "░",
        Doing.BLOCKED: "█",
        Doing.COMPUTING: "▞",
        Doing.WRITING: "▒",
        Doing.CLOSING: "▁",
        Doing.BOOTING: "~",
        Doing.STOPPING: "↓",
        Doing.DEAD: "✕",
        Task.QUEUED: "·",
        Task.RUNNING: "▞",
        Task.READY: "░",
        Task.AWAITING: "━",
        HELD: "█",
        ON_THE_WAY: "·",
        UNKNOWN: "╌",
    },
    eighths=" ▏▎▍▌▋▊▉█",
    levels=" ▁▂▃▄▅▆▇█",
    waiting="●",
    free="○",
    rest="░",
    step="│",
    now="▲",
    more="⋮",
    dash="─",
    live="●",
    here="▶",
    followed="▬",
    half_left="╸",
    half_right="╺",
    ellipsis="…",
    up="↑",
    down="↓",
)

ASCII = Glyphs(
    name="ascii",
    doing={
        Doing.IDLE: ".",
        Doing.READING: "r",
        Doing.BLOCKED: "#",
        Doing.COMPUTING: "^",
        Doing.WRITING: "w",
        Doing.CLOSING: "c",
        Doing.BOOTING: "~",
        Doing.STOPPING: "v",
        Doing.DEAD: "x",
    },
    task={
        Task.QUEUED: "*",
        Task.RUNNING: ">",
        Task.READY: "?",
        Task.AWAITING: "o",
        Task.DONE: "+",
        Task.FAILED: "x",
    },
    texture={
        Doing.IDLE: " ",
        Doing.READING: "r",
        Doing.BLOCKED: "#",
        Doing.COMPUTING: "^",
        Doing.WRITING: "w",
        Doing.CLOSING: "c",
        Doing.BOOTING: "~",
        Doing.STOPPING: "v",
        Doing.DEAD: "x",
        Task.QUEUED: ".",
        Task.RUNNING: "^",
        Task.READY: "?",
        Task.AWAITING: "-",
        HELD: "#",
        ON_THE_WAY: ".",
        UNKNOWN: "_",
    },
    eighths="",
    levels=" .:#",
    waiting="*",
    free=".",
    rest=".",
    step="|",
    now="^",
    more=":",
    dash="-",
    live="*",
    here=">",
    followed="=",
    half_left="-",
    half_right=" ",
    ellipsis="~",
    up="^",
    down="v",
)
