"""The load driver's process: it goes with its owner, and its own end is noticed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.driver_bench import Bench, gone, opened, wait_until
from tests.integration.small_server import OK, says
from wsgiviz.control.load_client import LoadClient
from wsgiviz.events import SIDES

pytestmark = pytest.mark.xdist_group("driver")  # it judges no times


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Bench]:
    yield from opened(tmp_path / "run")


def test_the_terminals_interrupt_is_not_for_the_driver(mortal: Bench) -> None:
    os.kill(mortal.driver.pid, signal.SIGINT)
    mortal.fire(mortal.server(says(OK)), requests=2)
    assert mortal.finish().cancelled == 0
    assert mortal.driver.alive


def test_it_goes_with_its_run_directory_when_its_stdin_ends(mortal: Bench) -> None:
    mortal.fire(mortal.holding(), requests=3)
    mortal.connected(3)
    assert mortal.driver.process.stdin is not None
    mortal.driver.process.stdin.close()
    wait_until(lambda: not mortal.driver.alive, "the driver's end")
    assert mortal.driver.process.returncode == 0
    assert not mortal.rundir.exists()


def test_it_removes_the_logs_too(tmp_path: Path) -> None:
    rundir, logs = tmp_path / "run", tmp_path / "logs"
    rundir.mkdir()
    logs.mkdir()
    driver = LoadClient.start(rundir, logs)
    wait_until(lambda: len(list(rundir.glob("*.ring"))) == len(SIDES), "the driver")
    driver.close()
    assert list(tmp_path.iterdir()) == []


def test_no_room_for_its_rings_is_said_in_a_line(tmp_path: Path) -> None:
    """The run directory is gone: what a full file system says differs only in its reason."""
    driver = LoadClient.start(tmp_path / "gone", tmp_path)
    wait_until(lambda: not driver.alive, "the driver's end")
    assert driver.failure().detail.startswith("the load driver can't make its rings: No such file or directory")
    driver.close()


def test_a_driver_that_was_killed_is_noticed_and_named(mortal: Bench) -> None:
    os.kill(mortal.driver.pid, signal.SIGKILL)
    wait_until(lambda: not mortal.driver.alive, "the driver's end")
    mortal.fire(mortal.server(says(OK)))  # into a broken pipe: `alive` says enough
    assert "SIGKILL" in mortal.driver.failure().message
    mortal.driver.close()


def test_a_driver_that_fails_says_its_last_words(mortal: Bench) -> None:
    mortal.fire(requests=0)
    wait_until(lambda: not mortal.driver.alive, "the driver's end")
    failure = mortal.driver.failure()
    assert failure.message == "the load driver ended with status 1"
    assert "ValueError: not a job" in failure.detail


OWNER = """
import sys, time
from pathlib import Path
from wsgiviz.control.load_client import LoadClient
print(LoadClient.start(Path(sys.argv[1])).pid, flush=True)
time.sleep(60)
"""


def test_an_owner_that_was_killed_leaves_neither_process_nor_directory(tmp_path: Path) -> None:
    rundir = tmp_path / "run"
    rundir.mkdir()
    with subprocess.Popen([sys.executable, "-c", OWNER, str(rundir)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        wait_until(lambda: len(list(rundir.glob("*.ring"))) == len(SIDES), "the driver")
        owner.kill()
    wait_until(lambda: gone(pid), "the driver's end")
    assert not rundir.exists()
