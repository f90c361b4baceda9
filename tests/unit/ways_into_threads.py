"""Each way in which a request on a loop may call something in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import anyio.to_thread
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from starlette.concurrency import run_in_threadpool


class Holds(Protocol):
    """Has a function that keeps its thread until it is let go."""

    def held(self) -> int: ...


Way = Callable[[Holds], Awaitable[Any]]


async def own_executor(loop: Holds) -> int:
    with ThreadPoolExecutor(1) as executor:
        return await asyncio.get_running_loop().run_in_executor(executor, loop.held)


async def wrapped_future(loop: Holds) -> int:
    with ThreadPoolExecutor(1) as executor:
        return await asyncio.wrap_future(executor.submit(loop.held))


async def in_a_task_group(loop: Holds) -> int:
    """As Starlette's BaseHTTPMiddleware calls what it wraps."""
    found: list[int] = []

    async def inner() -> None:
        found.append(await run_in_threadpool(loop.held))

    async with anyio.create_task_group() as group:
        group.start_soon(inner)
    return found[0]


async def nested(loop: Holds) -> int:
    """A thread that waits for what its loop has called in another one."""

    async def inner() -> int:
        return await asyncio.to_thread(loop.held)

    return await sync_to_async(async_to_sync(inner))()


async def as_django_does(loop: Holds) -> int:
    async with ThreadSensitiveContext():
        return await sync_to_async(loop.held)()


WAYS: dict[str, Way] = {
    "to_thread": lambda loop: asyncio.to_thread(loop.held),
    "default executor": lambda loop: asyncio.get_running_loop().run_in_executor(None, loop.held),
    "own executor": own_executor,
    "wrapped future": wrapped_future,
    "anyio": lambda loop: anyio.to_thread.run_sync(loop.held),
    "own limiter": lambda loop: anyio.to_thread.run_sync(loop.held, limiter=anyio.CapacityLimiter(1)),
    "starlette": lambda loop: run_in_threadpool(loop.held),
    "asgiref": lambda loop: sync_to_async(loop.held)(),
    "asgiref, any thread": lambda loop: sync_to_async(loop.held, thread_sensitive=False)(),
    "django": as_django_does,
    "task group": in_a_task_group,
    "gathered": lambda loop: asyncio.gather(asyncio.to_thread(loop.held)),
}
