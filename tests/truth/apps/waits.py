"""Requests on an asyncio loop that sleep, wait at a gate, open it for all, and hold the loop. Each notes its state.

A sleeper whose time is up while somebody holds the loop is "due": the loop itself has not noticed that yet. Who waits
at the gate is "ready" from the moment that it is opened, which is before whoever opened it lets go of the loop. With
TRUTH_THREADS in the environment, some work goes to a thread.
"""

import asyncio
import os
import time

from tests.truth.apps.diary import note, number_in

ROUNDS = 6
MOST_AT_GATE = 4
THREADS = "TRUTH_THREADS" in os.environ


class Gate:
    def __init__(self):
        self.waiting = []
        self.opened = asyncio.Event()

    async def wait(self, number):
        if len(self.waiting) == MOST_AT_GATE:
            return self.open(number)
        self.waiting.append(number)
        note(number, "awaiting")
        await self.opened.wait()
        note(number, "running")
        holds(number, 0.012)

    def open(self, number):
        self.opened.set()
        for waiter in self.waiting:
            note(waiter, "ready")
        self.waiting, self.opened = [], asyncio.Event()
        holds(number, 0.03)


gates: dict[int, Gate] = {}


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        return await send({"type": "lifespan.shutdown.complete"})
    number = number_in(scope)
    note(number, "running")
    gate = gates.setdefault(id(asyncio.get_running_loop()), Gate())
    for turn in range(ROUNDS):
        kind = (number + turn) % 3
        if kind == 0:
            await naps(number, 0.05 + number % 7 / 50)
        elif kind == 1:
            await gate.wait(number)
        else:
            gate.open(number)
            await (works_in_thread(number) if THREADS else naps(number, 0.04))
    note(number, "over")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"done"})


async def naps(number, seconds):
    now_ns = time.monotonic_ns()
    note(number, "awaiting", now_ns)
    note(number, "due", now_ns + int(seconds * 1e9))
    await asyncio.sleep(seconds)
    note(number, "running")


async def works_in_thread(number):
    note(number, "waiting for a thread")
    await asyncio.to_thread(works, number)
    note(number, "running")


def works(number):
    note(number, "in a thread")
    time.sleep(0.1)
    note(number, "due")


def holds(number, seconds):
    time.sleep(seconds)
