"""Threads behind an event loop: what requests call in them, and the pools that they belong to."""

from __future__ import annotations

from wsgiviz.events.event import Event


class CallQueued(Event, frozen=True, tag=65):
    """The request asks for a thread of ``pool`` (a number in its process, 0 for one that is not listed); ``process``
    is 1 where that is a pool of processes."""

    pool: int
    req: int
    process: int = 0


class CallBegan(Event, frozen=True, tag=66):
    """A thread has taken up a call of the request."""

    pool: int
    req: int


class CallEnded(Event, frozen=True, tag=67):
    """A call of the request is over. ``began``: 0 when it was given up before a thread took it up."""

    pool: int
    req: int
    began: int


class CallsCounted(Event, frozen=True, tag=110):
    """The request has so many calls in threads or processes: ``queued`` wait for one of ``pool``, ``running`` run. It
    is said to a viewer that attaches, and has missed how that came about."""

    pool: int
    req: int
    queued: int
    running: int


class CallThread(Event, frozen=True, tag=102):
    """A thread of the native id ``thread_id`` works for the request, and has done so for a while."""

    req: int
    thread_id: int


class PoolSampled(Event, frozen=True, tag=68):
    """Of ``size`` threads (-1: any number) so many are ``running``, for requests or not; ``waiting`` wait for one.

    ``name``: "kind|name"; kinds are anyio (its default limiter), limiter (another one of AnyIO's), asyncio (the
    loop's default executor), asgiref (its one thread), executor (any other, and what it is called), processes (an
    executor of processes) and process-limiter (AnyIO's for processes). A pool that is gone has a size of 0."""

    pool: int
    size: int
    running: int
    waiting: int
    name: str
