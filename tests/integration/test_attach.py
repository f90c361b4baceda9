"""``wsgiviz attach``: what runs under ``wsgiviz exec`` is seen with its external requests, and stays as it is."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from textual.events import Key

from wsgiviz.analysis.black_box import reports
from wsgiviz.control.attachment import Attachment
from wsgiviz.control.running import choose
from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.events import ServerAttached
from wsgiviz.log import EventLog, open_recording
from wsgiviz.recorder.keeping import writers
from wsgiviz.report.replay import run_replay
from wsgiviz.state import Activity, Phase, Request, State
from wsgiviz.tui.attached_app import AttachedApp
from wsgiviz.tui.attached_feed import AttachedFeed
from wsgiviz.tui.expectation import ready as ready_workers
from wsgiviz.tui.live_view import attached_title

pytestmark = pytest.mark.xdist_group("attach")

WITHIN_S = 60.0
BIN = Path(sys.executable).parent
WORKERS, WAITING = 2, 3
APP = """
import os, time

def app(environ, start_response):
    while environ["PATH_INFO"].startswith("/held") and not os.path.exists("open"):
        time.sleep(0.02)
    start_response("500 Oops" if environ["PATH_INFO"] == "/bad" else "200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
LINE = 1 + APP.splitlines().index("        time.sleep(0.02)")


class Gunicorn:
    """One under ``wsgiviz exec`` in ``folder``; requests for /held wait there until `release`."""

    def __init__(self, folder: Path, home: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "shop.py").write_text(APP)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
        self.folder = folder
        self._env = {**os.environ, "WSGIVIZ_HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}"}
        self._threads: list[threading.Thread] = []
        self.answers: list[int] = []
        self.start()

    def start(self) -> None:
        """Run the command; again, where it has ended."""
        command = f"wsgiviz exec gunicorn -w {WORKERS} -t 120 -b 127.0.0.1:{self.port} shop:app"
        with (self.folder / "log").open("ab") as output:
            self.process = subprocess.Popen(
                command.split(), cwd=self.folder, env=self._env, stdout=output, stderr=output
            )
        until(lambda: self.get("/first") == 200, "it serves")
        until(lambda: len(self.writers()) == 1 + WORKERS, "all workers run")

    def get(self, path: str) -> int:
        """The status; 0 where there was no answer."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=WITHIN_S, trust_env=False).status_code
        except httpx.TransportError:
            return 0

    def writers(self) -> set[int]:
        """Its processes that have a ring."""
        return writers(choose([self.process.pid])[0])

    def hold(self, paths: list[str]) -> None:
        """Send these at once, and do not wait for the answers."""
        for path in paths:
            thread = threading.Thread(target=lambda path=path: self.answers.append(self.get(path)), daemon=True)
            thread.start()
            self._threads.append(thread)

    def release(self) -> None:
        (self.folder / "open").touch()
        for thread in self._threads:
            thread.join(WITHIN_S)

    def end(self) -> None:
        self.release()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(WITHIN_S)
        finally:
            self.process.kill()


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.02)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WSGIVIZ_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def server(tmp_path: Path, home: Path) -> Iterator[Gunicorn]:
    found = Gunicorn(tmp_path / "one", home)
    yield found
    found.end()


class Viewer:
    """An attachment to ``directories`` that has been started, as if it were on a screen."""

    def __init__(self, directories: list[Path], redact: bool = False) -> None:
        self.log = EventLog()
        self.attachment = Attachment(directories, self.log, redact=redact)
        self.attachment.start()

    @property
    def state(self) -> State:
        return self.log.state

    def until(self, condition: Callable[[State], bool], what: str) -> int:
        """Look until it is so; gives the time."""
        now_ns = 0

        def seen() -> bool:
            nonlocal now_ns
            now_ns = self.attachment.pump()
            return condition(self.state)

        until(seen, what)
        return now_ns


def held(state: State) -> list[Request]:
    side = state.sides.get("wsgi")
    return side.in_app() if side is not None else []


def blocked(state: State) -> bool:
    """All workers are, at a known line, and the others wait in the kernel."""
    side = state.sides.get("wsgi")
    if side is None or side.server.queue_depth != WAITING:
        return False
    living = side.server.living()
    busy = [worker for worker in living if worker.activity is Activity.BLOCKED]
    return len(busy) == len(living) == WORKERS and all(request.where for request in held(state))


PATHS = [f"/held/{number}" for number in range(WORKERS + WAITING)]


def test_the_present_is_seen_by_two_viewers_and_nothing_is_changed(server: Gunicorn) -> None:
    began_ns = time.monotonic_ns()
    server.hold(PATHS)
    [directory] = choose([])
    one = Viewer([directory])
    now_ns = one.until(blocked, "all workers blocked, the others in the kernel")
    late = Viewer([directory])
    late.until(blocked, "the same, for who comes late")
    before = sorted(path.name for path in directory.iterdir())
    for viewer in (one, late):
        requests = held(viewer.state)
        assert {request.target for request in requests} < {f"GET {path}" for path in PATHS}
        assert len({request.id for request in requests}) == WORKERS
        places = {(request.where.file, request.where.line) for request in requests if request.where}
        assert places == {("shop.py", LINE)}
        assert all(began_ns < request.began_ns < now_ns for request in requests)
        side = viewer.state.sides["wsgi"]
        assert (side.kind, side.server.pid) == ("sync", server.process.pid)
        assert side.server.address == f"http://127.0.0.1:{server.port}"
        assert viewer.state.phase is Phase.ATTACHED
    one.attachment.close()
    assert sorted(path.name for path in directory.iterdir()) == before
    server.release()
    late.until(lambda state: not held(state) and state.sides["wsgi"].run.external > len(PATHS), "all are served")
    assert sorted(server.answers) == [200] * len(PATHS)
    late.attachment.close()
    assert server.process.poll() is None
    assert len(writers(directory)) == WORKERS + 1


def test_whose_a_request_is_and_what_is_redacted_as_it_is_read(server: Gunicorn, tmp_path: Path) -> None:
    server.hold(["/held/secret"])
    [directory] = choose([server.process.pid])
    plain = Viewer([directory])
    plain.until(lambda state: any(one.peer for one in held(state)), "the client of a request in the app")
    assert held(plain.state)[0].peer.startswith("127.0.0.1:")
    plain.attachment.close()
    recording = tmp_path / "incident.wviz"
    feed = AttachedFeed([directory], str(recording), redact=True)
    until(lambda: bool(feed.advance() and held(feed.state)), "a request in the app")
    targets = [request.target for request in feed.state.sides["wsgi"].ledger]
    assert set(targets) == {"GET [redacted]"}
    feed.close()
    with open_recording(str(recording)) as kept:
        events = [event for at in range(kept.first, kept.end) for event in kept.batch(at)]
    said = [repr(event) for event in events if not isinstance(event, ServerAttached)]  # which has its own address
    assert said
    assert not any("secret" in words or "127.0.0.1:" in words for words in said)
    assert run_replay(str(recording), str(tmp_path / "report.json")) == 0
    assert json.loads((tmp_path / "report.json").read_text())["sides"]["wsgi"]["in_app"] == 1


def test_a_server_that_is_killed_is_said_to_have_ended(server: Gunicorn) -> None:
    [directory] = choose([])
    viewer = Viewer([directory])
    viewer.until(lambda state: "wsgi" in state.sides, "the server")
    pids = writers(directory)
    for pid in sorted(pids, key=lambda pid: pid != server.process.pid):  # the master first: it starts no others then
        os.kill(pid, signal.SIGKILL)
    server.process.wait(WITHIN_S)
    viewer.until(lambda state: not state.sides["wsgi"].server.living(), "its workers are gone")
    assert viewer.state.phase is Phase.ATTACHED
    viewer.attachment.close()


def test_signals_an_upgrade_a_death_and_a_restart_are_followed(server: Gunicorn, home: Path) -> None:
    """TTIN by the viewer; USR2, and the old master ends; a worker is killed with its request; the command again."""
    [directory] = choose([])
    viewer = Viewer([directory])
    old = server.process.pid
    viewer.until(lambda state: len(ready(state)) == WORKERS, "all workers")
    with viewer.attachment.addressee("wsgi", old) as master:
        viewer.attachment.send("wsgi", master, signal.SIGTTIN)
        with pytest.raises(WsgivizError, match="does not handle SIGALRM"):
            viewer.attachment.send("wsgi", master, signal.SIGALRM)
    viewer.until(lambda state: len(ready(state)) == WORKERS + 1, "one worker more")
    with pytest.raises(WsgivizError, match="no process of this server"):
        viewer.attachment.addressee("wsgi", os.getpid())
    os.kill(old, signal.SIGUSR2)
    viewer.until(lambda state: len(masters(state)) == 2, "both masters")
    new = masters(viewer.state)[-1]
    assert f"masters {old} and {new} (new)" in attached_title(viewer.state.sides["wsgi"])
    viewer.until(lambda state: len(ready(state)) >= 2 * WORKERS, "the new workers")
    os.kill(old, signal.SIGTERM)
    viewer.until(lambda state: masters(state) == (new,), "only the new one")
    viewer.until(lambda state: len(ready(state)) == WORKERS, "and its workers")
    try:
        server.hold(["/held/lost"])
        viewer.until(lambda state: any(one.where for one in held(state)), "a request at its line")
        [victim] = held(viewer.state)
        os.kill(victim.pid, signal.SIGKILL)
        viewer.until(lambda state: bool(reports(state.sides["wsgi"])), "its death")
        report = reports(viewer.state.sides["wsgi"])[0]
        [lost] = report.requests
        assert (report.pid, report.cause.signal, report.silent_ns is not None) == (victim.pid, "SIGKILL", True)
        assert (lost.target, lost.line) == ("GET /held/lost", f"shop.py:{LINE} time.sleep")
    finally:
        os.kill(new, signal.SIGTERM)
    viewer.until(lambda state: bool(state.sides["wsgi"].server.gone_ns), "its end")
    assert server.process.wait(WITHIN_S) == 0  # until now nobody has reaped it
    server.start()
    viewer.until(lambda state: masters(state) == (server.process.pid,), "the same command, run again")
    viewer.until(lambda state: len(ready(state)) == WORKERS, "its workers")
    viewer.attachment.close()


def masters(state: State) -> tuple[int, ...]:
    return state.sides["wsgi"].server.masters if "wsgi" in state.sides else ()


def ready(state: State) -> set[int]:
    return ready_workers(state.sides["wsgi"]) if "wsgi" in state.sides else set()


def test_which_server_a_pid_means(server: Gunicorn, tmp_path: Path, home: Path) -> None:
    [directory] = choose([])
    pids = writers(directory)
    assert server.process.pid in pids
    assert all(choose([pid]) == [directory] for pid in pids)
    with pytest.raises(UsageError, match="is no server under wsgiviz exec"):
        choose([os.getpid()])
    other = Gunicorn(tmp_path / "two", home)
    try:
        with pytest.raises(UsageError, match="2 servers run: which one") as error:
            choose([])
        assert str(other.process.pid) in error.value.detail
        assert len(choose([server.process.pid, other.process.pid])) == 2
    finally:
        other.end()


def test_where_no_server_runs_it_is_said(home: Path) -> None:
    with pytest.raises(UsageError, match="no server of yours runs"):
        choose([])
    process = subprocess.Popen(["true"])
    process.wait()
    with pytest.raises(UsageError, match="there is no process"):
        choose([process.pid])


def test_the_screen_shows_it_and_leaves_it_alone(server: Gunicorn, tmp_path: Path) -> None:
    [directory] = choose([])
    pids, recording = writers(directory), tmp_path / "incident.wviz"
    feed = AttachedFeed([directory], str(recording))
    asyncio.run(_look(feed, server))
    feed.close()
    assert recording.stat().st_size > 0
    assert writers(directory) == pids
    server.release()
    assert sorted(server.answers) == [200] * len(PATHS)


async def _look(feed: AttachedFeed, server: Gunicorn) -> None:
    app = AttachedApp(feed, feed.attachment)

    def text() -> str:
        return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

    async with app.run_test(size=(120, 36), notifications=True) as pilot:

        async def reads(words: str, asks: str = "") -> None:
            """``asks``: sent meanwhile: what is said of the last ten seconds may go before it is seen."""
            deadline = time.monotonic() + WITHIN_S
            while words not in text():
                assert time.monotonic() < deadline, f"never came: {words}\n{text()}"
                assert not asks or await asyncio.to_thread(server.get, asks) == 500
                await asyncio.sleep(0.05)

        await reads(" failed", asks="/bad")
        server.hold(PATHS)
        await reads("Both workers are blocked (oldest request GET /held/")
        await reads(f"shop.py:{LINE} time.sleep); {WAITING} wait in the kernel.")
        await reads("on GET /held/")
        app.post_message(Key("space", " "))
        await reads("These servers are somebody's own")
        assert "predict" not in text()
        assert "answered" not in text()
        app.exit(0)
        await pilot.pause(0)
