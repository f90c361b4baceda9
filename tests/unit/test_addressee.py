"""A signal reaches the process that a person has confirmed, and no other one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from wsgiviz.control.addressee import Addressee, caught, command_of
from wsgiviz.errors import WsgivizError

PROGRAM = "import signal; signal.signal(signal.SIGHUP, lambda *_: None); print('ready', flush=True); signal.pause()"


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdout.close()
    yield process
    process.kill()
    process.wait()


def test_it_is_sent_what_was_asked_for(process: subprocess.Popen[str]) -> None:
    with Addressee(process.pid, time.monotonic_ns()) as to:
        assert to.command == tuple([sys.executable, "-c", PROGRAM])
        assert to.handles(signal.SIGHUP)
        assert not to.handles(signal.SIGTTIN)
        to.send(signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM


def test_a_process_that_has_ended_is_sent_nothing(process: subprocess.Popen[str]) -> None:
    with Addressee(process.pid, time.monotonic_ns()) as to:
        process.kill()
        process.wait()
        with pytest.raises(WsgivizError, match=f"process {process.pid} has ended: nothing was sent"):
            to.send(signal.SIGTERM)
    with pytest.raises(WsgivizError, match="has ended"):
        Addressee(process.pid, time.monotonic_ns())
    assert command_of(process.pid) == ()
    assert caught(process.pid) == frozenset()


def test_another_process_of_the_same_number_is_sent_nothing(process: subprocess.Popen[str]) -> None:
    """What was known of lived an hour before: this process is younger."""
    with pytest.raises(WsgivizError, match="has ended"):
        Addressee(process.pid, max(1, time.monotonic_ns() - 3600 * 10**9))
    with Addressee(process.pid, time.monotonic_ns()) as to:
        to._started = (to._started or 0) - 1  # the one that was opened had been started before
        with pytest.raises(WsgivizError, match="another has its number"):
            to.send(signal.SIGTERM)
    assert process.poll() is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can start a process of another user")
def test_a_process_of_another_user_is_sent_nothing() -> None:
    theirs = subprocess.Popen(["sleep", "60"], user=65534)
    try:
        with pytest.raises(WsgivizError, match="is another user's"):
            Addressee(theirs.pid, time.monotonic_ns())
    finally:
        theirs.kill()
        theirs.wait()
