"""What a request waits in, by the line that it is at."""

from __future__ import annotations

import pytest

from wsgiviz.analysis.waits import Wait, wait_of, words
from wsgiviz.state import Location

WITH = "    with self.lock:"


def wait(call: str, within: str = "", text: str = "") -> Wait:
    file, _, function = within.partition("|")
    inner = Location(file, 1, function) if within else None
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
        ("", "asyncio/locks.py|acquire", "    async with lock:"),
        ("", "threading.py|wait", "    with semaphore:"),
        ("log.info", "logging/__init__.py|acquire", "    log.info(1)"),
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


def test_a_line_without_a_call_is_named_by_its_statement() -> None:
    text = {"/srv/shop/app.py": "import app\n    async with lock as held:\n    with open(path):\n\nx = 1\n"}
    assert words(Location("app.py", 2, "view"), text) == "app.py:2 async with lock"
    assert words(Location("app.py", 3, "view", "open"), text) == "app.py:3 open"
    assert words(Location("app.py", 5, "view"), text) == "app.py:5 in view"
    assert words(Location("app.py", 99, "view"), text) == "app.py:99 in view"
    assert words(Location("other.py", 2, "view"), text) == "other.py:2 in view"
    long = {"app.py": f"with {'x' * 60}:"}
    assert words(Location("app.py", 1, "view"), long) == "app.py:1 in view"
