"""The signs for everything on the screen: one set for Unicode terminals, one in plain ASCII.

Shape comes first: each state has its own sign and its own texture, so that colour only repeats what they say.
Each is one cell wide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wsgiviz.state import Activity, Task

HELD = "held"
"""The texture of a step which holds its loop longer than `LOOP_HELD_NS`."""

ON_THE_WAY = "on the way"
"""The texture of a request's time outside the app: queued before it, on its way back after it."""

AFTER = "after"
"""The texture of time in the app that its client does not wait for: after its answer, or when it had given up."""

UNKNOWN = "unknown"
"""The texture of time inside the app whose steps are no longer kept."""

LOOP_HELD_NS = 100_000_000
"""A step longer than this holds the loop: no other request makes progress (asyncio's slow_callback_duration)."""


@dataclass(frozen=True, slots=True, eq=False)
class Glyphs:
    """One set of signs."""

    name: str
    activity: Mapping[Activity, str]
    """A worker's state."""
    task: Mapping[Task, str]
    """A request's state on a loop."""
    after: str
    """The app goes on, and its client is through with it."""
    texture: Mapping[str, str]
    """What fills a lane: by the value of a `Activity` or `Task`, or one of the names above."""
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
    pointer: str
    """Beside what a lesson says to look at."""
    here: str
    """Marks the line of code that a worker or request is at."""
    followed: str
    """Fills the blocks of the request that is followed."""
    half_left: str
    half_right: str
    """The ends of a line which begins or ends in the middle of a cell."""
    ghost: str
    """Where the run before ended, on the axis."""
    ellipsis: str
    up: str
    down: str


UNICODE = Glyphs(
    name="unicode",
    activity={
        Activity.IDLE: "·",
        Activity.READING: "◔",
        Activity.BLOCKED: "■",
        Activity.COMPUTING: "▲",
        Activity.WAITING_FOR_GIL: "△",
        Activity.WRITING: "◕",
        Activity.CLOSING: "◑",
        Activity.BOOTING: "↻",
        Activity.STOPPING: "↓",
        Activity.DEAD: "✕",
    },
    task={
        Task.QUEUED: "●",
        Task.RUNNING: "▶",
        Task.READY: "◇",
        Task.AWAITING: "○",
        Task.IN_THREAD: "⇄",
        Task.THREAD_COMPUTES: "▲",
        Task.THREAD_FOR_GIL: "△",
        Task.FOR_THREAD: "◌",
        Task.IN_PROCESS: "⇉",
        Task.FOR_PROCESS: "◌",
        Task.DONE: "✓",
        Task.FAILED: "✕",
    },
    after="»",
    texture={
        Activity.IDLE: " ",
        Activity.READING: "░",
        Activity.BLOCKED: "█",
        Activity.COMPUTING: "▞",
        Activity.WAITING_FOR_GIL: "╱",
        Activity.WRITING: "▒",
        Activity.CLOSING: "▁",
        Activity.BOOTING: "~",
        Activity.STOPPING: "↓",
        Activity.DEAD: "✕",
        Task.QUEUED: "·",
        Task.RUNNING: "▞",
        Task.READY: "░",
        Task.AWAITING: "━",
        Task.IN_THREAD: "═",
        Task.THREAD_COMPUTES: "▞",
        Task.THREAD_FOR_GIL: "╱",
        Task.FOR_THREAD: "┈",
        Task.IN_PROCESS: "≡",
        Task.FOR_PROCESS: "┈",
        HELD: "█",
        ON_THE_WAY: "·",
        AFTER: "»",
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
    pointer="▶",
    here="▶",
    followed="▬",
    half_left="╸",
    half_right="╺",
    ghost="▽",
    ellipsis="…",
    up="↑",
    down="↓",
)

ASCII = Glyphs(
    name="ascii",
    activity={
        Activity.IDLE: ".",
        Activity.READING: "r",
        Activity.BLOCKED: "#",
        Activity.COMPUTING: "^",
        Activity.WAITING_FOR_GIL: "g",
        Activity.WRITING: "w",
        Activity.CLOSING: "c",
        Activity.BOOTING: "~",
        Activity.STOPPING: "v",
        Activity.DEAD: "x",
    },
    task={
        Task.QUEUED: "*",
        Task.RUNNING: ">",
        Task.READY: "?",
        Task.AWAITING: "o",
        Task.IN_THREAD: "t",
        Task.THREAD_COMPUTES: "^",
        Task.THREAD_FOR_GIL: "g",
        Task.FOR_THREAD: "q",
        Task.IN_PROCESS: "p",
        Task.FOR_PROCESS: "q",
        Task.DONE: "+",
        Task.FAILED: "x",
    },
    after="&",
    texture={
        Activity.IDLE: " ",
        Activity.READING: "r",
        Activity.BLOCKED: "#",
        Activity.COMPUTING: "^",
        Activity.WAITING_FOR_GIL: "g",
        Activity.WRITING: "w",
        Activity.CLOSING: "c",
        Activity.BOOTING: "~",
        Activity.STOPPING: "v",
        Activity.DEAD: "x",
        Task.QUEUED: ".",
        Task.RUNNING: "^",
        Task.READY: "?",
        Task.AWAITING: "-",
        Task.IN_THREAD: "t",
        Task.THREAD_COMPUTES: "^",
        Task.THREAD_FOR_GIL: "g",
        Task.FOR_THREAD: "q",
        Task.IN_PROCESS: "p",
        Task.FOR_PROCESS: "q",
        HELD: "#",
        ON_THE_WAY: ".",
        AFTER: "&",
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
    pointer=">",
    here=">",
    followed="=",
    half_left="-",
    half_right=" ",
    ghost="v",
    ellipsis="~",
    up="^",
    down="v",
)
