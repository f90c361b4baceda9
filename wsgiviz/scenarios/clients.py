"""Scenarios about clients, and how long a server has patience with a worker."""

from __future__ import annotations

from wsgiviz.scenarios.scenario import Parameter, Scenario, seconds

CLIENTS = (
    Scenario(
        name="slow-client",
        question="Who is held up by somebody else's slow network?",
        wsgi="demo_apps.slow_client:wsgi_app",
        asgi="demo_apps.slow_client:asgi_app",
        wsgi_call="a client that sends for {seconds:g} s",
        asgi_call="a client that sends for {seconds:g} s",
        parameters=(
            seconds(1.0, "how long a client takes to send its request"),
            Parameter(
                "reading", 1.0, 0.0, 60.0, "s", "how long it takes to read the response, which is then a large one"
            ),
        ),
        cost_of=None,
        narration=(
            "Watch the lanes: a worker reads from a slow client, and serves nobody else meanwhile. "
            "A loop reads a little from each client as it comes, and runs the app when a request is complete."
        ),
        settings={"requests": 12},
        send_over="seconds",
        read_over="reading",
    ),
    Scenario(
        name="timeout",
        question="What does gunicorn's --timeout limit: requests, or workers?",
        wsgi="demo_apps.timeout:wsgi_app",
        asgi="demo_apps.timeout:asgi_app",
        wsgi_call="time.sleep({seconds:g})",
        asgi_call="await asyncio.sleep({seconds:g})",
        parameters=(
            seconds(5.0, "how long each request waits"),
            # Workers with a loop or threads notify the master once a second: 1 s would kill healthy ones.
            Parameter("timeout", 2, 2, 60, "s", "gunicorn's --timeout: how long a worker may be silent"),
        ),
        cost_of=None,
        narration=(
            "Watch the master: it kills sync workers that have been silent for longer than --timeout. "
            "It limits how long a worker is silent, not how long a request takes; a loop reports while requests wait."
        ),
        settings={"requests": 4},
        server_timeout="timeout",
    ),
)
