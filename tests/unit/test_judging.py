"""What a thread has mostly done, where it waits for a core as well as for the interpreter lock."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.test_reducer import labels, sampled
from wsgiviz.events import ThreadSampled


def counted(at: float, cpu_ms: float, letter: str, runq_ms: float, slept: int, preempted: int) -> ThreadSampled:
    """With how often it went to sleep, and was preempted."""
    return replace(sampled(at, cpu_ms, letter, runq_ms), slept=slept, preempted=preempted)


FIRST = counted(53, 33, "G", 0, 10, 10)


@pytest.mark.parametrize(("mark", "sample", "shown"), [
    # As seen on a machine whose two cores were asked for by ten: times of 40 ms and more, of threads that computed
    # alone, but for the sampler's, which has the lock for a moment now and then,
    ("G", counted(99, 50, "R", 24, 11, 18), "computing"),
    ("R", counted(89, 47, "G", 27, 11, 18), "computing"),
    ("G", counted(120, 37, "R", 12, 10, 14), "computing"),
    ("R", counted(156, 40, "R", 37, 11, 19), "computing"),
    # and of those that waited for it, and stood in line for a CPU to ask.
    ("G", counted(95, 33, "G", 20, 15, 10), "waiting for the GIL"),
    ("R", counted(97, 33.1, "G", 26, 14, 10), "waiting for the GIL"),
    ("G", counted(100, 34, "R", 30, 14, 10), "waiting for the GIL"),
])  # fmt: skip
def test_waiting_for_a_core_is_told_from_asking_for_the_lock_by_what_it_followed(
    mark: str, sample: ThreadSampled, shown: str
) -> None:
    seen = replace(FIRST, letter=mark), sample
    assert labels(sampled(30, 0, "G"), *seen)[-1] == shown


def test_who_never_slept_has_stood_in_line_for_a_core_all_the_time() -> None:
    """The kernel tells of that only when it is over."""
    before, after = counted(53, 33, "R", 5, 10, 10), counted(118, 37, "R", 10, 10, 11)
    assert labels(sampled(30, 0, "G"), before, after)[-1] == "computing"
    assert labels(sampled(30, 0, "G"), before, replace(after, slept=18, preempted=10))[-1] == "waiting for the GIL"
