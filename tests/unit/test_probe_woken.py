"""A supervisor that waits is woken by a signal, not by the end of its half second."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from wsgiviz.probe.woken import WokenBySignals

LONG_S = 60.0


@pytest.fixture
def event() -> Iterator[WokenBySignals]:
    before = signal.getsignal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, lambda number, frame: None)
    fd = signal.set_wakeup_fd(-1)
    yield WokenBySignals()
    signal.set_wakeup_fd(fd)
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_before_the_wait_or_in_it_ends_it_and_sets_nothing(event: WokenBySignals) -> None:
    began = time.monotonic()
    os.kill(os.getpid(), signal.SIGUSR1)
    assert not event.wait(LONG_S)
    sender = subprocess.Popen([sys.executable, "-c", f"import os, signal; os.kill({os.getpid()}, signal.SIGUSR1)"])
    assert not event.wait(LONG_S)
    sender.wait()
    assert time.monotonic() - began < LONG_S, "it waited for its time"


def test_without_a_signal_it_waits_for_its_time(event: WokenBySignals) -> None:
    began = time.monotonic()
    assert not event.wait(0.01)
    assert time.monotonic() - began >= 0.01


def test_what_is_set_waits_for_nothing(event: WokenBySignals) -> None:
    event.set()
    assert event.wait(LONG_S)
