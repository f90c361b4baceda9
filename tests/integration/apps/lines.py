"""Apps whose requests wait in line for something that few can have; some that only look like it; and held loops."""

import asyncio
import fcntl
import logging
import os
import queue
import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

HOLD_S = 0.25


def answered(start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


# --- threads -----------------------------------------------------------------------------------------------------

connections: queue.Queue[str] = queue.Queue()
connections.put("first")
connections.put("second")


def pool(environ, start_response):
    connection = connections.get()  # waits for a connection
    time.sleep(HOLD_S)
    connections.put(connection)
    return answered(start_response)


lock = threading.Lock()


def locked(environ, start_response):
    with lock:  # waits for the lock
        time.sleep(HOLD_S)
    return answered(start_response)


def one_process(environ, start_response):
    with open(os.path.join(tempfile.gettempdir(), "lines-of-one-process.lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # waits for the other processes
        time.sleep(HOLD_S)
    return answered(start_response)


class SlowStream:
    def write(self, text):
        time.sleep(HOLD_S)

    def flush(self):
        pass


logger = logging.getLogger("slow")
logger.addHandler(logging.StreamHandler(SlowStream()))
logger.propagate = False


def logs(environ, start_response):
    logger.error("waits for the handler")
    return answered(start_response)


threads = ThreadPoolExecutor(32)


def futures(environ, start_response):
    threads.submit(time.sleep, random.uniform(0.2, 0.6)).result()
    time.sleep(0.1)
    return answered(start_response)


def computes(environ, start_response):
    began = time.process_time()
    while time.process_time() - began < 0.4:
        sum(range(1000))  # computes
    return answered(start_response)


# --- loops -------------------------------------------------------------------------------------------------------


async def lifespan(receive, send):
    message = {"type": ""}
    while message["type"] != "lifespan.shutdown":
        message = await receive()
        await send({"type": message["type"] + ".complete"})


def asgi(view):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        await view()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    return app


async_lock = asyncio.Lock()


@asgi
async def alone():
    async with async_lock:  # waits for the others
        await asyncio.sleep(HOLD_S)


three = asyncio.Semaphore(3)


@asgi
async def by_three():
    async with three:  # waits for one of three
        await asyncio.sleep(HOLD_S)
    await asyncio.sleep(HOLD_S)


@asgi
async def all_at_once():
    answers = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.5, answers.set_result, None)
    await answers
    await asyncio.sleep(0.1)


@asgi
async def deadlock():
    with lock:  # the second blocks the loop, and the first can't go on
        await asyncio.sleep(0.05)


@asgi
async def blocks():
    time.sleep(0.2)  # noqa: ASYNC251 - holds its loop
