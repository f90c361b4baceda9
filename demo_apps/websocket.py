"""A WebSocket: after the handshake, the connection belongs to the app. It echoes, and sends a heartbeat."""

import asyncio

from demo_apps.http_text import HEADERS, lifespan, number, send_text


def wsgi_app(environ, start_response):
    # After "101 Switching Protocols" an app reads and writes the connection itself.
    # WSGI takes a request and gives a response: the connection is not in its contract.
    start_response("400 Bad Request", HEADERS)
    return [b"no WebSocket here\n"]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    if scope["type"] == "http":
        return await send_text(send, "open a WebSocket\n")
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    beats = asyncio.create_task(heartbeat(send, scope["query_string"]))
    try:
        await echo(receive, send)
    finally:
        beats.cancel()


async def echo(receive, send):
    while True:
        message = await receive()  # a task waits; the loop serves the others
        if message["type"] == "websocket.disconnect":
            return
        if message["text"] != "pong":
            await send({"type": "websocket.send", "text": message["text"]})


async def heartbeat(send, query):
    """A ping now and then shows if the client is there; after a few, the server closes."""
    every = number(query, "every", 1.0)
    for _ in range(int(number(query, "beats", 3))):
        await asyncio.sleep(every)
        await send({"type": "websocket.send", "text": "ping"})
    await asyncio.sleep(every)
    await send({"type": "websocket.close"})
