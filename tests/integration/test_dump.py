"""``wsgiviz dump`` on real servers: what it says from outside agrees with /proc and py-spy, and with the probe."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.unit.dump_keys import documented
from wsgiviz import cli
from wsgiviz.observe import py_spy
from wsgiviz.recorder import served
from wsgiviz.report import dump_facts, last_deaths
from wsgiviz.report.dump import dump
from wsgiviz.report.dump_page import WIDTH, page

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="from outside only Linux says what processes do")

APP = """\
import asyncio, ctypes, os, threading, time

LOCK = threading.Lock()

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/sleep":
        time.sleep(60)
    if path == "/compute":
        while True:
            pass
    if path == "/lock":
        with LOCK:
            time.sleep(60)
    if path == "/eat":
        eaten = []
        while True:
            eaten.append(bytearray(1 << 20))
            time.sleep(0.01)
    if path == "/segfault":
        time.sleep(1.5)
        ctypes.string_at(0)
    if path == "/exit":
        os._exit(7)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"] == "/sleep":
        await asyncio.sleep(60)
    await answer(send)

async def held(scope, receive, send):
    if scope["type"] == "http":
        if scope["path"] == "/sleep":
            time.sleep(60)
        await answer(send)

async def answer(send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
"""
WAIT_S = 30


def until(check: Callable[[], Any]) -> Any:
    """What ``check`` gives, once that is something."""
    end_s = time.monotonic() + WAIT_S
    while not (found := check()):
        assert time.monotonic() < end_s, "it did not come to that"
        time.sleep(0.05)
    return found


class Server:
    """A server of a person's own, on a port that was free."""

    def __init__(self, folder: Path, *command: str, workers: int = 1) -> None:
        (folder / "shop.py").write_text(APP)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        filled = [word.replace("PORT", str(self.port)) for word in command]
        self._clients: list[http.client.HTTPConnection] = []
        env = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        with (folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen([sys.executable, *filled], cwd=folder, stderr=log, stdout=log, env=env)
        self.pid = self.process.pid
        until(lambda: self._answers() and len(self.workers()) >= workers)

    def workers(self) -> list[int]:
        """Its children that serve, and itself where it has none."""
        children = psutil.Process(self.pid).children()
        return sorted(child.pid for child in children if "resource_tracker" not in " ".join(child.cmdline()))

    def _answers(self) -> bool:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            client.request("GET", "/")
            return client.getresponse().read() == b"ok"
        except (OSError, http.client.HTTPException):
            return False
        finally:
            client.close()

    def ask(self, path: str) -> None:
        """A request whose answer nobody reads, until the server is closed."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        client.request("GET", path, headers={"Connection": "close"})
        self._clients.append(client)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        family = [self.pid]
        with contextlib.suppress(psutil.Error):
            family += [child.pid for child in psutil.Process(self.pid).children(recursive=True)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    monkeypatch.setenv(served.HOME_VARIABLE, str(tmp_path / "home"))
    servers: list[Server] = []

    def started(*command: str, workers: int = 1) -> Server:
        folder = tmp_path / f"app{len(servers)}"
        folder.mkdir()
        servers.append(Server(folder, *command, workers=workers))
        return servers[-1]

    yield started
    for server in servers:
        server.close()


def gunicorn(*more: str, exec: bool = False) -> list[str]:
    before = ["-m", "wsgiviz", "exec", sys.executable] if exec else []
    return [*before, "-m", "gunicorn", "-b", "127.0.0.1:PORT", *more, "shop:app"]


def only_server(server: Server) -> dict[str, Any]:
    found: dict[str, Any]
    [found] = dump(server.pid)["servers"]
    return found


def held(server: Server) -> int:
    """Connections that its workers hold, by psutil."""
    found = [psutil.Process(pid).net_connections("tcp") for pid in server.workers()]
    return sum(one.status == psutil.CONN_ESTABLISHED for many in found for one in many)


# --- from outside -------------------------------------------------------------------------------------------------


def test_a_gunicorn_of_somebody_else_is_seen_from_outside(start: Callable[..., Server]) -> None:
    server = start(*gunicorn("-w", "3"), workers=3)
    server.ask("/sleep")
    server.ask("/compute")
    until(lambda: held(server) == 2)
    found = only_server(server)
    rows = {row["pid"]: row for row in found["workers"]}
    assert sorted(rows) == server.workers()
    assert not found["probe"]
    assert any("wsgiviz exec" in words for words in found["unknown"])
    by_activity = {row["activity"]: row for row in rows.values()}
    assert sorted(by_activity) == ["blocked", "computing", "idle"]
    for row in rows.values():
        process = psutil.Process(row["pid"])
        assert row["clients"] == len([one for one in process.net_connections("tcp") if one.raddr])
        assert abs(row["rss_bytes"] - process.memory_info().rss) < 16 << 20
        assert abs(row["age_s"] - (time.time() - process.create_time())) < WAIT_S
    assert "nanosleep" in by_activity["blocked"]["waits_in"]
    [queue] = found["accept_queues"]
    assert (queue["address"], queue["depth"]) == (f"127.0.0.1:{server.port}", 0)
    assert queue["limit"] in (None, min(2048, int(Path("/proc/sys/net/core/somaxconn").read_text())))


def test_lines_agree_with_py_spy(start: Callable[..., Server]) -> None:
    program = py_spy.program()
    if program is None:
        pytest.skip("py-spy is not installed")
    server = start(*gunicorn("-w", "2"), workers=2)
    server.ask("/sleep")
    until(lambda: held(server) == 1)
    raw = {pid: subprocess.run([program, "dump", "--pid", str(pid)], capture_output=True) for pid in server.workers()}
    if any(b"EPERM" in one.stderr or b"ermission" in one.stderr for one in raw.values()):
        pytest.skip("tracing other processes is not permitted here")
    for row in only_server(server)["workers"]:
        text = raw[row["pid"]].stdout.decode()
        assert (row["activity"] == "blocked") == ("shop.py:8" in text)
        assert row["lines"] == (["shop.py:8 in app"] if "shop.py:8" in text else [])


def test_all_busy_and_somebody_waits_is_found(start: Callable[..., Server]) -> None:
    server = start(*gunicorn())
    quiet = dump(server.pid)
    assert (quiet["status"], quiet["servers"][0]["findings"]) == (0, [])
    for _ in range(3):
        server.ask("/sleep")
    until(lambda: held(server) == 1)
    busy = dump(server.pid)
    assert busy["status"] == 1
    [finding] = busy["servers"][0]["findings"]
    assert finding["name"] == "all-workers-busy"
    assert "2 connections wait" in finding["words"]


@pytest.mark.parametrize("workers", [1, 2])
def test_uvicorn_and_its_workers(start: Callable[..., Server], workers: int) -> None:
    pytest.importorskip("uvicorn")
    more = ["--workers", "2"] if workers == 2 else []
    server = start("-m", "uvicorn", "--port", "PORT", *more, "shop:asgi", workers=workers if workers > 1 else 0)
    found = only_server(server)
    assert found["program"] == "uvicorn"
    assert sorted(row["pid"] for row in found["workers"]) == (server.workers() or [server.pid])
    assert {row["activity"] for row in found["workers"]} == {"idle"}


@pytest.mark.parametrize(
    ("kind", "app", "activity", "in_kernel"),
    [
        ("gthread", "shop:app", "blocked", "sleeps for a time"),
        ("gevent", "shop:app", "waiting", "waits for events"),
        ("asgi", "shop:asgi", "waiting", "waits for events"),
    ],
)
def test_other_workers_agree_with_proc(
    start: Callable[..., Server], kind: str, app: str, activity: str, in_kernel: str
) -> None:
    """Two requests wait in one process: what it holds, and in which system calls its threads are."""
    if kind == "gevent":
        pytest.importorskip("gevent")
    server = start(*gunicorn("-k", kind, "--threads", "4")[:-1], app)
    for _ in range(2):
        server.ask("/sleep")
    until(lambda: held(server) == 2)
    [row] = until(lambda: (found := only_server(server)["workers"])[0]["activity"] == activity and found)
    [pid] = server.workers()
    assert (row["pid"], row["clients"], row["unread_bytes"]) == (pid, 2, 0)
    names = [(Path(f"/proc/{pid}/task") / str(one.id) / "comm").read_text() for one in psutil.Process(pid).threads()]
    assert row["threads"] == len(names)
    calls = [row["waits_in"], *row["threads_in"]]
    assert sum(in_kernel in call for call in calls) == (2 if kind == "gthread" else 1)
    if row["lines"] is not None and kind == "gthread":  # by py-spy
        assert row["lines"] == ["shop.py:8 in app"] * 2


def test_what_another_process_says_of_itself_reaches_no_terminal(tmp_path: Path) -> None:
    """Its command line and its folder."""
    escapes = "\x1b]0;x\x07\x1b[31m\n\u202e"
    folder = tmp_path / escapes.replace("/", "")
    folder.mkdir()
    code = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); time.sleep(60)"
    command = ["gunicorn", "-X", escapes, "-c", code]
    with subprocess.Popen(command, executable=sys.executable, cwd=folder) as process:
        try:
            until(lambda: escapes in psutil.Process(process.pid).cmdline())
            text = page(dump(process.pid), ascii_only=False)
        finally:
            process.kill()
    assert f"gunicorn {process.pid}" in text
    assert "\\x1b]0;x" in text
    assert all(line.isprintable() and len(line) <= WIDTH for line in text.split("\n"))


# --- with the probe -----------------------------------------------------------------------------------------------


def test_with_the_probe_requests_are_known_and_the_same_from_outside(
    start: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump_facts, "BLOCKED_S", 1.0)
    server = start(*gunicorn("-w", "2", exec=True), workers=2)
    server.ask("/sleep")
    until(lambda: held(server) == 1)
    taken = dump(server.pid)
    [found] = taken["servers"]
    assert taken.keys() == documented("of a dump")
    assert found.keys() == documented("of a server")
    assert {*found["accept_queues"][0]} == documented("of an accept queue")
    assert {*found["waiting"][0]} == documented("of what waits")
    assert all(row.keys() == documented("of a worker") for row in found["workers"])
    assert found["probe"]
    assert found["kind"] == "sync"
    busy = [row for row in found["workers"] if row["requests"]]
    [row] = busy
    assert row["clients"] == 1
    assert row["activity"] == "blocked"
    assert row["requests"][0].keys() == documented("of a request")
    assert row["requests"][0]["target"] == "GET /sleep"
    assert row["requests"][0]["line"] == "shop.py:8 time.sleep"
    assert "nanosleep" in row["waits_in"]
    [lasts] = until(lambda: [one for one in only_server(server)["findings"] if one["name"] == "request-lasts"])
    assert lasts.keys() == documented("of a finding")


def test_who_waits_for_what_and_what_a_config_file_says(start: Callable[..., Server], tmp_path: Path) -> None:
    config = tmp_path / "prod.py"
    config.write_text("timeout = 77\nthreads = 4\nworker_class = 'gthread'\n")
    server = start(*gunicorn("-c", str(config), exec=True))
    for path in ("/lock", "/lock", "/lock", "/sleep", "/sleep"):
        server.ask(path)
    until(lambda: held(server) == 5)

    def waiting() -> dict[str, dict[str, Any]]:
        return {one["what"]: one for one in only_server(server)["waiting"]}

    found = until(lambda: (now := waiting()).keys() >= {"thread", "line", "elsewhere"} and now)
    assert (found["thread"]["waiting"], found["thread"]["holders"]) == (1, 4)
    line = found["line"]
    assert (line["waiting"], line["holders"], line["line"]) == (2, 1, "shop.py:13 with LOCK")
    assert line["held_at"] == "shop.py:14 time.sleep"
    assert "clock_nanosleep: sleeps for a time" in found["elsewhere"]["words"]
    assert line["pids"] == found["thread"]["pids"] == server.workers()
    told = only_server(server)
    assert (told["timeout_s"], told["timeout_source"]) == (77, "the probe")
    assert any(one["name"] == "threads-exhausted" for one in told["findings"])


def test_a_loop_that_is_held_is_found(start: Callable[..., Server]) -> None:
    server = start(*gunicorn("-k", "asgi", exec=True)[:-1], "shop:held")
    server.ask("/sleep")
    server.ask("/")
    [finding] = until(lambda: [one for one in only_server(server)["findings"] if one["name"] == "loop-held"])
    assert "GET /sleep holds the event loop" in finding["words"]
    [row] = only_server(server)["workers"]
    assert row["activity"] == "blocked"


def death_of(pid: int) -> dict[str, Any] | None:
    return next((death for death in last_deaths.last()["deaths"] if death["pid"] == pid), None)


def recorded_death(pid: int) -> dict[str, Any] | None:
    """Its master has said what became of it."""
    death = death_of(pid)
    return death if death and death["seen"] and death["note"] != last_deaths.NOT_YET_KNOWN else None


def holder(server: Server) -> int:
    """The worker that holds a connection."""

    def found() -> int:
        for pid in server.workers():
            with contextlib.suppress(psutil.Error):
                connections = psutil.Process(pid).net_connections("tcp")
                if any(one.status == psutil.CONN_ESTABLISHED for one in connections):
                    return pid
        return 0

    pid: int = until(found)
    return pid


@pytest.mark.parametrize(
    ("path", "more", "cause", "by"),
    [
        ("/segfault", [], "crashed with SIGSEGV", "kernel"),
        ("/exit", [], "ended itself with exit status 7 (os._exit)", "itself"),
        ("/sleep", ["-t", "2"], "was killed by gunicorn (worker timeout)", "gunicorn"),
    ],
)
def test_the_black_box_says_what_a_worker_died_of(
    start: Callable[..., Server], path: str, more: list[str], cause: str, by: str
) -> None:
    server = start(*gunicorn(*more, exec=True))
    server.ask(path)
    [found] = until(lambda: [one for one in last_deaths.last(server.pid)["deaths"] if one["seen"]])
    assert (found["cause"], found["by"], found["seen"]) == (cause, by, True)
    [request] = found["requests"]
    assert request["target"] == f"GET {path}"
    if path != "/exit":
        assert request["line"].startswith("shop.py:")


def test_the_black_box_after_kill_9_of_a_worker_and_then_of_all(start: Callable[..., Server]) -> None:
    server = start(*gunicorn(exec=True))
    server.ask("/sleep")
    first = holder(server)
    os.kill(first, signal.SIGKILL)
    found = until(lambda: recorded_death(first))
    assert (found["cause"], found["by"], found["signal"]) == ("was killed by SIGKILL", None, "SIGKILL")
    assert found["note"] == last_deaths.NOBODY_KNOWN
    assert found.keys() == documented("of a death")
    assert found["requests"][0].keys() == documented("of a lost request")
    assert found["requests"][0]["target"] == "GET /sleep"
    assert any(one["name"] == "worker-died" for one in only_server(server)["findings"])
    server.ask("/sleep")
    second = holder(server)
    until(lambda: any(row["requests"] for row in only_server(server)["workers"]))
    os.kill(server.pid, signal.SIGKILL)  # before it can see its worker die
    os.kill(second, signal.SIGKILL)
    server.process.wait()
    until(lambda: not psutil.pid_exists(second))  # as long as it is a zombie, the kernel knows
    found = until(lambda: death_of(second))
    assert not found["seen"]
    assert found["cause"] == last_deaths.UNSEEN
    assert found["requests"][0]["target"] == "GET /sleep"
    assert found["requests"][0]["line"] == "shop.py:8 time.sleep"


MEMORY = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
LIMIT = 64 << 20


@pytest.fixture
def limited() -> Iterator[Callable[[int], None]]:
    """Puts a process into a memory cgroup (version 1 or 2) with a limit of its own."""
    group = next((root / f"wsgiviz-{os.getpid()}" for root in MEMORY if os.access(root, os.W_OK)), None)
    if group is None:
        pytest.skip("no memory cgroup can be made here")
    try:
        group.mkdir()
        limit = next(
            (path for name in ("memory.limit_in_bytes", "memory.max") if (path := group / name).exists()), None
        )
        if limit is None:
            pytest.skip("no memory cgroup can be made here")
        limit.write_text(str(LIMIT))

        def put(pid: int) -> None:
            (group / "cgroup.procs").write_text(str(pid))

        yield put
    except OSError as error:
        pytest.skip(f"no memory cgroup can be made here: {error}")
    finally:
        with contextlib.suppress(OSError):
            until(lambda: not (group / "cgroup.procs").read_text())
            group.rmdir()


def test_a_worker_that_the_kernel_kills_for_lack_of_memory(
    start: Callable[..., Server], limited: Callable[[int], None]
) -> None:
    """Told apart from a SIGKILL of anybody else's, also when the server is gone."""
    server = start(*gunicorn(exec=True))
    [eater] = server.workers()
    limited(eater)
    server.ask("/eat")
    found = until(lambda: recorded_death(eater))
    assert found["signal"] == "SIGKILL"
    assert "memory" in found["cause"]
    assert found["note"] is None
    assert found["requests"][0]["target"] == "GET /eat"
    server.process.terminate()
    server.process.wait()
    assert death_of(eater) == found | {"ago_s": pytest.approx(found["ago_s"], abs=WAIT_S)}


# --- the command --------------------------------------------------------------------------------------------------


def wsgiviz(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "wsgiviz", *arguments], capture_output=True, text=True, timeout=60)


def test_the_command_and_its_exit_status(
    start: Callable[..., Server], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = start(*gunicorn())
    assert wsgiviz("dump", str(server.pid)).returncode == 0
    report = tmp_path / "dump.json"
    done = wsgiviz("dump", str(server.pid), "--json", str(report), "--ascii")
    assert done.stdout.isascii()
    assert json.loads(report.read_text())["servers"][0]["pid"] == server.pid
    deaths = json.loads(wsgiviz("dump", "--last", "--json", "-").stdout)
    assert deaths["deaths"] == []
    assert deaths.keys() == documented("of a dump of deaths")
    for wrong in (("dump", "nine"), ("dump", "0"), ("dump", str((1 << 31) - 1)), ("dump", "--last", "1")):
        assert cli.run(list(wrong)) == 2
        message, hint = capsys.readouterr().err.splitlines()
        assert message.startswith("wsgiviz: ")
        assert hint.startswith("  hint: ")
