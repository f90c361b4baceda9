"""The clinic: what people ask about, each as a scenario with something wrong in its app or its settings.

The fix is another setting, or a word for the parameter ``fix``. The texts are in `wsgiviz.lessons.clinic`.
"""

from __future__ import annotations

from wsgiviz.scenarios.scenario import Choice, Scenario, seconds

CLINIC = (
    Scenario(
        name="worker-timeout",
        question="Why does gunicorn kill the worker of a hello world?",
        wsgi="demo_apps.clinic.worker_timeout:wsgi_app",
        asgi="",
        wsgi_call='return [b"Hello, world"]',
        asgi_call="",
        parameters=(),
        cost_of=None,
        settings={"workers": 1, "requests": 4, "silent_clients": 1, "server_timeout": 2},
    ),
    Scenario(
        name="one-at-a-time",
        question="Why does my app serve one request at a time?",
        wsgi="demo_apps.clinic.one_at_a_time:wsgi_app",
        asgi="",
        wsgi_call="time.sleep({seconds:g})",
        asgi_call="",
        parameters=(seconds(0.3, "how long each request waits for the database"),),
        cost_of=None,
        settings={"workers": 1, "requests": 6},
    ),
    Scenario(
        name="stuck-beside-idle",
        question="Why do requests wait while a worker is idle?",
        wsgi="demo_apps.clinic.stuck_beside_idle:wsgi_app",
        asgi="",
        wsgi_call="time.sleep({seconds:g})",
        asgi_call="",
        parameters=(seconds(1.5, "how long the report takes"),),
        cost_of=None,
        settings={"left": "gthread", "workers": 2, "requests": 40},
        paths=((39, "/page"), (1, "/report")),
    ),
    Scenario(
        name="served-for-nobody",
        question="Why does the app go on working after its clients got a 504?",
        wsgi="demo_apps.clinic.served_for_nobody:wsgi_app",
        asgi="",
        wsgi_call="time.sleep({seconds:g})",
        asgi_call="",
        parameters=(seconds(0.5, "how long each request takes"),),
        cost_of=None,
        settings={"workers": 1, "requests": 18, "arrivals": "closed", "concurrency": 6, "timeout": 1.2},
    ),
    Scenario(
        name="healthz-starves",
        question="Why does /healthz time out while the app is well?",
        wsgi="",
        asgi="demo_apps.clinic.healthz_starves:asgi_app",
        wsgi_call="",
        asgi_call="await to_thread.run_sync(report)",
        parameters=(
            seconds(1.0, "how long a report takes, in a thread"),
            Choice(
                "fix", ("no", "async", "limiter"), "how /healthz is served: in a thread, without one, or in its own"
            ),
        ),
        cost_of=None,
        settings={"requests": 80},
        paths=((9, "/report"), (1, "/healthz")),
    ),
    Scenario(
        name="connection-pool",
        question="Why does everything wait for the connection pool?",
        wsgi="demo_apps.clinic.connection_pool:wsgi_app",
        asgi="",
        wsgi_call="pay(pool, {seconds:g})",
        asgi_call="",
        parameters=(
            seconds(0.2, "how long the call takes during which a connection is held"),
            Choice(
                "fix", ("no", "larger", "shorter"), "a larger pool, or connections that are held for a shorter time"
            ),
        ),
        cost_of=None,
        settings={"left": "gthread", "workers": 1, "threads": 8, "requests": 16},
        calls_by={"shorter": ("pay_shorter(pool, {seconds:g})", "")},
    ),
    Scenario(
        name="self-call",
        question="Why does a view that calls its own server hang?",
        wsgi="demo_apps.clinic.self_call:wsgi_app",
        asgi="",
        wsgi_call="server.getresponse()",
        asgi_call="",
        parameters=(Choice("fix", ("no", "function"), "call the function instead of the URL"),),
        cost_of=None,
        settings={"workers": 1, "requests": 2},
        calls_by={"function": ("price()", "")},
    ),
    Scenario(
        name="gevent-stops",
        question="Why has gevent stopped answering?",
        wsgi="demo_apps.clinic.gevent_stops:wsgi_app",
        asgi="",
        wsgi_call="libc.usleep()",
        asgi_call="",
        parameters=(
            seconds(0.3, "how long each request waits"),
            Choice("fix", ("no", "cooperative"), "wait in a call that gevent has patched"),
        ),
        cost_of=None,
        settings={"left": "gevent", "workers": 1, "requests": 6},
        calls_by={"cooperative": ("time.sleep({seconds:g})", "")},
    ),
    Scenario(
        name="hangs-booting",
        question='Why is "Booting worker" the last thing that gunicorn says?',
        wsgi='demo_apps.clinic.hangs_booting:create_app("{fix}")',
        asgi="",
        wsgi_call="lock.acquire()",
        asgi_call="",
        parameters=(Choice("fix", ("no", "yes"), "wait for the thread without holding the lock"),),
        cost_of=None,
        settings={"workers": 1, "requests": 4, "ready_timeout": 6.0},
    ),
    Scenario(
        name="streaming-workers",
        question="Why do a few streams take all my workers?",
        wsgi="demo_apps.clinic.streaming_workers:wsgi_app",
        asgi="demo_apps.clinic.streaming_workers:asgi_app",
        wsgi_call="time.sleep(0.25), yield event",
        asgi_call="await asyncio.sleep(0.25), await send(event)",
        parameters=(seconds(1.5, "how long a stream lasts"),),
        cost_of=None,
        settings={"workers": 2, "requests": 8},
        paths=((1, "/events"), (1, "/page")),
    ),
)
