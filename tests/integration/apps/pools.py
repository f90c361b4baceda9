"""What requests on a loop call in threads and in processes, until the file named by the variable GATE is there."""

import asyncio
import os
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from anyio import to_process

GATE = os.environ.get("GATE", "/")

threads = ThreadPoolExecutor(4)


async def answer(scope, receive, send, work):
    if scope["type"] != "http":
        return
    await work()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def waits():
    while not os.path.exists(GATE):
        time.sleep(0.05)  # waits


def computes():
    while not os.path.exists(GATE):
        for _ in range(100_000):  # computes
            pass


processes = None


async def in_processes(scope, receive, send):
    global processes
    processes = processes or ProcessPoolExecutor(2)
    loop = asyncio.get_running_loop()

    async def work():
        await loop.run_in_executor(processes, waits)  # the pool

    await answer(scope, receive, send, work)


async def in_anyio_processes(scope, receive, send):
    async def work():
        await to_process.run_sync(waits)  # AnyIO's

    await answer(scope, receive, send, work)


async def threads_wait(scope, receive, send):
    loop = asyncio.get_running_loop()
    await answer(scope, receive, send, lambda: loop.run_in_executor(threads, waits))


async def threads_compute(scope, receive, send):
    loop = asyncio.get_running_loop()
    await answer(scope, receive, send, lambda: loop.run_in_executor(threads, computes))


async def one_thread_computes(scope, receive, send):
    await threads_compute(scope, receive, send)
