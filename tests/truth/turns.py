"""Computing or waiting for the GIL, by the clock of the thread itself (`tests.truth.apps.turns`).

Between two samples of a thread (33 ms) one state is shown: the one that it had for most of that time. Its own
account says how long it ran, and how long it waited for the lock and not for a CPU. It is judged where the account is
clear: it did the one or the other for BY_FAR of that time or more. Busy machines make that rare: to be runnable and
without a CPU is to compute for who has the lock, and to wait for it for who has not. A thread that computes ``alone``
has it, but in gaps in which it waited for it as well: the sampler's thread had it then, and no CPU.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.truth.diary import Diary
from tests.truth.session import Session
from tests.truth.verdicts import Verdict
from wsgiviz.settings import Settings
from wsgiviz.state import Activity, Counters, Phase, Side, Task

BY_FAR = 2 / 3
"""More than half by so much as the kernel's CPU time of a running thread is old at most: a tick, some ms of 33."""

SHORTEST_NS = 20_000_000
SHORT_NS = 200_000
DEADLINE_S = 120.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A thread between two samples, and what it was shown as at the second."""

    req: int
    first: Counters
    second: Counters
    activity: Activity

    @property
    def from_ns(self) -> int:
        return self.first.t_ns

    @property
    def to_ns(self) -> int:
        return self.second.t_ns

    @property
    def words(self) -> str:
        """What the kernel said of it."""
        slept, lost = self.second.slept - self.first.slept, self.second.preempted - self.first.preempted
        cpu_ms, runq_ms = (
            (self.second.cpu_ns - self.first.cpu_ns) / 1e6,
            (self.second.runq_ns - self.first.runq_ns) / 1e6,
        )
        times = f"CPU {cpu_ms:.0f} ms, run queue {runq_ms:.0f} ms, slept {slept}, preempted {lost}"
        return f"{self.first.letter}-{self.second.letter}, {times}"


def compare(settings: Settings, diary: Diary, samples: int) -> Iterator[Verdict]:
    """Comparisons of a session with these settings: as many as ``samples`` were judged, if there is time."""
    alone = settings.concurrency == 1
    with Session(settings) as session:
        session.until(Phase.RUNNING, 30)
        deadline = time.monotonic() + DEADLINE_S
        waiting: dict[int, list[Stretch]] = {}
        while samples > 0 and time.monotonic() < deadline:
            for stretch in _stretches_of_a_second(session):
                waiting.setdefault(stretch.req, []).append(stretch)
            diary.read()
            for number in [number for number in waiting if diary.is_over(number)]:
                account = diary.lines(number)
                for verdict in (_judge(account, stretch, alone) for stretch in waiting.pop(number)):
                    if verdict is not None:
                        samples -= verdict.agrees is not None
                        yield verdict


def _stretches_of_a_second(session: Session) -> list[Stretch]:
    found: list[Stretch] = []
    before: dict[int, Counters] = {}
    until = time.monotonic() + 1
    while time.monotonic() < until:
        state = session.pump()
        [side] = state.sides.values()
        for req, sample, activity in _behind_loop(side) if side.is_loop else _in_slots(side):
            was = before.get(req)
            if was is not None and was.t_ns < sample.t_ns:
                found.append(Stretch(req, was, sample, activity))
            before[req] = sample
        time.sleep(0.01)
    return [stretch for stretch in found if stretch.to_ns - stretch.from_ns >= SHORTEST_NS]


Shown = tuple[int, Counters, Activity]
"""A request in the app, the newest sample of its thread, and what that is shown to do."""

BEHIND_LOOP = {
    Task.IN_THREAD: Activity.BLOCKED,
    Task.THREAD_COMPUTES: Activity.COMPUTING,
    Task.THREAD_FOR_GIL: Activity.WAITING_FOR_GIL,
}


def _in_slots(side: Side) -> list[Shown]:
    return [(worker.req, worker.sample, worker.activity) for worker in side.server.living() if worker.req]


def _behind_loop(side: Side) -> list[Shown]:
    """Those whose thread has been sampled twice: before that nothing is claimed of what it does."""
    return [
        (request.id, request.calls.mark, BEHIND_LOOP[request.task])
        for request in side.ledger.in_flight()
        if request.task in BEHIND_LOOP and request.calls.mark.t_ns
    ]


def _judge(account: list[tuple[int, str]], stretch: Stretch, alone: bool) -> Verdict | None:
    """None where the thread was not at it all the time."""
    (began_ns, _), *gaps, (ended_ns, _) = account
    if stretch.from_ns < began_ns or stretch.to_ns > ended_ns:
        return None
    length_ns = stretch.to_ns - stretch.from_ns
    away_ns = for_lock_ns = 0.0
    for gap_ns, words in gaps:
        end_ns, off_cpu_ns, delay_ns = (int(word) for word in words.split()[1:])
        within_ns = max(0, min(end_ns, stretch.to_ns) - max(gap_ns, stretch.from_ns))
        off_ns = within_ns * off_cpu_ns / (end_ns - gap_ns)
        for_lock_ns += max(0, off_ns - delay_ns)
        away_ns += 0 if alone and off_cpu_ns - delay_ns < SHORT_NS else off_ns
    return _verdict(stretch, 1 - away_ns / length_ns, for_lock_ns / length_ns)


def _verdict(stretch: Stretch, ran: float, waited: float) -> Verdict:
    shown = stretch.activity.value
    about = f"req {stretch.req}: ran {ran:.0%}, waited for the lock {waited:.0%} of {_ms(stretch):.0f} ms"
    about += f" ({stretch.words})"
    if ran >= BY_FAR:
        return Verdict(shown, "computing", stretch.activity is Activity.COMPUTING, about)
    if waited >= BY_FAR:
        return Verdict(shown, "waiting for the GIL", stretch.activity is Activity.WAITING_FOR_GIL, about)
    either = stretch.activity in (Activity.COMPUTING, Activity.WAITING_FOR_GIL)
    return Verdict(shown, "both in turns", None if either else False, about)


def _ms(stretch: Stretch) -> float:
    return (stretch.to_ns - stretch.from_ns) / 1e6
