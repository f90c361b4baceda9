"""From frames that wait to the task that they wait for: gather, wait_for, task groups, a middleware's task.

A coroutine awaits a future, and a future does not say who will set it. But who waits for a task has it at hand: it
awaits the task itself, or the functions between the app's own code and the future hold it in a variable. That is what
is looked at here, and only tasks in which there is a line of the app's are followed.

It is done in the sampler's thread, while others run. So no method of any object of the app's is called: a variable
may hold a proxy, and even `isinstance` would ask that for its class. And only such functions are looked into as may
wait for a task, since Python before 3.13 keeps what it has shown of a function's variables until that returns.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE
from itertools import islice
from types import CoroutineType, FrameType, FunctionType
from typing import Any

from wsgiviz.probe.source_lines import awaiting, stack, waits_for

Own = Callable[[list[FrameType]], FrameType | None]
"""Gives the innermost of some frames that is the app's."""

Tasks = Collection[Any]

NEXT_COMPLETED = "_wait_for_one"
"""asyncio's function in which `as_completed` waits for the next one."""

DEEPEST = 8
"""A task that waits for a task, and so on: so many are followed."""

TASKS_LOOKED_AT = 16
FRAMES_LOOKED_AT = 32
RUN_LOOPS = f"{os.sep}asyncio{os.sep}", f"{os.sep}asgiref{os.sep}"
"""Folders of functions in which a thread waits for a loop: asyncio.run, async_to_sync."""

COLLECTIONS = frozenset({list, tuple, set, frozenset})
HOLDERS = {"TaskGroup": "_tasks", "_AsCompletedIterator": "_todo"}
"""Classes of asyncio and AnyIO that hold tasks, and in which attribute."""

HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
"""Without it, a frame's variables can't be read while another thread may run it."""


def follow(
    frames: list[FrameType], future: Any, req: int, own: Own, tasks: Tasks | None = None, depth: int = DEEPEST
) -> list[FrameType]:
    """The frames of the task that innermost-first ``frames`` wait for with ``future`` (None: not known), or of the
    one which that waits for; ``frames`` themselves where there is none with a line of the app.

    Tasks that are known to be another request's than ``req`` are not followed. ``tasks`` are those that it has
    started, where they are known; else those of the future's loop are looked through, if need be.
    """
    if not depth or not HAS_GIL:
        return frames
    inside = own(frames)
    for work in islice(_at_hand(frames, future, inside, tasks), TASKS_LOOKED_AT):
        if getattr(work, "wsgiviz_req", req) != req:
            continue
        found = _frames_of(work)
        if found and not any(frame in frames for frame in found):
            found = follow(found, waits_for(work), req, own, tasks, depth - 1)
            if own(found) is not None:
                return found
    return frames


def _frames_of(work: Any) -> list[FrameType]:
    """Those of a coroutine that waits, or of the thread in which it runs."""
    found = awaiting(work)
    if not getattr(work, "cr_running", False) or not found:
        return found
    for running in sys._current_frames().values():
        frames = stack(running)
        if found[-1] in frames:
            return frames[: frames.index(found[-1]) + 1]
    return []


def _at_hand(frames: list[FrameType], future: Any, inside: FrameType | None, tasks: Tasks | None) -> Iterator[Any]:
    """The coroutines of unfinished tasks that the future is, or stands for, or that are in variables of the frames
    ``inside`` which there is none of the app's."""
    task_type = _task_type()
    if future is not None and task_type is not None:
        yield from _coroutines((future, *_behind(future)), task_type)
    for frame in frames[:FRAMES_LOOKED_AT]:
        if frame is inside:
            return
        yield from _in_variables(frame, task_type)
        if frame.f_code.co_name == NEXT_COMPLETED and RUN_LOOPS[0] in frame.f_code.co_filename:
            yield from _coroutines(_to_complete(frame, future, tasks), task_type)


def _to_complete(frame: FrameType, future: Any, tasks: Tasks | None) -> list[Any]:
    """The tasks behind `asyncio.as_completed`, in Pythons (before 3.13) where it waits in a function that knows only
    the queue into which they are put when they are done. Each of them has that queue in the cell of a callback."""
    queue = frame.f_locals.get("done")
    loop_of = getattr(future, "get_loop", None)
    if tasks is None:
        tasks = (
            sys.modules["asyncio"].all_tasks(loop_of()) if type(future).__module__ == "_asyncio" and loop_of else ()
        )
    return [task for task in list(tasks) if queue is not None and _puts_into(task, queue)]


def _puts_into(task: Any, queue: Any) -> bool:
    for callback, *_ in getattr(task, "_callbacks", None) or ():
        if type(callback) is FunctionType and callback.__name__ == "_on_completion":
            with suppress(ValueError):  # a cell that is empty: it is another function of that name
                return any(cell.cell_contents is queue for cell in callback.__closure__ or ())
    return False


def _task_type() -> Any:
    """asyncio's; None in a process that has not loaded it."""
    return getattr(sys.modules.get("asyncio"), "Task", None)


def _behind(future: Any) -> Iterator[Any]:
    """What a future of asyncio's own stands for: `gather` keeps its children in it, `shield` in a callback's cell."""
    if type(future).__name__ == "_GatheringFuture":
        yield from future._children
    for callback, *_ in getattr(future, "_callbacks", None) or ():
        if type(callback) is FunctionType and callback.__name__ == "_outer_done_callback":
            yield from (cell.cell_contents for cell in callback.__closure__ or ())


def _in_variables(frame: FrameType, task_type: Any) -> Iterator[Any]:
    in_coroutine = frame.f_code.co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR)
    if not in_coroutine and not any(folder in frame.f_code.co_filename for folder in RUN_LOOPS):
        return
    for value in list(frame.f_locals.values()):
        if type(value) is CoroutineType:
            if not in_coroutine and (value.cr_suspended or value.cr_running):  # a thread waits for a loop
                yield value
        elif task_type is not None:
            yield from _coroutines(_held(value), task_type)


def _held(value: Any) -> Iterable[Any]:
    attribute = next((HOLDERS[base.__name__] for base in type(value).__mro__ if base.__name__ in HOLDERS), "")
    if attribute:
        return getattr(value, attribute, ())
    return value if type(value) in COLLECTIONS else (value,)


def _coroutines(held: Iterable[Any], task_type: Any) -> Iterator[Any]:
    """Those of the tasks among ``held`` that are not done, the one that was started first before the others."""
    tasks = [one for one in tuple(held) if issubclass(type(one), task_type) and not one.done()]
    return iter(sorted((task.get_coro() for task in tasks), key=lambda work: getattr(work, "wsgiviz_number", 0)))
