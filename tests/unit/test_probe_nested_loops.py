"""An event loop inside a request of a thread: its line is that of the task that waits, wherever its loop runs."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from tests.unit.probed import WsgiServer, plain
from wsgiviz.events import LineSeen, NestedLoopSeen
from wsgiviz.probe.line_sampler import LineEmitter
from wsgiviz.probe.slot_sampler import SlotSampler
from wsgiviz.probe.source_lines import SourceLines

WITHIN_S = 20.0
Run = Callable[[Callable[[], Awaitable[None]]], Any]


class Watched(WsgiServer):
    """A server whose sampler looks from another thread, until it has found a line; ``found`` is done then."""

    def __init__(self, run: Run) -> None:
        super().__init__(self._call)
        self._run_view = run
        lines = LineEmitter(self.emit, SourceLines("tests"))
        self.sampler = SlotSampler(self.emit, lines, {threading.get_ident(): self.connection})
        self.sampler.nested.follow()

    def _call(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self._run_view(self.view)
        return plain(environ, start_response)

    async def view(self) -> None:
        loop = asyncio.get_running_loop()
        found = loop.create_future()
        looks = threading.Thread(target=self._look, args=(loop, found))
        looks.start()
        await asyncio.gather(self._waits(found), self._waits(found))
        looks.join(WITHIN_S)

    async def _waits(self, found: asyncio.Future[None]) -> None:
        await found  # waits here

    def _look(self, loop: asyncio.AbstractEventLoop, found: asyncio.Future[None]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not self._has_found() and time.monotonic() < deadline:
            self.sampler.sample()
            time.sleep(0.001)
        loop.call_soon_threadsafe(found.set_result, None)

    def _has_found(self) -> bool:
        return any("|_waits|" in event.where for event in self.of(LineSeen))


@pytest.fixture(autouse=True)
def _undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ThreadPoolExecutor, "submit", ThreadPoolExecutor.submit)


def in_an_executor(view: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await view()

    with ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, main()).result(WITHIN_S)


def in_its_own_thread(view: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await view()

    asyncio.run(main())


@pytest.mark.parametrize(
    "run", [in_its_own_thread, in_an_executor, lambda view: async_to_sync(view)()], ids=["run", "executor", "asgiref"]
)
def test_its_line_is_where_its_tasks_wait(run: Run) -> None:
    server = Watched(run)
    server.connection.accepted_ns = server.connection.taken_ns = 5
    server.serve()
    with open(__file__) as file:
        here = next(number for number, line in enumerate(file, 1) if line.rstrip().endswith("# waits here"))
    assert server.of(LineSeen)[-1].line == here
    seen = server.the(NestedLoopSeen)
    assert seen.req == server.of(LineSeen)[-1].req


def test_what_it_gives_to_a_thread_without_a_loop_is_left_alone() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with ThreadPoolExecutor(1) as executor:
            assert executor.submit(divmod, 7, 4).result(WITHIN_S) == (1, 3)
            with contextlib.suppress(ZeroDivisionError):
                executor.submit(divmod, 7, 0).result(WITHIN_S)
        return plain(environ, start_response)

    server = WsgiServer(app)
    lines = LineEmitter(server.emit, SourceLines("tests"))
    sampler = SlotSampler(server.emit, lines, {threading.get_ident(): server.connection})
    sampler.nested.follow()
    server.serve()
    assert server.names == ["RequestBegan", "RequestEnded"]
    assert sampler.nested.frames(threading.get_ident(), [], {}) == []
