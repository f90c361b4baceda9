"""A request on an event loop, and the loop."""

from __future__ import annotations

from wsgiviz.events.event import Event


class StepBegan(Event, frozen=True, tag=30):
    """A step of the request's coroutine begins: it holds the loop."""

    req: int


class StepEnded(Event, frozen=True, tag=31):
    """The coroutine yielded after ``held_ns``."""

    req: int
    held_ns: int


class TaskReady(Event, frozen=True, tag=32):
    """What the request waited for is done; it waits for the loop."""

    req: int


class LoopBeat(Event, frozen=True, tag=33):
    """The loop's heartbeat was ``late_ns`` late. ``selector_ns``: time in the selector so far, -1 where unknown;
    ``every_ns``: the next one is due so much later, 0 for BEAT_NS."""

    late_ns: int
    selector_ns: int
    every_ns: int = 0


class LoopHeld(Event, frozen=True, tag=34):
    """One step has held the loop for ``held_ns`` so far, at ``line`` of ``where``; ``req`` is 0 when it is no
    request's. ``where``: "file|function|call"."""

    req: int
    held_ns: int
    line: int
    where: str


class ChildTasks(Event, frozen=True, tag=35):
    """Of the tasks that the request has ``started``, so many are ``alive``."""

    req: int
    alive: int
    started: int
