"""What requests on a loop call in threads: found from the call to the line in its thread, whoever brings it there."""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib
import sys
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio.to_thread
import pytest

from tests.unit.probed import Recorded
from tests.unit.ways_into_threads import WAYS, nested
from wsgiviz.events import CallBegan, CallEnded, CallQueued, CallThread, LineSeen, PoolSampled
from wsgiviz.probe import thread_calls
from wsgiviz.probe.asgi import follow_tasks
from wsgiviz.probe.line_sampler import LineEmitter
from wsgiviz.probe.loop_request import CURRENT, LoopRequest
from wsgiviz.probe.loop_sampler import LoopSampler
from wsgiviz.probe.pool_call import ThreadCall
from wsgiviz.probe.source_lines import SourceLines
from wsgiviz.probe.thread_calls import ThreadCalls, follow_thread_calls
from wsgiviz.probe.thread_pools import ThreadPools

WITHIN_S = 20.0
Work = Callable[["Loop"], Awaitable[Any]]


class Beat:
    """A loop that is never late."""

    due_ns = 2**62


class Loop(Recorded):
    """A loop with the probe's own parts; ``gate`` keeps threads at ``held`` until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.native_id = 0
        self.requests: dict[int, LoopRequest] = {}
        self.calls: ThreadCalls | None = None
        self.sampler: LoopSampler | None = None

    def held(self) -> int:
        self.native_id = threading.get_native_id()
        self.gate.wait(WITHIN_S)  # held here
        return 5

    async def follow(self) -> None:
        loop = asyncio.get_running_loop()
        follow_tasks(loop)
        self.calls = follow_thread_calls(loop, self.emit)
        lines = LineEmitter(self.emit, SourceLines(__name__))
        self.sampler = LoopSampler(self.emit, lines, self.requests, Beat(), self.calls)

    def start(self, req: int, work: Work) -> asyncio.Task[Any]:
        """A request that does this."""

        async def served() -> Any:
            CURRENT.set(request)
            try:
                return await work(self)
            finally:
                request.open = False
                del self.requests[req]

        coroutine = served()
        request = self.requests[req] = LoopRequest(req, self.emit, coroutine)
        return asyncio.ensure_future(coroutine)

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < deadline, self.names
            await asyncio.sleep(0.001)

    def look(self) -> None:
        """As the sampler's thread does, twice: what is seen two times in a row counts."""
        assert self.sampler is not None
        self.sampler.sample()
        self.sampler.sample()

    def calls_of(self, req: int) -> list[str]:
        kinds = CallQueued, CallBegan, CallEnded
        return [type(event).__name__ for event in self.events if isinstance(event, kinds) and event.req == req]


