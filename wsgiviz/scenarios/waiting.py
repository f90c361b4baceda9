"""Scenarios in which a request waits: for a clock, another service, a disk."""

from __future__ import annotations

from collections.abc import Mapping

from wsgiviz.asking import schedule
from wsgiviz.scenarios.scenario import Choice, Cost, Parameter, Scenario, Value, seconds


def executor_threads(cores: int) -> int:
    """Threads of asyncio.to_thread's default pool (the documented default of ThreadPoolExecutor)."""
    return min(32, cores + 4)


def _waits(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(float(values["seconds"]), 0.0)


def _waits_in_threads(values: Mapping[str, Value], cores: int) -> Cost:
    return Cost(float(values["seconds"]), 0.0, executor_threads(cores))


def _blocks_unless_fixed(values: Mapping[str, Value], cores: int) -> Cost:
    limits = {"none": 1, "thread": executor_threads(cores), "async": None}
    return Cost(float(values["seconds"]), 0.0, limits[str(values["fix"])])


SLOW_AND_QUICK = (1, "/slow"), (9, "/quick")


def _one_in_ten_is_slow(values: Mapping[str, Value], cores: int) -> Cost:
    each_s = [float(values["slow"]), float(values["quick"])]
    waits_s = tuple(each_s[at] for at in schedule(tuple(weight for weight, _ in SLOW_AND_QUICK)))
    return Cost(sum(waits_s) / len(waits_s), 0.0, waits_s=waits_s)


WAITING = (
    Scenario(
        name="sleep",
        question="What does a worker do while its request waits?",
        wsgi="demo_apps.sleep:wsgi_app",
        asgi="demo_apps.sleep:asgi_app",
        wsgi_call="time.sleep({seconds:g})",
        asgi_call="await asyncio.sleep({seconds:g})",
        parameters=(seconds(1.0, "how long each request waits"),),
        cost_of=_waits,
        narration=(
            "Watch the lanes: four workers serve four requests, the other sixteen wait in the kernel's queue. "
            "A sync worker waits inside its request; a loop has all twenty wait at the same time."
        ),
    ),
    Scenario(
        name="http",
        question="What does a call to another service cost the worker that waits for it?",
        wsgi="demo_apps.http:wsgi_app",
        asgi="demo_apps.http:asgi_app",
        wsgi_call="client.get(upstream)",
        asgi_call="await client.get(upstream)",
        parameters=(seconds(0.5, "how long the upstream service takes to answer"),),
        cost_of=_waits,
        narration=(
            "Watch the marked line: each worker is blocked in the call to the other service. "
            "While the answer is on its way a worker has nothing to do and can't leave; an await gives the loop back."
        ),
        backend="upstream",
    ),
    Scenario(
        name="file",
        question="asyncio has no file I/O: what do threads buy you, and where is the limit?",
        wsgi="demo_apps.file:wsgi_app",
        asgi="demo_apps.file:asgi_app",
        wsgi_call="file.read()",
        asgi_call="await asyncio.to_thread(read)",
        parameters=(seconds(0.5, "how long the slow disk takes for the file"),),
        cost_of=_waits_in_threads,
        narration=(
            "Watch the threads behind the loop: as many files are read at once as its pool has threads. "
            "asyncio has no file I/O, so the waiting moves into threads, and their number is the limit."
        ),
        backend="disk",
    ),
    Scenario(
        name="blocking-in-async",
        question="What does one blocking call inside async code do to everybody else?",
        wsgi="demo_apps.blocking_in_async:wsgi_app",
        asgi="demo_apps.blocking_in_async:asgi_app",
        wsgi_call="time.sleep({seconds:g})",
        asgi_call="time.sleep({seconds:g})",
        parameters=(
            seconds(0.5, "how long each request blocks"),
            Choice("fix", ("none", "thread", "async"), "leave the call as it is, move it to a thread, or await"),
        ),
        cost_of=_blocks_unless_fixed,
        settings={"requests": 8},
        calls_by={
            "thread": ("time.sleep({seconds:g})", "await asyncio.to_thread(time.sleep, {seconds:g})"),
            "async": ("time.sleep({seconds:g})", "await asyncio.sleep({seconds:g})"),
        },
        narration=(
            "Watch the loop: one request holds it, and all others are stuck until it is done. "
            "A call that blocks does not give the loop back; in a thread, or awaited, it does."
        ),
    ),
    Scenario(
        name="mixed",
        question="One request in ten is slow: who waits behind it?",
        wsgi="demo_apps.mixed:wsgi_app",
        asgi="demo_apps.mixed:asgi_app",
        wsgi_call="time.sleep(seconds)",
        asgi_call="await asyncio.sleep(seconds)",
        parameters=(
            Parameter("slow", 1.0, 0.0, 60.0, "s", "how long one request in ten waits"),
            Parameter("quick", 0.05, 0.0, 60.0, "s", "how long the other nine wait"),
        ),
        cost_of=_one_in_ten_is_slow,
        settings={"requests": 40, "workers": 2},
        paths=SLOW_AND_QUICK,
        narration=(
            "Watch the quick requests: on the left most wait twenty times longer than they take. "
            "Once each worker has a slow one, nobody is left for the quick ones; on a loop they overtake."
        ),
    ),
    Scenario(
        name="async-in-wsgi",
        question="Does asyncio inside a WSGI app make its worker asynchronous?",
        wsgi="demo_apps.async_in_wsgi:wsgi_app",
        asgi="demo_apps.async_in_wsgi:asgi_app",
        wsgi_call="asyncio.run(three_calls({seconds:g}))",
        asgi_call="await three_calls({seconds:g})",
        parameters=(seconds(0.5, "how long the upstream service takes for each of the three calls"),),
        cost_of=_waits,
        backend="upstream",
        settings={"requests": 5, "workers": 4},
        narration=(
            "Watch the fifth request: three calls at once make each request quicker, and it waits all the same. "
            "The worker has called the app and waits for its end, whatever the app awaits inside."
        ),
    ),
)
