"""One request in slow motion."""

from __future__ import annotations

from wsgiviz.scenarios.scenario import Parameter, Scenario

CONTRACT = Scenario(
    name="contract",
    question="What does a server call, and what does an app give back?",
    wsgi="demo_apps.contract:wsgi_app",
    asgi="demo_apps.contract:asgi_app",
    wsgi_call="time.sleep({pause:g})",
    asgi_call="await asyncio.sleep({pause:g})",
    parameters=(Parameter("pause", 1.0, 0.0, 60.0, "s", "how long the app sleeps before each step"),),
    cost_of=None,
    settings={"requests": 1, "workers": 1},
    narration=(
        "Read the steps from above: the server calls, the app answers, and one of them has the turn. "
        "The WSGI worker can't leave the request before close(); the ASGI app gives the loop back at each await."
    ),
    close_over="pause",
    follow_steps=True,
)
