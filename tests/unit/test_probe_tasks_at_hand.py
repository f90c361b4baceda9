"""What is called at a line, and the frames behind a coroutine that waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from types import FrameType
from typing import Any

import pytest

from wsgiviz.probe.source_lines import SourceLines, awaiting, waits_for
from wsgiviz.probe.tasks_at_hand import follow

LINES = SourceLines("tests")


def call_at(source: str, tmp_path: Any, **names: Any) -> str:
    """The call in the event for the line of ``source`` that calls ``here``."""
    file = tmp_path / "app.py"
    file.write_text(source)
    seen: list[str] = []

    def here(*_: object) -> Any:
        import sys

        seen.append(LINES.name(sys._getframe(1)).where.decode().split("|")[2])

    class Attributes:
        wanted = property(here)
        __getitem__ = __add__ = __enter__ = __exit__ = here

    exec(compile(source, str(file), "exec"), {"here": here, "thing": Attributes(), **names})
    return seen[0]


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("x = here()", "here"),
        ("x = thing.wanted", ""),
        ("x = thing['key']", ""),
        ("x = thing + 1", ""),
        ("with thing:\n    pass", "with thing"),
    ],
)
def test_only_a_call_or_a_with_has_a_name(source: str, call: str, tmp_path: Any) -> None:
    assert call_at(source, tmp_path) == call


# --- what waits --------------------------------------------------------------------------------------------------


async def waits(gate: asyncio.Event) -> None:
    await gate.wait()


async def parts(gate: asyncio.Event) -> AsyncIterator[int]:
    await waits(gate)
    yield 1


async def iterates(gate: asyncio.Event) -> None:
    async for _ in parts(gate):
        pass


async def gathers(gate: asyncio.Event) -> None:
    await asyncio.gather(gate.wait(), waits(gate))


async def waits_for_one(gate: asyncio.Event) -> None:
    await asyncio.wait_for(waits(gate), 60)


async def groups(gate: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(waits(gate))


async def shields(gate: asyncio.Event) -> None:
    await asyncio.shield(asyncio.create_task(waits(gate)))


async def takes_as_completed(gate: asyncio.Event) -> None:
    for found in asyncio.as_completed([gate.wait(), waits(gate)]):
        await found


async def takes_tasks_as_completed(gate: asyncio.Event) -> None:
    tasks = {asyncio.create_task(waits(gate)), asyncio.create_task(gate.wait())}
    for found in asyncio.as_completed(tasks, timeout=60):
        await found


async def waits_for_any(gate: asyncio.Event) -> None:
    await asyncio.wait({asyncio.create_task(waits(gate))}, return_when=asyncio.FIRST_COMPLETED)


async def takes_other_tasks_as_completed(gate: asyncio.Event) -> None:
    """A task that it does not wait for."""
    task = asyncio.create_task(waits(gate))
    for found in asyncio.as_completed([gate.wait()]):
        await found
    await task


async def is_beside(gate: asyncio.Event) -> None:
    task = asyncio.create_task(waits(gate))
    await gate.wait()
    await task


def own(frames: list[FrameType]) -> FrameType | None:
    return LINES.own(frames)


async def innermost(work: Coroutine[Any, Any, None], gate: asyncio.Event, known: bool) -> str:
    """The function of the app in which ``work`` waits; whether the tasks of its request are ``known``."""
    task = asyncio.create_task(work)
    for _ in range(5):
        await asyncio.sleep(0)
    tasks = asyncio.all_tasks() if known else None
    found = own(follow(awaiting(work), waits_for(work), 1, own, tasks))
    gate.set()
    await task
    return found.f_code.co_name if found is not None else ""


@pytest.mark.parametrize(
    ("app", "function"),
    [
        (iterates, "waits"),
        (gathers, "waits"),
        (waits_for_one, "waits"),
        (groups, "waits"),
        (shields, "waits"),
        (takes_as_completed, "waits"),
        (takes_tasks_as_completed, "waits"),
        (takes_other_tasks_as_completed, "takes_other_tasks_as_completed"),
        (waits_for_any, "waits"),
        (is_beside, "is_beside"),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_a_coroutine_is_where_the_task_is_that_it_waits_for(app: Any, function: str, known: bool) -> None:
    async def main() -> str:
        gate = asyncio.Event()
        return await innermost(app(gate), gate, known)

    assert asyncio.run(main()) == function
