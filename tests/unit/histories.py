"""Short histories, as master, worker and driver write them, for tests of the reducer."""

from __future__ import annotations

from collections.abc import Iterable

from wsgiviz.events import (
    RUN_STRIDE,
    Connected,
    Event,
    FirstByte,
    MasterReady,
    RequestBegan,
    RequestEnded,
    RequestSent,
    ResponseReceived,
    RunRequested,
    RunStarted,
    SettingsChanged,
    WorkerBooting,
    WorkerReady,
)
from wsgiviz.state import Side, State, reduce

MS = 1_000_000
RUN = 1
PID = 100
MASTER, DRIVER = 9, 1


def req(n: int) -> int:
    return RUN * RUN_STRIDE + n


def ns(t_ms: float) -> int:
    return round(t_ms * MS)


OPENED = [SettingsChanged(0, "", 0, {"scenario": "sleep"})]
BOOTED: list[Event] = [
    *OPENED,
    MasterReady(0, "wsgi", MASTER),
    WorkerBooting(ns(1), "wsgi", PID, 1, PID, 1, "sync"),
    WorkerReady(ns(2), "wsgi", PID),
]


def started(t_ms: float = 10, requests: int = 4, run: int = RUN) -> list[Event]:
    return [
        RunRequested(ns(t_ms), "", 0, run, requests, ("wsgi", "asgi")),
        RunStarted(ns(t_ms), "wsgi", DRIVER, run, requests, ns(t_ms)),
        RunStarted(ns(t_ms), "asgi", DRIVER, run, requests, ns(t_ms)),
    ]


def of_client(n: int = 1, at: float = 20, lasts: float = 100) -> list[Event]:
    return [
        RequestSent(ns(at), "wsgi", DRIVER, req(n), 10 * MS),
        Connected(ns(at + 0.1), "wsgi", DRIVER, req(n), 40_000 + n),
        FirstByte(ns(at + lasts + 1), "wsgi", DRIVER, req(n)),
        ResponseReceived(ns(at + lasts + 2), "wsgi", DRIVER, req(n), 200, 5),
    ]


def began(n: int = 1, at: float = 22, pid: int = PID, cpu_ns: int = 0) -> RequestBegan:
    return RequestBegan(ns(at), "wsgi", pid, 0, req(n), ns(at - 1), cpu_ns, "GET /")


def ended(n: int = 1, at: float = 20, cpu_ms: float = 0.1, lasts: float = 100, pid: int = PID) -> RequestEnded:
    end = ns(at + lasts)
    return RequestEnded(end + 4 * MS, "wsgi", pid, 0, req(n), ns(cpu_ms), ns(at + 2), end, end, end, 200, 1, "")


def one_request(n: int = 1, at: float = 20, cpu_ms: float = 0.1, lasts: float = 100) -> list[Event]:
    """What driver and worker write for one request that sleeps for ``lasts`` milliseconds."""
    events = [*of_client(n, at, lasts), began(n, at + 2), ended(n, at, cpu_ms, lasts)]
    return sorted(events, key=lambda event: event.t_ns)


def reduced(*batches: Iterable[Event]) -> State:
    state = State()
    for batch in batches:
        state = reduce(state, list(batch))
    return state


def wsgi(*batches: Iterable[Event]) -> Side:
    return reduced(*batches).sides["wsgi"]


def activities(side: Side, pid: int = PID) -> list[str]:
    return [span.activity.value for span in side.server.workers[pid, 0].spans]
