"""``wsgiviz dump --last`` on real servers: workers that died of something, with what they had."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.own_servers import ON_LINUX, WAIT_S, Server, gunicorn, only_server, start_servers, until  # noqa: F401
from tests.unit.dump_keys import documented
from wsgiviz.report import last_deaths

pytestmark = [ON_LINUX, pytest.mark.xdist_group("dump")]  # it judges no times


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
