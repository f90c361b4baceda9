"""Django, for WSGI and ASGI: where a view waits, its line ends with its path."""

import asyncio
import inspect

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from django.utils.decorators import sync_and_async_middleware
from django.views import View
from frameworks.gate import go_on, open_gate

OURS = [f"{__name__}.{name}" for name in ("layer", "Layer")]
settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        *OURS,
        "django.middleware.common.CommonMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
)


@sync_and_async_middleware
def layer(get_response):
    if inspect.iscoroutinefunction(get_response):

        async def async_call(request):
            return await get_response(request)

        return async_call

    def call(request):
        return get_response(request)

    return call


@sync_and_async_middleware
class Layer:
    def __init__(self, get_response):
        self.get_response = get_response
        if inspect.iscoroutinefunction(get_response):
            inspect.markcoroutinefunction(self) if hasattr(inspect, "markcoroutinefunction") else mark(self)

    def __call__(self, request):
        return self.get_response(request)


def mark(middleware):
    middleware._is_coroutine = asyncio.coroutines._is_coroutine


def view(request):
    go_on.result()  # /def
    return HttpResponse("ok")


async def async_view(request):
    await asyncio.wrap_future(go_on)  # /async
    return HttpResponse("ok")


class AsyncView(View):
    async def get(self, request):
        await asyncio.wrap_future(go_on)  # /class
        return HttpResponse("ok")


async def part():
    await asyncio.wrap_future(go_on)  # /parts


async def parts(request):
    await asyncio.gather(part(), part())
    return HttpResponse("ok")


async def called():
    await asyncio.wrap_future(go_on)  # /def-calls-async


def calls_async(request):
    async_to_sync(called)()
    return HttpResponse("ok")


def chunks():
    yield "first"
    go_on.result()  # /stream-def
    yield "second"


def stream(request):
    return StreamingHttpResponse(chunks())


async def async_chunks():
    yield "first"
    await asyncio.wrap_future(go_on)  # /stream
    yield "second"


async def async_stream(request):
    return StreamingHttpResponse(async_chunks())


def all_go_on(request):
    open_gate()
    return HttpResponse("ok")


urlpatterns = [
    path("def", view),
    path("async", async_view),
    path("class", AsyncView.as_view()),
    path("parts", parts),
    path("def-calls-async", calls_async),
    path("stream-def", stream),
    path("stream", async_stream),
    path("go-on", all_go_on),
]
wsgi = get_wsgi_application()
asgi = get_asgi_application()
