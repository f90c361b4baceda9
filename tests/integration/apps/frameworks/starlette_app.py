"""Starlette: where an endpoint waits, its line ends with its path."""

import asyncio

import anyio
from frameworks.gate import go_on, open_gate
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route


class Pure:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


class Layer(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


async def view(request):
    await asyncio.wrap_future(go_on)  # /async /layers/async
    return PlainTextResponse("ok")


def in_thread(request):
    go_on.result()  # /def /layers/def
    return PlainTextResponse("ok")


class Endpoint(HTTPEndpoint):
    async def get(self, request):
        await asyncio.wrap_future(go_on)  # /endpoint
        return PlainTextResponse("ok")


async def chunks():
    yield "first"
    await asyncio.wrap_future(go_on)  # /stream /layers/stream
    yield "second"


async def upper(parts):
    async for part in parts:
        yield part.upper()


async def stream(request):
    return StreamingResponse(upper(chunks()))


def chunks_in_thread():
    yield "first"
    go_on.result()  # /stream-def
    yield "second"


async def stream_in_thread(request):
    return StreamingResponse(chunks_in_thread())


async def after():
    await asyncio.wrap_future(go_on)  # /background /layers/background


async def background(request):
    return PlainTextResponse("ok", background=BackgroundTask(after))


def after_in_thread():
    go_on.result()  # /background-def


async def background_in_thread(request):
    return PlainTextResponse("ok", background=BackgroundTask(after_in_thread))


async def anyio_part():
    await asyncio.wrap_future(go_on)  # /anyio


async def anyio_group(request):
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 0)
        group.start_soon(anyio_part)
    return PlainTextResponse("ok")


async def all_go_on(request):
    open_gate()
    return PlainTextResponse("ok")


layers = [
    Route("/async", view),
    Route("/def", in_thread),
    Route("/stream", stream),
    Route("/background", background),
]
app = Starlette(
    routes=[
        *layers,
        Route("/endpoint", Endpoint),
        Route("/stream-def", stream_in_thread),
        Route("/background-def", background_in_thread),
        Route("/anyio", anyio_group),
        Route("/go-on", all_go_on),
        Mount("/layers", routes=layers, middleware=[Middleware(Layer), Middleware(Layer)]),
    ],
    middleware=[Middleware(Pure)],
)