@pytest.fixture(autouse=True)
def _undone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is followed is so for the life of a worker; here, for one test."""
    monkeypatch.setattr(ThreadPoolExecutor, "submit", ThreadPoolExecutor.submit)
    backend = importlib.import_module(thread_calls.ANYIO).AsyncIOBackend
    own = backend.__dict__[thread_calls.IN_THREAD]
    yield
    setattr(backend, thread_calls.IN_THREAD, own)


def on_a_loop(test: Callable[[Loop], Awaitable[None]]) -> Loop:
    loop = Loop()

    async def main() -> None:
        await loop.follow()
        try:
            await test(loop)
        finally:
            loop.gate.set()

    asyncio.run(main())
    return loop


def line_of(text: str) -> int:
    with open(__file__) as file:
        return next(number for number, line in enumerate(file, 1) if line.rstrip().endswith(text))


@pytest.mark.parametrize("way", WAYS)
def test_a_call_is_queued_begun_and_ended_and_its_line_is_that_in_its_thread(way: str) -> None:
    async def test(loop: Loop) -> None:
        task = loop.start(1, WAYS[way])
        await loop.until(lambda: bool(loop.of(CallBegan)))
        loop.look()
        loop.gate.set()
        assert (await task) in (5, [5])

    loop = on_a_loop(test)
    assert loop.calls_of(1) == ["CallQueued", "CallBegan", "CallEnded"]
    assert loop.the(CallEnded).began == 1
    seen = loop.the(LineSeen)
    assert (seen.req, seen.line) == (1, line_of("# held here"))
    assert "|held|self.gate.wait" in seen.where
    thread = loop.the(CallThread)
    assert (thread.req, thread.thread_id) == (1, loop.native_id), "the kernel knows it by that"


def test_a_thread_that_waits_for_another_one() -> None:
    async def test(loop: Loop) -> None:
        task = loop.start(1, nested)
        await loop.until(lambda: len(loop.of(CallBegan)) >= 2)
        loop.gate.set()
        assert await task == 5

    assert sorted(on_a_loop(test).calls_of(1)) == sorted(["CallQueued", "CallBegan", "CallEnded"] * 2)


def test_who_waits_for_a_thread_is_at_the_line_that_asked_for_it() -> None:
    async def asks(loop: Loop) -> int:
        return await asyncio.to_thread(loop.held)  # asks here

    async def test(loop: Loop) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        tasks = [loop.start(req, asks) for req in (1, 2, 3)]
        await loop.until(lambda: bool(loop.of(CallBegan)) and len(loop.of(CallQueued)) == 3)
        loop.look()
        loop.gate.set()
        await asyncio.gather(*tasks)

    loop = on_a_loop(test)
    assert {event.req: event.line for event in loop.of(LineSeen)} == {
        1: line_of("# held here"),
        2: line_of("# asks here"),
        3: line_of("# asks here"),
    }
    pool = loop.of(PoolSampled)[0]
    assert (pool.size, pool.running, pool.waiting, pool.name) == (1, 1, 2, "asyncio|")


def test_who_waits_with_no_line_of_the_app_behind_it_is_where_its_function_begins() -> None:
    """FastAPI has its endpoint among the arguments of a function of its own."""

    def decorated(work: Any) -> Any:
        return work

    @decorated
    def endpoint() -> None:  # begins here
        pass

    async def test(loop: Loop) -> None:
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1
        call = functools.partial(exec, "call()", {"call": loop.held})
        first = loop.start(1, lambda loop: anyio.to_thread.run_sync(call))
        await loop.until(lambda: bool(loop.of(CallBegan)))
        exec("async def foreign(of): await run(partial(of, endpoint=endpoint))", scope := {
            "run": anyio.to_thread.run_sync, "partial": functools.partial, "endpoint": endpoint,
        })  # fmt: skip
        foreign = scope["foreign"]
        second = loop.start(2, lambda loop: foreign(lambda endpoint: endpoint()))
        await loop.until(lambda: len(loop.of(CallQueued)) == 2)
        codes = loop.requests[2].call().codes()  # type: ignore[union-attr]
        assert [code.co_name for code in codes][-1] == "endpoint"
        found = SourceLines(__name__).definition(codes[-1])
        assert found is not None
        assert found.number == line_of("# begins here")
        loop.gate.set()
        await asyncio.gather(first, second)

    on_a_loop(test)


def test_what_is_given_up_before_a_thread_takes_it_up() -> None:
    async def test(loop: Loop) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        first = loop.start(1, lambda loop: asyncio.to_thread(loop.held))
        await loop.until(lambda: bool(loop.of(CallBegan)))
        limiter = anyio.CapacityLimiter(1)
        await limiter.acquire_on_behalf_of(object())
        ways: list[Work] = [
            lambda loop: asyncio.wait_for(asyncio.to_thread(loop.held), 0.001),
            lambda loop: asyncio.wait_for(anyio.to_thread.run_sync(loop.held, limiter=limiter), 0.001),
        ]
        for req, way in enumerate(ways, 2):
            with pytest.raises(TimeoutError):
                await loop.start(req, way)
        loop.gate.set()
        await first

    loop = on_a_loop(test)
    for req in (2, 3):
        assert loop.calls_of(req) == ["CallQueued", "CallEnded"]
    assert [event.began for event in loop.of(CallEnded)] == [0, 0, 1]


def test_a_call_that_was_given_up_just_before_its_thread_began_stays_over() -> None:
    loop = Loop()
    with ThreadPoolExecutor(1) as executor:
        pool = ThreadPools(loop.emit).of_executor(executor, 1)
    call = ThreadCall(LoopRequest(1, loop.emit, None), lambda: 5, pool)
    call.abandon()
    assert call() == 5
    assert loop.calls_of(1) == ["CallQueued", "CallEnded"]


class Proxy:
    """As werkzeug's, which raises when it is asked for anything while nothing is behind it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("nothing is behind it")

    def __call__(self, *args: Any, **named: Any) -> None:
        pass


def test_an_object_of_the_app_s_is_not_asked_what_it_is() -> None:
    loop = Loop()
    with ThreadPoolExecutor(1) as executor:
        pool = ThreadPools(loop.emit).of_executor(executor, 1)
    work = functools.partial(Proxy(), Proxy(), loop.held, proxy=Proxy())
    call = ThreadCall(LoopRequest(1, loop.emit, None), work, pool)
    assert [code.co_name for code in call.codes()] == ["held"]


