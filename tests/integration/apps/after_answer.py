"""Apps that go on after their client has the answer."""

import asyncio
import time

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def homepage(request):
    return PlainTextResponse("sent", background=BackgroundTask(asyncio.sleep, 2.0))


background = Starlette(routes=[Route("/", homepage)])


class ClosesSlowly(list[bytes]):
    def close(self):
        time.sleep(0.5)


def closes_slowly(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return ClosesSlowly([b"sent"])
