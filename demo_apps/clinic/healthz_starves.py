"""A health check that needs a thread while reports have all of them: AnyIO lends 40 at a time.

FastAPI and Starlette call every `def` endpoint like this; an `async def` endpoint needs no thread.
"""

import time

from anyio import CapacityLimiter, to_thread

from demo_apps.http_text import lifespan, number, send_text, word

for_health_checks = CapacityLimiter(1)


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    if scope["path"] != "/healthz":
        seconds = number(scope["query_string"], "seconds", 1.0)
        return await send_text(send, await to_thread.run_sync(report, seconds))
    match word(scope["query_string"], "fix"):
        case "async":
            answer = health()
        case "limiter":
            answer = await to_thread.run_sync(health, limiter=for_health_checks)
        case _:
            answer = await to_thread.run_sync(health)  # waits behind the reports
    await send_text(send, answer)


def report(seconds):
    time.sleep(seconds)
    return "a report\n"


def health():
    return "ok\n"
