"""From the command to what a person sees: the first frame, and the first request that moves.

Modules are compiled and files in the kernel's cache, as from the second start on.
"""

from __future__ import annotations

import re
import statistics
import tempfile
from collections.abc import Iterator

from tests.bench.figure import Figure, Unmeasured
from tests.bench.terminal import Terminal
from wsgiviz.state import Activity
from wsgiviz.tui.render.glyphs import UNICODE

ROUNDS = 5
FIRST_FRAME_S, FIRST_REQUEST_S = 0.4, 0.8
WITHIN_S = 20.0
ALTERNATE_SCREEN = b"\x1b[?1049h"
BLOCKED = re.compile(rf"#\d+ {UNICODE.activity[Activity.BLOCKED]}")


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as compiled:
        _round(compiled)
        rounds = [_round(compiled) for _ in range(ROUNDS)]
    frames, requests = (sorted(column) for column in zip(*rounds, strict=True))
    yield _figure("start → first frame", frames, FIRST_FRAME_S)
    yield _figure("start → first request moving", requests, FIRST_REQUEST_S)


def _figure(name: str, found: list[float], budget_s: float) -> Figure:
    middle = statistics.median(found)
    note = f"median of {len(found)}, {found[0]:.2f} to {found[-1]:.2f} s; modules compiled before, 120×36"
    return Figure(name, middle, "s", f"≤ {budget_s} s", middle <= budget_s, note)


def _round(compiled: str) -> tuple[float, float]:
    """Seconds to the first bytes with our name on the alternate screen, and to the lane of a request that blocks."""
    env = {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
    with Terminal(columns=120, lines=36, env=env) as terminal:
        sign = UNICODE.activity[Activity.BLOCKED].encode()
        terminal.until(lambda piece: sign in piece.data, WITHIN_S, "a request that moves")
    return _first_frame_s(terminal), _first_request_s(terminal)


def _first_frame_s(terminal: Terminal) -> float:
    before = b""
    for piece in terminal.pieces:
        before += piece.data
        _, entered, after = before.partition(ALTERNATE_SCREEN)
        if entered and b"wsgiviz" in after:
            return (piece.t_ns - terminal.started_ns) / 1e9
    raise Unmeasured("the name was not seen on the alternate screen")


def _first_request_s(terminal: Terminal) -> float:
    for t_ns, changed in terminal.replay():
        if any(BLOCKED.search(text) for text in changed.values()):
            return (t_ns - terminal.started_ns) / 1e9
    raise Unmeasured("no lane said that a request blocks its worker")
