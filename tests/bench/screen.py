"""How long a change in a worker takes to the terminal: from the app's own clock to the bytes that show it.

Four workers and three users of an app with irregular times, both panes at 120×36. A change is the begin or the
end of a request; it is shown when its lane's "#7" has the sign of what its worker does, or has it no more.
"""

from __future__ import annotations

import math
import re
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figure import Figure, Unmeasured
from tests.bench.terminal import Terminal
from wsgiviz.events import request_number
from wsgiviz.state.activity import BUSY
from wsgiviz.tui.render.glyphs import UNICODE

REQUESTS = 200
RUN = (
    "run", "--wsgi", "tests.bench.flicker:wsgi_app", "--asgi", "tests.bench.flicker:asgi_app", "--workers", "4",
    "--arrivals", "closed", "--concurrency", "3", "--requests", str(REQUESTS),
)  # fmt: skip
WITHIN_S = 40.0
BUDGET_MS = 40.0
FRAME_MS = 1000 / 30
HALF_WRITTEN_NS = 33_000_000
SIGNS = "".join(UNICODE.activity[activity] for activity in BUSY)
HELD = re.compile(rf"^ *…?#(\d+) [{SIGNS}]")
"""A lane of the left pane."""

Change = tuple[str, int]
"""("begin" or "end", number of the request)"""


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        facts_file = Path(folder) / "facts"
        facts_file.touch()
        terminal = _run(facts_file)
        happened = facts(facts_file)
    seen = shown(terminal)
    missed = len(happened.keys() - seen.keys())
    delays = sorted((seen[change] - t_ns) / 1e6 for change, t_ns in happened.items() if change in seen)
    if not delays:
        raise Unmeasured(f"none of {len(happened)} changes was seen on the screen")
    delays += [math.inf] * missed
    p99 = delays[math.ceil(0.99 * len(delays)) - 1]
    note = f"{len(delays)} begins and ends of requests, {missed} never shown; {_spread(delays)}"
    budget = f"≤ {BUDGET_MS:.0f} ms"
    yield Figure("change in a worker → bytes on the terminal, p99", p99, "ms", budget, p99 <= BUDGET_MS, note)
    note = f"a frame comes every {FRAME_MS:.0f} ms, a look whether a request has moved twice as often"
    yield Figure("the same, median", statistics.median(delays), "ms", "", True, note)


def _spread(delays: list[float]) -> str:
    at = {f"p{percent}": delays[math.ceil(percent / 100 * len(delays)) - 1] for percent in (10, 90)}
    return ", ".join(f"{name} {value:.0f}" for name, value in at.items()) + f", max {delays[-1]:.0f} ms"


def _run(facts_file: Path) -> Terminal:
    with Terminal(*RUN, columns=120, lines=36, env={"BENCH_FACTS": str(facts_file)}) as terminal:
        terminal.until(lambda piece: _ended(facts_file), WITHIN_S, f"the end of {REQUESTS} requests")
        terminal.during(0.5)
    return terminal


def _ended(facts_file: Path) -> bool:
    return facts_file.read_bytes().count(b"\n") >= 2 * REQUESTS


def facts(facts_file: Path) -> dict[Change, int]:
    """What the workers wrote down: when each change happened."""
    lines = (line.split() for line in facts_file.read_text().splitlines())
    return {(what, request_number(int(req))): int(t_ns) for what, req, t_ns in lines}


def shown(terminal: Terminal) -> dict[Change, int]:
    """When the piece arrived which showed a request in a lane, and the one after which it was there no more.

    Between two pieces a row may be half written, and say "#14" for "#140": 14, long over, has not come back.
    """
    seen: dict[Change, int] = {}
    rows: dict[int, int] = {}
    for t_ns, changed in terminal.replay():
        before = set(rows.values())
        for y, text in changed.items():
            rows.pop(y, None)
            if found := HELD.search(text):
                rows[y] = int(found[1])
        now = set(rows.values())
        for req in now - before:
            seen.setdefault(("begin", req), t_ns)
        for req in before - now:
            if t_ns - seen.get(("end", req), t_ns) < HALF_WRITTEN_NS:
                seen["end", req] = t_ns
    return seen
