"""Threads that compute in Python, compute in C without the interpreter lock, or sleep: by the request's number.

One that computes looks at its clock all the time: where the time jumps and its CPU time does not, it did not run.
For so much of that as the kernel says, it waited for a CPU; for the rest, as it does nothing else, for the lock.
"""

import asyncio
import ctypes
import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

from tests.truth.apps.diary import note_all, number_in, number_of

WORK_S = 0.3
LONGEST_STEP_NS = 1_000_000
AT_ONCE_NS = 200_000
DATA = b"x" * 4_000_000
pread = ctypes.PyDLL(None).pread  # called so, it does not let go of the interpreter lock


def app(environ, start_response):
    number = number_of(environ)
    kind = (computes, hashes, computes, computes, sleeps)[number % 5]
    kind(number)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]


def computing(environ, start_response):
    computes(number_of(environ))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]


THREADS = ThreadPoolExecutor(4)


async def threads(scope, receive, send):
    """The same in threads behind a loop."""
    if scope["type"] == "http":
        await asyncio.get_running_loop().run_in_executor(THREADS, computes, number_in(scope))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})


def sleeps(number):
    time.sleep(WORK_S)


def hashes(number):
    until = time.thread_time() + WORK_S
    while time.thread_time() < until:
        hashlib.sha256(DATA).digest()


def together(schedstat, room):
    """Time, CPU time and delay as they were together: between two of them another thread may have had the lock."""
    while True:
        before_ns = time.monotonic_ns()
        pread(schedstat, room, 63, 0)
        cpu_ns, now_ns = time.thread_time_ns(), time.monotonic_ns()
        if now_ns - before_ns < AT_ONCE_NS:
            return now_ns, cpu_ns, int(room.value.split()[1])


def computes(number):
    schedstat, room = os.open("/proc/thread-self/schedstat", os.O_RDONLY), ctypes.create_string_buffer(64)
    last_ns, last_cpu_ns, last_delay_ns = together(schedstat, room)
    end_ns, account = last_cpu_ns + int(WORK_S * 1e9), [(last_ns, number, "begins")]
    while last_cpu_ns < end_ns:
        for step in range(1000):
            step * step
        now_ns, cpu_ns, delay_ns = together(schedstat, room)
        if now_ns - last_ns > LONGEST_STEP_NS:
            away_ns = now_ns - last_ns - (cpu_ns - last_cpu_ns)
            account.append((last_ns, number, f"gap {now_ns} {away_ns} {delay_ns - last_delay_ns}"))
        last_ns, last_cpu_ns, last_delay_ns = now_ns, cpu_ns, delay_ns
    os.close(schedstat)
    account.append((last_ns, number, "ends"))
    note_all(account)
