"""A recording that attach has made: its report without a terminal, and its screens, with the deaths in it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from tests.tui.hostile import HOSTILE
from tests.unit.recordings import recorded
from tests.unit.states import MS, T0, S
from wsgiviz.events import (
    Event,
    LineSeen,
    MasterReady,
    PhaseChanged,
    QueueSampled,
    RequestBegan,
    RequestEnded,
    RequestPeer,
    ServerAttached,
    SessionOpened,
    WorkerBooting,
    WorkerDied,
    WorkerHeard,
    WorkerReady,
)
from wsgiviz.report.replay import run_replay
from wsgiviz.tui.app import WsgivizApp
from wsgiviz.tui.replay_feed import ReplayFeed

MASTER, KILLED, OTHER = 9, 100, 101
WITHIN_S = 60.0


def worker(pid: int, number: int) -> list[Event]:
    booting = WorkerBooting(T0 + MS, "wsgi", pid, number, pid, 1, "sync")
    return [booting, WorkerReady(T0 + 2 * MS, "wsgi", pid)]


def served(number: int) -> list[Event]:
    began_ns = T0 + 10 * number * MS
    began = RequestBegan(began_ns, "wsgi", OTHER, 0, -number, 0, 0, "GET /")
    ends = began_ns + MS
    return [began, RequestEnded(ends, "wsgi", OTHER, 0, -number, 0, began_ns, 0, 0, ends, 200, 0, "")]


ATTACHED = ServerAttached(T0, "wsgi", MASTER, "sync", "unix:/run/shop", ("gunicorn", HOSTILE), "/srv", (MASTER,))
BATCHES: list[list[Event]] = [
    [SessionOpened(T0, "", 0, "2026-11-30T08:00:00+00:00", {"cores": 2})],
    [ATTACHED, MasterReady(T0, "wsgi", MASTER), *worker(KILLED, 1), *worker(OTHER, 2)],
    [PhaseChanged(T0 + 3 * MS, "", 0, "attached")],
    *[served(number) for number in range(1, 21)],
    [
        RequestBegan(T0 + S, "wsgi", KILLED, 0, -77, 0, 0, "GET /report"),
        RequestPeer(T0 + S, "wsgi", KILLED, -77, "::1"),
    ],
    [LineSeen(T0 + S + 50 * MS, "wsgi", KILLED, 0, -77, 17, "shop.py|app|time.sleep")],
    [QueueSampled(T0 + 2 * S, "wsgi", 0, 3, 64), QueueSampled(T0 + 2 * S + 30 * MS, "wsgi", 0, 3, 64)],
    [WorkerDied(T0 + 3 * S, "wsgi", MASTER, KILLED, 9), WorkerHeard(T0 + 3 * S, "wsgi", KILLED, T0 + 2 * S)],
    [QueueSampled(T0 + 4 * S, "wsgi", 0, 0, 64), PhaseChanged(T0 + 4 * S, "", 0, "closed")],
]


@pytest.fixture
def recording(tmp_path: Path) -> str:
    path = tmp_path / "incident.wviz"
    path.write_bytes(recorded(BATCHES))
    return str(path)


def test_its_report_without_a_terminal(recording: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_replay(recording, "-", ledger=True) == 0
    written = capsys.readouterr()
    found = json.loads(written.out)
    side = found["sides"]["wsgi"]
    assert (found["attached"], found["started"], found["seconds"]) == (True, "2026-11-30T08:00:00+00:00", 4.0)
    assert (side["kind"], side["pid"], side["masters"], side["ended"]) == ("sync", MASTER, [MASTER], False)
    assert (side["served"], side["in_app"]) == (21, 0)
    assert side["accept_queue"] == {"depth": 0, "max": 3, "limit": 64}
    assert [(one["pid"], one["activity"]) for one in side["workers"]] == [(OTHER, "idle")]
    [death] = side["deaths"]
    assert (death["pid"], death["at_s"], death["signal"], death["silent_s"]) == (KILLED, 3.0, "SIGKILL", 1.0)
    [lost] = death["requests"]
    assert (lost["target"], lost["age_s"], lost["line"]) == ("GET /report", 2.0, "shop.py:17 time.sleep")
    [request] = [one for one in found["requests"] if one["id"] == -77]
    assert (request["client"], request["began_s"], request["raised"]) == ("::1", 1.0, "worker died")
    assert len(found["requests"]) == 21
    assert "was killed by SIGKILL with GET /report at shop.py:17" in " ".join(written.err.split())
    assert "\x1b]0" not in written.err


def test_its_screens(recording: str) -> None:
    """The live screen's rows, the keys of playback, and the deaths."""

    async def look() -> None:
        feed = ReplayFeed(recording)
        app = WsgivizApp(feed, playback=feed)

        async def reads(words: str) -> None:
            deadline = time.monotonic() + WITHIN_S
            while words not in (text := "\n".join(strip.text for strip in app.screen._compositor.render_strips())):
                assert time.monotonic() < deadline, f"never came: {words}\n{text}"
                await asyncio.sleep(0.02)

        async with app.run_test(size=(120, 36), notifications=True) as pilot:
            await reads("space play/pause")
            await pilot.press("end")
            await reads("killed by SIGKILL, GET /report at shop.py:17")
            await reads("d deaths")
            await pilot.press("d")
            await reads("GET /report  in the app for 2.0 s, last seen at shop.py:17 time.sleep")
            await pilot.press("escape", "k")
            await reads("This is a recording")
        feed.close()

    asyncio.run(look())
