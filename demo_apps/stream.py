"""Server-sent events: an answer that goes on. Who is held while nothing is sent?"""

import asyncio
import time

from demo_apps.http_text import lifespan, number


def wsgi_app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    return events(environ["QUERY_STRING"])  # the worker iterates, to the end


def events(query):
    for count in range(how_many(query)):
        time.sleep(number(query, "every", 0.5))  # the worker is this client's alone
        yield event(count)


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    query = scope["query_string"]
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for count in range(how_many(query)):
        await asyncio.sleep(number(query, "every", 0.5))  # a task waits, not the loop
        await send({"type": "http.response.body", "body": event(count), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def how_many(query):
    return int(number(query, "events", 4))


def event(count):
    return b"data: %d\n\n" % count
