"""What a request waits in, by the line that it is at."""

from __future__ import annotations

import pytest

from wsgiviz.analysis.waits import Wait, wait_of
from wsgiviz.state import Location

WITH = "    with self.lock:"


def wait(call: str, within: str = "", text: str = "") -> Wait:
    file, function, inner_call = (*within.split("|"), "", "")[:3]
    inner = Location(file, 1, function, inner_call) if within else None
    return wait_of(Location("app.py", 9, "view", call), inner, text)


@pytest.mark.parametrize(
    ("call", "within", "text"),
    [
        ("lock.acquire", "", ""),
        ("lock.acquire", "asyncio/locks.py|acquire", ""),
        ("semaphore.acquire", "threading.py|wait", ""),
        ("fcntl.flock", "", ""),
        ("pool.getconn", "threading.py|wait", ""),
        ("", "", WITH),
        ("self.lock", "", WITH),
        ("with self.lock", "", WITH),
        ("with pool.acquire", "threading.py|wait", "    with pool.acquire() as connection:"),
        ("async with self.semap", "asyncio/locks.py|acquire", "    async with self.semaphore:  # of(three)"),
        ("", "asyncio/locks.py|acquire", "    async with lock:"),
        ("", "threading.py|wait", "    with semaphore:"),
        ("log.info", "logging/__init__.py|acquire", "    log.info(1)"),
        ("log.info", "logging/__init__.py|handle|with self.lock", "    log.info(1)"),
        ("client.get", "asyncio/locks.py|acquire", "    await client.get(url)"),
        ("asyncio.wait_for", "asyncio/tasks.py|wait_for", "    await asyncio.wait_for(lock.acquire(), 5)"),
    ],
)
def test_acquiring(call: str, within: str, text: str) -> None:
    assert wait(call, within, text) is Wait.ACQUIRING


@pytest.mark.parametrize(
    ("call", "within", "text"),
    [
        ("pool.get", "threading.py|wait", ""),
        ("pool.get", "asyncio/queues.py|get", ""),
        ("pool.get", "", ""),
        ("future.result", "threading.py|wait", ""),
        ("client.get", "asyncio/locks.py|wait", ""),
        ("", "", ""),
        ("with guard", "", ""),
        ("with pool.connection", "threading.py|wait", "    with pool.connection() as connection:"),
        ("asyncio.wait_for", "asyncio/tasks.py|wait_for", "    await asyncio.wait_for(pool.get(), 5)"),
    ],
)
def test_what_may_be_a_pool_and_may_be_anything_else(call: str, within: str, text: str) -> None:
    assert wait(call, within, text) is Wait.SIGNAL


@pytest.mark.parametrize(
    ("call", "within", "text"),
    [
        ("cursor.execute", "", ""),
        ("cursor.execute", "driver/protocol.py|read", ""),
        ("log.info", "logging/__init__.py|flush", ""),
        ("open", "", "    with open(path) as file:"),
        ("with session.begin", "driver/protocol.py|read", "    with session.begin() as held:"),
        ("asyncio.wait_for", "asyncio/tasks.py|wait_for", "    await asyncio.wait_for(answer(), 5)"),
    ],
)
def test_anything_else(call: str, within: str, text: str) -> None:
    assert wait(call, within, text) is Wait.OTHER


@pytest.mark.parametrize("call", ["time.sleep", "asyncio.sleep", "sleep", "anyio.sleep"])
def test_a_sleep_is_one_whatever_it_ends_up_in(call: str) -> None:
    assert wait(call) is Wait.TIMER
    assert wait(call, "asyncio/locks.py|acquire") is Wait.TIMER
    assert wait("pause", "asyncio/tasks.py|sleep") is Wait.TIMER
