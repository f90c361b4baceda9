"""The black box is bounded, and what it loses first is what nobody asks for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.probed import Recorded
from wsgiviz.probe.deaths import REMEMBERED, Deaths
from wsgiviz.probe.source_lines import MOST_KNOWN, SourceLines
from wsgiviz.recorder import keeping, served
from wsgiviz.recorder.emitter import create_emitter
from wsgiviz.recorder.keeping import DeadRing, DeadWorkers, Left
from wsgiviz.recorder.layout import pack_header, ring_bytes, ring_name

DAY_S = 24 * 3600.0
KILLED = signal.SIGKILL


# --- workers


def test_rings_of_workers_that_went_in_order_go_first() -> None:
    dead = [DeadRing("crash", False), *(DeadRing(f"recycled {n}", True) for n in range(20))]
    removed = keeping.rings_to_remove(dead, 16)
    assert [ring.name for ring in removed] == [f"recycled {n}" for n in range(5)]


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 20))
def test_no_more_are_kept_and_no_crash_goes_before_an_orderly_end(ends: list[bool], most: int) -> None:
    dead = [DeadRing(str(number), in_order) for number, in_order in enumerate(ends)]
    removed = keeping.rings_to_remove(dead, most)
    kept = [ring for ring in dead if ring not in removed]
    assert len(kept) == min(most, len(dead))
    if any(not ring.in_order for ring in removed):
        assert not any(ring.in_order for ring in kept)
    for kind in (True, False):
        gone = [int(ring.name) for ring in removed if ring.in_order is kind]
        stay = [int(ring.name) for ring in kept if ring.in_order is kind]
        assert not gone or not stay or max(gone) < min(stay)


@pytest.mark.parametrize(
    ("status", "sent", "by_timeout", "in_order"),
    [
        (0, 0, False, True),  # max_requests
        (0, signal.SIGTERM, False, True),
        (signal.SIGTERM, signal.SIGTERM, False, True),  # uvicorn raises it again
        (KILLED, 0, False, False),
        (KILLED, KILLED, False, False),
        (signal.SIGSEGV, 0, False, False),
        (signal.SIGABRT, signal.SIGABRT, True, False),
        (1 << 8, 0, False, False),
        (0, signal.SIGABRT, True, False),
        (-1, 0, False, False),
    ],
)
def test_how_a_worker_went(status: int, sent: int, by_timeout: bool, in_order: bool) -> None:
    assert keeping.went_in_order(status, sent, by_timeout) is in_order


def ring_of(directory: Path, pid: int, started_ns: int = 5) -> Path:
    path = directory / ring_name("wsgi", "worker", pid, started_ns)
    path.write_bytes(pack_header(pid, started_ns, "wsgi", "worker", 8).ljust(ring_bytes(8), b"\0"))
    return path


def test_a_crash_outlives_a_hundred_renewed_workers(tmp_path: Path) -> None:
    deaths = Deaths(Recorded().emit, DeadWorkers(tmp_path))
    living = ring_of(tmp_path, 99)
    crash = ring_of(tmp_path, 100)
    deaths.died(100, KILLED, by_timeout=False)
    for pid in range(101, 201):
        ring_of(tmp_path, pid)
        deaths.died(pid, 0, by_timeout=False)
        assert len(list(tmp_path.glob("*.ring"))) <= 1 + keeping.MOST_DEAD_RINGS
    assert crash.exists()
    assert living.exists()
    assert {path.name for path in tmp_path.glob("*-worker-2*")} == {ring_name("wsgi", "worker", 200, 5)}


def test_a_pid_that_comes_again_is_another_ring(tmp_path: Path) -> None:
    dead = DeadWorkers(tmp_path, most=1)
    first = ring_of(tmp_path, 100, 5)
    dead.died(100, in_order=False)
    second = ring_of(tmp_path, 100, 6)
    dead.died(100, in_order=False)
    assert not first.exists()
    assert second.exists()


# --- servers


def left(days: float, size: int = 1 << 20, name: str = "") -> Left:
    return Left(Path(name or f"{days}"), size, -days * DAY_S)


def test_old_directories_and_too_many_go() -> None:
    found = [left(days / 2) for days in range(20)]
    removed = keeping.directories_to_remove(found, now_s=0)
    assert [one for one in found if one not in removed] == found[: keeping.MOST_DIRECTORIES]
    assert keeping.directories_to_remove([left(8)], now_s=0) == [left(8)]


def test_together_they_have_so_many_bytes_and_the_newest_stays_in_any_case() -> None:
    big, small = left(1, 40 << 20), left(2, 1 << 20)
    assert keeping.directories_to_remove([left(0, 40 << 20), big, small], now_s=0) == [big]
    huge = left(0, 1 << 30)
    assert keeping.directories_to_remove([huge, small], now_s=0) == [small]


@given(st.lists(st.builds(left, st.floats(0, 20), st.integers(0, 90 << 20)), max_size=20))
def test_what_stays_is_within_the_bounds(found: list[Left]) -> None:
    removed = keeping.directories_to_remove(found, now_s=0)
    stays = list(found)
    for one in removed:
        stays.remove(one)
    assert len(stays) <= keeping.MOST_DIRECTORIES
    assert all(-one.written_s <= keeping.LONGEST_S for one in stays)
    assert len(stays) <= 1 or sum(one.size for one in stays) <= keeping.MOST_BYTES


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv(served.HOME_VARIABLE, str(home))
    monkeypatch.setattr(keeping, "NEW_S", 0)
    return home


def directory(home: Path, pid: int, started_ns: int, ago_s: float = 0) -> Path:
    path = home / f"{pid}-{started_ns:x}"
    path.mkdir(mode=0o700)
    (path / served.SITE).mkdir()
    for one in (path / "some.file", path):
        one.touch()
        os.utime(one, (time.time() - ago_s,) * 2)
    return path


def dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_what_dead_servers_left_goes_and_what_lives_stays(home: Path) -> None:
    pid = dead_process()
    old = directory(home, pid, 1, ago_s=8 * DAY_S)
    living = directory(home, pid, 2, ago_s=8 * DAY_S)
    emitter = create_emitter(living, "wsgi", "worker", 8)
    os.utime(living, (time.time() - 8 * DAY_S,) * 2)
    others = home / "notes"
    others.mkdir(mode=0o700)
    os.utime(others, (1, 1))
    linked = home / f"{pid}-3"
    linked.symlink_to(others)
    assert keeping.prune() == [old]
    assert living.exists()
    assert (living / served.SITE).exists()
    assert others.exists()
    assert linked.is_symlink()
    assert emitter.memory is not None


def test_of_many_dead_ones_the_newest_stay_without_the_copy_of_the_probe(home: Path) -> None:
    pid = dead_process()
    made = [directory(home, pid, number + 1, ago_s=3600 * number) for number in range(12)]
    assert set(keeping.prune()) == set(made[keeping.MOST_DIRECTORIES :])
    assert not (made[0] / served.SITE).exists()
    assert keeping.prune() == []


def test_a_pid_that_came_again_is_not_that_process() -> None:
    me = os.getpid()
    assert keeping.is_alive(me, time.monotonic_ns())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as young:
        assert keeping.is_alive(young.pid, time.monotonic_ns())
        assert not keeping.is_alive(young.pid, time.monotonic_ns() - 3600 * keeping.SECOND_NS)
        young.kill()
    assert not keeping.is_alive(young.pid, time.monotonic_ns())
    assert not keeping.is_alive(me, time.monotonic_ns() + keeping.SECOND_NS)
    assert not keeping.is_alive(1 << 40, 1)


def test_a_directory_that_is_being_made_is_left_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "NEW_S", 60)
    path = directory(home, dead_process(), 1)
    assert keeping.lives(path)


# --- what a probe remembers


def test_a_master_that_loses_a_worker_all_the_time_does_not_grow() -> None:
    deaths = Deaths(Recorded().emit)
    for pid in range(1, 3 * REMEMBERED):
        deaths.forked(pid)
        deaths.died(pid, 0, by_timeout=False)
    assert sizes(deaths) <= REMEMBERED


def test_code_that_is_made_for_each_request_does_not_pile_up() -> None:
    lines = SourceLines("tests")
    for number in range(2 * MOST_KNOWN):
        code = compile("def made(): pass", f"made-{number}.py", "exec").co_consts[0]
        assert isinstance(code, CodeType)
        lines.definition(code)
    assert sizes(lines) <= MOST_KNOWN + 1


def sizes(of: object) -> int:
    """How many things the largest of its collections holds."""
    return max(len(value) for value in vars(of).values() if isinstance(value, dict | set | list))