def test_a_future_that_is_kept_keeps_nothing_of_what_it_was_called_with() -> None:
    class Session:
        pass

    async def test(loop: Loop) -> None:
        sessions = [Session()]
        gone = weakref.ref(sessions[0])

        async def keeps(loop: Loop) -> Any:
            return executor.submit(loop.held), executor.submit(functools.partial(id, sessions[0]))

        with ThreadPoolExecutor(1) as executor:
            kept = await loop.start(1, keeps)
            loop.gate.set()
        sessions.clear()
        gc.collect()
        assert [future.done() for future in kept] == [True, True]
        assert gone() is None

    on_a_loop(test)


def test_exceptions_and_arguments_pass_untouched() -> None:
    def add(one: int, other: int) -> int:
        return one + other

    def fail() -> None:
        raise LookupError("x")

    async def test(loop: Loop) -> None:
        assert await loop.start(1, lambda loop: asyncio.to_thread(add, 1, other=2)) == 3
        assert await loop.start(2, lambda loop: anyio.to_thread.run_sync(add, 1, 2)) == 3
        for req, call in enumerate((asyncio.to_thread, anyio.to_thread.run_sync), 3):
            with pytest.raises(LookupError, match="x"):
                await loop.start(req, lambda loop, call=call: call(fail))  # type: ignore[misc]

    loop = on_a_loop(test)
    assert [loop.calls_of(req)[-1] for req in (1, 2, 3, 4)] == ["CallEnded"] * 4


def test_what_no_request_asks_for_is_left_alone() -> None:
    async def test(loop: Loop) -> None:
        loop.gate.set()
        assert await asyncio.to_thread(loop.held) == 5
        assert await anyio.to_thread.run_sync(loop.held) == 5
        task = loop.start(1, lambda loop: asyncio.sleep(0))
        await task

    assert {"CallQueued", "CallBegan"}.isdisjoint(on_a_loop(test).names)


def test_of_several_calls_the_one_that_runs_is_shown() -> None:
    async def several(loop: Loop) -> None:
        await asyncio.gather(*(asyncio.to_thread(loop.held) for _ in range(3)))

    async def test(loop: Loop) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        task = loop.start(1, several)
        await loop.until(lambda: len(loop.of(CallQueued)) == 3 and bool(loop.of(CallBegan)))
        call = loop.requests[1].call()
        assert call is not None
        assert call.thread
        loop.gate.set()
        await task
        assert task.done()

    loop = on_a_loop(test)
    assert loop.calls_of(1).count("CallEnded") == 3


def test_an_anyio_that_comes_later_is_followed_then(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = importlib.import_module(thread_calls.ANYIO)
    monkeypatch.delitem(sys.modules, "anyio")
    monkeypatch.delitem(sys.modules, thread_calls.ANYIO)

    async def test(loop: Loop) -> None:
        monkeypatch.setitem(sys.modules, thread_calls.ANYIO, backend)
        loop.look()
        loop.gate.set()
        await loop.start(1, lambda loop: anyio.to_thread.run_sync(loop.held))

    assert on_a_loop(test).calls_of(1) == ["CallQueued", "CallBegan", "CallEnded"]


class HiddenExecutor(asyncio.SelectorEventLoop):
    """A loop that does not show its default executor, as uvloop's."""

    def __getattribute__(self, name: str) -> Any:
        caller = sys._getframe(1).f_code.co_filename
        if name == "_default_executor" and not caller.endswith("base_events.py"):
            raise AttributeError(name)
        return super().__getattribute__(name)


def test_the_default_executor_of_a_loop_that_hides_it() -> None:
    loop = Loop()

    async def main() -> None:
        await loop.follow()
        own = ThreadPoolExecutor(1, "own")
        ways: list[Work] = [
            lambda loop: asyncio.to_thread(loop.held),
            lambda loop: asyncio.get_running_loop().run_in_executor(own, loop.held),
        ] * 2
        tasks = [loop.start(req, way) for req, way in enumerate(ways, 1)]
        await loop.until(lambda: len(loop.of(CallBegan)) == 3)
        loop.look()
        loop.gate.set()
        await asyncio.gather(*tasks)
        own.shutdown()

    with asyncio.Runner(loop_factory=HiddenExecutor) as runner:
        runner.run(main())
    assert {event.name for event in loop.of(PoolSampled)} == {"asyncio|", "executor|own"}
