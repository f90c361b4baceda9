import asyncio
import time


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("http only")
    await asyncio.to_thread(time.sleep, 0.2)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
    await send({"type": "http.response.body", "body": b"slept\n"})
