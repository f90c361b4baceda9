"""``wsgiviz dump`` on real servers: what it says from outside agrees with /proc and py-spy, and with the probe."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.own_servers import (
    ON_LINUX,
    WAIT_S,
    Server,
    gunicorn,
    held,
    only_server,
    start_servers,  # noqa: F401 - the fixture
    until,
)
from tests.unit.dump_keys import documented
from wsgiviz import cli
from wsgiviz.observe import py_spy
from wsgiviz.report import dump_facts
from wsgiviz.report.dump import dump
from wsgiviz.report.dump_page import WIDTH, page

pytestmark = [ON_LINUX, pytest.mark.xdist_group("dump")]  # it judges no times


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
    # The connection of the first request may not be closed yet.
    until(lambda: {row["activity"] for row in only_server(server)["workers"]} == {"idle"})


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
    found = until(lambda: (now := only_server(server))["workers"][0]["activity"] == activity and now)
    [row] = found["workers"]
    [pid] = server.workers()
    assert (row["pid"], row["clients"], row["unread_bytes"]) == (pid, 2, 0)
    names = [(Path(f"/proc/{pid}/task") / str(one.id) / "comm").read_text() for one in psutil.Process(pid).threads()]
    assert row["threads"] == len(names)
    calls = [row["waits_in"], *row["threads_in"]]
    assert sum(in_kernel in call for call in calls) == (2 if kind == "gthread" else 1)
    if row["lines"] is not None and kind == "gthread":  # by py-spy
        assert row["lines"] == ["shop.py:8 in app"] * 2
    if kind == "gthread":
        assert sum(one["waiting"] for one in found["waiting"] if one["what"] == "call") == 2


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
    os.kill(row["pid"], signal.SIGSTOP)
    stopped = only_server(server)
    assert {one["activity"] for one in stopped["workers"]} == {"stopped", "idle"}
    assert stopped["findings"][0]["name"] == "worker-stopped"


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
