"""Scenarios of connections that last: streams, long polling, WebSockets, keep-alive."""

from __future__ import annotations

import math
from collections.abc import Mapping

from wsgiviz.scenarios.scenario import Cost, Parameter, Scenario, Value, seconds


def _streams(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(float(values["events"]) * float(values["every"]), 0.0)


def _waits_for_news(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(float(values["seconds"]), 0.0)


def _beats(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost((float(values["beats"]) + 1) * float(values["every"]), 0.0, async_only=True)


def _answers_at_once(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(0.0, math.nan)


LONG_LIVED = (
    Scenario(
        name="stream",
        question="Who is held while a stream has nothing to send?",
        wsgi="demo_apps.stream:wsgi_app",
        asgi="demo_apps.stream:asgi_app",
        wsgi_call="time.sleep({every:g})",
        asgi_call="await asyncio.sleep({every:g})",
        parameters=(
            Parameter("events", 4, 1, 100, "", "how many server-sent events each client gets"),
            Parameter("every", 0.5, 0.0, 60.0, "s", "how long it takes until the next one comes"),
        ),
        cost_of=_streams,
        settings={"requests": 12},
        narration="A worker iterates over the body until its end, and is one client's for as long as that takes. "
        "On the loop each stream is a task, and all of them get their events at the same time.",
    ),
    Scenario(
        name="long-poll",
        question="What does a client cost that waits for news?",
        wsgi="demo_apps.long_poll:wsgi_app",
        asgi="demo_apps.long_poll:asgi_app",
        wsgi_call="news.wait()",
        asgi_call="await news.wait()",
        parameters=(seconds(1.0, "how long it takes until there is news"),),
        cost_of=_waits_for_news,
        narration="As many clients as there are workers wait for news; the others wait for a worker, and miss it. "
        "On the loop all of them wait for the same event, and get it together.",
    ),
    Scenario(
        name="websocket",
        question="How many open WebSockets does one worker hold?",
        wsgi="demo_apps.websocket:wsgi_app",
        asgi="demo_apps.websocket:asgi_app",
        wsgi_call="start_response(400)",
        asgi_call="await receive()",
        parameters=(
            Parameter("beats", 4, 0, 1000, "", "how many heartbeats the app sends before it closes"),
            Parameter("every", 1.0, 0.05, 60.0, "s", "how long it waits before each, and before it closes"),
        ),
        cost_of=_beats,
        settings={"requests": 200},
        websocket=True,
        narration="One async worker holds all of them: each is a task that waits in receive(), and hears its client "
        "answer every heartbeat. WSGI has to refuse: in its contract a request gets one response, and there is no "
        "way to hand over the connection.",
    ),
    Scenario(
        name="keep-alive",
        question="What does a connection cost that is kept and idle, and what does a new one?",
        wsgi="demo_apps.keep_alive:wsgi_app",
        asgi="demo_apps.keep_alive:asgi_app",
        wsgi_call="return [page]",
        asgi_call="await send(page)",
        parameters=(Parameter("pause", 0.3, 0.0, 60.0, "s", "how long a user reads before the next request"),),
        cost_of=_answers_at_once,
        settings={
            "requests": 200, "arrivals": "closed", "concurrency": 40, "reuse_connections": True,
            "left": "gthread", "threads": 4, "workers": 1,
        },
        pause="pause",
        narration="Forty connections stay open; between two requests they hold no thread of gthread and no task of "
        "the loop. A sync worker (--left sync) closes each one after its answer: to wait for the next request is all "
        "that it could do meanwhile.",
    ),
)  # fmt: skip
