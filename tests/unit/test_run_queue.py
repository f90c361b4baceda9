"""On a machine with more to do than it has cores: waiting for one before a request is no computing in it."""

from __future__ import annotations

from tests.unit.histories import BOOTED, MS, PID, began, ended, ns, of_client, started, wsgi
from wsgiviz.analysis import metrics
from wsgiviz.events import Event, ThreadSampled


def sampled(at: float, runq_ms: float, letter: str = "S") -> ThreadSampled:
    return ThreadSampled(ns(at), "wsgi", PID, 0, MS, ns(runq_ms), letter)


def computing(*before: Event, runq_ms: float) -> float:
    """Of a request of 300 ms, 2 of them on the CPU, that begins at 330 ms, with one sample in it: the share of the
    time in the app."""
    inside = [began(at=330), sampled(363, runq_ms), ended(at=328, lasts=302, cpu_ms=2)]
    side = wsgi([*BOOTED, *started(), sampled(20, 0), *of_client(at=325, lasts=310), *before, *inside])
    [times] = metrics.per_worker(side, ns(700))
    assert times.computing_s is not None
    assert times.blocked_s is not None
    return times.computing_s / (times.computing_s + times.blocked_s)


def test_what_an_idle_worker_waits_for_a_core_is_outside() -> None:
    assert computing(sampled(320, 300, "R"), runq_ms=300) < 0.02


def test_so_is_what_is_longer_than_the_request_s_own_first_stretch() -> None:
    """That stretch itself may have been on the run queue: it lasts 33 ms."""
    assert computing(runq_ms=300) < 0.15


def test_what_a_request_waits_for_a_core_counts_as_computing() -> None:
    assert computing(sampled(320, 0), runq_ms=30) > 0.1
