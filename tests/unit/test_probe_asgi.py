"""The ASGI wrapper steps the coroutine and is otherwise not there."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import pytest

from wsgiviz.events import Kind
from wsgiviz.probe.asgi import AsgiProbe

HTTP: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/x",
    "client": ("127.0.0.1", 4711),
    "headers": [(b"host", b"h"), (b"x-wsgiviz-request", b"1000003")],
}


class Server:
    """An ASGI server of one call; ``told`` is what the probe wrote, ``sent`` what the app sent."""

    def __init__(self, app: Any, scope: dict[str, Any] | None = None) -> None:
        self.told: list[tuple[Kind, int, int, int, bytes]] = []
        self.sent: list[Any] = []
        self.inbox: list[Any] = [{"type": "http.request", "body": b"", "more_body": False}]
        self._scope = HTTP if scope is None else scope
        self._probe = AsgiProbe(app, self._write, lambda port: port)

    def _write(self, kind: int, req: int = 0, a: int = 0, b: int = 0, text: bytes = b"", slot: int = 0,
               t_ns: int = 0) -> None:  # fmt: skip
        self.told.append((Kind(kind), req, a, b, text))

    async def _receive(self) -> Any:
        return self.inbox.pop(0)

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    async def call(self) -> None:
        await self._probe(self._scope, self._receive, self._send)

    @property
    def kinds(self) -> list[str]:
        return [kind.name for kind, *_ in self.told]


async def answer(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hi"})


async def sleeper(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0.01)
    await answer(send)


def test_steps_and_waits_are_told() -> None:
    server = Server(sleeper)
    asyncio.run(server.call())
    assert server.kinds == [
        "BEGAN", "TASK_RUN", "TASK_WAIT", "TASK_READY", "TASK_RUN", "RESPONSE", "TASK_WAIT", "CLOSED",
    ]  # fmt: skip
    assert {req for _, req, *_ in server.told} == {1_000_003}
    assert server.told[0][2:] == (4711, 0, b"GET /x")
    assert server.told[-1][3] == 1
    assert [message["type"] for message in server.sent] == ["http.response.start", "http.response.body"]


def test_a_bare_yield_is_ready_at_once() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)

    server = Server(app)
    asyncio.run(server.call())
    assert server.kinds == ["BEGAN", "TASK_RUN", "TASK_WAIT", "TASK_READY", "TASK_RUN", "TASK_WAIT", "CLOSED"]


def test_ready_is_told_when_the_future_is_done_and_not_when_the_loop_comes_to_it() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> list[str]:
        server = Server(app)
        task = asyncio.ensure_future(server.call())
        await asyncio.sleep(0.01)
        seen = list(server.kinds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return seen + ["|"] + server.kinds[len(seen) :]

    kinds = asyncio.run(main())
    assert kinds[:4] == ["BEGAN", "TASK_RUN", "TASK_WAIT", "|"]
    assert kinds[4] == "TASK_READY"
    assert kinds[-1] == "CLOSED"


def test_exceptions_pass_untouched_and_are_told() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.001)
        raise LookupError("x")

    server = Server(app)
    with pytest.raises(LookupError):
        asyncio.run(server.call())
    assert server.told[-1][0] is Kind.CLOSED
    assert server.told[-1][4] == b"LookupError"


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


def test_a_websocket_is_told_as_status_101() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hi"})

    server = Server(app, {**HTTP, "type": "websocket"})
    server.inbox = [{"type": "websocket.connect"}]
    asyncio.run(server.call())
    assert (Kind.RESPONSE, 101) in [(kind, a) for kind, _, a, *_ in server.told]
    assert server.sent[1]["text"] == "hi"


def test_lifespan_passes_unseen() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "lifespan.startup"
        await send({"type": "lifespan.startup.complete"})

    server = Server(app, {"type": "lifespan"})
    server.inbox = [{"type": "lifespan.startup"}]
    asyncio.run(server.call())
    assert server.told == []
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
    assert server.kinds[-1] == "CLOSED"
