"""The ASGI wrapper steps the coroutine and is otherwise not there."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from typing import Any

import pytest

from tests.unit.probed import PID, Recorded
from wsgiviz.events import ChildTasks, RequestBegan, RequestEnded, ResponseStarted, StepEnded
from wsgiviz.probe.asgi import AsgiProbe, ReadyAtOnce, follow_tasks
from wsgiviz.probe.request_ids import RequestIds
from wsgiviz.probe.source_lines import awaiting

HTTP: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/x",
    "client": ("127.0.0.1", 4711),
    "headers": [(b"host", b"h"), (b"x-wsgiviz-request", b"1000003")],
}


class Server(Recorded):
    """An ASGI server of one call; ``sent`` is what the app sent."""

    def __init__(self, app: Any, scope: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.sent: list[Any] = []
        self.inbox: list[Any] = [{"type": "http.request", "body": b"", "more_body": False}]
        self._scope = HTTP if scope is None else scope
        self.probe = AsgiProbe(app, self.emit, RequestIds(PID), lambda port, unknown: port)

    async def _receive(self) -> Any:
        return self.inbox.pop(0)

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    async def call(self) -> None:
        await self.probe(self._scope, self._receive, self._send)


async def answer(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hi"})


async def sleeper(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0.01)
    await answer(send)


def test_steps_and_waits_are_recorded() -> None:
    server = Server(sleeper)
    asyncio.run(server.call())
    assert server.names == [
        "RequestBegan", "StepBegan", "StepEnded", "TaskReady", "StepBegan", "ResponseStarted", "StepEnded",
        "RequestEnded",
    ]  # fmt: skip
    assert {event.req for event in server.events} == {1_000_003}  # type: ignore[attr-defined]
    began, ended = server.the(RequestBegan), server.the(RequestEnded)
    assert (began.accepted_ns, began.thread_cpu_ns, began.target) == (4711, 0, "GET /x")
    assert (ended.status, ended.chunks, ended.raised, ended.returned_ns) == (200, 1, "", 0)
    assert ended.cpu_ns == -1  # the thread's counts all requests of its loop
    assert ended.response_ns == server.the(ResponseStarted).t_ns
    assert began.t_ns == ended.began_ns <= ended.response_ns <= ended.ended_ns == ended.t_ns
    assert [message["type"] for message in server.sent] == ["http.response.start", "http.response.body"]


WEBSOCKET = {**HTTP, "type": "websocket"}
del WEBSOCKET["method"]


async def echoes(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.send", "text": message["text"]})


def test_a_websocket_is_a_request_that_lasts() -> None:
    server = Server(echoes, WEBSOCKET)
    heard = [{"type": "websocket.receive", "text": text} for text in ("a", "b")]
    server.inbox = [{"type": "websocket.connect"}, *heard, {"type": "websocket.disconnect", "code": 1000}]
    asyncio.run(server.call())
    began, started, ended = server.the(RequestBegan), server.the(ResponseStarted), server.the(RequestEnded)
    assert (began.target, started.status) == ("WS /x", 101)
    assert (ended.status, ended.chunks, ended.raised) == (101, 2, "")
    assert began.t_ns <= started.t_ns <= ended.t_ns


async def refuses(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close"})


async def raises_when_open(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    raise LookupError


@pytest.mark.parametrize(("app", "status", "raised"), [(refuses, 403, ""), (raises_when_open, 101, "LookupError")])
def test_a_websocket_that_is_refused_or_fails(app: Any, status: int, raised: str) -> None:
    server = Server(app, WEBSOCKET)
    server.inbox = [{"type": "websocket.connect"}]
    with contextlib.suppress(LookupError):
        asyncio.run(server.call())
    ended = server.the(RequestEnded)
    assert (ended.status, ended.raised) == (status, raised)


def test_a_bare_yield_is_ready_at_once() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)

    server = Server(app)
    asyncio.run(server.call())
    assert server.names == [
        "RequestBegan",
        "StepBegan",
        "StepEnded",
        "TaskReady",
        "StepBegan",
        "StepEnded",
        "RequestEnded",
    ]


def test_ready_is_recorded_when_the_future_is_done_and_not_when_the_loop_comes_to_it() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> list[str]:
        server = Server(app)
        task = asyncio.ensure_future(server.call())
        await asyncio.sleep(0.01)
        seen = list(server.names)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return seen + ["|"] + server.names[len(seen) :]

    kinds = asyncio.run(main())
    assert kinds[:4] == ["RequestBegan", "StepBegan", "StepEnded", "|"]
    assert kinds[4] == "TaskReady"
    assert kinds[-1] == "RequestEnded"


def test_all_that_one_event_wakes_are_ready_at_once_and_not_one_after_the_other() -> None:
    """The loop calls each of them when those before it have had their step: it was ready all the while."""

    async def main() -> None:
        opened = asyncio.Event()
        ReadyAtOnce(asyncio.get_running_loop()).follow(True)
        follow_tasks(asyncio.get_running_loop())

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await opened.wait()

        server = Server(app)
        tasks = [asyncio.ensure_future(server.call()) for _ in range(3)]
        await asyncio.sleep(0)
        opened.set()
        assert server.names.count("TaskReady") == 3
        await asyncio.gather(*tasks)
        assert server.names.count("TaskReady") == 3

    asyncio.run(main())


def test_a_request_that_wakes_a_task_of_its_own_runs_on() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        opened = asyncio.Event()

        async def waits() -> None:
            await opened.wait()

        child = asyncio.create_task(waits())
        await asyncio.sleep(0)
        opened.set()
        seen.extend(server.names)
        await child

    seen: list[str] = []
    server = Server(app)

    async def main() -> None:
        follow_tasks(asyncio.get_running_loop())
        await server.call()

    asyncio.run(main())
    assert seen[-1] == "StepBegan"
    assert server.names[len(seen) : len(seen) + 2] == ["StepEnded", "TaskReady"]


def test_exceptions_pass_untouched_and_are_recorded() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.001)
        raise LookupError("x")

    server = Server(app)
    with pytest.raises(LookupError):
        asyncio.run(server.call())
    assert server.the(RequestEnded).raised == "LookupError"


def test_an_app_may_handle_its_own_cancellation() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            await answer(send)

    async def main() -> Server:
        server = Server(app)
        task = asyncio.ensure_future(server.call())
        await asyncio.sleep(0.01)
        task.cancel()
        await task
        return server

    assert len(asyncio.run(main()).sent) == 2


def test_timeouts_and_groups_work_inside_the_app() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.sleep(60)
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0.001))
        assert asyncio.current_task() is not None
        seen.append("through")

    asyncio.run(Server(app).call())
    assert seen == ["through"]


def test_context_variables_are_the_tasks_own() -> None:
    variable = contextvars.ContextVar("variable", default="unset")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert variable.get() == "outside"
        variable.set("inside")
        await asyncio.sleep(0)
        assert variable.get() == "inside"

    async def main() -> str:
        variable.set("outside")
        await Server(app).call()
        return variable.get()

    assert asyncio.run(main()) == "inside"


def test_disconnect_reaches_the_app() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((await receive())["type"])
        seen.append((await receive())["type"])

    server = Server(app)
    server.inbox.append({"type": "http.disconnect"})
    asyncio.run(server.call())
    assert seen == ["http.request", "http.disconnect"]


def test_a_websocket_is_recorded_as_status_101() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hi"})

    server = Server(app, {**HTTP, "type": "websocket"})
    server.inbox = [{"type": "websocket.connect"}]
    asyncio.run(server.call())
    assert server.the(ResponseStarted).status == server.the(RequestEnded).status == 101
    assert server.sent[1]["text"] == "hi"


def test_lifespan_passes_unseen() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "lifespan.startup"
        await send({"type": "lifespan.startup.complete"})

    server = Server(app, {"type": "lifespan"})
    server.inbox = [{"type": "lifespan.startup"}]
    asyncio.run(server.call())
    assert server.events == []
    assert server.sent == [{"type": "lifespan.startup.complete"}]


def test_an_app_may_return_any_awaitable_or_raise_at_the_call() -> None:
    def future(scope: Any, receive: Any, send: Any) -> Any:
        return asyncio.ensure_future(answer(send))

    def refuses(scope: Any, receive: Any, send: Any) -> Any:
        raise LookupError("at the call")

    server = Server(future)
    asyncio.run(server.call())
    assert len(server.sent) == 2
    server = Server(refuses)
    with pytest.raises(LookupError):
        asyncio.run(server.call())
    assert server.names[-1] == "RequestEnded"


@pytest.mark.parametrize("status", [None, "200", -5, 10**12])
def test_a_bad_status_is_left_to_the_server(status: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})

    server = Server(app)
    asyncio.run(server.call())
    assert server.sent[0]["status"] is status
    assert server.the(RequestEnded).status == 0


def test_external_requests_get_numbers_of_their_own() -> None:
    servers = [Server(sleeper, {**HTTP, "headers": []}) for _ in range(2)]
    for server in servers:
        asyncio.run(server.call())
        assert server.the(RequestEnded).req == server.the(RequestBegan).req < 0


def test_a_request_is_registered_as_long_as_it_is_in_the_app() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert list(server.probe.requests) == [1_000_003]

    server = Server(app)
    asyncio.run(server.call())
    assert server.probe.requests == {}


def test_the_tasks_that_a_request_starts_are_counted() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))

    async def main() -> Server:
        follow_tasks(asyncio.get_running_loop())
        server = Server(app)
        await server.call()
        return server

    server = asyncio.run(main())
    counted = [(event.alive, event.started) for event in server.of(ChildTasks)]
    assert counted[:2] == [(1, 1), (2, 2)]
    assert counted[-1] == (0, 2)
    assert all(event.held_ns >= 0 for event in server.of(StepEnded))


def test_a_task_that_outlives_its_request_says_nothing_more() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        late.append(asyncio.get_running_loop().create_task(asyncio.sleep(0)))

    late: list[asyncio.Task[None]] = []

    async def main() -> Server:
        follow_tasks(asyncio.get_running_loop())
        server = Server(app)
        await server.call()
        await late[0]
        return server

    assert asyncio.run(main()).names[-1] == "RequestEnded"


def test_the_line_is_found_behind_the_generator_that_drives_a_request() -> None:
    seen: list[str] = []

    async def view(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.001)
        await answer(send)

    async def serve() -> None:
        server = Server(view)
        task = asyncio.create_task(server.call())
        while not seen:
            await asyncio.sleep(0)
            seen.extend(frame.f_code.co_name for frame in awaiting(task.get_coro()) if frame.f_code is view.__code__)
        await task

    asyncio.run(asyncio.wait_for(serve(), 60))
    assert seen == ["view"]
