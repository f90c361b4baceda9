"""What a request on an event loop has called in threads, or in processes of a pool."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from wsgiviz.state.activity import Task
from wsgiviz.state.counters import Counters, WaitSamples


class Calls(Struct, frozen=True, gc=False):
    """So many calls wait for a thread or process, run, and have been run.

    ``pool`` is the number, in its process, of the pool that the newest is for, and ``in_process`` whether that has
    processes. Times are those in which no task of the request did anything else, as far as they are over: in threads
    that were ``blocked_ns`` (or not known), ``computing_ns`` or waiting for the GIL (``gil_ns``), in processes
    ``process_ns``, and waiting for a thread or a process ``waited_ns``.
    """

    queued: int = 0
    running: int = 0
    ended: int = 0
    pool: int = 0
    waited_ns: int = 0
    blocked_ns: int = 0
    computing_ns: int = 0
    gil_ns: int = 0
    process_ns: int = 0
    in_process: bool = False
    thread_id: int = 0  # the native id of the thread that runs the oldest, once it has lasted
    seen: Task = Task.IN_THREAD  # what that thread was last seen to do
    mark: Counters = Counters()  # its newest sample
    waits: WaitSamples = WaitSamples()  # of this call
    judged: bool = False  # what it does is known by samples

    @property
    def all(self) -> int:
        return self.queued + self.running + self.ended

    @property
    def task(self) -> Task:
        """What the request does while no step of it is on or due."""
        if self.running:
            return Task.IN_PROCESS if self.in_process else self.seen
        if self.queued:
            return Task.FOR_PROCESS if self.in_process else Task.FOR_THREAD
        return Task.AWAITING

    def after(self, task: Task, lasted_ns: int) -> Calls:
        """It has been in that state for so long, which is over."""
        name = SPENT.get(task)
        return replace(self, **{name: getattr(self, name) + lasted_ns}) if name else self

    def in_new_thread(self, thread_id: int) -> Calls:
        """Nothing is known yet of what that thread does. 0: of no thread that is known."""
        if not thread_id and not self.thread_id:
            return self
        return replace(
            self, thread_id=thread_id, seen=Task.IN_THREAD, mark=Counters(), waits=WaitSamples(), judged=False
        )


SPENT = {
    Task.IN_THREAD: "blocked_ns",
    Task.THREAD_COMPUTES: "computing_ns",
    Task.THREAD_FOR_GIL: "gil_ns",
    Task.IN_PROCESS: "process_ns",
    Task.FOR_THREAD: "waited_ns",
    Task.FOR_PROCESS: "waited_ns",
}
"""Which of the times each state belongs to."""

NO_CALLS = Calls()
"""Of a request that has called nothing in a thread, as most do: what is this very object needs no further look."""
