"""Long polling: a request that is answered when there is news. Whoever asks meanwhile gets the same."""

import asyncio
import threading

from demo_apps.http_text import HEADERS, lifespan, number, send_text


def wsgi_app(environ, start_response):
    news = next_news(number(environ["QUERY_STRING"], "seconds", 1.0))
    news.wait()  # one thread for each client that waits
    start_response("200 OK", HEADERS)
    return [b"news\n"]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    news = next_async_news(number(scope["query_string"], "seconds", 1.0))
    await news.wait()  # one task for each client that waits
    await send_text(send, "news\n")


expected = threading.Event()
expected.set()
lock = threading.Lock()


def next_news(seconds):
    """What everybody waits for: it comes so many seconds after the first has asked."""
    global expected
    with lock:
        if expected.is_set():
            expected = threading.Event()
            threading.Timer(seconds, expected.set).start()
        return expected


async_expected = asyncio.Event()
async_expected.set()


def next_async_news(seconds):
    """The same on a loop, where nobody comes in between."""
    global async_expected
    if async_expected.is_set():
        async_expected = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, async_expected.set)
    return async_expected
