"""An event loop inside a request of a thread: asyncio.run() in a WSGI app, or asgiref's async_to_sync (Flask's and
Django's async views under WSGI), which runs one in a thread of its own and waits for it.

The request's line is that of the task which the loop works for, wherever that is.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Mapping
from concurrent import futures
from threading import get_ident
from types import FrameType
from typing import Any

from wsgiviz.probe.connection import Connection
from wsgiviz.probe.line_sampler import ASYNCIO, Frames
from wsgiviz.probe.source_lines import awaiting, stack
from wsgiviz.probe.thread_calls import runs_here

RUNS = "run_forever"
MOST_TASKS = 64
"""So many tasks of a loop are looked at."""

Own = Callable[[list[FrameType]], FrameType | None]
"""The innermost frame of the app among frames that come innermost first."""


class NestedLoops:
    """Those of the requests in ``connections``, which are by the thread that serves them."""

    def __init__(self, connections: Mapping[int, Connection], own: Own) -> None:
        self._connections = connections
        self._own = own
        self._inner: dict[int, list[int]] = {}
        """By serving thread: the threads that run what its request has given to executors."""

    def follow(self) -> None:
        """Stand round the executors' own `submit`, to know which thread works for a request."""
        submit: Any = futures.ThreadPoolExecutor.submit
        connections = self._connections

        @functools.wraps(submit)
        def observed_submit(self_: Any, fn: Any, /, *args: Any, **named: Any) -> Any:
            thread = get_ident()
            connection = connections.get(thread)
            if connection is None or not connection.req or not runs_here(self_):
                return submit(self_, fn, *args, **named)
            return submit(self_, functools.partial(self._run, thread, fn), *args, **named)

        futures.ThreadPoolExecutor.submit = observed_submit  # type: ignore[method-assign]

    def _run(self, outer: int, fn: Callable[..., Any], *args: Any, **named: Any) -> Any:
        inner, threads = get_ident(), self._inner.setdefault(outer, [])
        threads.append(inner)
        try:
            return fn(*args, **named)
        finally:
            threads.remove(inner)

    def frames(self, thread: int, found: list[FrameType], running: Frames) -> list[FrameType]:
        """The frames of a loop inside the request that ``thread`` serves, innermost first; none without a loop.

        ``found`` are the thread's own, ``running`` all threads' innermost ones.
        """
        stacks = [found, *(stack(running.get(inner)) for inner in list(self._inner.get(thread, ())))]
        for frames in stacks:
            at = next((at for at, frame in enumerate(frames) if _runs_loop(frame)), None)
            if at is not None:
                step = frames[:at] if self._own(frames[:at]) is not None else self._waiting(frames[at])
                return [*step, *frames[at:]]
        return []

    def _waiting(self, runs: FrameType) -> list[FrameType]:
        """Where most tasks of the loop wait that ``runs`` there, in lines of the app."""
        found: dict[tuple[str, int], list[list[FrameType]]] = {}
        for task in _tasks(runs.f_locals.get("self"))[:MOST_TASKS]:
            frames = awaiting(task.get_coro())
            own = self._own(frames)
            if own is not None:
                found.setdefault((own.f_code.co_filename, own.f_lineno), []).append(frames)
        return max(found.values(), key=len)[0] if found else []


def _runs_loop(frame: FrameType) -> bool:
    code = frame.f_code
    return code.co_name == RUNS and code.co_filename.startswith(ASYNCIO)


def _tasks(loop: Any) -> list[asyncio.Task[Any]]:
    """Those of another thread's loop: they may change while they are listed."""
    if not isinstance(loop, asyncio.AbstractEventLoop):
        return []
    with contextlib.suppress(RuntimeError):
        return list(asyncio.all_tasks(loop))
    return []
