"""Requests that run in threads behind a loop until the file named by the variable GATE is there: FastAPI's def
endpoints behind a middleware; one thread of asgiref's for all. And two resources taken in opposite order."""

import asyncio
import os
import queue
import time
from typing import Annotated

from anyio import to_thread
from asgiref.sync import sync_to_async
from fastapi import Depends, FastAPI
from starlette.middleware.base import BaseHTTPMiddleware

GATE = os.environ.get("GATE", "/")

endpoints = FastAPI()


class Passes(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


endpoints.add_middleware(Passes)


def session():
    yield "a session"


@endpoints.get("/")
def view(found: Annotated[str, Depends(session)]) -> dict[str, str]:
    while not os.path.exists(GATE):
        time.sleep(0.005)  # in the view
    return {}


def query():
    while not os.path.exists(GATE):
        time.sleep(0.005)  # in one thread


async def answer(scope, receive, send, work):
    if scope["type"] != "http":
        return
    await work()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


async def one_thread(scope, receive, send):
    await answer(scope, receive, send, sync_to_async(query))


connections: queue.Queue[str] = queue.Queue()
for _ in range(2):
    connections.put("a connection")


def take():
    return connections.get(timeout=25)  # waits for a connection


async def opposite(scope, receive, send):
    limiter = to_thread.current_default_thread_limiter()
    limiter.total_tokens = 4

    async def work():
        connection = await to_thread.run_sync(take)
        # Until so many others have come there is a thread; AnyIO has no event for that.
        while not limiter.statistics().tasks_waiting:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await to_thread.run_sync(query)  # waits for a thread
        await to_thread.run_sync(connections.put, connection)

    await answer(scope, receive, send, work)


def count():
    while not os.path.exists(GATE):
        for _ in range(1_000_000):  # computes
            pass


async def computes(scope, receive, send):
    await answer(scope, receive, send, lambda: to_thread.run_sync(count))
