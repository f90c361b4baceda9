"""A call to another service, which takes its time. UPSTREAM_URL says where it is."""

import os

import httpx

from demo_apps.http_text import HEADERS, lifespan, number, send_text

UPSTREAM = os.environ.get("UPSTREAM_URL", "http://127.0.0.1:9000")

client = httpx.Client(timeout=60, trust_env=False)
async_client = httpx.AsyncClient(timeout=60, trust_env=False, limits=httpx.Limits(max_connections=None))


def wsgi_app(environ, start_response):
    seconds = number(environ["QUERY_STRING"], "seconds", 0.5)
    answer = client.get(UPSTREAM, params={"seconds": seconds})  # blocked in recv()
    start_response("200 OK", HEADERS)
    return [answer.content]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    seconds = number(scope["query_string"], "seconds", 0.5)
    answer = await async_client.get(UPSTREAM, params={"seconds": seconds})  # others go on
    await send_text(send, answer.text)
